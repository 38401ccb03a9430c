"""Evidence in words, in the reader's language."""

from typing import Any

from django.utils.translation import gettext as _

from apps.matching.models import Match
from apps.matching.rules import Decision, Reason, Signal


def _signal_name(signal: str) -> str:
    return {
        Signal.CLICK_ID: _("the click id that came back through the gateway"),
        Signal.SESSION_ID: _("the session id that came back through the gateway"),
        Signal.EMAIL: _("the same e-mail"),
        Signal.PHONE: _("the same phone"),
        Signal.FBC: _("the same Meta click id"),
    }[Signal(signal)]


def _age(item: dict[str, Any]) -> str:
    days = item["days_before_sale"]
    if days < 0:
        return _("recorded after the sale")
    if days < 1 / 24:
        return _("less than an hour before the sale")
    if days < 1:
        return _("%(hours).1f hours before the sale") % {"hours": days * 24}
    return _("%(days).1f days before the sale") % {"days": days}


def explain_candidate(item: dict[str, Any]) -> str:
    """Why this click won or lost."""
    matched = [signal["name"] for signal in item["signals"] if signal["matched"]]
    shared = ", ".join(_signal_name(name) for name in matched)
    facts = {
        "shared": shared,
        "age": _age(item),
        "window": item["window_days"],
        "days": item["days_before_sale"],
    }
    sentences = {
        Reason.WON: _("Chosen: %(shared)s; clicked %(age)s."),
        Reason.OUTSIDE_WINDOW: _("Not chosen: %(shared)s, but %(days).1f days are more than the window of %(window)d."),
        Reason.AFTER_SALE: _("Not chosen: %(shared)s, but the click came after the sale."),
        Reason.WEAKER_SIGNAL: _("Not chosen: only %(shared)s; another click has a stronger sign."),
        Reason.EARLIER_CLICK: _("Not chosen: %(shared)s, but a later click has it too, and the last click counts."),
    }
    return sentences[Reason(item["reason"])] % facts


def explain_match(match: Match) -> str:
    """The decision in one sentence."""
    if match.decision == Decision.UNMATCHED:
        if not match.evidence:
            return _("No click shares anything with this sale.")
        return _("No click could be chosen. Nearest: %(nearest)s") % {"nearest": explain_candidate(match.evidence[0])}
    others = len(match.evidence) - 1
    sentence = explain_candidate(match.evidence[0])
    return f"{sentence} " + _("Confidence %(confidence)d %%, %(others)d other candidates.") % {
        "confidence": round(match.confidence * 100),
        "others": others,
    }

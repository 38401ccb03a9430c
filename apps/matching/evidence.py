"""Evidence in words, in the reader's language.

What was decided before records were kept is explained by the default policy, for want of its own.
"""

from collections.abc import Mapping
from math import floor
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from apps.matching.facts import Policy
from apps.matching.models import Match, ReviewState
from apps.matching.rules import Decision, Reason
from apps.matching.signals import CHOSEN_BY_PERSON, RULES, VIEW_THROUGH, Signal

_BASE = tuple(rule.signal for rule in RULES)
_SHARED = (*_BASE, Signal.DEVICE)
_RIVALS = (Signal.RIVAL, Signal.LINKED_RIVAL, Signal.NEARBY_RIVAL, Signal.RIVAL_HERE)
Item = Mapping[str, Any]


def signal_name(signal: str) -> str:
    """What it means that this signal holds, as part of a sentence."""
    names = {
        Signal.CLICK_ID: _("the click id that came back through the gateway"),
        Signal.SESSION_ID: _("the session id that came back through the gateway"),
        Signal.EMAIL: _("the same e-mail"),
        Signal.PHONE: _("the same phone"),
        Signal.FBC: _("the same Meta click id"),
        Signal.BROWSER: _("the same browser as a visit of the buyer's"),
        Signal.PERSON: _("the same person as in a visit of the buyer's"),
        Signal.ADDRESS: _("the same network address"),
        Signal.DEVICE: _("the same kind of device"),
        Signal.OTHER_IDENTITY: _("another e-mail or phone was given there"),
        Signal.SAME_VISIT: _("ordered within that visit"),
        Signal.SAME_DAY: _("ordered the same day"),
        Signal.SEEN_AGAIN: _("the buyer was seen again when ordering"),
        Signal.SEEN_AGAIN_HERE: _("that browser was seen again when ordering"),
        Signal.AGE: _("time passed since"),
        Signal.STALE_ID: _("that browser was not seen again when ordering"),
        Signal.CROWD: _("the address is shared by other browsers"),
        Signal.OTHER_ID: _("another id came back through the gateway"),
        Signal.RIVAL: _("another click of the buyer's would count before it"),
        Signal.LINKED_RIVAL: _("a click that may be the buyer's would count before it"),
        Signal.NEARBY_RIVAL: _("a click at the same address would count before it"),
        Signal.RIVAL_HERE: _("another click of the same browser would count before it"),
    }
    return names[Signal(signal)]


def present_evidence(match: Match) -> list[dict[str, Any]]:
    """As the API shows it: with the ties that are absent, and each reason as a sentence beside its code."""
    return [
        {
            **item,
            "signals": [*item["signals"], *_absent(item)],
            "reason": explain_candidate(item, match.record),
            "reason_code": item["reason"],
        }
        for item in match.evidence
    ]


def _absent(item: Item) -> list[dict[str, Any]]:
    held = {signal["name"] for signal in item["signals"]}
    return [{"name": name.value, "weight": 0.0, "matched": False} for name in _BASE if name not in held]


def explain_candidate(item: Item, record: Mapping[str, Any]) -> str:
    """Why this click won or lost, in a sentence, and what lowered its score in another."""
    if item["reason"] == Reason.WON:
        chosen = _("Chosen: %(what)s.") if _is_used(item, record) else _("Proposed: %(what)s.")
        sentence = chosen % {"what": _what_is_shared(item)}
    else:
        sentence = _("Not chosen: %(why)s.") % {"why": _why_not(item, record)}
    return _with_what_speaks_against(sentence, item)


def _is_used(winner: Item, record: Mapping[str, Any]) -> bool:
    """Whether the rules used it without asking anybody."""
    policy = _policy(record)
    return policy.uses_unsure or winner["score"] >= policy.auto_threshold


def _what_is_shared(item: Item) -> str:
    return _("%(shared)s; clicked %(age)s") % {"shared": _shared(item), "age": _age(item["days_before_sale"])}


def _why_not(item: Item, record: Mapping[str, Any]) -> str:
    policy = _policy(record)
    whys = {
        Reason.OUTSIDE_WINDOW: _("%(shared)s, but %(days).1f days are more than the window of %(window)d"),
        Reason.AFTER_SALE: _("%(shared)s, but the click came after the order"),
        Reason.TOO_UNSURE: _("%(shared)s, but that is %(sure)d %% sure, and %(needed)d %% are needed"),
        Reason.WEAKER_SIGNAL: _("only %(shared)s; another click has more that speaks for it"),
        Reason.EARLIER_CLICK: _("%(shared)s, but a later click of the buyer's counts"),
        Reason.LATER_CLICK: _("%(shared)s, but an earlier click of the buyer's counts"),
    }
    return whys[Reason(item["reason"])] % {
        "shared": _shared(item),
        "days": item["days_before_sale"],
        "window": policy.window_days,
        "sure": _percent(item["score"]),
        "needed": _percent(policy.review_threshold),
    }


def _with_what_speaks_against(sentence: str, item: Item) -> str:
    against = _against(item)
    return sentence + " " + _("Against it: %(against)s.") % {"against": against} if against else sentence


def _percent(share: float) -> int:
    """Rounded down, so that what is almost as sure as needed is not said to be as sure."""
    return floor(round(share * 100, 4))


def _policy(record: Mapping[str, Any]) -> Policy:
    return msgspec.convert(record.get("policy", {}), Policy)


def _shared(item: Item) -> str:
    held = {signal["name"] for signal in item["signals"] if signal["matched"]}
    return ", ".join(signal_name(name) for name in _SHARED if name in held)


def _against(item: Item) -> str:
    """What lowered the score, but for what is said anyway: that time passed, and that another click counts."""
    is_other_click = item["reason"] in (Reason.EARLIER_CLICK, Reason.LATER_CLICK)
    said = (Signal.AGE, *_RIVALS) if is_other_click else (Signal.AGE,)
    lowered = (signal["name"] for signal in item["signals"] if signal["weight"] < 0)
    return ", ".join(signal_name(name) for name in lowered if name not in said)


def _age(days: float) -> str:
    if days < 0:
        return _("recorded after the sale")
    if days < 1 / 24:
        return _("less than an hour before the sale")
    if days < 1:
        return _("%(hours).1f hours before the sale") % {"hours": days * 24}
    return _("%(days).1f days before the sale") % {"days": days}


def explain_match(match: Match) -> str:
    """The decision in a sentence or two, and what is to be known of it besides."""
    return " ".join([_decision(match), *_remarks(match)])


def _decision(match: Match) -> str:
    if match.rule == VIEW_THROUGH:
        return _("No ad click counts, but the buyer visited the pages before ordering; that visit's data is sent.")
    if match.rule == CHOSEN_BY_PERSON:
        return _chosen(match)
    if not match.evidence:
        return _("No click shares anything with this sale.")
    best = match.evidence[0]
    if match.decision == Decision.UNMATCHED:
        nearest = _("No click could be chosen. Nearest: %(why)s.") % {"why": _why_not(best, match.record)}
        return _with_what_speaks_against(nearest, best)
    numbers = {"confidence": _percent(match.confidence), "others": len(match.evidence) - 1}
    besides = _("Confidence %(confidence)d %%. Other candidates: %(others)d.") % numbers
    return f"{explain_candidate(best, match.record)} {besides}"


def _chosen(match: Match) -> str:
    item = next(item for item in match.evidence if match.click and item["click_id"] == match.click.public_id)
    return _("A person chose click %(click)s: %(what)s. The rules had proposed another.") % {
        "click": item["click_id"],
        "what": _what_is_shared(item),
    }


def _remarks(match: Match) -> list[str]:
    """What is to be known besides, the sale's own things first."""
    remarks = [_carried(match), _cut(match.record), _reviewed(match), _flagged(match), _better(match)]
    return [remark for remark in remarks if remark]


def _carried(match: Match) -> str:
    is_unmatched = match.decision == Decision.UNMATCHED
    carries = {
        "": _("No id of ours came back through the gateway.") if is_unmatched else "",
        "unknown": _("An id came back through the gateway that leads to no click of this account."),
        "foreign": _("The id that came back through the gateway belongs to another account; it was not used."),
    }
    return carries.get(match.record["sale"]["carries"], "") if "sale" in match.record else ""


def _cut(record: Mapping[str, Any]) -> str:
    cut = record.get("cut", [])
    shared = ", ".join(signal_name(name) for name in cut if name in _BASE)
    if shared:
        sentence = _("Many clicks have this in common with the sale: %(shared)s. Only the newest of them were weighed.")
        return sentence % {"shared": shared}
    return _("Many clicks have something in common with the sale. Only some of them were weighed.") if cut else ""


def _reviewed(match: Match) -> str:
    if match.review == ReviewState.TIMED_OUT:
        if match.is_used:
            return _("Nobody reviewed it in time. It is used, as the funnel says.")
        return _("Nobody reviewed it in time. No click is used, as the funnel says.")
    reviews = {
        ReviewState.PENDING: _("Not sure enough to be used at once: it waits for a person."),
        ReviewState.ACCEPTED: _("A person accepted it."),
        ReviewState.REJECTED: _("A person rejected it: no click is used."),
    }
    return reviews.get(ReviewState(match.review), "") if match.review else ""


def _flagged(match: Match) -> str:
    is_flagged = match.is_used and not match.review and match.confidence < _policy(match.record).auto_threshold
    return _("Less sure than usual, but the funnel uses such matches at once.") if is_flagged else ""


def _better(match: Match) -> str:
    better = match.better
    return _("What is known by now would choose click %(click)s.") % {"click": better["click_id"]} if better else ""

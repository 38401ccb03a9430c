"""The deterministic rules, strongest first. Pure: the same sale and candidates always give the same decision.

A rule looks at one signal. The first rule that any eligible candidate satisfies decides, and among its candidates the
last click before the sale wins. Eligible means: clicked within the attribution window and not after the sale.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

RULE_SET = "deterministic-1"
# Clocks differ, and a gateway may stamp a sale before our click's row was written.
CLOCK_TOLERANCE = timedelta(minutes=15)
MAX_CANDIDATES = 20
_DAY = timedelta(days=1)


class Signal(StrEnum):
    """What a candidate click and the sale have in common."""

    CLICK_ID = "click_id"
    SESSION_ID = "session_id"
    EMAIL = "email"
    PHONE = "phone"
    FBC = "fbc"


class Decision(StrEnum):
    """What follows from a match."""

    AUTO = "auto"
    REVIEW = "review"
    UNMATCHED = "unmatched"


class Reason(StrEnum):
    """Why a candidate won or lost; evidence.py says it in words."""

    WON = "won"
    OUTSIDE_WINDOW = "outside_window"
    AFTER_SALE = "after_sale"
    WEAKER_SIGNAL = "weaker_signal"
    EARLIER_CLICK = "earlier_click"


@dataclass(frozen=True, slots=True)
class Rule:
    """A signal and how sure it makes us, from 0 to 1."""

    name: str
    signal: Signal
    confidence: float


RULES = (
    Rule("explicit_click_id", Signal.CLICK_ID, 1.0),
    Rule("explicit_session_id", Signal.SESSION_ID, 0.98),
    Rule("email_hash", Signal.EMAIL, 0.95),
    Rule("phone_hash", Signal.PHONE, 0.92),
    Rule("fbc_in_window", Signal.FBC, 0.9),
)
# An id of ours that came back through the gateway proves that the click came first, whatever the clocks say.
_PROVES_ORDER = frozenset({Signal.CLICK_ID, Signal.SESSION_ID})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A click that shares at least one signal with the sale; `click_pk` is its row, `click_id` its public id."""

    click_pk: int
    click_id: str
    clicked_at: datetime
    signals: frozenset[Signal]


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision with the evidence for it: one item a candidate, the winner first, then the newest."""

    decision: Decision
    rule: str
    confidence: float
    click_pk: int | None
    evidence: list[dict[str, Any]]


def decide(sold_at: datetime, window_days: int, candidates: Sequence[Candidate]) -> Decided:
    """The decision for one sale; `sold_at` is when its money was confirmed, or the order last changed."""
    verdicts = {item.click_pk: _ineligible(item, sold_at, window_days) for item in candidates}
    eligible = [item for item in candidates if verdicts[item.click_pk] is None]
    rule, winner = _first_satisfied(eligible)
    newest_first = sorted(
        candidates, key=lambda item: (item is not winner, -item.clicked_at.timestamp(), item.click_id)
    )
    evidence = [
        _evidence(item, sold_at, verdicts[item.click_pk] or _standing(item, winner, rule), window_days)
        for item in newest_first
    ]
    if rule is None or winner is None:
        return Decided(Decision.UNMATCHED, "", 0.0, None, evidence)
    return Decided(Decision.AUTO, rule.name, rule.confidence, winner.click_pk, evidence)


def _ineligible(item: Candidate, sold_at: datetime, window_days: int) -> Reason | None:
    if sold_at - item.clicked_at > timedelta(days=window_days):
        return Reason.OUTSIDE_WINDOW
    if item.clicked_at > sold_at + CLOCK_TOLERANCE and not item.signals & _PROVES_ORDER:
        return Reason.AFTER_SALE
    return None


def _first_satisfied(eligible: Iterable[Candidate]) -> tuple[Rule | None, Candidate | None]:
    known = list(eligible)
    for rule in RULES:
        satisfying = [item for item in known if rule.signal in item.signals]
        if satisfying:
            return rule, max(satisfying, key=lambda item: (item.clicked_at, item.click_id))
    return None, None


def _standing(item: Candidate, winner: Candidate | None, rule: Rule | None) -> Reason:
    if item is winner:
        return Reason.WON
    return Reason.EARLIER_CLICK if rule and rule.signal in item.signals else Reason.WEAKER_SIGNAL


def _score(item: Candidate) -> float:
    return max(rule.confidence for rule in RULES if rule.signal in item.signals)


def _evidence(item: Candidate, sold_at: datetime, reason: Reason, window_days: int) -> dict[str, Any]:
    return {
        "click_id": item.click_id,
        "clicked_at": item.clicked_at.isoformat(),
        "signals": [
            {"name": rule.signal.value, "weight": rule.confidence, "matched": rule.signal in item.signals}
            for rule in RULES
        ],
        "score": _score(item),
        "outcome": "won" if reason is Reason.WON else "lost",
        "reason": reason.value,
        "days_before_sale": round((sold_at - item.clicked_at) / _DAY, 2),
        "window_days": window_days,
    }

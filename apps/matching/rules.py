"""The decision on one sale. Pure: the same facts, policy and weights always give the same decision and evidence.

Eligible is what was clicked within the window and not after the order was placed. Of these the surest wins; how sure is
told by scoring.py, which also weighs that a later (or, by the funnel's choice, an earlier) click of the buyer's counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from apps.matching.facts import Candidate, Facts, Policy, Sale, Visit
from apps.matching.scoring import WeightSet, own_terms, read_terms
from apps.matching.signals import DIRECT, RULES, VIEW_THROUGH, Signal, Tier

RULE_SET = "scored-1"
CLOCK_TOLERANCE = timedelta(minutes=5)
"""Clocks differ a little, and gateways cut seconds off."""
_DAY = timedelta(days=1)


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
    TOO_UNSURE = "too_unsure"
    WEAKER_SIGNAL = "weaker_signal"
    EARLIER_CLICK = "earlier_click"
    LATER_CLICK = "later_click"


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision with the evidence for it: one item a candidate, the winner or else the nearest miss first.

    `is_flagged`: used although it is less sure than the threshold for that. `visit_pk` is set for view-through alone.
    """

    decision: Decision
    rule: str
    confidence: float
    click_pk: int | None
    evidence: list[dict[str, Any]]
    visit_pk: int | None = None
    is_flagged: bool = False


@dataclass(frozen=True, slots=True)
class _Weighed:
    candidate: Candidate
    terms: Mapping[Signal, float]
    score: float
    tier: Tier
    ineligible: Reason | None = None

    @property
    def standing(self) -> tuple[bool, float, Any]:
        """Sorts the best last."""
        return self.ineligible is None, self.score, self.candidate.moment


def decide(facts: Facts, policy: Policy, weights: WeightSet) -> Decided:
    ranked = sorted(_weigh(facts, policy, weights), key=lambda item: item.standing, reverse=True)
    best = ranked[0] if ranked and ranked[0].ineligible is None else None
    winner = best if best and best.score >= policy.review_threshold else None
    evidence = [_evidence(facts.sale, item, _reason(item, winner, policy), weights) for item in ranked]
    if winner is None:
        return _view_through(facts, policy, evidence) or Decided(Decision.UNMATCHED, "", 0.0, None, evidence)
    is_sure = winner.score >= policy.auto_threshold
    return Decided(
        decision=Decision.AUTO if is_sure or policy.uses_unsure else Decision.REVIEW,
        rule=_rule_of(winner),
        confidence=winner.score,
        click_pk=winner.candidate.click_pk,
        evidence=evidence,
        is_flagged=not is_sure and policy.uses_unsure,
    )


def _weigh(facts: Facts, policy: Policy, weights: WeightSet) -> list[_Weighed]:
    return [
        _Weighed(item, terms, *weights.score(terms), ineligible=verdict)
        for item, terms, verdict in read_candidates(facts, policy)
    ]


def read_candidates(facts: Facts, policy: Policy) -> Iterator[tuple[Candidate, dict[Signal, float], Reason | None]]:
    """Each candidate with its terms and, if it cannot have brought the sale, why."""
    verdicts = [_ineligible(item, facts, policy) for item in facts.candidates]
    eligible = [item for item, verdict in zip(facts.candidates, verdicts, strict=True) if verdict is None]
    terms = iter(read_terms(facts.sale, eligible, facts.visits, policy.model))
    for item, verdict in zip(facts.candidates, verdicts, strict=True):
        yield item, next(terms) if verdict is None else own_terms(facts.sale, item), verdict


def _ineligible(item: Candidate, facts: Facts, policy: Policy) -> Reason | None:
    placed_at = facts.sale.placed_at
    if placed_at - item.clicked_at > timedelta(days=policy.window_days):
        return Reason.OUTSIDE_WINDOW
    if item.clicked_at > placed_at + CLOCK_TOLERANCE and not _came_first(item, facts):
        return Reason.AFTER_SALE
    return None


def _came_first(item: Candidate, facts: Facts) -> bool:
    """Whether an id of ours that came back proves it, whatever the clocks say.

    A session's id proves that the session came first: one that seems to begin later shows that the clocks disagree.
    """
    if Signal.CLICK_ID in item.signals:
        return True
    latest = facts.sale.placed_at + CLOCK_TOLERANCE
    return Signal.SESSION_ID in item.signals and any(
        visit.visit == item.visit and visit.first_seen_at > latest for visit in facts.visits
    )


def _rule_of(item: _Weighed) -> str:
    return next(rule.name for rule in RULES if rule.signal in item.terms)


def _reason(item: _Weighed, winner: _Weighed | None, policy: Policy) -> Reason:
    if item is winner:
        return Reason.WON
    if item.ineligible:
        return item.ineligible
    if winner is None:
        return Reason.TOO_UNSURE
    if Signal.RIVAL in item.terms or Signal.LINKED_RIVAL in item.terms:
        is_earlier = item.candidate.moment < winner.candidate.moment
        return Reason.EARLIER_CLICK if is_earlier else Reason.LATER_CLICK
    return Reason.WEAKER_SIGNAL


def _evidence(sale: Sale, item: _Weighed, reason: Reason, weights: WeightSet) -> dict[str, Any]:
    candidate = item.candidate
    return {
        "click_id": candidate.click_id,
        "clicked_at": candidate.clicked_at.isoformat(),
        "last_seen_at": candidate.last_seen_at.isoformat(),
        "visit": candidate.visit,
        "browser": candidate.browser,
        "crowd": candidate.crowd,
        "shares": sorted(candidate.signals),
        "tier": item.tier.value,
        "signals": weights.parts(item.terms, item.tier),
        "score": item.score,
        "outcome": "won" if reason is Reason.WON else "lost",
        "reason": reason.value,
        "days_before_sale": round((sale.placed_at - candidate.clicked_at) / _DAY, 2),
    }


def _view_through(facts: Facts, policy: Policy, evidence: list[dict[str, Any]]) -> Decided | None:
    """The buyer's last visit before the order, where the funnel counts that as well."""
    reach = timedelta(days=policy.view_through_days)
    seen = [
        visit
        for visit in facts.visits
        if not visit.signals.isdisjoint(DIRECT)
        and visit.first_seen_at <= facts.sale.placed_at + CLOCK_TOLERANCE
        and facts.sale.placed_at - visit.last_seen_at <= reach
    ]
    if not policy.view_through_days or not seen:
        return None
    last: Visit = max(seen, key=lambda visit: (visit.last_seen_at, visit.visit_id))
    return Decided(Decision.AUTO, VIEW_THROUGH, policy.auto_threshold, None, evidence, visit_pk=last.visit_pk)

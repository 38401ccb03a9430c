"""How sure it is that a click brought a sale: a sum of weights in log-odds, so that every signal's part can be shown.

A term is a signal with its strength: 1 where it simply holds; the logarithm of 1 + days for AGE, of 1 + browsers for
CROWD. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, fsum, log1p
from typing import Any

from apps.matching.facts import Candidate, Model, Sale, Visit
from apps.matching.signals import ADMITTED_BY, CARRIED, DIRECT, LINKED, Signal, Tier

AT_ONCE = timedelta(hours=1)
"""Whoever orders within this time of a click, or of being seen in its visit, is taken to do so in that visit."""
_DAY = timedelta(days=1)
_CERTAIN = 30.0
_NAMES = {signal: signal.value for signal in Signal}

Terms = Mapping[Signal, float]


@dataclass(frozen=True, slots=True)
class TierWeights:
    """Log-odds; a signal that is not named weighs nothing in this tier."""

    bias: float
    weights: Mapping[Signal, float]

    def probability(self, terms: Terms) -> float:
        weights = self.weights
        # Exact, so that the order in which a set gives its signals can never move a digit.
        total = fsum([self.bias, *(weights.get(signal, 0.0) * strength for signal, strength in terms.items())])
        return 1 / (1 + exp(-max(min(total, _CERTAIN), -_CERTAIN)))


@dataclass(frozen=True, slots=True)
class WeightSet:
    """Weights by tier, under a name that never gets other ones.

    `caution` is the probability that a match needs to be called 0.85 sure: between 0.6 and there less is claimed than
    was measured, because a wrong match costs more than a missed one.
    """

    name: str
    tiers: Mapping[Tier, TierWeights]
    caution: float = 0.85

    def score(self, terms: Terms) -> tuple[float, Tier]:
        """From 0 to 1 in six digits, by the surest tier that admits these terms, and that tier."""
        scores = [
            (self.tiers[tier].probability(terms), tier) for tier, by in ADMITTED_BY.items() if not by.isdisjoint(terms)
        ]
        probability, tier = max(scores, key=lambda item: item[0])
        return round(self._claim(probability), 6), tier

    def parts(self, terms: Terms, tier: Tier) -> list[dict[str, Any]]:
        """What each term adds to the sum, in log-odds; JSON-ready. The tie itself also adds the tier's bias."""
        weights = dict(self.tiers[tier].weights)
        tie = next(signal for signal in _NAMES if signal in terms and signal in ADMITTED_BY[tier])
        weights[tie] = weights.get(tie, 0.0) + self.tiers[tier].bias
        return [
            {"name": name, "weight": round(weights.get(signal, 0.0) * terms[signal], 3), "matched": True}
            for signal, name in _NAMES.items()
            if signal in terms
        ]

    def _claim(self, probability: float) -> float:
        if probability <= 0.6:
            return probability
        if probability <= self.caution:
            return 0.6 + (probability - 0.6) * 0.25 / (self.caution - 0.6)
        return 0.85 + (probability - self.caution) * 0.15 / (1 - self.caution)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "caution": self.caution,
            "tiers": {tier: {"bias": item.bias, "weights": dict(item.weights)} for tier, item in self.tiers.items()},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "WeightSet":
        tiers = {
            Tier(tier): TierWeights(item["bias"], {Signal(name): weight for name, weight in item["weights"].items()})
            for tier, item in stored["tiers"].items()
        }
        return cls(stored["name"], tiers, stored["caution"])


def read_terms(
    sale: Sale, eligible: Sequence[Candidate], visits: Sequence[Visit], model: Model
) -> list[dict[Signal, float]]:
    """The terms of each of `eligible`, in their order."""
    near = [visit for visit in visits if _is_near(sale, visit.first_seen_at, visit.last_seen_at)]
    carried = [item for item in eligible if not item.signals.isdisjoint(CARRIED)]
    return [own_terms(sale, item, near) | _rival_terms(sale, item, eligible, carried, model) for item in eligible]


def own_terms(sale: Sale, item: Candidate, near: Sequence[Visit] = ()) -> dict[Signal, float]:
    """Those that do not depend on other candidates; `near` are the visits that went on when the order was placed."""
    terms: dict[Signal, float] = dict.fromkeys(item.signals, 1.0)
    days = max((sale.placed_at - item.clicked_at) / _DAY, 0.0)
    terms[Signal.AGE] = round(log1p(days), 4)
    if item.crowd and Signal.ADDRESS in terms:
        terms[Signal.CROWD] = round(log1p(item.crowd), 4)
    if _is_at_once(sale, item):
        terms[Signal.SAME_VISIT] = 1.0
        return terms
    others = [visit for visit in near if visit.visit != item.visit]
    is_here = bool(item.browser) and any(visit.browser == item.browser for visit in others)
    # A click without a browser's id tells nothing by its browser not having been seen again.
    if item.browser and not is_here and not item.signals.isdisjoint(CARRIED):
        terms[Signal.STALE_ID] = 1.0
    if is_here or any(not visit.signals.isdisjoint(DIRECT) for visit in others):
        terms[Signal.SEEN_AGAIN_HERE if is_here else Signal.SEEN_AGAIN] = 1.0
        if days < 1:
            terms[Signal.SAME_DAY] = 1.0
    return terms


def _is_near(sale: Sale, first_seen_at: datetime, last_seen_at: datetime) -> bool:
    return first_seen_at <= sale.placed_at <= last_seen_at + AT_ONCE


def _is_at_once(sale: Sale, item: Candidate) -> bool:
    return sale.placed_at < item.clicked_at + AT_ONCE or _is_near(sale, item.clicked_at, item.last_seen_at)


def _rival_terms(
    sale: Sale, item: Candidate, eligible: Sequence[Candidate], carried: Sequence[Candidate], model: Model
) -> dict[Signal, float]:
    is_carried = not item.signals.isdisjoint(CARRIED)
    terms: dict[Signal, float] = {Signal.OTHER_ID: 1.0} if carried and not is_carried else {}
    # The page that led to the checkout named this click itself: only another id of ours contradicts that.
    asked = carried if is_carried and _is_at_once(sale, item) else eligible
    rivals = _rivals(item, asked, model)
    if not rivals:
        return terms
    if any(not other.signals.isdisjoint(DIRECT) for other in rivals):
        terms[Signal.RIVAL] = 1.0
    elif any(not other.signals.isdisjoint(LINKED) for other in rivals):
        terms[Signal.LINKED_RIVAL] = 1.0
    else:
        terms[Signal.NEARBY_RIVAL] = 1.0
    if item.browser and any(other.browser == item.browser for other in rivals):
        terms[Signal.RIVAL_HERE] = 1.0
    return terms


def _rivals(item: Candidate, others: Sequence[Candidate], model: Model) -> list[Candidate]:
    match model:
        case Model.LAST_CLICK:
            return [other for other in others if other.moment > item.moment]
        case Model.FIRST_CLICK:
            return [other for other in others if other.moment < item.moment]
        case Model.ANY_CLICK:
            return []

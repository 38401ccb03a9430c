"""How far a score can be believed, told by sales whose answer is known: their ids are hidden and it is decided again.

A score is graded with no id at hand, since an id nearly always settles the matter. What is graded so differs in one way
from the sales that have no id indeed: an ad click is known to have brought each. Pure.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from apps.matching.facts import Candidate, Facts, Policy, Visit
from apps.matching.rules import read_candidates
from apps.matching.scoring import Terms, WeightSet
from apps.matching.signals import ADMITTED_BY, CARRIED, DIRECT, LINKED, Signal

BINS = 10
WANTED = 0.99
"""How often an automatic match should be right, at the lower end of what the figures allow."""
_LOWEST_THRESHOLD = 50
_Z95 = 1.959964
_NAMED = DIRECT - CARRIED
_TIES = frozenset().union(*ADMITTED_BY.values())


@dataclass(frozen=True, slots=True)
class Answer:
    """The click that brought a sale; or, where `is_right` is false, one that did not, the right one being unknown."""

    click_id: str
    is_right: bool = True


@dataclass(frozen=True, slots=True)
class Option:
    """A click that could be chosen with no id at hand. Of equal scores the greater `moment` wins."""

    click_id: str
    moment: tuple[datetime, str]
    terms: Terms


@dataclass(frozen=True, slots=True)
class Case:
    """A sale whose answer is known, with its ids hidden. `auto_threshold` is the one that it was decided by."""

    answer: Answer
    auto_threshold: float
    options: tuple[Option, ...]

    def label(self, option: Option) -> bool | None:
        """Whether `option` brought the sale; None where that is not known."""
        is_answer = option.click_id == self.answer.click_id
        if self.answer.is_right:
            return is_answer
        return False if is_answer else None


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `of`. Of nothing there is no value, and all is possible."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        return self.hits / self.of if self.of else None

    def interval(self) -> tuple[float, float]:
        """Wilson's, 95 %: it stays within 0 and 1, and is honest where counts are small."""
        if not self.of:
            return 0.0, 1.0
        square, share = _Z95**2, self.hits / self.of
        middle = (self.hits + square / 2) / (self.of + square)
        reach = _Z95 * math.sqrt(share * (1 - share) / self.of + square / (4 * self.of**2)) / (1 + square / self.of)
        return max(0.0, middle - reach), min(1.0, middle + reach)

    def to_json(self) -> dict[str, Any]:
        low, high = self.interval()
        return {"value": self.value, "low": low, "high": high, "hits": self.hits, "of": self.of}


@dataclass(frozen=True, slots=True)
class Bin:
    """Sales of like score: what was claimed of them on average, and what was right. It holds its upper end."""

    low: float
    high: float
    claimed: float
    right: Share


@dataclass(frozen=True, slots=True)
class Grade:
    """What `weights` are worth. `sales` are those graded, `undecided` of them with no click left to choose.

    `precision` and `matched` concern what would be used at once, by the threshold of each sale's own funnel; all of
    these are `auto_thresholds`. The calibration error is that of the bins, from 0 to 1; None without any.
    """

    weights: str
    sales: int
    undecided: int
    bins: tuple[Bin, ...]
    precision: Share
    matched: Share
    auto_thresholds: tuple[float, ...]
    proposed_threshold: float | None

    @property
    def calibration_error(self) -> float | None:
        """The bins' gaps between claim and truth, weighted by their sales."""
        total = sum(item.right.of for item in self.bins)
        return sum(abs(item.right.of * item.claimed - item.right.hits) for item in self.bins) / total if total else None

    def to_json(self) -> dict[str, Any]:
        """What is kept beside fitted weights and what the API answers; shares in full, with their intervals."""
        return {
            "weights": self.weights,
            "sales": self.sales,
            "undecided": self.undecided,
            "precision": self.precision.to_json(),
            "matched": self.matched.to_json(),
            "calibration_error": self.calibration_error,
            "auto_thresholds": list(self.auto_thresholds),
            "proposed_threshold": self.proposed_threshold,
            "bins": [
                {"low": item.low, "high": item.high, "claimed": item.claimed, "right": item.right.to_json()}
                for item in self.bins
            ],
        }


def hide_ids(facts: Facts) -> Facts:
    """The same facts as if no id of ours had come back: without the ids, and without what only they led to."""
    items: list[Candidate | Visit] = [*facts.candidates, *facts.visits]
    kept = _Kept(
        named=frozenset(item.visit for item in items if not item.signals.isdisjoint(_NAMED)),
        browsers=frozenset(item.browser for item in items if item.browser and not item.signals.isdisjoint(_NAMED)),
        by_id=frozenset(item.visit for item in items if not item.signals.isdisjoint(CARRIED)),
    )
    candidates = [replace(item, signals=kept.signals_of(item)) for item in facts.candidates]
    visits = [replace(item, signals=kept.signals_of(item)) for item in facts.visits]
    return replace(
        facts,
        sale=replace(facts.sale, carries=""),
        candidates=[item for item in candidates if not item.signals.isdisjoint(_TIES)],
        visits=[item for item in visits if not item.signals.isdisjoint(DIRECT | LINKED)],
    )


@dataclass(frozen=True, slots=True)
class _Kept:
    """The visits that the sale names otherwise than by an id, their browsers, and the visits that an id names."""

    named: frozenset[int]
    browsers: frozenset[int]
    by_id: frozenset[int]

    def signals_of(self, item: Candidate | Visit) -> frozenset[Signal]:
        signals = item.signals - CARRIED
        if item.visit in self.named:
            return signals
        links = set()
        if item.browser in self.browsers:
            links.add(Signal.BROWSER)
        # Which visit led to a person is not recorded: one that only an id names leads to itself as well.
        if self.named and item.visit not in self.by_id:
            links |= signals & {Signal.PERSON}
        return signals - LINKED | links


def make_case(facts: Facts, policy: Policy, answer: Answer) -> Case:
    """Thresholds play no part in what can be chosen; the window and the model of attribution do."""
    options = tuple(
        Option(item.click_id, item.moment, terms)
        for item, terms, verdict in read_candidates(hide_ids(facts), policy)
        if verdict is None
    )
    return Case(answer, policy.auto_threshold, options)


@dataclass(frozen=True, slots=True)
class _Verdict:
    score: float
    is_right: bool
    is_auto: bool


def grade(cases: Iterable[Case], weights: WeightSet) -> Grade:
    """Of a sale whose right click is unknown it counts only when the wrong one would be chosen again."""
    verdicts: list[_Verdict] = []
    thresholds, answered, matched, undecided = set(), 0, 0, 0
    for case in cases:
        verdict = _judge(case, weights)
        thresholds.add(case.auto_threshold)
        answered += case.answer.is_right
        if verdict:
            verdicts.append(verdict)
            matched += case.answer.is_right and verdict.is_auto
        elif case.answer.is_right:
            undecided += 1
    automatic = [verdict for verdict in verdicts if verdict.is_auto]
    return Grade(
        weights=weights.name,
        sales=len(verdicts) + undecided,
        undecided=undecided,
        bins=_fill_bins(verdicts),
        precision=_right(automatic),
        matched=Share(matched, answered),
        auto_thresholds=tuple(sorted(thresholds)),
        proposed_threshold=_propose(verdicts),
    )


def _judge(case: Case, weights: WeightSet) -> _Verdict | None:
    scored = [(weights.score(option.terms)[0], option) for option in case.options]
    if not scored:
        return None
    score, best = max(scored, key=lambda item: (item[0], item[1].moment))
    label = case.label(best)
    return None if label is None else _Verdict(score, label, score >= case.auto_threshold)


def _right(verdicts: Sequence[_Verdict]) -> Share:
    return Share(sum(verdict.is_right for verdict in verdicts), len(verdicts))


def _fill_bins(verdicts: Iterable[_Verdict]) -> tuple[Bin, ...]:
    """Of equal width, the empty ones left out."""
    filled: dict[int, list[_Verdict]] = {}
    for verdict in verdicts:
        # Rounded, because 0.7 x 10 may come out a little above 7.
        filled.setdefault(max(math.ceil(round(verdict.score * BINS, 9)) - 1, 0), []).append(verdict)
    return tuple(
        Bin(
            low=number / BINS,
            high=(number + 1) / BINS,
            claimed=math.fsum(verdict.score for verdict in rows) / len(rows),
            right=_right(rows),
        )
        for number, rows in sorted(filled.items())
    )


def _propose(verdicts: Sequence[_Verdict]) -> float | None:
    """The lowest threshold, in hundredths, from which on at least WANTED is right even by the interval's lower end.

    Fewer than 381 sales never show that much. A funnel takes none below a half.
    """
    for hundredths in range(_LOWEST_THRESHOLD, 101):
        threshold = hundredths / 100
        if _right([verdict for verdict in verdicts if verdict.score >= threshold]).interval()[0] >= WANTED:
            return threshold
    return None

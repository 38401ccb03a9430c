"""How well a matcher did against the truth. Pure; every figure knows how many sales it stands on."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

_Z95 = 1.959964
BINS = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a matcher said of one sale, beside the truth: click ids, empty where there is none.

    `is_auto` is false for what waits for a person. `is_own` tells whether the chosen click is the buyer's, if not the
    right one.
    """

    truth: str
    is_matchable: bool
    chosen: str
    rule: str = ""
    confidence: float = 1.0
    is_auto: bool = True
    is_own: bool = False

    @property
    def is_matched(self) -> bool:
        return self.is_auto and bool(self.chosen)

    @property
    def is_right(self) -> bool:
        return bool(self.chosen) and self.chosen == self.truth


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `of`; of nothing it is not a number, never a perfect score."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        return self.hits / self.of if self.of else math.nan

    def interval(self) -> tuple[float, float]:
        """Wilson's, 95 %: it stays within 0 and 1 and is honest where counts are small."""
        if not self.of:
            return 0.0, 1.0
        square = _Z95**2
        middle = (self.hits + square / 2) / (self.of + square)
        reach = _Z95 * math.sqrt(self.value * (1 - self.value) / self.of + square / (4 * self.of**2))
        reach /= 1 + square / self.of
        return max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(frozen=True, slots=True)
class RuleScore:
    """One rule: of what it matched, what is right; of all matchable sales, those that it brought to the right click."""

    rule: str
    precision: Share
    recall: Share


@dataclass(frozen=True, slots=True)
class Bin:
    """Verdicts of like confidence: what was claimed of them on average, and what was right."""

    low: float
    high: float
    claimed: float
    right: Share


@dataclass(frozen=True, slots=True)
class Score:
    """The whole: `matched` and `recall` of the matchable, the rest of what was matched automatically."""

    matched: Share
    recall: Share
    precision: Share
    own: Share
    unmatchable_matched: Share
    rules: tuple[RuleScore, ...]
    bins: tuple[Bin, ...]

    @property
    def calibration_error(self) -> float:
        """Expected calibration error: the bins' gaps between claim and truth, weighted by their sales."""
        total = sum(item.right.of for item in self.bins)
        return (
            sum(item.right.of * abs(item.claimed - item.right.value) for item in self.bins) / total
            if total
            else math.nan
        )


def score(verdicts: Iterable[Verdict]) -> Score:
    rows = list(verdicts)
    matched, matchable = [row for row in rows if row.is_matched], [row for row in rows if row.is_matchable]
    return Score(
        matched=_share(matchable, lambda row: row.is_matched),
        recall=_share(matchable, lambda row: row.is_matched and row.is_right),
        precision=_share(matched, lambda row: row.is_right),
        own=_share(matched, lambda row: row.is_right or row.is_own),
        unmatchable_matched=_share([row for row in rows if not row.is_matchable], lambda row: row.is_matched),
        rules=tuple(_score_rule(rule, matched, matchable) for rule in sorted({row.rule for row in matched})),
        bins=_fill_bins([row for row in rows if row.chosen]),
    )


def _share(rows: Sequence[Verdict], holds: Callable[[Verdict], bool]) -> Share:
    return Share(sum(holds(row) for row in rows), len(rows))


def _score_rule(rule: str, matched: Sequence[Verdict], matchable: Sequence[Verdict]) -> RuleScore:
    return RuleScore(
        rule,
        precision=_share([row for row in matched if row.rule == rule], lambda row: row.is_right),
        recall=_share(matchable, lambda row: row.is_matched and row.is_right and row.rule == rule),
    )


def _fill_bins(decided: Sequence[Verdict]) -> tuple[Bin, ...]:
    """Ten of equal width, the empty ones left out; each holds its upper end, so that 0.9 and 1.0 are apart."""
    filled: dict[int, list[Verdict]] = {}
    for row in decided:
        # Rounded, because 0.7 x 10 may come out a little above 7.
        filled.setdefault(max(math.ceil(round(row.confidence * BINS, 9)) - 1, 0), []).append(row)
    return tuple(
        Bin(
            low=number / BINS,
            high=(number + 1) / BINS,
            claimed=sum(row.confidence for row in rows) / len(rows),
            right=_share(rows, lambda row: row.is_right),
        )
        for number, rows in sorted(filled.items())
    )

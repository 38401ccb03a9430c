"""Weights fitted to sales whose answer is known (grading.py): one logistic regression a tier, in the product's terms.

What comes out is a weight set like the product's, so it is explained, recorded and replayed the same way. Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from apps.matching.grading import Case
from apps.matching.scoring import Terms, TierWeights, WeightSet
from apps.matching.signals import ADMITTED_BY, AGAINST, WEIGHED_IN, Signal, Tier

MIN_ROWS = 200
MIN_OF_EACH = 30
"""Below these a tier, or a signal, keeps the weights it has."""
_MAX_ITERATIONS = 1_000
_STRENGTH = 10
"""How little weights are drawn towards zero: with less the figures of the surest clicks come out too low."""

Row = tuple[Terms, bool]
"""What speaks for and against a click, and whether it brought the sale."""


@dataclass(frozen=True, slots=True)
class TierFit:
    """What one tier was fitted on. `kept` are the signals whose former weight stays, `dropped` those left without one:
    theirs would have had the wrong sign."""

    tier: Tier
    rows: int
    right: int
    is_fitted: bool
    kept: tuple[Signal, ...] = ()
    dropped: tuple[Signal, ...] = ()


def fit_tiers(cases: Iterable[Case], base: WeightSet) -> tuple[WeightSet, list[TierFit]]:
    """`base` with other weights in each tier that `cases` say enough of, to be named by whoever keeps it.

    Tier.CARRIED never changes: its ids are what the cases hide.
    """
    rows = _rows_of(cases)
    tiers, fits = dict(base.tiers), []
    for tier in Tier:
        if tier is Tier.CARRIED:
            continue
        right = sum(label for _, label in rows[tier])
        if len(rows[tier]) < MIN_ROWS or min(right, len(rows[tier]) - right) < MIN_OF_EACH:
            fits.append(TierFit(tier, len(rows[tier]), right, is_fitted=False))
            continue
        tiers[tier], fit = _fit_tier(tier, rows[tier], base.tiers[tier])
        fits.append(fit)
    return replace(base, tiers=tiers), fits


def _rows_of(cases: Iterable[Case]) -> dict[Tier, list[Row]]:
    """By the strongest tier that admits the click."""
    rows: dict[Tier, list[Row]] = defaultdict(list)
    for case in cases:
        for option in case.options:
            label = case.label(option)
            if label is not None:
                tier = next(tier for tier, by in ADMITTED_BY.items() if not by.isdisjoint(option.terms))
                rows[tier].append((option.terms, label))
    return rows


def _fit_tier(tier: Tier, rows: Sequence[Row], base: TierWeights) -> tuple[TierWeights, TierFit]:
    """Signs are what they must be: of the signals with a wrong one the worst is left out, until none is left."""
    seen = Counter(signal for terms, _ in rows for signal in terms)
    used = [signal for signal in Signal if seen[signal] >= MIN_OF_EACH and WEIGHED_IN.get(signal, tier) is tier]
    kept = {signal: weight for signal, weight in base.weights.items() if seen[signal] < MIN_OF_EACH}
    dropped = []
    while True:
        bias, weights = _regress(rows, used)
        wrong = {signal: weight for signal, weight in weights.items() if (weight < 0) != (signal in AGAINST) and weight}
        if not wrong:
            break
        worst = max(wrong, key=lambda signal: abs(wrong[signal]))
        used.remove(worst)
        dropped.append(worst)
    fitted = {signal: weight for signal in Signal if (weight := (weights | kept).get(signal))}
    right = sum(label for _, label in rows)
    return TierWeights(bias, fitted), TierFit(tier, len(rows), right, True, tuple(kept), tuple(dropped))


def _regress(rows: Sequence[Row], used: Sequence[Signal]) -> tuple[float, dict[Signal, float]]:
    """Bias and weights in two digits, so that people can follow the sum."""
    # Here, so that a worker that never fits does not carry its 100 MB.
    from sklearn.linear_model import LogisticRegression

    table = [[terms.get(signal, 0.0) for signal in used] for terms, _ in rows]
    # Clicks are many and signals few, which this solver is made for: it takes a tenth of the default one's time.
    model = LogisticRegression(C=_STRENGTH, solver="newton-cholesky", max_iter=_MAX_ITERATIONS)
    model.fit(table, [label for _, label in rows])
    weights = (round(float(weight), 2) for weight in model.coef_[0])
    return round(float(model.intercept_[0]), 2), dict(zip(used, weights, strict=True))

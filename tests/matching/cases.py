"""Sales, clicks and visits as the pure core sees them, and strategies for any that the look-ups can find."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from apps.matching.facts import Candidate, Facts, Model, Policy, Sale, Visit
from apps.matching.rules import Decided, decide
from apps.matching.scoring import TierWeights, WeightSet
from apps.matching.signals import ADMITTED_BY, AGAINST, DIRECT, WEIGHED_IN, Signal, Tier
from apps.matching.weights import PRODUCT

SOLD_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
SALE = Sale(SOLD_AT)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ADMITTING = tuple(signal for signals in ADMITTED_BY.values() for signal in signals)


def click(pk: int, days_before: float, *signals: Signal, **changes: Any) -> Candidate:
    """Each in a visit of its own that ended with it, unless `changes` say otherwise."""
    at = SOLD_AT - days_before * DAY
    plain = Candidate(pk, f"htc{pk:02}", at, at, frozenset(signals), visit=pk)
    return replace(plain, **changes)


def visit(number: int, *signals: Signal, ago: timedelta = HOUR, **changes: Any) -> Visit:
    """It began `ago` before the sale, and lasted until then."""
    plain = Visit(number, number, f"hts{number:02}", SOLD_AT - ago, SOLD_AT, frozenset(signals))
    return replace(plain, **changes)


def judge(*candidates: Candidate, visits: tuple[Visit, ...] = (), policy: Policy | None = None) -> Decided:
    return decide(Facts(SALE, candidates, visits), policy or Policy(), PRODUCT)


def reasons(decided: Decided) -> dict[str, str]:
    return {item["click_id"]: item["reason"] for item in decided.evidence}


def standing(decided: Decided, click_id: str) -> tuple[bool, float]:
    """Whether this click could have brought the sale, and how sure that would be."""
    (item,) = (item for item in decided.evidence if item["click_id"] == click_id)
    return item["reason"] not in ("outside_window", "after_sale"), item["score"]


def told(decided: Decided) -> tuple[Any, ...]:
    """All of a decision but the rows' keys, which mean nothing elsewhere."""
    return decided.decision, decided.rule, decided.confidence, decided.is_flagged, decided.evidence


# Minutes around the edges that rules have: the tolerance, the hour of a visit, the day, the window.
_MINUTES = st.sampled_from([-90, -6, -5, 0, 1, 59, 60, 61, 1439, 1440, 4000, 10080, 10081, 20000]) | st.integers(
    -600, 40_000
)
_SECONDS = st.integers(0, 59)
moments = st.builds(lambda minutes, seconds: SOLD_AT - timedelta(minutes=minutes, seconds=seconds), _MINUTES, _SECONDS)
_signals = st.builds(
    lambda admitting, others: frozenset({admitting, *others}),
    st.sampled_from(ADMITTING),
    st.frozensets(st.sampled_from([*ADMITTING, Signal.DEVICE, Signal.OTHER_IDENTITY]), max_size=4),
)


@st.composite
def candidates(draw: st.DrawFn, number: int) -> Candidate:
    at, signals = draw(moments), draw(_signals)
    is_near = Signal.ADDRESS in signals
    return Candidate(
        click_pk=number,
        click_id=f"htc{number:02}",
        clicked_at=at,
        last_seen_at=at + draw(st.sampled_from([timedelta(0), HOUR / 2, 3 * HOUR, 30 * DAY])),
        signals=signals,
        visit=draw(st.integers(1, 4)),
        browser=draw(st.integers(0, 2)),
        crowd=draw(st.sampled_from([1, 2, 20])) if is_near else 0,
    )


@st.composite
def visits_of(draw: st.DrawFn, number: int) -> Visit:
    at = draw(moments)
    return Visit(
        visit_pk=number,
        visit=number,
        visit_id=f"hts{number:02}",
        first_seen_at=at,
        last_seen_at=at + draw(st.sampled_from([timedelta(0), HOUR, 30 * DAY])),
        signals=draw(st.frozensets(st.sampled_from([*DIRECT, Signal.BROWSER, Signal.PERSON]), min_size=1, max_size=2)),
        browser=draw(st.integers(0, 2)),
    )


def facts_of(*, at_least: int = 0, at_most: int = 6) -> st.SearchStrategy[Facts]:
    numbers = st.integers(at_least, at_most)
    return st.builds(
        Facts,
        st.builds(Sale, st.just(SOLD_AT), st.sampled_from(["", "known", "unknown", "foreign"])),
        numbers.flatmap(lambda count: st.tuples(*(candidates(number) for number in range(1, count + 1)))),
        st.integers(0, 4).flatmap(lambda count: st.tuples(*(visits_of(number) for number in range(1, count + 1)))),
        st.sampled_from([(), ("address",), ("email", "candidates")]),
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    review = draw(st.floats(0.5, 1))
    return Policy(
        window_days=draw(st.sampled_from([1, 7, 14, 90])),
        view_through_days=draw(st.sampled_from([0, 0, 1, 7])),
        model=draw(st.sampled_from(Model)),
        auto_threshold=draw(st.floats(review, 1)),
        review_threshold=review,
        uses_unsure=draw(st.booleans()),
    )


def _weight(tier: Tier, signal: Signal) -> st.SearchStrategy[float]:
    if WEIGHED_IN.get(signal, tier) is not tier:
        return st.just(0.0)
    return st.floats(-6, 0) if signal in AGAINST else st.floats(0, 6)


def _tier(tier: Tier) -> st.SearchStrategy[TierWeights]:
    return st.builds(
        TierWeights, st.floats(-4, 4), st.fixed_dictionaries({signal: _weight(tier, signal) for signal in Signal})
    )


random_weights = st.builds(
    WeightSet,
    st.just("random-1"),
    st.fixed_dictionaries({tier: _tier(tier) for tier in Tier}),
    st.floats(0.61, 0.99),
)
weight_sets = st.just(PRODUCT) | random_weights

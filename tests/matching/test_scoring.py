"""How a score comes about: terms from times and rivals, tiers, and what is claimed of a probability."""

from dataclasses import replace
from datetime import timedelta
from math import log1p
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.matching.facts import Candidate, Model, Sale
from apps.matching.scoring import AT_ONCE, TierWeights, WeightSet, own_terms, read_terms
from apps.matching.signals import Signal, Tier
from apps.matching.weights import PRODUCT, SHIPPED
from tests.matching.cases import DAY, HOUR, SALE, SOLD_AT, click, visit

PLAIN = WeightSet("plain-1", {tier: TierWeights(0.0, {}) for tier in Tier})
SECOND = timedelta(seconds=1)


def probability(bias: float) -> float:
    """What a set says of a tier whose only weight is its bias."""
    alone = replace(PLAIN, tiers={**PLAIN.tiers, Tier.SHARED: TierWeights(bias, {})})
    return alone.score({Signal.EMAIL: 1.0})[0]


def terms_of(item: Candidate, *others: Candidate, model: Model = Model.LAST_CLICK) -> set[Signal]:
    return set(read_terms(SALE, [item, *others], [], model)[0])


# --- Terms of a click itself ---


@pytest.mark.parametrize("days", [0.5, 1, 7, 30])
def test_age_is_the_logarithm_of_the_days(days: float) -> None:
    assert own_terms(SALE, click(1, days, Signal.EMAIL))[Signal.AGE] == round(log1p(days), 4)


def test_a_click_after_the_order_has_no_age() -> None:
    assert own_terms(SALE, click(1, -1, Signal.CLICK_ID))[Signal.AGE] == 0.0


@pytest.mark.parametrize(("crowd", "strength"), [(1, log1p(1)), (9, log1p(9)), (50, log1p(50))])
def test_a_crowd_counts_by_its_logarithm(crowd: int, strength: float) -> None:
    assert own_terms(SALE, click(1, 1, Signal.ADDRESS, crowd=crowd))[Signal.CROWD] == round(strength, 4)


def test_a_crowd_means_nothing_without_the_address() -> None:
    assert Signal.CROWD not in own_terms(SALE, click(1, 1, Signal.EMAIL, crowd=9))
    assert Signal.CROWD not in own_terms(SALE, click(1, 1, Signal.ADDRESS, crowd=0))


@pytest.mark.parametrize(
    ("clicked", "seen", "is_same"),
    [
        (AT_ONCE - SECOND, AT_ONCE - SECOND, True),
        (AT_ONCE, AT_ONCE, True),
        (AT_ONCE + SECOND, AT_ONCE + SECOND, False),
        (2 * DAY, AT_ONCE, True),
        (2 * DAY, AT_ONCE + SECOND, False),
        (2 * DAY, -DAY, True),
        (-HOUR, -DAY, True),
    ],
)
def test_who_orders_within_an_hour_of_being_seen_does_so_in_that_visit(
    clicked: timedelta, seen: timedelta, is_same: bool
) -> None:
    item = click(1, clicked / DAY, Signal.EMAIL, clicked_at=SOLD_AT - clicked, last_seen_at=SOLD_AT - seen)

    assert (Signal.SAME_VISIT in own_terms(SALE, item)) is is_same


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {Signal.SEEN_AGAIN}),
        ({"browser": 7}, {Signal.SEEN_AGAIN_HERE}),
        ({"browser": 8}, {Signal.SEEN_AGAIN}),
        ({"visit": 9}, set()),
        ({"last_seen_at": SOLD_AT}, {Signal.SAME_VISIT}),
        ({"clicked_at": SOLD_AT - DAY / 2}, {Signal.SEEN_AGAIN, Signal.SAME_DAY}),
    ],
)
def test_who_is_seen_again_when_ordering_is_told_from_who_is_not(
    changes: dict[str, Any], expected: set[Signal]
) -> None:
    item = click(1, 3, Signal.EMAIL, **changes)

    found = own_terms(SALE, item, [visit(9, Signal.EMAIL, browser=7)])

    assert set(found) - {Signal.EMAIL, Signal.AGE} == expected


def test_a_browser_seen_again_is_one_whoever_it_belongs_to() -> None:
    found = own_terms(SALE, click(1, 3, Signal.EMAIL, browser=7), [visit(9, Signal.BROWSER, browser=7)])
    other = own_terms(SALE, click(1, 3, Signal.EMAIL, browser=8), [visit(9, Signal.BROWSER, browser=7)])

    assert Signal.SEEN_AGAIN_HERE in found
    assert not {Signal.SEEN_AGAIN, Signal.SEEN_AGAIN_HERE} & set(other)


@pytest.mark.parametrize(
    ("item", "is_stale"),
    [
        (click(1, 3, Signal.CLICK_ID, browser=7), True),
        (click(1, 3, Signal.SESSION_ID, browser=7), True),
        (click(1, 3, Signal.CLICK_ID, browser=0), False),
        (click(1, 3, Signal.EMAIL, browser=7), False),
        (click(1, 0.01, Signal.CLICK_ID, browser=7), False),
    ],
)
def test_an_id_whose_browser_was_not_seen_again_may_be_stale(item: Candidate, is_stale: bool) -> None:
    assert (Signal.STALE_ID in own_terms(SALE, item)) is is_stale
    assert Signal.STALE_ID not in own_terms(SALE, item, [visit(9, Signal.EMAIL, browser=7)])


@pytest.mark.parametrize(
    ("changes", "is_near"),
    [
        ({}, True),
        ({"last_seen_at": SOLD_AT - AT_ONCE}, True),
        ({"last_seen_at": SOLD_AT - AT_ONCE - SECOND}, False),
        ({"first_seen_at": SOLD_AT}, True),
        ({"first_seen_at": SOLD_AT + SECOND}, False),
    ],
)
def test_only_a_visit_that_went_on_when_the_order_was_placed_says_so(changes: dict[str, Any], is_near: bool) -> None:
    seen = visit(9, Signal.EMAIL, **changes)

    (found,) = read_terms(SALE, [click(1, 3, Signal.EMAIL)], [seen], Model.LAST_CLICK)

    assert (Signal.SEEN_AGAIN in found) is is_near


# --- Rivals ---


@pytest.mark.parametrize(
    ("tie", "rival"),
    [
        (Signal.CLICK_ID, Signal.RIVAL),
        (Signal.EMAIL, Signal.RIVAL),
        (Signal.FBC, Signal.RIVAL),
        (Signal.BROWSER, Signal.LINKED_RIVAL),
        (Signal.PERSON, Signal.LINKED_RIVAL),
        (Signal.ADDRESS, Signal.NEARBY_RIVAL),
    ],
)
def test_a_rival_counts_by_what_ties_it_to_the_sale(tie: Signal, rival: Signal) -> None:
    rivals = {Signal.RIVAL, Signal.LINKED_RIVAL, Signal.NEARBY_RIVAL}

    assert terms_of(click(1, 3, Signal.EMAIL), click(2, 2, tie)) & rivals == {rival}
    assert terms_of(click(1, 3, Signal.EMAIL), click(2, 4, tie)) & rivals == set()


@pytest.mark.parametrize(
    ("model", "of_earlier", "of_later"),
    [(Model.LAST_CLICK, True, False), (Model.FIRST_CLICK, False, True), (Model.ANY_CLICK, False, False)],
)
def test_whose_rival_is_whose_is_the_funnels_choice(model: Model, of_earlier: bool, of_later: bool) -> None:
    earlier, later = click(1, 3, Signal.EMAIL), click(2, 2, Signal.EMAIL)

    assert (Signal.RIVAL in terms_of(earlier, later, model=model)) is of_earlier
    assert (Signal.RIVAL in terms_of(later, earlier, model=model)) is of_later


@pytest.mark.parametrize(("browser", "is_here"), [(7, True), (8, False), (0, False)])
def test_a_rival_of_the_same_browser_says_more(browser: int, is_here: bool) -> None:
    found = terms_of(click(1, 3, Signal.EMAIL, browser=browser), click(2, 2, Signal.EMAIL, browser=7))

    assert (Signal.RIVAL_HERE in found) is is_here


def test_another_id_of_ours_speaks_against_all_that_have_none() -> None:
    carried, other = click(1, 3, Signal.CLICK_ID), click(2, 2, Signal.EMAIL)

    assert Signal.OTHER_ID in terms_of(other, carried)
    assert Signal.OTHER_ID not in terms_of(carried, other)
    assert Signal.OTHER_ID not in terms_of(carried, click(2, 2, Signal.SESSION_ID))


def test_an_id_of_the_visit_of_the_order_is_contradicted_by_another_id_only() -> None:
    carried = click(1, 0.02, Signal.CLICK_ID)

    assert Signal.RIVAL not in terms_of(carried, click(2, 0.01, Signal.EMAIL))
    assert Signal.RIVAL in terms_of(carried, click(2, 0.01, Signal.SESSION_ID))
    assert Signal.RIVAL in terms_of(click(1, 3, Signal.CLICK_ID), click(2, 0.01, Signal.EMAIL))


# --- From terms to a score ---


def test_the_surest_tier_that_admits_the_terms_scores() -> None:
    weights = replace(
        PLAIN, tiers={**PLAIN.tiers, Tier.NEARBY: TierWeights(2.0, {}), Tier.LINKED: TierWeights(1.0, {})}
    )

    assert weights.score({Signal.ADDRESS: 1.0, Signal.EMAIL: 1.0})[1] is Tier.NEARBY
    assert weights.score({Signal.BROWSER: 1.0, Signal.EMAIL: 1.0})[1] is Tier.LINKED
    assert weights.score({Signal.EMAIL: 1.0}) == (0.5, Tier.SHARED)


@pytest.mark.parametrize(("bias", "score"), [(-1000.0, 0.0), (-0.5, 0.377541), (0.0, 0.5), (1000.0, 1.0)])
def test_a_sum_of_log_odds_becomes_a_probability_in_six_digits(bias: float, score: float) -> None:
    assert probability(bias) == score


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=2), st.floats(0.61, 0.99))
def test_what_is_claimed_keeps_the_order_and_the_ends(biases: list[float], caution: float) -> None:
    weights = replace(PLAIN, caution=caution)

    low, high = sorted(biases)
    claims = [
        replace(weights, tiers={**PLAIN.tiers, Tier.SHARED: TierWeights(bias, {})}).score({Signal.EMAIL: 1.0})[0]
        for bias in (low, high)
    ]

    assert 0 <= claims[0] <= claims[1] <= 1


@pytest.mark.parametrize(
    ("measured", "claimed"), [(0.0, 0.0), (0.6, 0.6), (0.75, 0.725), (0.9, 0.85), (0.95, 0.925), (1.0, 1.0)]
)
def test_a_cautious_set_claims_less_than_was_measured_between_review_and_sure(measured: float, claimed: float) -> None:
    assert replace(PLAIN, caution=0.9)._claim(measured) == pytest.approx(claimed)
    assert replace(PLAIN, caution=0.85)._claim(measured) == pytest.approx(measured)


def test_the_order_of_the_terms_moves_no_digit() -> None:
    weights = {Signal.EMAIL: 1e16, Signal.PHONE: 1.0, Signal.FBC: -1e16}
    tier = TierWeights(0.0, weights)
    terms = dict.fromkeys(weights, 1.0)

    found = {tier.probability({name: terms[name] for name in order}) for order in (weights, reversed(weights))}

    assert found == {tier.probability({Signal.PHONE: 1.0})}


def test_parts_name_each_term_in_one_order_and_leave_nothing_out() -> None:
    terms = {Signal.AGE: 2.0, Signal.EMAIL: 1.0, Signal.FBC: 1.0}

    assert PRODUCT.parts(terms, Tier.SHARED) == [
        {"name": "email", "weight": 0.74, "matched": True},
        {"name": "fbc", "weight": 1.52, "matched": True},
        {"name": "age", "weight": -0.58, "matched": True},
    ]


# --- Sets ---


def test_a_set_survives_being_stored() -> None:
    assert WeightSet.from_json(PRODUCT.to_json()) == PRODUCT


def test_the_products_set_is_among_those_shipped_under_its_own_name() -> None:
    assert SHIPPED["product-1"] is PRODUCT
    assert all(name == weights.name for name, weights in SHIPPED.items())


@pytest.mark.parametrize("missing", ["name", "tiers", "caution"])
def test_half_a_set_is_refused(missing: str) -> None:
    stored = PRODUCT.to_json()
    del stored[missing]

    with pytest.raises(KeyError, match=missing):
        WeightSet.from_json(stored)


def test_the_time_of_the_sale_is_all_that_is_asked_of_it() -> None:
    (found,) = read_terms(Sale(SOLD_AT, "foreign"), [click(1, 3, Signal.EMAIL)], [], Model.LAST_CLICK)

    assert found == {Signal.EMAIL: 1.0, Signal.AGE: round(log1p(3), 4)}

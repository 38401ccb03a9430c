"""Fitting: weights that can be explained, and only where enough is known."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.matching.fitting import MIN_OF_EACH, MIN_ROWS, TierFit, fit_tiers
from apps.matching.grading import Case, grade
from apps.matching.scoring import WeightSet
from apps.matching.signals import AGAINST, Signal, Tier
from apps.matching.weights import PRODUCT
from tests.matching.known_sales import (
    HIDDEN_AWAY,
    RIGHT,
    WRONG,
    by_address,
    by_email,
    case,
    click,
    known,
    shared_network,
)


def _by_tier(fits: list[TierFit]) -> dict[Tier, TierFit]:
    return {fit.tier: fit for fit in fits}


def _wrong_signs(weights: WeightSet) -> list[tuple[Tier, Signal]]:
    return [
        (tier, signal)
        for tier, item in weights.tiers.items()
        for signal, weight in item.weights.items()
        if weight == 0 or (weight < 0) != (signal in AGAINST)
    ]


def test_what_is_fitted_fits_sales_that_it_has_not_seen_better() -> None:
    fitted, fits = fit_tiers(known(shared_network(1200, seed=1)), PRODUCT)

    unseen = known(shared_network(1200, seed=2))
    was, now = (grade(unseen, weights).calibration_error or 0 for weights in (PRODUCT, fitted))
    assert 0 < now < 0.05
    assert was > 2 * now
    assert _by_tier(fits)[Tier.NEARBY].is_fitted


def test_crowds_weigh_against_an_address_and_no_sign_is_turned() -> None:
    fitted, _ = fit_tiers(known(shared_network(1200)), PRODUCT)

    assert fitted.tiers[Tier.NEARBY].weights[Signal.CROWD] < -0.5
    assert _wrong_signs(fitted) == []


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0.1, 160)), min_size=300, max_size=320))
def test_no_data_makes_a_further_sign_speak_for_the_other_side(rows: list[tuple[bool, bool, float]]) -> None:
    cases = [
        case(
            click(RIGHT if is_right else WRONG, Signal.EMAIL, *([Signal.PHONE] if has_phone else []), hours=hours),
            answer=RIGHT,
        )
        for is_right, has_phone, hours in rows
    ]

    fitted, _ = fit_tiers(cases, PRODUCT)

    assert _wrong_signs(fitted) == []


def test_a_sign_that_the_data_turns_is_left_out_and_named() -> None:
    with_phone = case(click(WRONG, Signal.EMAIL, Signal.PHONE), answer=RIGHT)
    without = case(click(RIGHT, Signal.EMAIL))

    fitted, fits = fit_tiers([with_phone, without] * 150, PRODUCT)

    assert Signal.PHONE in PRODUCT.tiers[Tier.SHARED].weights
    assert Signal.PHONE not in fitted.tiers[Tier.SHARED].weights
    assert _by_tier(fits)[Tier.SHARED].dropped == (Signal.PHONE,)


@pytest.mark.parametrize(
    ("cases", "is_fitted"),
    [
        (by_email(MIN_ROWS - MIN_OF_EACH, MIN_OF_EACH), True),
        (by_email(MIN_ROWS - MIN_OF_EACH - 1, MIN_OF_EACH), False),
        (by_email(MIN_ROWS, MIN_OF_EACH - 1), False),
        (by_email(MIN_OF_EACH - 1, MIN_ROWS), False),
    ],
)
def test_a_tier_is_fitted_to_enough_of_both_sides_or_not_at_all(cases: list[Case], is_fitted: bool) -> None:
    fitted, fits = fit_tiers(cases, PRODUCT)

    assert _by_tier(fits)[Tier.SHARED].is_fitted is is_fitted
    assert (fitted.tiers[Tier.SHARED] != PRODUCT.tiers[Tier.SHARED]) is is_fitted
    assert fitted.tiers[Tier.NEARBY] == PRODUCT.tiers[Tier.NEARBY]


def test_what_cannot_be_learned_keeps_its_weight() -> None:
    fitted, fits = fit_tiers(known(shared_network(1200)), PRODUCT)

    assert fitted.tiers[Tier.CARRIED] == PRODUCT.tiers[Tier.CARRIED]
    assert fitted.caution == PRODUCT.caution
    nearby = _by_tier(fits)[Tier.NEARBY]
    assert Signal.OTHER_ID in nearby.kept
    for signal in nearby.kept:
        assert fitted.tiers[Tier.NEARBY].weights[signal] == PRODUCT.tiers[Tier.NEARBY].weights[signal]
    assert Tier.CARRIED not in _by_tier(fits)


def test_weights_have_two_digits_and_come_out_the_same_again() -> None:
    cases = known(shared_network(600))

    fitted, fits = fit_tiers(cases, PRODUCT)

    nearby = fitted.tiers[Tier.NEARBY]
    assert [round(value, 2) for value in (nearby.bias, *nearby.weights.values())] == [
        nearby.bias,
        *nearby.weights.values(),
    ]
    assert fit_tiers(cases, PRODUCT) == (fitted, fits)
    assert WeightSet.from_json(fitted.to_json()) == fitted


def test_a_rejected_click_teaches_of_itself_alone() -> None:
    rejected = case(
        click(WRONG, Signal.EMAIL), click(RIGHT, Signal.EMAIL, visit=1, hours=60), answer=WRONG, is_right=False
    )

    _, fits = fit_tiers([rejected] * 10, PRODUCT)

    assert (_by_tier(fits)[Tier.SHARED].rows, _by_tier(fits)[Tier.SHARED].right) == (10, 0)


def test_a_click_teaches_the_strongest_tier_that_it_is_in() -> None:
    both = case(click(RIGHT, Signal.CLICK_ID, Signal.EMAIL, Signal.ADDRESS, crowd=1))
    hidden = case(click(RIGHT, *HIDDEN_AWAY))

    _, fits = fit_tiers([both, hidden, *by_address(1, 1)], PRODUCT)

    assert {tier: (fit.rows, fit.right) for tier, fit in _by_tier(fits).items()} == {
        Tier.SHARED: (1, 1),
        Tier.LINKED: (0, 0),
        Tier.NEARBY: (2, 1),
    }

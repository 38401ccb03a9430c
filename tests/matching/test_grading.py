"""Grading: ids are really hidden, and the figures are those of sales whose answers were planted."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.matching.facts import Candidate, Facts, Policy, Visit
from apps.matching.grading import Answer, Grade, Share, grade, hide_ids, make_case
from apps.matching.rules import decide
from apps.matching.signals import AGAINST, CARRIED, RULES, Signal
from apps.matching.weights import PRODUCT
from tests.bench.truth.measure import Share as BenchShare
from tests.matching.known_sales import (
    HIDDEN_AWAY,
    RIGHT,
    WRONG,
    by_address,
    by_email,
    case,
    click,
    facts,
    known,
    shared_network,
    sure_of,
    visit,
)

IDS = [Signal.CLICK_ID, Signal.SESSION_ID]
STORED = [*(rule.signal for rule in RULES), Signal.OTHER_IDENTITY]


def _signals(hidden: Facts) -> dict[str, set[Signal]]:
    return {item.click_id: set(item.signals) for item in hidden.candidates}


@pytest.mark.parametrize("carried", IDS)
def test_an_id_is_hidden_in_clicks_and_visits_alike(carried: Signal) -> None:
    told = facts(
        click(RIGHT, carried, Signal.EMAIL, visit=1), visits=[visit(1, carried, Signal.EMAIL), visit(2, carried)]
    )

    hidden = hide_ids(told)

    assert _signals(hidden) == {RIGHT: {Signal.EMAIL}}
    assert [(item.visit, set(item.signals)) for item in hidden.visits] == [(1, {Signal.EMAIL})]
    assert hidden.sale.carries == ""


def test_what_only_the_id_led_to_is_hidden_with_it() -> None:
    told = facts(
        click(RIGHT, Signal.CLICK_ID, Signal.BROWSER, Signal.PERSON, visit=1, browser=1),
        click("same-visit", Signal.BROWSER, Signal.PERSON, visit=1, browser=1),
        click("same-browser", Signal.BROWSER, visit=2, browser=1),
        click("same-person", Signal.PERSON, visit=3, browser=2),
        visits=[visit(1, Signal.CLICK_ID, Signal.BROWSER, browser=1), visit(2, Signal.BROWSER, browser=1)],
    )

    hidden = hide_ids(told)

    assert (hidden.candidates, hidden.visits) == ([], [])


def test_what_other_ties_lead_to_stays() -> None:
    told = facts(
        click(RIGHT, Signal.SESSION_ID, Signal.PERSON, visit=1, browser=1),
        click("named", Signal.EMAIL, visit=2, browser=1),
        click("same-person", Signal.PERSON, visit=3, browser=3),
        click("elsewhere", Signal.BROWSER, visit=4, browser=4),
        click("nearby", Signal.ADDRESS, visit=5, crowd=9),
    )

    hidden = hide_ids(told)

    assert _signals(hidden) == {
        RIGHT: {Signal.BROWSER},
        "named": {Signal.EMAIL},
        "same-person": {Signal.PERSON},
        "nearby": {Signal.ADDRESS},
    }


def test_a_visit_that_a_meta_click_id_names_keeps_its_other_clicks() -> None:
    told = facts(click(RIGHT, Signal.CLICK_ID, Signal.FBC, visit=1), click("other", Signal.BROWSER, visit=1))

    assert _signals(hide_ids(told)) == {RIGHT: {Signal.FBC}, "other": {Signal.BROWSER}}


def test_a_sign_that_ties_nothing_makes_no_candidate() -> None:
    told = facts(click(RIGHT, Signal.CLICK_ID, Signal.OTHER_IDENTITY, Signal.DEVICE))

    assert hide_ids(told).candidates == []


def test_the_facts_that_were_told_are_left_alone() -> None:
    told = facts(click(RIGHT, Signal.CLICK_ID, Signal.EMAIL), visits=[visit(1, Signal.SESSION_ID)])
    before = replace(told, candidates=list(told.candidates), visits=list(told.visits))

    hide_ids(told)

    assert told == replace(before, candidates=tuple(before.candidates))


_SIGNALS = st.frozensets(st.sampled_from(STORED), min_size=1, max_size=4)
_CLICKS = st.builds(
    lambda number, signals, hours, place, browser: click(
        f"htc{number}", *signals, hours=hours, visit=place, browser=browser, crowd=3
    ),
    st.integers(1, 999),
    _SIGNALS,
    st.floats(-1, 300, allow_nan=False),
    st.integers(1, 4),
    st.integers(0, 3),
)
_VISITS = st.builds(
    lambda place, signals, browser: visit(place, *signals, browser=browser),
    st.integers(1, 4),
    _SIGNALS,
    st.integers(0, 3),
)
_FACTS = st.builds(
    lambda clicks, visits: facts(*clicks, visits=visits),
    st.lists(_CLICKS, max_size=6, unique_by=lambda item: item.click_id),
    st.lists(_VISITS, max_size=4, unique_by=lambda item: item.visit),
)


@given(_FACTS)
def test_no_id_is_left_and_hiding_twice_hides_no_more(told: Facts) -> None:
    hidden = hide_ids(told)

    items: list[Candidate | Visit] = [*hidden.candidates, *hidden.visits]
    assert not any(item.signals & CARRIED for item in items)
    assert hide_ids(hidden) == hidden


@given(_FACTS)
def test_the_option_that_is_graded_is_the_one_that_would_be_chosen(told: Facts) -> None:
    decided = decide(hide_ids(told), Policy(review_threshold=0, view_through_days=0), PRODUCT)
    chosen = decided.evidence[0]["click_id"] if decided.rule else RIGHT

    found = grade([make_case(told, Policy(), Answer(chosen))], PRODUCT)

    assert [(item.claimed, item.right) for item in found.bins] == (
        [(decided.confidence, Share(1, 1))] if decided.rule else []
    )
    assert found.undecided == (0 if decided.rule else 1)


def _bins(found: Grade) -> list[tuple[float, float, float, Share]]:
    return [(item.low, item.high, round(item.claimed, 6), item.right) for item in found.bins]


def test_bins_hold_what_was_claimed_beside_what_was_right() -> None:
    found = grade(by_email(90, 10) + by_address(30, 20), sure_of(shared=0.9, nearby=0.25))

    assert _bins(found) == [(0.2, 0.3, 0.25, Share(30, 50)), (0.8, 0.9, 0.9, Share(90, 100))]
    assert (found.sales, found.undecided) == (150, 0)
    assert (found.precision, found.matched) == (Share(90, 100), Share(100, 150))
    assert found.calibration_error == pytest.approx(50 / 150 * 0.35)


@pytest.mark.parametrize(("score", "low"), [(0.7, 0.6), (0.71, 0.7), (0.999, 0.9), (0.05, 0.0)])
def test_a_bin_holds_its_upper_end(score: float, low: float) -> None:
    assert [item.low for item in grade(by_email(1, 0), sure_of(shared=score)).bins] == [low]


def test_scores_that_come_true_have_no_calibration_error() -> None:
    found = grade(by_email(9, 1) + by_address(1, 3), sure_of(shared=0.9, nearby=0.25))

    assert found.calibration_error == pytest.approx(0, abs=1e-6)


def test_in_crowds_where_addresses_mislead_a_careless_score_is_found_out() -> None:
    cases = by_address(0, 200, crowd=50)

    careless, careful = grade(cases, sure_of(nearby=0.95)), grade(cases, PRODUCT)

    assert (careless.precision, careless.proposed_threshold) == (Share(0, 200), None)
    assert careless.calibration_error == pytest.approx(0.95)
    assert careful.precision == Share(0, 0)
    assert [item.right for item in careful.bins] == [Share(0, 200)]
    assert careful.bins[0].high < 0.2


def test_a_sale_to_which_only_its_id_led_is_undecided() -> None:
    found = grade([case(click(RIGHT, *HIDDEN_AWAY))] * 3 + by_email(1, 0), sure_of(shared=0.9))

    assert (found.sales, found.undecided, found.matched) == (4, 3, Share(1, 4))


def test_of_a_rejected_click_it_is_known_only_that_it_was_wrong() -> None:
    again = case(click(WRONG, Signal.EMAIL), answer=WRONG, is_right=False)
    another = case(click(RIGHT, Signal.EMAIL), click(WRONG, Signal.ADDRESS, visit=1), answer=WRONG, is_right=False)
    nothing = case(click(WRONG, *HIDDEN_AWAY), answer=WRONG, is_right=False)

    found = grade([again, another, nothing], sure_of(shared=0.9))

    assert (found.sales, found.undecided) == (1, 0)
    assert (found.precision, found.matched) == (Share(0, 1), Share(0, 0))


def test_each_sale_is_used_by_the_threshold_of_its_own_funnel() -> None:
    own = click(RIGHT, Signal.CLICK_ID, Signal.EMAIL)

    found = grade([case(own, threshold=0.95), case(own, threshold=0.85)], sure_of(shared=0.9))

    assert (found.matched, found.auto_thresholds) == (Share(1, 2), (0.85, 0.95))


def test_a_click_outside_the_window_is_no_option() -> None:
    late = case(click(RIGHT, Signal.CLICK_ID, Signal.EMAIL, hours=24 * 8))

    assert late.options == ()


def test_the_lowest_threshold_that_is_sure_enough_is_proposed() -> None:
    sure, unsure = by_email(400, 0), by_address(360, 40)

    found = grade(sure + unsure, sure_of(shared=0.93, nearby=0.8))

    assert found.proposed_threshold == 0.81


@pytest.mark.parametrize(("right", "proposed"), [(0, None), (380, None), (381, 0.5)])
def test_a_threshold_is_proposed_only_by_enough_sales(right: int, proposed: float | None) -> None:
    assert grade(by_email(right, 0), sure_of(shared=0.9)).proposed_threshold == proposed


def test_nothing_is_claimed_of_no_sales() -> None:
    found = grade([], PRODUCT)

    assert json.loads(json.dumps(found.to_json())) == {
        "weights": "product-1",
        "sales": 0,
        "undecided": 0,
        "precision": {"value": None, "low": 0.0, "high": 1.0, "hits": 0, "of": 0},
        "matched": {"value": None, "low": 0.0, "high": 1.0, "hits": 0, "of": 0},
        "calibration_error": None,
        "auto_thresholds": [],
        "proposed_threshold": None,
        "bins": [],
    }


@pytest.mark.parametrize(("hits", "of"), [(0, 1), (1, 1), (3, 10), (99, 100), (1000, 1000)])
def test_intervals_are_those_of_the_truth_bench(hits: int, of: int) -> None:
    assert Share(hits, of).interval() == pytest.approx(BenchShare(hits, of).interval())


def test_the_order_of_the_sales_changes_nothing() -> None:
    cases = known(shared_network(60))

    assert grade(cases, PRODUCT) == grade(cases[::-1], PRODUCT)


def test_what_is_against_a_click_is_never_a_tie() -> None:
    told: Sequence[Candidate] = [click(f"htc{place}", name) for place, name in enumerate(sorted(AGAINST))]

    assert hide_ids(facts(*told)).candidates == []

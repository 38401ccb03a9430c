"""The measures of the truth bench on examples small enough to count by hand, and its baselines on a real world."""

import math

import pytest

from tests.bench.truth.baselines import match_by_email, match_by_id, verdict
from tests.bench.truth.facts import Origin
from tests.bench.truth.measure import Share, Verdict, score
from tests.bench.truth.params import Params
from tests.bench.truth.run import parse_seeds
from tests.bench.truth.world import make_world


def right(rule: str = "by_id", confidence: float = 1.0) -> Verdict:
    return Verdict("a", is_matchable=True, chosen="a", rule=rule, confidence=confidence, is_own=True)


def wrong(rule: str = "by_id", confidence: float = 1.0, *, is_own: bool = False) -> Verdict:
    return Verdict("a", is_matchable=True, chosen="b", rule=rule, confidence=confidence, is_own=is_own)


def missed() -> Verdict:
    return Verdict("a", is_matchable=True, chosen="", confidence=0.0)


def organic(chosen: str = "") -> Verdict:
    return Verdict("", is_matchable=False, chosen=chosen, rule="by_id" if chosen else "")


def test_a_share_of_nothing_is_no_number_and_may_be_anything() -> None:
    share = Share(0, 0)

    assert math.isnan(share.value)
    assert share.interval() == (0.0, 1.0)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775), (50, 100, 0.4038, 0.5962), (990, 1000, 0.9817, 0.9946)],
)
def test_wilsons_interval(hits: int, of: int, low: float, high: float) -> None:
    assert Share(hits, of).interval() == pytest.approx((low, high), abs=0.00005)


def test_rates_of_the_matchable_leave_the_others_out() -> None:
    found = score([right(), right(), wrong(), missed(), organic(), organic()])

    assert (found.matched, found.recall) == (Share(3, 4), Share(2, 4))


def test_a_match_of_an_unmatchable_sale_costs_precision_and_adds_nothing_to_the_rate() -> None:
    without, with_it = score([right(), missed()]), score([right(), missed(), organic("b")])

    assert (without.precision, with_it.precision) == (Share(1, 1), Share(1, 2))
    assert without.matched == with_it.matched == Share(1, 2)
    assert with_it.unmatchable_matched == Share(1, 1)


def test_choosing_nothing_where_there_is_nothing_is_no_hit() -> None:
    found = score([organic()])

    assert not organic().is_right
    assert (found.precision, found.matched, found.unmatchable_matched) == (Share(0, 0), Share(0, 0), Share(0, 1))


def test_a_traceless_sale_whose_click_was_guessed_is_right_but_not_of_the_matchable() -> None:
    guessed = Verdict("a", is_matchable=False, chosen="a", rule="by_id")

    found = score([guessed, missed()])

    assert (found.precision, found.matched, found.recall) == (Share(1, 1), Share(0, 1), Share(0, 1))


def test_what_waits_for_a_person_is_not_matched_but_is_calibrated() -> None:
    waiting = Verdict("a", is_matchable=True, chosen="a", rule="scored", confidence=0.65, is_auto=False)

    found = score([waiting])

    assert (found.matched, found.recall, found.precision) == (Share(0, 1), Share(0, 1), Share(0, 0))
    assert found.rules == ()
    assert [(item.low, item.high, item.right) for item in found.bins] == [(0.6, 0.7, Share(1, 1))]


def test_the_buyers_other_click_is_wrong_yet_of_the_right_person() -> None:
    found = score([right(), wrong(is_own=True), wrong()])

    assert (found.precision, found.own) == (Share(1, 3), Share(2, 3))


def test_each_rule_answers_for_its_own_matches() -> None:
    found = score([right("by_id"), right("by_mail"), wrong("by_mail"), missed(), organic()])

    by_id, by_mail = found.rules
    assert (by_id.rule, by_id.precision, by_id.recall) == ("by_id", Share(1, 1), Share(1, 4))
    assert (by_mail.rule, by_mail.precision, by_mail.recall) == ("by_mail", Share(1, 2), Share(1, 4))


def test_the_rules_recalls_add_up_to_the_whole() -> None:
    found = score([right("x"), right("y"), right("y"), wrong("x"), missed()])

    assert sum(rule.recall.hits for rule in found.rules) == found.recall.hits == 3


def test_perfect_claims_have_no_calibration_error() -> None:
    assert score([right(confidence=1.0), right(confidence=1.0)]).calibration_error == 0.0


def test_the_calibration_error_weighs_each_bins_gap_by_its_sales() -> None:
    sure = [right(confidence=1.0)] * 3 + [wrong(confidence=1.0)]
    unsure = [right(confidence=0.55), wrong(confidence=0.55)]

    found = score([*sure, *unsure])

    assert [(item.low, item.claimed, item.right) for item in found.bins] == [
        (0.5, pytest.approx(0.55), Share(1, 2)),
        (0.9, 1.0, Share(3, 4)),
    ]
    assert found.calibration_error == pytest.approx((4 * 0.25 + 2 * 0.05) / 6)


def test_gaps_of_different_sign_do_not_cancel_out_across_bins() -> None:
    over, under = wrong(confidence=1.0), right(confidence=0.05)

    assert score([over, under]).calibration_error == pytest.approx((1.0 + 0.95) / 2)


@pytest.mark.parametrize(
    ("confidence", "low"), [(0.0, 0.0), (0.05, 0.0), (0.1, 0.0), (0.11, 0.1), (0.7, 0.6), (0.9, 0.8), (1.0, 0.9)]
)
def test_a_bin_holds_its_upper_end(confidence: float, low: float) -> None:
    assert [item.low for item in score([right(confidence=confidence)]).bins] == [low]


def test_sales_without_a_chosen_click_are_in_no_bin() -> None:
    found = score([missed(), organic()])

    assert found.bins == ()
    assert math.isnan(found.calibration_error)


@pytest.mark.parametrize(("text", "seeds"), [("7", [7]), ("0-2", [0, 1, 2]), ("100-101", [100, 101])])
def test_seeds_are_read_as_a_range_with_both_ends(text: str, seeds: list[int]) -> None:
    assert list(parse_seeds(text)) == seeds


@pytest.mark.parametrize("text", ["", "a", "5-1", "1-"])
def test_other_seeds_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid literal|comes before"):
        parse_seeds(text)


def test_the_baselines_choose_only_what_their_one_sign_shows() -> None:
    world = make_world(3, Params(sales=300))
    clicks = {click.click_id: click for click in world.clicks}

    by_id, by_email = match_by_id(world), match_by_email(world)

    assert len(by_id) == len(by_email) == len(world.sales)
    for sale, found in zip(world.sales, by_id, strict=True):
        assert found.chosen in ("", sale.carried)
    for sale, found in zip(world.sales, by_email, strict=True):
        assert not found.chosen or clicks[found.chosen].clicked_at <= sale.sold_at
    assert score(by_id).matched.hits > 0
    assert score(by_email).matched.hits > 0


def test_no_baseline_looks_past_the_window() -> None:
    world = make_world(3, Params(sales=300, window_days=1))
    clicks = {click.click_id: click for click in world.clicks}
    carried_old = 0

    for sale, by_id, by_email in zip(world.sales, match_by_id(world), match_by_email(world), strict=True):
        for found in (by_id, by_email):
            assert not found.chosen or (sale.sold_at - clicks[found.chosen].clicked_at).total_seconds() <= 86400
        if sale.carried in clicks and (sale.sold_at - clicks[sale.carried].clicked_at).total_seconds() > 86400:
            carried_old += 1
            assert by_id.chosen == ""
    assert carried_old > 0


def test_a_verdict_knows_whose_click_was_chosen() -> None:
    world = make_world(0, Params(sales=100))
    sale = next(sale for sale in world.sales if sale.origin is Origin.CLICK)
    others = next(click for click in world.clicks if click.person != sale.person)
    own = next(click for click in world.clicks if click.click_id == sale.brought_by)

    assert verdict(sale, own, rule="r").is_right
    assert verdict(sale, own, rule="r").is_own
    assert not verdict(sale, others, rule="r").is_own
    assert verdict(sale, None, rule="r").chosen == ""

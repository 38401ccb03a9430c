"""Which click wins, why each other loses, and what follows from how sure it is."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from apps.matching.facts import Facts, Model, Policy, Sale
from apps.matching.rules import CLOCK_TOLERANCE, Decided, Decision, Reason, decide
from apps.matching.signals import RULES, VIEW_THROUGH, Rule, Signal, Tier
from apps.matching.weights import PRODUCT
from tests.matching.cases import DAY, HOUR, SALE, SOLD_AT, click, judge, reasons, standing, visit

MINUTE = timedelta(minutes=1)
AT_ONCE = {"last_seen_at": SOLD_AT}
UNSURE = click(1, 2, Signal.EMAIL)
"""By the product's weights between review and automatic."""


def outcome(decided: Decided) -> tuple[Decision, str, int | None]:
    return decided.decision, decided.rule, decided.click_pk


# --- One candidate ---


def test_without_candidates_the_sale_is_unmatched() -> None:
    decided = judge()

    assert outcome(decided) == (Decision.UNMATCHED, "", None)
    assert (decided.confidence, decided.evidence, decided.visit_pk, decided.is_flagged) == (0.0, [], None, False)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_tie_alone_in_the_visit_of_the_order_is_sure_enough(rule: Rule) -> None:
    decided = judge(click(1, 0.01, rule.signal))

    assert outcome(decided) == (Decision.AUTO, rule.name, 1)
    assert 0.85 <= decided.confidence < 1
    assert decided.evidence[0]["tier"] == rule.tier


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_match_bears_the_name_of_the_first_rule_that_holds(rule: Rule) -> None:
    weaker = [other.signal for other in RULES[RULES.index(rule) :]]

    assert judge(click(1, 0.01, *weaker)).rule == rule.name


def test_a_lone_address_days_ago_is_too_little() -> None:
    decided = judge(click(1, 5, Signal.ADDRESS, crowd=1))

    assert outcome(decided) == (Decision.UNMATCHED, "", None)
    assert reasons(decided) == {"htc01": Reason.TOO_UNSURE}
    assert standing(decided, "htc01") == (True, decided.evidence[0]["score"])


@pytest.mark.parametrize(("crowd", "decision"), [(1, Decision.AUTO), (3, Decision.AUTO), (40, Decision.UNMATCHED)])
def test_an_address_that_a_crowd_shares_proves_little(crowd: int, decision: Decision) -> None:
    assert judge(click(1, 0.01, Signal.ADDRESS, crowd=crowd)).decision is decision


def test_the_same_kind_of_device_counts_for_an_address() -> None:
    plain = judge(click(1, 1, Signal.ADDRESS, crowd=2)).evidence[0]
    same = judge(click(1, 1, Signal.ADDRESS, Signal.DEVICE, crowd=2)).evidence[0]

    assert same["score"] > plain["score"]
    assert {"name": "device", "weight": 1.0, "matched": True} in same["signals"]


# --- Window and clocks ---


@pytest.mark.parametrize("signal", [Signal.CLICK_ID, Signal.EMAIL, Signal.ADDRESS])
def test_a_click_outside_the_window_loses_even_with_the_strongest_tie(signal: Signal) -> None:
    decided = judge(click(1, 7.01, signal))

    assert outcome(decided) == (Decision.UNMATCHED, "", None)
    assert reasons(decided) == {"htc01": Reason.OUTSIDE_WINDOW}
    assert decided.evidence[0]["days_before_sale"] == 7.01


def test_the_window_includes_its_last_moment() -> None:
    decided = judge(click(1, 7, Signal.CLICK_ID, **AT_ONCE))

    assert outcome(decided) == (Decision.AUTO, "explicit_click_id", 1)


@pytest.mark.parametrize("days", [1, 30, 90])
def test_each_window_ends_where_it_says(days: int) -> None:
    inside, outside = click(1, days, Signal.CLICK_ID), click(2, days + 0.001, Signal.CLICK_ID)

    decided = judge(inside, outside, policy=Policy(window_days=days))

    assert reasons(decided)["htc02"] == Reason.OUTSIDE_WINDOW
    assert standing(decided, "htc01")[0]


@pytest.mark.parametrize("signal", [Signal.EMAIL, Signal.FBC, Signal.BROWSER, Signal.ADDRESS])
def test_a_click_after_the_order_cannot_have_brought_it(signal: Signal) -> None:
    decided = judge(click(1, -1, signal))

    assert (decided.click_pk, reasons(decided)) == (None, {"htc01": Reason.AFTER_SALE})


def test_clocks_may_differ_by_minutes() -> None:
    late = CLOCK_TOLERANCE / DAY

    assert judge(click(1, -late, Signal.EMAIL)).click_pk == 1
    assert judge(click(1, -late - 1e-5, Signal.EMAIL)).click_pk is None


def test_a_click_id_that_came_back_proves_the_order_whatever_the_clocks_say() -> None:
    assert outcome(judge(click(1, -1, Signal.CLICK_ID))) == (Decision.AUTO, "explicit_click_id", 1)


def test_a_session_that_seems_to_begin_after_the_order_shows_that_clocks_disagree() -> None:
    late = click(1, -0.5, Signal.SESSION_ID)
    its_visit = visit(1, Signal.SESSION_ID, ago=-HOUR * 12, last_seen_at=SOLD_AT + DAY)

    assert outcome(judge(late, visits=(its_visit,))) == (Decision.AUTO, "explicit_session_id", 1)


def test_a_later_click_of_a_session_that_began_before_the_order_did_not_bring_it() -> None:
    first, later = (click(pk, days, Signal.SESSION_ID, visit=1) for pk, days in ((1, 0.01), (2, -0.5)))
    its_visit = visit(1, Signal.SESSION_ID, ago=DAY / 100, last_seen_at=SOLD_AT + DAY)

    decided = judge(first, later, visits=(its_visit,))

    assert outcome(decided) == (Decision.AUTO, "explicit_session_id", 1)
    assert reasons(decided)["htc02"] == Reason.AFTER_SALE


# --- Several candidates ---


def test_among_equals_the_last_click_counts() -> None:
    decided = judge(click(1, 5, Signal.EMAIL), click(2, 0.01, Signal.EMAIL))

    assert decided.click_pk == 2
    assert reasons(decided) == {"htc02": Reason.WON, "htc01": Reason.EARLIER_CLICK}


def test_the_first_click_counts_where_the_funnel_says_so() -> None:
    first, last = click(1, 3, Signal.PHONE, **AT_ONCE), click(2, 0.01, Signal.PHONE)

    decided = judge(first, last, policy=Policy(model=Model.FIRST_CLICK))

    assert decided.click_pk == 1
    assert reasons(decided) == {"htc01": Reason.WON, "htc02": Reason.LATER_CLICK}


def test_by_any_click_the_surest_counts_and_the_others_are_no_rivals() -> None:
    surest, last = click(1, 3, Signal.CLICK_ID, **AT_ONCE), click(2, 0.01, Signal.EMAIL)

    decided = judge(surest, last, policy=Policy(model=Model.ANY_CLICK))

    assert decided.click_pk == 1
    assert reasons(decided) == {"htc01": Reason.WON, "htc02": Reason.WEAKER_SIGNAL}
    assert not {"rival", "linked_rival", "nearby_rival"} & _names(decided, "htc02")


def _names(decided: Decided, click_id: str) -> set[str]:
    return {signal["name"] for item in decided.evidence if item["click_id"] == click_id for signal in item["signals"]}


def test_a_carried_id_wins_over_a_later_click_with_less() -> None:
    decided = judge(click(1, 0.02, Signal.CLICK_ID), click(2, 0.01, Signal.ADDRESS, crowd=1))

    assert decided.click_pk == 1
    assert reasons(decided) == {"htc01": Reason.WON, "htc02": Reason.WEAKER_SIGNAL}
    assert "other_id" in _names(decided, "htc02")


def test_clicks_of_one_instant_are_always_decided_the_same_way() -> None:
    one, other = click(1, 0.01, Signal.EMAIL), click(2, 0.01, Signal.EMAIL)

    assert judge(one, other) == judge(other, one)
    assert judge(one, other).click_pk == 2


def test_the_nearest_miss_comes_first_even_if_an_ineligible_click_scores_higher() -> None:
    unsure, old = click(1, 5, Signal.ADDRESS, crowd=9), click(2, 8, Signal.CLICK_ID, Signal.EMAIL)

    decided = judge(unsure, old)

    assert [item["click_id"] for item in decided.evidence] == ["htc01", "htc02"]
    assert [item["reason"] for item in decided.evidence] == ["too_unsure", "outside_window"]
    assert decided.evidence[1]["score"] > decided.evidence[0]["score"]


# --- How sure it must be ---


@pytest.mark.parametrize(
    ("changes", "decision", "is_flagged"),
    [
        ({}, Decision.REVIEW, False),
        ({"uses_unsure": True}, Decision.AUTO, True),
        ({"auto_threshold": 0.6}, Decision.AUTO, False),
        ({"auto_threshold": 0.6, "uses_unsure": True}, Decision.AUTO, False),
        ({"review_threshold": 0.84}, Decision.UNMATCHED, False),
        ({"review_threshold": 0.84, "uses_unsure": True}, Decision.UNMATCHED, False),
    ],
)
def test_thresholds_and_the_funnels_choice_decide_on_the_unsure(
    changes: dict[str, Any], decision: Decision, is_flagged: bool
) -> None:
    seen_again = visit(9, Signal.EMAIL)

    decided = judge(UNSURE, visits=(seen_again,), policy=Policy(**changes))

    assert 0.6 <= decided.evidence[0]["score"] < 0.84
    assert (decided.decision, decided.is_flagged) == (decision, is_flagged)
    assert decided.click_pk == (None if decision is Decision.UNMATCHED else 1)


def test_a_threshold_is_reached_by_what_equals_it() -> None:
    score = judge(UNSURE).evidence[0]["score"]

    assert judge(UNSURE, policy=Policy(auto_threshold=score, review_threshold=score)).decision is Decision.AUTO
    above = score + 1e-6
    assert judge(UNSURE, policy=Policy(auto_threshold=above, review_threshold=score)).decision is Decision.REVIEW
    assert judge(UNSURE, policy=Policy(auto_threshold=1, review_threshold=above)).decision is Decision.UNMATCHED


# --- View-through ---


def test_a_visit_without_a_click_counts_only_where_the_funnel_says_so() -> None:
    seen = visit(4, Signal.EMAIL)

    assert judge(visits=(seen,)).decision is Decision.UNMATCHED
    decided = judge(visits=(seen,), policy=Policy(view_through_days=1))
    assert (*outcome(decided), decided.visit_pk) == (Decision.AUTO, VIEW_THROUGH, None, 4)
    assert (decided.confidence, decided.is_flagged) == (0.85, False)


def test_a_click_counts_before_any_view() -> None:
    decided = judge(click(1, 0.01, Signal.EMAIL), visits=(visit(4, Signal.EMAIL),), policy=Policy(view_through_days=1))

    assert (decided.rule, decided.click_pk, decided.visit_pk) == ("email_hash", 1, None)


def test_of_several_views_the_last_counts_and_lost_clicks_stay_in_the_evidence() -> None:
    earlier, later = visit(4, Signal.EMAIL, last_seen_at=SOLD_AT - HOUR), visit(5, Signal.PHONE)

    decided = judge(click(1, 8, Signal.EMAIL), visits=(later, earlier), policy=Policy(view_through_days=1))

    assert decided.visit_pk == 5
    assert reasons(decided) == {"htc01": Reason.OUTSIDE_WINDOW}


@pytest.mark.parametrize(
    ("changes", "signal", "is_used"),
    [
        ({"last_seen_at": SOLD_AT - DAY}, Signal.EMAIL, True),
        ({"last_seen_at": SOLD_AT - DAY - MINUTE}, Signal.EMAIL, False),
        ({"first_seen_at": SOLD_AT + CLOCK_TOLERANCE}, Signal.EMAIL, True),
        ({"first_seen_at": SOLD_AT + CLOCK_TOLERANCE + MINUTE}, Signal.EMAIL, False),
        ({}, Signal.BROWSER, False),
        ({}, Signal.PERSON, False),
    ],
)
def test_a_view_is_the_buyers_own_and_recent(changes: dict[str, Any], signal: Signal, is_used: bool) -> None:
    decided = judge(visits=(visit(4, signal, **changes),), policy=Policy(view_through_days=1))

    assert (decided.visit_pk == 4) is is_used


# --- What the evidence holds ---


def test_the_evidence_names_every_signal_with_its_weight() -> None:
    decided = judge(click(1, 2, Signal.EMAIL, Signal.PHONE, browser=3))

    (item,) = decided.evidence
    assert item["shares"] == ["email", "phone"]
    assert item["signals"] == [
        {"name": "email", "weight": 0.74, "matched": True},
        {"name": "phone", "weight": 0.32, "matched": True},
        {"name": "age", "weight": round(-0.29 * 1.0986, 3), "matched": True},
    ]
    assert (item["tier"], item["visit"], item["browser"], item["crowd"]) == (Tier.SHARED, 1, 3, 0)
    assert (item["clicked_at"], item["days_before_sale"]) == ((SOLD_AT - 2 * DAY).isoformat(), 2.0)


def test_what_an_id_carried_says_of_the_sale_decides_nothing() -> None:
    facts = Facts(SALE, (UNSURE,))

    decisions = [
        decide(replace(facts, sale=Sale(SOLD_AT, carries)), Policy(), PRODUCT)
        for carries in ("", "known", "unknown", "foreign")
    ]

    assert decisions == [decisions[0]] * 4

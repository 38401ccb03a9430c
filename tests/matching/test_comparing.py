"""Two outcomes of a sale side by side, and what many of them add up to."""

import random
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from apps.matching.comparing import (
    MATCHING_SETTINGS,
    Change,
    Compared,
    Outcome,
    Sum,
    add_up,
    changed_share,
    differing_settings,
    find_change,
    outcome_of,
    read_sums,
)
from apps.matching.models import Difference
from apps.matching.rules import Decided, Decision

NOTHING = Outcome(Decision.UNMATCHED, "", 0.0)
CLICK = Outcome(Decision.AUTO, "email_hash", 0.9, "htc1")
SURER = Outcome(Decision.AUTO, "explicit_click_id", 0.99, "htc1")
OTHER = Outcome(Decision.AUTO, "email_hash", 0.9, "htc2")
ASKED = Outcome(Decision.REVIEW, "email_hash", 0.7, "htc1")
VISIT = Outcome(Decision.AUTO, "view_through", 0.85, "", 7)
OTHER_VISIT = Outcome(Decision.AUTO, "view_through", 0.85, "", 8)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (NOTHING, NOTHING, None),
        (CLICK, CLICK, None),
        (CLICK, SURER, None),
        (ASKED, NOTHING, None),
        (NOTHING, ASKED, None),
        (VISIT, VISIT, None),
        (NOTHING, CLICK, Change.GAINED),
        (ASKED, CLICK, Change.GAINED),
        (NOTHING, VISIT, Change.GAINED),
        (CLICK, NOTHING, Change.LOST),
        (CLICK, ASKED, Change.LOST),
        (VISIT, NOTHING, Change.LOST),
        (CLICK, OTHER, Change.MOVED),
        (VISIT, CLICK, Change.MOVED),
        (CLICK, VISIT, Change.MOVED),
        (VISIT, OTHER_VISIT, Change.MOVED),
    ],
)
def test_a_change_is_one_of_what_is_used(before: Outcome, after: Outcome, change: Change | None) -> None:
    assert find_change(before, after) is change


def test_the_kinds_of_change_are_those_of_the_table() -> None:
    assert [change.value for change in Change] == Difference.Kind.values


def decided(decision: Decision, click_pk: int | None, *click_ids: str, visit_pk: int | None = None) -> Decided:
    return Decided(decision, "a_rule", 0.9, click_pk, [{"click_id": name} for name in click_ids], visit_pk=visit_pk)


@pytest.mark.parametrize(
    ("case", "click_id", "used"),
    [
        (decided(Decision.AUTO, 1, "htc1", "htc2"), "htc1", "htc1"),
        (decided(Decision.REVIEW, 1, "htc1"), "htc1", ""),
        (decided(Decision.UNMATCHED, None, "htc1"), "", ""),
        (decided(Decision.UNMATCHED, None), "", ""),
        (decided(Decision.AUTO, None, "htc1", visit_pk=7), "", "visit 7"),
    ],
)
def test_an_outcome_names_the_click_that_won_or_is_proposed(case: Decided, click_id: str, used: str) -> None:
    outcome = outcome_of(case)

    assert outcome.to_json() == {
        "decision": case.decision.value,
        "rule": "a_rule",
        "confidence": 0.9,
        "click_id": click_id,
    }
    assert outcome.used == used


SALES = [
    Compared("BRL", Decimal("100.10"), None),
    Compared("BRL", Decimal("0.02"), Change.GAINED),
    Compared("BRL", Decimal("0.010"), Change.GAINED),
    Compared("USD", Decimal("49.990"), Change.LOST),
    Compared("BRL", Decimal("7"), Change.MOVED),
    Compared("", None, Change.LOST),
]
SUMMARY = {
    "compared": {
        "BRL": {"sales": 4, "amount": "107.130"},
        "USD": {"sales": 1, "amount": "49.990"},
        "": {"sales": 1, "amount": "0.000"},
    },
    "gained": {"BRL": {"sales": 2, "amount": "0.030"}},
    "lost": {"USD": {"sales": 1, "amount": "49.990"}, "": {"sales": 1, "amount": "0.000"}},
    "reattributed": {"BRL": {"sales": 1, "amount": "7.000"}},
}


def test_sales_and_money_add_up_by_kind_and_currency() -> None:
    assert add_up({}, SALES) == SUMMARY


def test_nothing_adds_nothing() -> None:
    assert add_up({}, []) == {}
    assert add_up(SUMMARY, []) == SUMMARY


@pytest.mark.parametrize("seed", range(5))
def test_order_and_chunks_change_no_sum(seed: int) -> None:
    shuffled = random.Random(seed).sample(SALES * 3, len(SALES) * 3)

    at_once = add_up({}, shuffled)
    in_chunks: dict[str, Any] = {}
    for start in range(0, len(shuffled), seed + 1):
        in_chunks = add_up(in_chunks, shuffled[start : start + seed + 1])

    assert at_once == in_chunks == add_up({}, SALES * 3)
    assert at_once["compared"]["BRL"] == {"sales": 12, "amount": "321.390"}


def test_adding_leaves_what_was_given_as_it_was() -> None:
    before = add_up({}, SALES[:1])

    added = add_up(before, SALES[:1])

    assert before["compared"]["BRL"] == {"sales": 1, "amount": "100.100"}
    assert added["compared"]["BRL"] == {"sales": 2, "amount": "200.200"}


def test_sums_are_read_in_one_order() -> None:
    assert list(read_sums(SUMMARY)) == [
        Sum("compared", "", 1, Decimal("0.000")),
        Sum("compared", "BRL", 4, Decimal("107.130")),
        Sum("compared", "USD", 1, Decimal("49.990")),
        Sum("gained", "BRL", 2, Decimal("0.030")),
        Sum("lost", "", 1, Decimal("0.000")),
        Sum("lost", "USD", 1, Decimal("49.990")),
        Sum("reattributed", "BRL", 1, Decimal("7.000")),
    ]
    assert list(read_sums({})) == []


def test_a_sum_is_json_with_exact_money() -> None:
    assert Sum("gained", "BRL", 2, Decimal("0.030")).to_json() == {
        "kind": "gained",
        "currency": "BRL",
        "sales": 2,
        "amount": "0.030",
    }


def of(currency: str, amount: str, same: int, changed: int, change: Change = Change.LOST) -> list[Compared]:
    """So many sales of one amount that stay as they are, and so many that change."""
    sale, other = Compared(currency, Decimal(amount), None), Compared(currency, Decimal(amount), change)
    return [sale] * same + [other] * changed


@pytest.mark.parametrize(
    ("sales", "share"),
    [
        ([], "0"),
        (of("BRL", "10", 20, 0), "0"),
        (of("BRL", "10", 19, 1), "0.05"),
        (of("BRL", "10", 19, 1, Change.GAINED), "0.05"),
        (of("BRL", "10", 19, 1, Change.MOVED), "0.05"),
        (of("BRL", "10", 98, 1) + of("BRL", "10", 0, 1, Change.GAINED), "0.02"),
        (of("BRL", "10", 90, 0) + of("USD", "10", 9, 1), "0.1"),
        (of("BRL", "1", 99, 0) + of("BRL", "101", 0, 1), "0.505"),
        (of("BRL", "0", 9, 1), "0.1"),
        ([Compared("", None, None)] * 3 + [Compared("", None, Change.LOST)], "0.25"),
    ],
)
def test_the_largest_share_counts_of_sales_or_of_a_currencys_money(sales: Iterable[Compared], share: str) -> None:
    assert changed_share(add_up({}, sales)) == Decimal(share)


def test_what_a_draft_has_changed_of_matching_is_named() -> None:
    running = {**dict.fromkeys(MATCHING_SETTINGS, 1), "review_hours": 24, "landing_url": "https://a.example.com"}
    draft = {**running, "auto_threshold": 0.9, "weight_set": "mine", "review_hours": 4, "landing_url": ""}

    assert differing_settings(running, running) == []
    assert differing_settings(running, draft) == [
        {"name": "auto_threshold", "running": 1, "draft": 0.9},
        {"name": "weight_set", "running": 1, "draft": "mine"},
    ]

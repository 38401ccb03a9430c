"""Whole orders through the orders API: in any order and however often the messages come, one state and one sale."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations

import pytest

from apps.conversions.facts import OrderFact, read_fact
from apps.conversions.transitions import OrderState, Status, fold, shapes_order
from tests.gateways.test_orders import read

RECEIVED = datetime(2026, 4, 30, 12, tzinfo=UTC)
SOLD_BY_PIX = ["utmify_waiting_payment_pix.json", "utmify_paid_pix.json"]


def facts_of(*names: str) -> list[OrderFact]:
    events = [read(name) for name in names]
    assert len({event.order_id for event in events}) == 1
    return [read_fact(event, RECEIVED) for event in events]


def every_outcome(facts: list[OrderFact]) -> list[OrderState]:
    """The distinct states that any order of arrival ends in, each message sent twice."""
    outcomes: list[OrderState] = []
    for arrival in permutations(facts):
        state = fold([*arrival, *arrival])
        if state not in outcomes:
            outcomes.append(state)
    return outcomes


@pytest.mark.parametrize(
    ("names", "status", "sold_at", "refunded"),
    [
        (SOLD_BY_PIX[:1], Status.PENDING, None, "0"),
        (SOLD_BY_PIX, Status.APPROVED, datetime(2026, 3, 2, 14, 43, 37, tzinfo=UTC), "0"),
        (
            [*SOLD_BY_PIX, "utmify_refunded.json"],
            Status.REFUNDED,
            datetime(2026, 3, 2, 14, 43, 37, tzinfo=UTC),
            "97.13",
        ),
        (
            [*SOLD_BY_PIX, "utmify_chargedback.json"],
            Status.CHARGED_BACK,
            datetime(2026, 3, 2, 14, 43, 37, tzinfo=UTC),
            "0",
        ),
    ],
)
def test_an_order_in_utmifys_schema(names: list[str], status: Status, sold_at: datetime | None, refunded: str) -> None:
    (state,) = every_outcome(facts_of(*names))

    assert (state.status, state.approved_at) == (status, sold_at)
    assert (state.amount, state.currency, state.refunded_amount) == (Decimal("97.13"), "BRL", Decimal(refunded))
    assert (state.payment_method, state.click_ref, state.is_test) == ("pix", "htc0a1b2c3d4e5f6g7h8i9jklmn", False)


SOLD_AT = datetime(2026, 3, 2, 14, 53, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "status", "refunded"),
    [
        (["refused", "approved"], Status.APPROVED, "0"),
        (["approved", "completed"], Status.APPROVED, "0"),
        (["cancelled", "approved", "partially_refunded"], Status.PARTIALLY_REFUNDED, "234.56"),
        (["approved", "partially_refunded", "refunded"], Status.REFUNDED, "1234.57"),
        (["approved", "disputed"], Status.DISPUTED, "0"),
        (["approved", "disputed", "dispute_won"], Status.APPROVED, "0"),
        (["approved", "disputed", "dispute_won", "charged_back"], Status.CHARGED_BACK, "0"),
    ],
)
def test_an_order_in_the_hubs_own_schema(words: list[str], status: Status, refunded: str) -> None:
    (state,) = every_outcome(facts_of(*(f"own_{word}.json" for word in words)))

    assert (state.status, state.approved_at, state.amount) == (status, SOLD_AT, Decimal("1234.57"))
    assert state.refunded_amount == Decimal(refunded)
    assert (state.net_amount, state.installments) == (Decimal("1049.38"), 10)


def test_a_pix_that_expired_was_no_sale() -> None:
    (state,) = every_outcome(facts_of("own_pending.json", "own_expired.json"))

    assert (state.status, state.approved_at) == (Status.EXPIRED, None)


def test_the_end_of_the_guarantee_alone_is_no_sale() -> None:
    assert not shapes_order(read("own_completed.json").kind)


@pytest.mark.parametrize("name", ["own_approved_test.json", "utmify_paid_test.json"])
def test_a_test_stays_one(name: str) -> None:
    (state,) = every_outcome(facts_of(name))

    assert (state.status, state.is_test) == (Status.APPROVED, True)


def test_a_refusal_that_tells_no_time_does_not_undo_the_payment_that_followed() -> None:
    refused = read("utmify_refused.json", (("orderId",), "CV-90031"))
    facts = [read_fact(refused, RECEIVED), *facts_of("utmify_paid_pix.json")]

    (state,) = every_outcome(facts)

    assert state.status is Status.APPROVED

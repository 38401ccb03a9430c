"""The messages of one Stripe payment, in whatever order they come, are one order and one sale."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations

import pytest

from apps.conversions.facts import read_fact
from apps.conversions.transitions import OrderState, Status, fold
from apps.gateways.events import SALES, GatewayEvent, Kind
from tests.gateways.test_stripe import PAID, UNPAID, read

RECEIVED = datetime(2026, 12, 1, tzinfo=UTC)


def state_after(names: tuple[str, ...]) -> OrderState:
    return fold([read_fact(read(name), RECEIVED) for name in names])


def dispute(word: str) -> str:
    return f"charge_dispute_{word}.json"


@pytest.mark.parametrize(
    ("names", "status", "refunded"),
    [
        ([UNPAID, "checkout_session_async_payment_succeeded.json"], Status.APPROVED, "0"),
        ([PAID, "charge_refunded_partial.json"], Status.PARTIALLY_REFUNDED, "50"),
        ([PAID, "charge_refunded_partial.json", "charge_refunded_full.json"], Status.REFUNDED, "197.6"),
        ([PAID, dispute("created_inquiry"), dispute("closed_inquiry")], Status.APPROVED, "0"),
        ([PAID, dispute("created"), dispute("closed_won")], Status.APPROVED, "0"),
        ([PAID, dispute("created"), dispute("closed_lost")], Status.CHARGED_BACK, "0"),
        ([PAID, "charge_refunded_partial.json", dispute("created")], Status.CHARGED_BACK, "50"),
    ],
)
def test_every_order_of_arrival_folds_into_one_state_and_one_sale(
    names: list[str], status: Status, refunded: str
) -> None:
    events = [read(name) for name in names]

    assert len({event.order_id for event in events}) == 1
    assert len([event for event in events if event.kind in SALES]) == 1
    for arrival in permutations(names):
        state = state_after((*arrival, arrival[0]))
        assert (state.status, state.refunded_amount) == (status, Decimal(refunded))
        assert (state.amount, state.currency) == (Decimal("197.6"), "BRL")
        assert state.approved_at is not None


@pytest.mark.parametrize(
    "names",
    [
        (
            "checkout_session_completed_unpaid_subscription.json",
            "checkout_session_async_payment_succeeded_subscription.json",
        ),
        ("invoice_paid_subscription_cycle_before_2025.json", "charge_refunded_subscription_before_2025.json"),
    ],
)
def test_so_do_the_messages_of_a_subscriptions_charge(names: tuple[str, str]) -> None:
    pending_or_sale, last = (read(name) for name in names)

    assert pending_or_sale.order_id == last.order_id
    assert state_after(names) == state_after(names[::-1])
    assert state_after(names).approved_at is not None


def test_an_old_renewal_that_went_back_is_refunded() -> None:
    state = state_after(
        ("charge_refunded_subscription_before_2025.json", "invoice_paid_subscription_cycle_before_2025.json")
    )

    assert (state.status, state.refunded_amount, state.is_renewal) == (Status.REFUNDED, Decimal("49.9"), True)


def test_a_payment_that_never_came_is_no_sale() -> None:
    failed = read("checkout_session_async_payment_failed.json")

    state = fold([read_fact(failed, RECEIVED)])

    assert (state.status, state.approved_at) == (Status.EXPIRED, None)


def test_a_trial_is_not_a_sale_and_not_the_order_of_its_first_payment() -> None:
    trial, renewal = read("checkout_session_completed_trial.json"), read("invoice_paid_subscription_cycle.json")

    assert trial.kind is Kind.TRIAL_STARTED
    assert trial.order_id != renewal.order_id
    assert fold([read_fact(trial, RECEIVED)]).approved_at is None


def other_tellings() -> list[GatewayEvent]:
    """The same money as others tell it."""
    names = [
        "payment_intent_succeeded",
        "invoice_paid_subscription_create",
        "invoice_paid_nothing_due",
        "refund_failed",
    ]
    return [read(f"{name}.json") for name in [*names, "invoice_paid_manual", "charge_refund_updated_failed"]]


def test_what_others_tell_of_the_same_money_touches_no_order() -> None:
    assert {(event.kind, event.order_id) for event in other_tellings()} == {(Kind.IGNORED, None)}

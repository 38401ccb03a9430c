"""All messages of one Braip order, in any order of arrival, are one order in one state."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations

import pytest

from apps.conversions.facts import fingerprint, read_fact
from apps.conversions.transitions import Status, fold, shapes_order
from apps.gateways.events import GatewayEvent
from tests.gateways.samples import sample_named
from tests.gateways.test_braip import BRAIP, PAID, PENDING, RECEIVED, REFUND, core_of


def facts_of(names: tuple[str, ...]) -> list[GatewayEvent]:
    events = [event for name in names for event in BRAIP.parse(sample_named("braip", name).request)]
    return [event for event in events if event.order_id == "ven5t8w2kd" and shapes_order(event.kind)]


@pytest.mark.parametrize(
    ("last", "status"),
    [
        ("venda_completa_approved.json", Status.APPROVED),
        ("status_alterado_canceled.json", Status.APPROVED),  # a slip not used runs out after another was paid
        (REFUND, Status.REFUNDED),
        ("status_alterado_returned.json", Status.REFUNDED),
        ("status_alterado_chargeback.json", Status.CHARGED_BACK),
    ],
)
def test_any_order_of_arrival_ends_in_one_sale(last: str, status: Status) -> None:
    names = (PENDING, PAID, "venda_completa_approved.json", "status_alterado_overdue.json", last)

    states = [fold(read_fact(event, RECEIVED) for event in facts_of(order)) for order in permutations(names)]

    assert all(state == states[0] for state in states)
    assert (states[0].status, states[0].amount, states[0].currency) == (status, Decimal("248.710"), "BRL")
    assert states[0].approved_at == datetime(2026, 3, 3, 11, 15, 30, tzinfo=UTC)
    assert (states[0].is_test, states[0].tracking["sck"]) == (False, "htc7q2m9xk4v8t1c5w3z6b0n")


@pytest.mark.parametrize(
    ("names", "status"),
    [
        ((PENDING,), Status.PENDING),
        ((PENDING, "status_alterado_partially_paid.json"), Status.PENDING),
        ((PENDING, "status_alterado_overdue.json"), Status.EXPIRED),
        ((PENDING, "status_alterado_canceled.json"), Status.CANCELLED),
        (("status_alterado_scheduled.json", "status_alterado_frustrated.json"), Status.CANCELLED),
        ((PENDING, "boleto_alterado.json", "tracking_status_delivered.json", "subscription_late.json"), Status.PENDING),
    ],
)
def test_what_was_never_paid_is_no_sale(names: tuple[str, ...], status: Status) -> None:
    for order in permutations(names):
        state = fold(read_fact(event, RECEIVED) for event in facts_of(order))
        assert (state.status, state.approved_at) == (status, None)


def test_a_sale_told_again_is_the_same_order_and_a_repeated_message_the_same_delivery() -> None:
    (sale,) = BRAIP.parse(sample_named("braip", PAID).request)
    again, upsell = BRAIP.parse(sample_named("braip", "venda_completa_approved.json").request)
    (repeated,) = BRAIP.parse(sample_named("braip", PAID).request)

    assert core_of(sale) == core_of(again)
    assert upsell.order_id != sale.order_id
    assert fingerprint(sale, read_fact(sale, RECEIVED)) == fingerprint(repeated, read_fact(repeated, RECEIVED))

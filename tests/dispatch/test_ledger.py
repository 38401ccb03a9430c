"""Every approved order stands in one bucket of each destination, and the money adds up."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.conversions.models import Conversion
from apps.dispatch.ledger.queries import Scope, Wanted, find_missing, read_ledger, read_places
from apps.dispatch.ledger.rules import Bucket
from apps.dispatch.models import CapiEvent, Send, SendStatus
from apps.funnels.models import Destination, Endpoint
from apps.pipeline.stages import match_batch
from apps.tenants.scoping import unscoped
from tests.dispatch.ledger import (
    add_destination,
    books,
    destination_of,
    ledger_of,
    long_ago,
    sell,
    set_funnel,
    stand,
)
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.worlds import World, hotmart

SALE = Decimal("197.9")


def reasons(world: World, destination: Destination | None = None) -> list[tuple[str, str, str]]:
    """(order, bucket, why), the newest first."""
    wanted = Wanted(destination_id=destination.pk if destination else None)
    return [(row.order_id, row.bucket.value, row.reason) for row in read_places(Scope(world.tenant_id), wanted)]


def test_an_accepted_sale_is_in_the_books_of_each_destination(world: World, platform: ScriptedPlatform) -> None:
    second = add_destination(world)

    sell(world)

    for destination in (destination_of(world), second):
        assert books(world, destination) == {("accepted", "BRL"): (1, SALE)}
    ledger = ledger_of(world)
    assert ledger.is_balanced
    assert [(total.currency, total.orders, total.amount) for total in ledger.totals] == [("BRL", 1, SALE)]


@pytest.mark.parametrize(
    ("status", "bucket"),
    [
        (SendStatus.PENDING, "waiting"),
        (SendStatus.RETRYING, "waiting"),
        (SendStatus.SENDING, "waiting"),
        (SendStatus.PARKED, "parked"),
        (SendStatus.BLOCKED, "blocked"),
        (SendStatus.EXCLUDED, "excluded"),
        (SendStatus.ACCEPTED, "accepted"),
        (SendStatus.DUPLICATE, "duplicate"),
        (SendStatus.DEAD, "dead"),
        (SendStatus.EXPIRED, "expired"),
    ],
)
def test_each_status_has_its_bucket(world: World, status: str, bucket: str) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    with unscoped():
        match_batch()
    stand(status)

    assert books(world) == {(bucket, "BRL"): (1, SALE)}
    assert ledger_of(world).is_balanced


def test_every_status_is_looked_at_above() -> None:
    (mark,) = [mark for mark in test_each_status_has_its_bucket.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]

    assert {status for status, _bucket in mark.args[1]} == set(SendStatus)


def test_a_status_that_the_ledger_does_not_know_is_missing_and_not_dropped(world: World) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    with unscoped():
        match_batch()
    stand("lost")

    ledger = ledger_of(world)

    assert books(world) == {("missing", "BRL"): (1, SALE)}
    assert (ledger.missing_orders, ledger.is_balanced) == (1, False)


def test_a_sale_waits_from_the_moment_that_it_is_recorded(world: World) -> None:
    world.post_webhook(hotmart(order_id="HP1"))

    assert reasons(world) == [("HP1", "waiting", "matching")]
    assert ledger_of(world).is_balanced


def test_a_sale_of_an_unpublished_funnel_waits(world: World) -> None:
    with unscoped():
        type(world.funnel).objects.update(published=None)

    sell(world)

    assert reasons(world) == [("HP1", "waiting", "matching")]


def test_what_is_not_paid_is_in_no_bucket(world: World, platform: ScriptedPlatform) -> None:
    for number, event in enumerate(("PURCHASE_BILLET_PRINTED", "PURCHASE_CANCELED", "PURCHASE_EXPIRED")):
        world.post_webhook(hotmart(event, order_id=f"HP{number}"))
    world.run_stages()

    assert (books(world), ledger_of(world).totals) == ({}, [])


def test_a_refund_after_acceptance_leaves_it_accepted(world: World, platform: ScriptedPlatform) -> None:
    sell(world)

    world.post_webhook(hotmart("PURCHASE_REFUNDED", order_id="HP1"))
    world.run_stages()

    (line,) = ledger_of(world).buckets
    assert (line.bucket, line.sum.amount, line.sum.refunded_amount) == (Bucket.ACCEPTED, SALE, SALE)


def test_a_refund_before_the_send_puts_it_in_excluded(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [(503, b"")]
    sell(world)

    world.post_webhook(hotmart("PURCHASE_REFUNDED", order_id="HP1"))
    with unscoped():
        Send.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    world.run_stages()

    assert reasons(world) == [("HP1", "excluded", "refunded_before_send")]
    assert ledger_of(world).buckets[0].sum.refunded_amount == SALE


def test_a_test_of_the_gateway_is_excluded(world: World, platform: ScriptedPlatform) -> None:
    sell(world, at_ms=1_000)

    assert reasons(world) == [("HP1", "excluded", "gateway_test")]
    assert ledger_of(world).is_balanced
    assert platform.received == []


def test_an_endpoint_in_shadow_excludes(world: World, platform: ScriptedPlatform) -> None:
    with unscoped():
        Endpoint.objects.update(rollout="shadow")

    sell(world)

    assert reasons(world) == [("HP1", "excluded", "shadow")]


def test_money_is_the_latest_approved_amount(world: World, platform: ScriptedPlatform) -> None:
    sell(world, price=100)
    at_ms = int(timezone.now().timestamp() * 1000) + 1

    world.post_webhook(hotmart(order_id="HP1", price=80.01, at_ms=at_ms))
    world.run_stages()

    assert books(world) == {("accepted", "BRL"): (1, Decimal("80.01"))}


def test_currencies_are_kept_apart_and_to_the_cent(world: World, platform: ScriptedPlatform) -> None:
    for number in range(10):
        world.post_webhook(hotmart(order_id=f"HP{number}", price=0.1))
    world.post_webhook(hotmart(order_id="US1", price=0.2, currency="USD"))
    world.run_stages()

    assert books(world) == {("accepted", "BRL"): (10, Decimal("1.0")), ("accepted", "USD"): (1, Decimal("0.2"))}
    assert [(total.currency, total.amount) for total in ledger_of(world).totals] == [
        ("BRL", Decimal("1.0")),
        ("USD", Decimal("0.2")),
    ]


@pytest.mark.parametrize(
    ("changes", "held"),
    [
        ({"amount": None}, ("", Decimal(0))),
        ({"amount": None, "currency": ""}, ("", Decimal(0))),
        ({"currency": ""}, ("", SALE)),
    ],
)
def test_an_order_without_amount_or_currency_is_counted(
    world: World, platform: ScriptedPlatform, changes: dict[str, Any], held: tuple[str, Decimal]
) -> None:
    sell(world)
    with unscoped():
        Conversion.objects.update(**changes)

    assert books(world) == {("accepted", held[0]): (1, held[1])}
    assert ledger_of(world).is_balanced


def test_a_destination_that_was_added_later_never_hears_of_it(world: World, platform: ScriptedPlatform) -> None:
    sell(world)
    settle(world)
    with unscoped():
        CapiEvent.objects.update(created_at=timezone.now() - timedelta(hours=1))

    second = add_destination(world)

    assert books(world, destination_of(world)) == {("accepted", "BRL"): (1, SALE)}
    assert reasons(world, second) == [("HP1", "excluded", "before_destination")]
    assert ledger_of(world).is_balanced


def test_a_destination_of_the_draft_is_not_published(world: World, platform: ScriptedPlatform) -> None:
    second = add_destination(world, publish=False)

    sell(world)
    settle(world)

    assert reasons(world, second) == [("HP1", "excluded", "not_published")]
    assert ledger_of(world).is_balanced


def test_a_destination_hears_of_it_at_the_next_look_once_it_is_published(
    world: World, platform: ScriptedPlatform
) -> None:
    second = add_destination(world, publish=False)
    sell(world)
    assert reasons(world, second) == [("HP1", "excluded", "not_published")]

    set_funnel(world)
    waiting = reasons(world, second)
    with unscoped():
        Conversion.objects.update(match_due_at=timezone.now())
    world.run_stages()

    assert waiting == [("HP1", "waiting", "matching")]
    assert books(world, second) == {("accepted", "BRL"): (1, SALE)}


def settle(world: World) -> None:
    """As if the last look at the orders were over."""
    with unscoped():
        Conversion.objects.update(match_due_at=None)


def test_a_sale_without_a_name_is_not_told(world: World, platform: ScriptedPlatform) -> None:
    set_funnel(world, event_names={"purchase_approved": ""})
    long_ago(world)

    sell(world)
    settle(world)

    assert reasons(world) == [("HP1", "excluded", "not_told")]
    assert platform.received == []


def test_a_name_that_comes_later_does_not_make_it_missing(world: World, platform: ScriptedPlatform) -> None:
    set_funnel(world, event_names={"purchase_approved": ""})
    long_ago(world)
    sell(world)
    settle(world)

    set_funnel(world, event_names={})

    assert reasons(world) == [("HP1", "excluded", "not_told")]


def test_a_sale_under_the_name_of_an_earlier_stage_is_not_told_twice(world: World, platform: ScriptedPlatform) -> None:
    set_funnel(world, event_names={"purchase_approved": "Venda", "payment_pending": "Venda"})
    long_ago(world)
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP1"))
    world.run_stages()

    sell(world)
    settle(world)

    assert platform.names == ["Venda"]
    assert reasons(world) == [("HP1", "excluded", "not_told")]


def test_matching_that_was_given_up_is_dead(world: World) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    with unscoped():
        Conversion.objects.update(match_failures=5, match_due_at=None)

    assert reasons(world) == [("HP1", "dead", "matching_failed")]
    assert ledger_of(world).is_balanced


def test_an_order_that_nobody_planned_is_missing_and_named(world: World) -> None:
    long_ago(world)
    world.post_webhook(hotmart(order_id="HP1"))
    settle(world)

    ledger = ledger_of(world)

    assert (ledger.is_balanced, ledger.missing_orders) == (False, 1)
    (imbalance,) = ledger.imbalances
    assert (imbalance.orders, imbalance.amount, imbalance.currency) == (1, SALE, "BRL")
    assert [(row.order_id, row.reason) for row in find_missing(Scope(world.tenant_id))] == [("HP1", "no_event")]


def test_a_send_that_is_gone_is_missing(world: World, platform: ScriptedPlatform) -> None:
    second = add_destination(world)
    long_ago(world)
    sell(world, "HP1")
    sell(world, "HP2")
    settle(world)
    with unscoped():
        Send.objects.filter(destination=second, event__conversion__order_id="HP1").delete()

    ledger = ledger_of(world)

    assert [(item.destination_id, item.orders) for item in ledger.imbalances] == [(second.pk, 1)]
    assert reasons(world, second) == [("HP2", "accepted", "accepted"), ("HP1", "missing", "no_send")]
    assert books(world, destination_of(world)) == {("accepted", "BRL"): (2, 2 * SALE)}


def test_other_events_of_the_order_and_of_pages_are_no_sales(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(100), ACCEPT]
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP1"))
    world.run_stages()
    world.client.post(
        "/api/v1/track/pageview",
        {"public_key": world.funnel.public_key, "url": "https://a.example.com/"},
        content_type="application/json",
    )

    sell(world)

    assert books(world) == {("accepted", "BRL"): (1, SALE)}


def test_another_accounts_orders_are_not_counted(world: World, other_world: World, platform: ScriptedPlatform) -> None:
    sell(other_world, price=50)

    assert (books(world), ledger_of(world).totals) == ({}, [])
    assert books(other_world) == {("accepted", "BRL"): (1, Decimal(50))}
    assert [total.orders for total in read_ledger(Scope()).totals] == [1]


def test_a_period_has_its_first_moment_and_not_its_last(world: World, platform: ScriptedPlatform) -> None:
    sell(world)
    with unscoped():
        (at,) = Conversion.objects.values_list("approved_at", flat=True)
    instant = timedelta(microseconds=1)

    def sold(**period: Any) -> int:
        return sum(total.orders for total in read_ledger(Scope(world.tenant_id, **period)).totals)

    assert (sold(since=at), sold(since=at + instant)) == (1, 0)
    assert (sold(until=at), sold(until=at + instant)) == (0, 1)
    assert (sold(keys=(1, 2**62)), sold(keys=(2**61, 2**62))) == (1, 0)


def test_the_ledger_takes_one_statement(world: World, platform: ScriptedPlatform) -> None:
    for number in range(3):
        sell(world, f"HP{number}")

    with CaptureQueriesContext(connection) as queries:
        ledger_of(world)

    assert len(queries) == 1

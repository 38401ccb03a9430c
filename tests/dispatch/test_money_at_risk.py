"""Money whose time runs out: how much, when, why, and who is told before it is lost."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.conversions.models import Conversion
from apps.core.redis import get_redis
from apps.dispatch.ledger.risk import find_risks, nearest, watch_risks
from apps.dispatch.models import Breaker, CapiEvent, Send
from apps.monitoring.metrics import render
from apps.pipeline.stages import match_batch
from apps.tenants.scoping import unscoped
from tests.dispatch.ledger import add_destination, destination_of, expire_in, sell
from tests.pipeline.conftest import logged
from tests.platforms import ScriptedPlatform, graph_error
from tests.worlds import World, hotmart

__all__ = ["logged"]
MARGIN = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _no_gauges() -> None:
    for name in get_redis().scan_iter("hubtrack:gauges:*"):
        get_redis().delete(name)


def plan(world: World, order_id: str = "HP1", **changes: Any) -> None:
    """A sale that waits to be sent."""
    world.post_webhook(hotmart(order_id=order_id, **changes))
    with unscoped():
        match_batch()


def risks() -> list[tuple[str, int, int, Decimal]]:
    return [(risk.currency, risk.hours, risk.orders, risk.amount) for risk in find_risks()]


def at_risk(world: World) -> list[dict[str, Any]]:
    answer = world.client.get("/api/v1/ledger/at-risk", headers={**world.auth, "Accept-Language": "en"})
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["at_risk"]
    return rows


def test_a_fresh_sale_risks_nothing(world: World) -> None:
    plan(world)

    assert (find_risks(), at_risk(world)) == ([], [])


@pytest.mark.parametrize(
    ("hours", "within"), [(1, [6, 24, 48]), (5.9, [6, 24, 48]), (7, [24, 48]), (25, [48]), (47.9, [48]), (48.1, [])]
)
def test_a_horizon_holds_what_expires_within_it(world: World, hours: float, within: list[int]) -> None:
    plan(world)
    expire_in(hours)

    assert risks() == [("BRL", horizon, 1, Decimal("197.9")) for horizon in within]


def test_currencies_and_destinations_are_kept_apart(world: World) -> None:
    second = add_destination(world)
    plan(world, "HP1", price=10)
    plan(world, "HP2", price=0.1)
    plan(world, "US1", price=5, currency="USD")
    expire_in(30)

    found = {(risk.destination_id, risk.currency): (risk.orders, risk.amount) for risk in find_risks()}

    first = destination_of(world)
    assert found == {
        (pk, currency): sums
        for pk in (first.pk, second.pk)
        for currency, sums in (("BRL", (2, Decimal("10.1"))), ("USD", (1, Decimal(5))))
    }


@pytest.mark.parametrize("status", ["accepted", "duplicate", "blocked", "excluded", "dead", "expired", "sending"])
def test_what_does_not_wait_risks_nothing(world: World, status: str) -> None:
    plan(world)
    expire_in(1, status=status)

    assert find_risks() == []


def test_only_sales_are_money(world: World) -> None:
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP1"))
    with unscoped():
        match_batch()
        assert CapiEvent.objects.get().stage == "payment_pending"
    expire_in(1)

    assert find_risks() == []


def test_an_order_without_an_amount_is_counted(world: World) -> None:
    plan(world)
    expire_in(30)
    with unscoped():
        Conversion.objects.update(amount=None)

    assert risks() == [("", 48, 1, Decimal(0))]


def test_the_answer_says_when_and_why_and_what_to_do(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(190)]
    sell(world)
    expire_in(9)

    within_a_day, _within_two = at_risk(world)

    assert within_a_day.pop("earliest_deadline").startswith(f"{timezone.now() + timedelta(hours=9):%Y-%m-%dT%H}")
    assert within_a_day == {
        "destination_id": str(destination_of(world).pk),
        "currency": "BRL",
        "hours": 24,
        "orders": 1,
        "amount": "197.90",
        "reasons": [
            {
                "reason": "graph_190",
                "sentence": "The platform does not accept the access token any more.",
                "next_step": "Make a new token at the platform and save it in the destination. "
                "All that waits then goes out by itself.",
                "orders": 1,
                "amount": "197.90",
            }
        ],
    }


@pytest.mark.parametrize(
    ("breaker", "reason"),
    [
        ({"state": "open"}, "breaker_open"),
        ({"state": "half_open"}, "breaker_open"),
        ({"paused_until": timezone.now() + timedelta(hours=1)}, "paused"),
        ({"paused_until": timezone.now() - timedelta(hours=1)}, "http_500"),
        ({}, "http_500"),
    ],
)
def test_the_reason_is_what_keeps_it_now(world: World, breaker: dict[str, Any], reason: str) -> None:
    plan(world)
    expire_in(1, status="retrying", reason="http_500")
    destination = destination_of(world)
    with unscoped():
        Breaker.objects.create(
            tenant_id=world.tenant_id, destination=destination, token_saved_at=destination.token_saved_at, **breaker
        )

    assert {item[0] for risk in find_risks() for item in risk.reasons} == {reason}


def test_a_sale_that_was_never_tried_waits_for_its_turn(world: World) -> None:
    plan(world)
    expire_in(1)

    assert at_risk(world)[0]["reasons"][0]["sentence"] == "It is on its way."


def test_several_reasons_are_told_the_dearest_first(world: World) -> None:
    for number, price in ((1, 10), (2, 500), (3, 20)):
        plan(world, f"HP{number}", price=price)
    expire_in(30)
    with unscoped():
        Send.objects.filter(value=500).update(status="retrying", reason="http_500")

    (risk,) = find_risks()

    assert risk.reasons == [("http_500", 1, Decimal(500)), ("pending", 2, Decimal(30))]
    assert (risk.orders, risk.amount) == (3, Decimal(530))


def test_the_nearest_horizon_of_each_is_what_alarms_tell(world: World) -> None:
    plan(world, "HP1")
    expire_in(30)
    plan(world, "HP2", price=5)
    with unscoped():
        Send.objects.filter(value=5).update(deadline=timezone.now() + timedelta(hours=2))

    (risk,) = nearest(find_risks())

    assert (risk.hours, risk.orders, risk.amount) == (6, 1, Decimal(5))
    assert abs(risk.earliest_deadline - timezone.now() - timedelta(hours=2)) < MARGIN


def test_nobody_sees_what_anothers_sales_risk(world: World, other_world: World) -> None:
    plan(other_world)
    expire_in(1)

    assert at_risk(world) == []
    assert len(at_risk(other_world)) == 3


def test_one_statement_finds_all_of_it(world: World) -> None:
    add_destination(world)
    for number in range(3):
        plan(world, f"HP{number}")
    expire_in(1)

    with CaptureQueriesContext(connection) as queries:
        assert len(find_risks()) == 6

    assert len(queries) == 1


def test_the_watch_tells_log_and_metrics(world: World, logged: Callable[[], str]) -> None:
    plan(world, "HP1", price=10)
    plan(world, "HP2", price=2.5)
    expire_in(9)

    assert watch_risks() == 1

    shown = [line for line in render().decode().splitlines() if line.startswith("hubtrack_money_at_risk{")]
    assert sorted(shown) == [
        'hubtrack_money_at_risk{currency="BRL",hours="24"} 12.5',
        'hubtrack_money_at_risk{currency="BRL",hours="48"} 12.5',
    ]
    (line,) = [line for line in logged().splitlines() if "money.at_risk" in line]
    assert '"level": "error"' in line
    assert "12.50 BRL within 24 h" in line
    assert "[hidden]" not in line


def test_the_watch_is_silent_when_nothing_is_at_risk(world: World, logged: Callable[[], str]) -> None:
    plan(world)
    expire_in(1)
    watch_risks()
    expire_in(100)

    assert watch_risks() == 0

    assert "hubtrack_money_at_risk{" not in render().decode()
    assert logged().count("money.at_risk") == 1

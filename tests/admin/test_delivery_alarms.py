"""Alarms of delivery on the first page: money that runs out of time, missing orders, parked destinations, the dead."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override

from apps.conversions.models import Conversion
from apps.core.metrics import keep_gauges
from apps.core.redis import RedisError, get_redis
from apps.dispatch.admin import delivery_alarms
from apps.dispatch.admin.shared import Alarm
from apps.dispatch.ledger.check import watch_ledger
from apps.dispatch.models import Send
from apps.pipeline.stages import match_batch
from apps.tenants.scoping import unscoped
from tests.admin.console import Console, new_staff
from tests.dispatch.ledger import add_destination, destination_of, expire_in, long_ago, sell, stand
from tests.platforms import ScriptedPlatform, graph_error
from tests.worlds import World, hotmart

RISK, MISSING = "Sales are about to be too old", "The ledger does not balance"
PARKED, DEAD = "Destinations are parked", "Refused for good in the last 7 days"


@pytest.fixture(autouse=True)
def _no_gauges() -> None:
    for name in get_redis().scan_iter("hubtrack:gauges:*"):
        get_redis().delete(name)


def raised(console: Console) -> dict[str, Alarm]:
    return {alarm.title: alarm for alarm in console.client.get("/admin/").context["alarms"]}


def lines(alarm: Alarm) -> list[str]:
    return [text.replace("\xa0", " ") for text, _address in alarm.lines]


def plan(world: World, order_id: str = "HP1", **changes: Any) -> None:
    world.post_webhook(hotmart(order_id=order_id, **changes))
    with unscoped():
        match_batch()


def rows_behind(console: Console, address: str) -> int:
    return len(console.client.get(address).context["cl"].result_list)


def test_a_calm_day_raises_none(console: Console, world: World, platform: ScriptedPlatform) -> None:
    sell(world)
    watch_ledger()

    assert raised(console) == {}


def test_money_whose_time_runs_out_is_told_with_reason_and_next_step(
    console: Console, world: World, platform: ScriptedPlatform
) -> None:
    platform.answers = [graph_error(190)]
    sell(world, "HP1", price=12_000)
    sell(world, "HP2", price=430)
    expire_in(9.5)

    alarm = raised(console)[RISK]

    assert alarm.is_urgent
    assert lines(alarm) == [
        "meta 123456789012345: R$ 12,430.00 (2 orders) expire within 24 h, the first in 9 hours. "
        "The platform does not accept the access token any more. Make a new token at the platform and save it in the "
        "destination. All that waits then goes out by itself."
    ]
    assert rows_behind(console, alarm.lines[0][1]) == 2


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [("12430", "BRL", "R$ 12.430,00"), ("0.5", "USD", "US$ 0,50"), ("1", "MXN", "MXN 1,00"), ("0", "", "0,00")],
)
def test_money_is_written_as_the_reader_writes_it(amount: str, currency: str, written: str) -> None:
    with override("pt-br"):
        assert delivery_alarms._priced(Decimal(amount), currency) == written


def test_of_many_the_first_to_expire_are_told(console: Console, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_alarms, "SHOWN", 1)
    second = add_destination(world)
    plan(world)
    expire_in(20)
    with unscoped():
        Send.objects.filter(destination=second).update(deadline=timezone.now() + timedelta(hours=3.5))

    (line,) = lines(raised(console)[RISK])

    assert line.startswith("meta 222222222222222: R$ 197.90 (1 order) expire within 6 h, the first in 3 hours.")


def test_orders_in_no_bucket_are_told_until_a_check_finds_none(console: Console, world: World) -> None:
    long_ago(world)
    world.post_webhook(hotmart(order_id="HP1"))
    with unscoped():
        Conversion.objects.update(match_due_at=None)
    watch_ledger()

    alarm = raised(console)[MISSING]
    with unscoped():
        Conversion.objects.update(match_due_at=timezone.now())
    watch_ledger()

    assert (alarm.is_urgent, lines(alarm)) == (True, ["1 order is in no bucket"])
    assert console.client.get(alarm.lines[0][1]).status_code == 200
    assert MISSING not in raised(console)


def test_the_worst_of_both_checks_is_told(console: Console) -> None:
    keep_gauges("ledger_missing_orders", [({"scope": "recent"}, 0.0)], seconds=60, part="recent")
    keep_gauges("ledger_missing_orders", [({"scope": "all"}, 4.0)], seconds=60, part="all")

    assert lines(raised(console)[MISSING]) == ["4 orders are in no bucket"]


def test_without_redis_the_page_is_still_there(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> object:
        raise RedisError

    monkeypatch.setattr("apps.core.metrics.get_redis", gone)

    assert MISSING not in raised(console)


def test_a_parked_destination_is_told(console: Console, world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(100, 33)]
    sell(world)

    alarm = raised(console)[PARKED]

    assert alarm.is_urgent
    assert lines(alarm) == [
        "meta 123456789012345: The destination was found wrong, or its token may not send to it. "
        "Give the owner of the token access to this pixel, and check the pixel's id and the address in the "
        "destination. The hub asks again every hour; to have it ask at once, save the token anew."
    ]
    assert rows_behind(console, alarm.lines[0][1]) == 1
    assert rows_behind(console, alarm.address) == 1


def test_the_dead_are_told_by_reason_for_a_week(console: Console, world: World) -> None:
    add_destination(world)
    for number in range(2):
        plan(world, f"HP{number}")
    stand("dead", reason="graph_100", changed_at=timezone.now())
    with unscoped():
        first = Send.objects.filter(destination=destination_of(world))[0]
        Send.objects.filter(pk=first.pk).update(reason="worker_died")

    alarm = raised(console)[DEAD]

    assert not alarm.is_urgent
    assert [line.partition(".")[0] for line in lines(alarm)] == ["3: graph_100", "1: worker_died"]
    assert rows_behind(console, alarm.address) == 4
    with unscoped():
        Send.objects.update(changed_at=timezone.now() - timedelta(days=8))
    assert DEAD not in raised(console)


def test_a_flood_of_the_dead_is_not_read_to_its_end(
    console: Console, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_alarms, "LOOKED_AT", 2)
    for number in range(4):
        plan(world, f"HP{number}")
    stand("dead", reason="graph_100", changed_at=timezone.now())

    with CaptureQueriesContext(connection) as captured:
        found = lines(raised(console)[DEAD])

    assert found[0].startswith("2: graph_100.")
    assert [sql for sql in (entry["sql"] for entry in captured) if "'dead'" in sql and "LIMIT 2" in sql]


def test_alarms_follow_permissions(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(190)]
    sell(world)
    expire_in(1)

    seen = [*raised(new_staff("dispatch.view_send"))]
    unseen = [*raised(new_staff("conversions.view_delivery", email="other@example.com"))]

    assert (seen, unseen) == ([RISK, PARKED], [])

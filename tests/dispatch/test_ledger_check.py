"""The check that never ends: what it finds, whom it tells, and that it stays cheap."""

import io
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from apps.conversions.models import Conversion
from apps.core.metrics import keep_gauges, read_gauges
from apps.core.redis import RedisError, get_redis
from apps.dispatch.ledger import check
from apps.dispatch.ledger.check import check_ledger, watch_ledger
from apps.dispatch.models import Send
from apps.monitoring.metrics import render
from apps.tenants.scoping import unscoped
from tests.dispatch.ledger import add_destination, destination_of, long_ago, sell
from tests.pipeline.conftest import logged
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart

__all__ = ["logged"]


@pytest.fixture(autouse=True)
def _no_gauges() -> None:
    for name in get_redis().scan_iter("hubtrack:gauges:*"):
        get_redis().delete(name)


def lose(world: World, *order_ids: str) -> None:
    """Approved, and never planned."""
    long_ago(world)
    for order_id in order_ids:
        world.post_webhook(hotmart(order_id=order_id))
    with unscoped():
        Conversion.objects.filter(order_id__in=order_ids).update(match_due_at=None)


def run(*options: str) -> tuple[int, str]:
    """(exit code, what was printed)."""
    printed = io.StringIO()
    try:
        call_command("check_ledger", *options, stdout=printed)
    except SystemExit as ended:
        return int(str(ended.code)), printed.getvalue()
    return 0, printed.getvalue()


def missing_shown() -> dict[str, float]:
    lines = [line for line in render().decode().splitlines() if line.startswith("hubtrack_ledger_missing_orders{")]
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines}


def test_books_that_close(world: World, platform: ScriptedPlatform) -> None:
    sell(world, "HP1")
    sell(world, "HP2")

    assert run() == (0, "2 orders looked at, 0 not accounted for.\n")


def test_nothing_at_all_closes(db: None) -> None:
    assert run("--all") == (0, "0 orders looked at, 0 not accounted for.\n")


def test_each_imbalance_is_a_line_that_names_its_orders(world: World, platform: ScriptedPlatform) -> None:
    second = add_destination(world)
    long_ago(world)
    sell(world, "HP1")
    lose(world, "HP2", "HP3\x1b[2J")
    with unscoped():
        Send.objects.filter(destination=second).delete()
        Conversion.objects.update(match_due_at=None)

    code, printed = run()

    assert code == 1
    assert sorted(printed.splitlines()) == sorted(
        [
            f"destination {destination_of(world).pk}: 2 orders, 395.800 BRL in no bucket: "
            "hotmart HP3\\x1b[2J (no_event), hotmart HP2 (no_event)",
            f"destination {second.pk}: 3 orders, 593.700 BRL in no bucket: "
            "hotmart HP3\\x1b[2J (no_event), hotmart HP2 (no_event), hotmart HP1 (no_send)",
            "3 orders looked at, 5 not accounted for.",
        ]
    )


def test_many_are_counted_and_some_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lose(world, *(f"HP{number}" for number in range(25)))

    (found,) = check_ledger().unbalanced

    assert (found.orders, len(found.named), found.amount) == (25, 20, 25 * Decimal("197.9"))
    assert run()[1].splitlines()[0].endswith(", ...")


def test_the_newest_are_looked_at_unless_all_are_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lose(world, "OLD")
    with unscoped():
        (old,) = Conversion.objects.all()
    for number in range(3):
        world.post_webhook(hotmart(order_id=f"HP{number}"))
    with unscoped():
        newest = Conversion.objects.order_by("-pk")[0].pk
    monkeypatch.setattr(check, "RECENT", newest - old.pk)

    assert run() == (0, "3 orders looked at, 0 not accounted for.\n")
    assert run("--all")[1].endswith("4 orders looked at, 1 not accounted for.\n")


def test_ranges_of_keys_leave_nothing_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lose(world, *(f"HP{number}" for number in range(7)))
    monkeypatch.setattr(check, "CHUNK", 2)

    checked = check_ledger(whole=True)

    assert (checked.orders, checked.missing) == (7, 7)
    assert {place.order_id for place in checked.unbalanced[0].named} == {f"HP{number}" for number in range(7)}


def test_one_account_can_be_asked_for(world: World, other_world: World) -> None:
    lose(world, "HP1")
    other_world.post_webhook(hotmart(order_id="HP2"))

    assert run("--tenant", str(other_world.tenant_id)) == (0, "1 orders looked at, 0 not accounted for.\n")
    assert run("--tenant", str(world.tenant_id))[0] == 1
    assert run()[1].endswith("2 orders looked at, 1 not accounted for.\n")


def test_an_account_must_be_an_id(db: None) -> None:
    with pytest.raises(CommandError):
        run("--tenant", "Ana")


def test_money_that_differs_alone_counts_as_one() -> None:
    found = check.Unbalanced(uuid.uuid4(), "BRL", orders=0, amount=Decimal("0.01"), named=())

    assert check.Checked(9, [found]).missing == 1


def test_a_check_costs_the_same_statements_however_many_orders(world: World, platform: ScriptedPlatform) -> None:
    sell(world, "HP1")
    with CaptureQueriesContext(connection) as few:
        check_ledger()
    for number in range(2, 6):
        sell(world, f"HP{number}")

    with CaptureQueriesContext(connection) as many:
        check_ledger()

    assert (len(few), len(many)) == (2, 2)


def test_the_watch_raises_the_alarm(world: World, logged: Callable[[], str]) -> None:
    lose(world, "HP1", "HP2")

    assert watch_ledger() == 2

    assert missing_shown() == {"recent": 2.0}
    (line,) = [line for line in logged().splitlines() if "ledger.missing" in line]
    assert '"level": "error"' in line
    assert str(destination_of(world).pk) in line
    assert '"count": 2' in line
    assert "[hidden]" not in line


def test_the_watch_is_silent_where_books_close(
    world: World, platform: ScriptedPlatform, logged: Callable[[], str]
) -> None:
    sell(world)

    assert watch_ledger() == 0
    assert watch_ledger(whole=True) == 0

    assert missing_shown() == {"recent": 0.0, "all": 0.0}
    assert "ledger.missing" not in logged()


def test_a_recent_check_does_not_hide_what_the_whole_one_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lose(world, "OLD")
    watch_ledger(whole=True)
    world.post_webhook(hotmart(order_id="HP1"))
    monkeypatch.setattr(check, "RECENT", 1)

    watch_ledger()

    assert missing_shown() == {"recent": 0.0, "all": 1.0}


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_both_look(world: World) -> None:
    lose(world, "HP1")
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('ledger', 0))")
            meanwhile = watch_ledger()
            cursor.execute("ROLLBACK")
    finally:
        other.close()

    assert (meanwhile, watch_ledger()) == (0, 1)


def test_gauges_replace_those_before_and_end_by_themselves() -> None:
    keep_gauges("test", [({"a": "1", "b": "x"}, 1.5), ({"a": "2", "b": "y"}, 2)], seconds=60)
    keep_gauges("test", [({"a": "2", "b": "y"}, 3)], seconds=60)
    keep_gauges("test", [({}, 7)], seconds=60, part="more")

    assert read_gauges("test") == {(("a", "2"), ("b", "y")): 3.0}
    assert read_gauges("test", "", "more") == {(("a", "2"), ("b", "y")): 3.0, (): 7.0}
    assert 0 < int(str(get_redis().ttl("hubtrack:gauges:test:"))) <= 60
    keep_gauges("test", [], seconds=60)
    assert read_gauges("test") == {}


def test_without_redis_the_check_still_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> Any:
        raise RedisError

    lose(world, "HP1")
    monkeypatch.setattr("apps.core.metrics.get_redis", gone)

    assert watch_ledger() == 1
    assert b"hubtrack_ledger_missing_orders" not in render()

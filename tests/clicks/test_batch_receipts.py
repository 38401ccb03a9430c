"""Receipts: who holds one records the event, a rollback gives it back, and none is purged while an event may come."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from apps.clicks import waiting
from apps.clicks.batch import services as batch_services
from apps.clicks.batch.reading import AHEAD, OLDEST
from apps.clicks.batch.services import RECEIPTS_KEPT, purge_receipts
from apps.clicks.models import EventReceipt, PageEvent
from apps.clicks.waiting import Waiting, waiting_key
from apps.core.redis import get_redis
from apps.pipeline.tasks import purge_event_receipts
from apps.tenants.scoping import unscoped
from tests.clicks.batches import Server, make_server
from tests.clicks.hits import stored
from tests.pipeline.test_concurrency import at_once
from tests.worlds import World

Run = Callable[..., Any]


@pytest.fixture
def server(world: World) -> Server:
    return make_server(world)


def receipts() -> dict[str, tuple[str, str]]:
    """Event id -> (session id, click id)."""
    with unscoped():
        rows = EventReceipt.objects.values_list("event_id", "session_id", "click_id")
        return {event_id: (session_id, click_id) for event_id, session_id, click_id in rows}


def age(event_id: str, by: timedelta) -> None:
    with unscoped():
        assert EventReceipt.objects.filter(event_id=event_id).update(received_at=timezone.now() - by) == 1


def test_a_receipt_holds_what_was_answered(server: Server, other_world: World) -> None:
    told = server.send(server.event("e1", "click"), server.event("e2"), server.event("e3", "identify"))["results"]
    refused = server.one(server.event("e4", "Purchase"))

    assert refused["status"] == "refused"
    assert receipts() == {one["event_id"]: (one["session_id"], one.get("click_id", "")) for one in told}
    with unscoped():
        assert set(EventReceipt.objects.values_list("tenant_id", flat=True)) == {server.world.tenant_id}


def test_new_and_known_events_of_one_batch_are_told_apart(server: Server) -> None:
    first = server.one(server.event("e2", session_id="visit-1"))

    told = server.send(*[server.event(f"e{number}", session_id="visit-2") for number in (1, 2, 3)])["results"]

    assert [one["status"] for one in told] == ["recorded", "duplicate", "recorded"]
    assert told[1]["session_id"] == first["session_id"] != told[0]["session_id"] == told[2]["session_id"]
    assert stored() == (2, 0, 3)


def test_all_batches_write_in_one_order_so_that_none_waits_for_another_in_a_circle(server: Server) -> None:
    """Receipts by event id, then sessions by theirs, and what happened in each as it happened."""
    now = timezone.now()
    numbers = [3, 7, 1, 8, 5, 2, 6, 4]
    server.send(
        *[
            server.event(f"e{n}", session_id=f"visit-{n % 4}", event_time=(now - timedelta(minutes=n)).isoformat())
            for n in numbers
        ]
    )

    with unscoped():
        claimed = list(EventReceipt.objects.order_by("pk").values_list("event_id", flat=True))
        written = list(PageEvent.objects.order_by("pk").values_list("session__public_id", "occurred_at"))
    assert claimed == [f"e{n}" for n in range(1, 9)]
    assert written == sorted(written)
    assert len({session for session, _ in written}) == 4


def wait_for_a_waiter() -> None:
    """Until another connection waits for a receipt of this one."""
    for _ in range(400):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks "
                "WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    pytest.fail("Nobody waited.")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("is_kept", "status"), [(True, "duplicate"), (False, "recorded")])
def test_who_meets_an_unfinished_batch_waits_and_takes_over_if_it_fails(
    server: Server, is_kept: bool, status: str
) -> None:
    claimed, told = threading.Event(), dict[str, dict[str, Any]]()

    def hold() -> int:
        with transaction.atomic():
            told["holder"] = server.one(server.event("e1", "click", session_id="visit-1"))
            claimed.set()
            wait_for_a_waiter()
            transaction.set_rollback(not is_kept)
        return 0

    def follow() -> int:
        assert claimed.wait(10)
        told["follower"] = server.one(server.event("e1", "click", session_id="visit-2"))
        return 0

    at_once([hold, follow], threads=2)

    assert (told["holder"]["status"], told["follower"]["status"]) == ("recorded", status)
    assert (told["follower"]["click_id"] == told["holder"]["click_id"]) is is_kept
    assert receipts() == {"e1": (told["follower"]["session_id"], told["follower"]["click_id"])}
    assert stored() == (1, 1, 0)


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Waiting, ...]]]:
    calls: list[tuple[Waiting, ...]] = []
    monkeypatch.setattr(batch_services, "note_waiting", lambda *items: calls.append(items))
    yield calls


def test_what_waits_is_noted_at_once_and_only_after_the_commit(
    server: Server, noted: list[tuple[Waiting, ...]], django_capture_on_commit_callbacks: Run
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        server.send(
            *[server.event(f"e{number}", session_id="visit-1") for number in (1, 2)],
            server.event("e3", "click"),
            server.event("e4", user_agent="Googlebot/2.1"),
            server.event("e1"),
        )
        assert noted == []

    assert [[item.event_id for item in items] for items in noted] == [["e1", "e2"]]


def test_it_is_in_redis_then(server: Server, django_capture_on_commit_callbacks: Run) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        told = server.send(*[server.event(f"e{number}", session_id="visit-1") for number in range(3)])["results"]

    assert get_redis().llen(waiting_key(told[0]["session_id"])) == 3


@pytest.mark.django_db(transaction=True)
def test_a_batch_asks_redis_for_one_round_trip(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted() -> Any:
        asked.append("redis")
        return get_redis()

    monkeypatch.setattr(waiting, "get_redis", counted)

    told = server.send(*[server.event(f"e{number}", session_id=f"visit-{number % 7}") for number in range(100)])

    assert asked == ["redis"]
    sessions = {one["session_id"] for one in told["results"]}
    assert sorted(get_redis().llen(waiting_key(session)) for session in sessions) == [14] * 5 + [15] * 2


def test_receipts_outlive_what_can_still_be_sent() -> None:
    assert RECEIPTS_KEPT > OLDEST + AHEAD
    assert RECEIPTS_KEPT.days == 8


def test_old_receipts_are_purged_in_short_transactions(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_services, "_PURGED_AT_ONCE", 2)
    server.send(*[server.event(f"e{number}") for number in range(7)])
    for number in range(5):
        age(f"e{number}", RECEIPTS_KEPT + timedelta(seconds=1))
    age("e5", RECEIPTS_KEPT - timedelta(minutes=1))

    assert purge_receipts() == 5
    assert receipts().keys() == {"e5", "e6"}
    assert purge_receipts() == 0
    assert stored()[2] == 7


def test_what_comes_again_after_the_purge_is_refused_for_its_time(server: Server) -> None:
    event = server.event("e1", event_time=(timezone.now() - RECEIPTS_KEPT).isoformat())
    server.one(server.event("e1"))
    age("e1", RECEIPTS_KEPT + timedelta(seconds=1))
    purge_event_receipts()

    assert [*server.one(event)["errors"]] == ["event_time"]
    assert (receipts(), stored()[2]) == ({}, 1)


def test_beat_purges_daily() -> None:
    entry = settings.CELERY_BEAT_SCHEDULE["purge-event-receipts"]

    assert (entry["task"], entry["schedule"]) == (purge_event_receipts.name, 86400.0)
    assert entry["task"] in current_app.tasks

"""Wake-ups: one for each lane or destination waits at most, and nothing depends on Redis or the broker."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Task
from kombu.exceptions import OperationalError

from apps.core.redis import RedisError, get_redis
from apps.dispatch.platform import Limits
from apps.dispatch.registry import PLATFORMS
from apps.funnels.models import Destination
from apps.pipeline import wakeups
from apps.pipeline.tasks import drain_destination, drain_matches
from apps.pipeline.wakeups import WakeUp, WokenTask, send
from apps.tenants.scoping import unscoped
from tests.logs import capture_logs
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart

DESTINATION = str(uuid.uuid4())
Sent = list[tuple[str, tuple[str, ...]]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sent]:
    """What would go to the broker."""
    messages: Sent = []

    def publish(task: "Task[Any, Any]", args: tuple[str, ...], expires: int) -> None:
        messages.append((task.name.rpartition(".")[2], args))

    monkeypatch.setattr(WokenTask, "apply_async", publish)
    forget()
    yield messages
    forget()


def forget() -> None:
    for key in get_redis().keys("woken:*"):
        get_redis().delete(key)


def begin(task: WokenTask, *arguments: str) -> None:
    """As a worker does before it runs a task."""
    task.before_start("id", arguments, {})


def test_who_is_woken_and_has_not_begun_is_not_woken_again(sent: Sent) -> None:
    assert send([WakeUp(drain_destination, DESTINATION)]) == 1
    assert send([WakeUp(drain_destination, DESTINATION)]) == 0

    begin(drain_destination, DESTINATION)
    assert send([WakeUp(drain_destination, DESTINATION)]) == 1
    assert sent == [("drain_destination", (DESTINATION,))] * 2


def test_destinations_and_lanes_are_woken_each_on_its_own(sent: Sent) -> None:
    other = str(uuid.uuid4())
    wanted = [WakeUp(drain_matches), WakeUp(drain_destination, DESTINATION), WakeUp(drain_destination, other)]
    send(wanted[1:2])
    sent.clear()

    assert send(wanted) == 2
    assert sent == [("drain_matches", ()), ("drain_destination", (other,))]


def test_a_lost_wake_up_is_forgotten_when_it_would_have_expired(sent: Sent) -> None:
    send([WakeUp(drain_matches)])

    assert 0 < get_redis().pttl(WakeUp(drain_matches).key) <= 1000 * wakeups.EXPIRES_S


def test_without_redis_a_wake_up_too_many_is_sent(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def __getattr__(self, _name: str) -> Any:
            raise RedisError

    monkeypatch.setattr(wakeups, "get_redis", Gone)

    assert [send([WakeUp(drain_matches)]) for _turn in range(2)] == [1, 1]
    begin(drain_matches)


def test_a_broker_that_is_gone_is_asked_once_a_turn(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(task: "Task[Any, Any]", **_options: Any) -> None:
        asked.append(task.name)
        raise OperationalError("nobody there")

    monkeypatch.setattr(WokenTask, "apply_async", refuse)
    with capture_logs() as logs:
        assert send([WakeUp(drain_matches), WakeUp(drain_destination, DESTINATION)]) == 0

    assert len(asked) == 1
    assert [entry["event"] for entry in logs] == ["relay.broker_gone"]


@pytest.mark.parametrize("orders", [1, 2, 3])
def test_who_has_more_queues_behind_the_others(
    world: World, platform: ScriptedPlatform, sent: Sent, monkeypatch: pytest.MonkeyPatch, orders: int
) -> None:
    """One request a wake-up: nobody keeps a worker for as long as sales come in."""
    monkeypatch.setattr(PLATFORMS["meta"], "limits", Limits(max_batch=2, batch=2))
    for number in range(orders):
        world.post_webhook(hotmart(order_id=f"HP{number}"))
    world.match()
    with unscoped():
        destination = str(Destination.objects.get().pk)

    drain_destination(destination)

    assert len(platform.received) == 1
    assert sent == [("drain_destination", (destination,))] * int(orders >= 2)

"""Token trouble parks a destination, tells once, and loses nothing; deadlines end what waits too long."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.core.db import release_connection
from apps.dispatch.models import Breaker, BreakerChange, PlatformBreaker, Send
from apps.dispatch.selectors import due_destinations
from apps.dispatch.services import deliver_due, expire_overdue, release_parked
from apps.tenants.scoping import unscoped
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.worlds import PIXEL, World, hotmart

DEAD_TOKEN, NO_PERMISSION = graph_error(190, 463), graph_error(10)


def sell(world: World, *orders: str) -> None:
    for order in orders:
        world.post_webhook(hotmart(order_id=order))
    world.run_stages()


def statuses() -> list[str]:
    with unscoped():
        return list(Send.objects.order_by("pk").values_list("status", flat=True))


def save_token(world: World, token: str = "a-new-token") -> None:
    change = {"destinations": [{"platform": "meta", "pixel_id": PIXEL, "access_token": token}]}
    assert world.patch(f"funnels/{world.funnel.pk}", change).status_code == 200


def release() -> int:
    with unscoped():
        return release_parked()


@pytest.mark.parametrize("answer", [DEAD_TOKEN, NO_PERMISSION])
def test_what_comes_later_is_parked_without_asking(world: World, platform: ScriptedPlatform, answer: Any) -> None:
    platform.answers = [answer]

    sell(world, "HP1")
    sell(world, "HP2", "HP3")

    assert statuses() == ["parked"] * 3
    assert len(platform.received) == 1


def test_the_alarm_is_raised_once(world: World, platform: ScriptedPlatform, caplog: pytest.LogCaptureFixture) -> None:
    platform.answers = [DEAD_TOKEN]

    with caplog.at_level(logging.ERROR):
        sell(world, "HP1")
        sell(world, "HP2")

    assert [record.msg["event"] for record in caplog.records] == ["destination.parked"]  # type: ignore[index]
    with unscoped():
        assert [change.what for change in BreakerChange.objects.all()] == ["parked"]


def test_a_new_token_is_proved_by_one_event_before_the_rest_follows(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [DEAD_TOKEN]
    sell(world, "HP1", "HP2", "HP3")
    asked = len(platform.received)
    platform.answers = [ACCEPT]

    save_token(world)
    released = release()
    world.run_stages()

    assert (released, statuses()) == (3, ["accepted"] * 3)
    assert [len(body["data"]) for body in platform.received[asked:]] == [1, 2]
    with unscoped():
        assert [change.what for change in BreakerChange.objects.order_by("pk")] == [
            *("parked", "resumed", "half_open", "closed")
        ]


def test_a_new_token_that_is_no_better_parks_all_again_after_one_request(
    world: World, platform: ScriptedPlatform
) -> None:
    platform.answers = [DEAD_TOKEN]
    sell(world, "HP1", "HP2", "HP3")
    asked = len(platform.received)

    save_token(world)
    release()
    world.run_stages()

    assert statuses() == ["parked"] * 3
    assert len(platform.received) == asked + 1
    assert release() == 0


@pytest.mark.django_db(transaction=True)
def test_a_token_saved_while_the_old_one_fails_is_not_overlooked(world: World, platform: ScriptedPlatform) -> None:
    def save_meanwhile() -> None:
        save_token(world)
        release_connection()

    platform.answers = [DEAD_TOKEN]
    platform.on_request = save_meanwhile

    sell(world, "HP1")
    platform.on_request, platform.answers = None, [ACCEPT]
    released = release()
    world.run_stages()

    assert (released, statuses()) == (1, ["accepted"])


def test_a_permission_is_asked_for_again_every_hour_and_a_token_is_not(
    world: World, platform: ScriptedPlatform
) -> None:
    platform.answers = [NO_PERMISSION]
    sell(world, "HP1")
    with unscoped():
        asks_at = Breaker.objects.get().retry_at
        assert asks_at is not None
        assert asks_at - timezone.now() > timedelta(minutes=59)
        assert release() == 0
        Breaker.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
    platform.answers = [ACCEPT]

    released = release()
    world.run_stages()

    assert (released, statuses()) == (1, ["accepted"])


def test_a_dead_token_waits_for_a_person(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [DEAD_TOKEN]
    sell(world, "HP1")

    with unscoped():
        assert Breaker.objects.get().retry_at is None


def test_a_replay_asks_again(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [DEAD_TOKEN]
    sell(world, "HP1")
    platform.answers = [ACCEPT]

    assert world.post(f"replay/{world.event('HP1')['event_id']}").status_code == 202
    release()
    world.run_stages()

    assert statuses() == ["accepted"]


def pass_the_deadline(**which: Any) -> None:
    with unscoped():
        Send.objects.filter(**which).update(deadline=timezone.now() - timedelta(seconds=1))


def expire() -> int:
    with unscoped():
        return expire_overdue()


def reasons() -> set[tuple[str, str]]:
    with unscoped():
        return set(Send.objects.values_list("status", "reason"))


def test_what_is_parked_for_too_long_expires_and_says_so(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [DEAD_TOKEN]
    sell(world, "HP1")
    pass_the_deadline()

    assert expire() == 1
    assert reasons() == {("expired", "expired_parked")}


@pytest.mark.parametrize(
    ("breaker", "reason"),
    [
        ({"state": "open", "retry_at": timezone.now() + timedelta(days=400)}, "expired_platform_down"),
        ({"paused_until": timezone.now() + timedelta(days=400)}, "expired_throttled"),
        ({}, "expired_retrying"),
    ],
)
def test_what_waited_for_the_platform_expires_with_what_kept_it(
    world: World, platform: ScriptedPlatform, breaker: dict[str, Any], reason: str
) -> None:
    platform.answers = [(503, b"")]
    sell(world, "HP1")
    with unscoped():
        Breaker.objects.update(**breaker)
    pass_the_deadline()

    assert expire() == 1
    assert reasons() == {("expired", reason)}


def test_a_whole_platform_that_is_down_is_named(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    world.match()
    with unscoped():
        PlatformBreaker.objects.create(
            platform="meta", host=platform.url, state="open", retry_at=timezone.now() + timedelta(days=1)
        )
        assert due_destinations() == []
        destination = Send.objects.get().destination_id
        assert deliver_due(destination).rows == 0
    pass_the_deadline()

    assert expire() == 1
    assert reasons() == {("expired", "expired_platform_down")}


def test_nothing_expires_before_its_deadline_nor_while_it_is_under_way(
    world: World, platform: ScriptedPlatform
) -> None:
    platform.answers = [(503, b"")]
    sell(world, "HP1", "HP2")
    with unscoped():
        Send.objects.filter(event__conversion__order_id="HP2").update(status="sending")
    pass_the_deadline(status="sending")

    assert expire() == 0
    assert sorted(statuses()) == ["retrying", "sending"]

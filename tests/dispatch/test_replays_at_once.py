"""Replays in real threads against the real database: however many press at once, each letter is let go once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.dispatch.letters.filters import Filters
from apps.dispatch.models import Attempt, Replay, Send
from apps.dispatch.services import replay_event
from apps.dispatch.services.replays import Wish, cancel_replay, continue_replays, start_replay
from apps.tenants.scoping import unscoped
from tests.dispatch.dead import REFUSED
from tests.pipeline.test_concurrency import at_once
from tests.platforms import ACCEPT, ScriptedPlatform
from tests.worlds import World, hotmart

pytestmark = pytest.mark.django_db(transaction=True)
ORDERS = [f"HP{number:02}" for number in range(24)]


@pytest.fixture
def dead(world: World, platform: ScriptedPlatform) -> World:
    """Many refused sales: the whole request is refused, and so is each of its parts."""
    platform.answers = [REFUSED]
    for order in ORDERS:
        world.post_webhook(hotmart(order_id=order))
    world.run_stages()
    platform.answers = [ACCEPT]
    platform.received.clear()
    with unscoped():
        assert Send.objects.filter(status="dead").count() == len(ORDERS)
    return world


def start(world: World, per_minute: int = 60) -> Callable[[], int]:
    def press() -> int:
        with unscoped():
            return start_replay(world.tenant_id, Wish(Filters(), per_minute)).total

    return press


def turn() -> int:
    """As if the time until the next turn had passed, even for a replay that another worker has just taken."""
    with unscoped():
        for pk in Replay.objects.filter(state="running").values_list("pk", flat=True):
            Replay.objects.filter(pk=pk).update(next_at=timezone.now() - timedelta(seconds=1))
        return continue_replays()


def test_two_replays_of_the_same_letters_share_them(dead: World, platform: ScriptedPlatform) -> None:
    assert at_once([start(dead)] * 5) == [len(ORDERS)] * 5

    at_once([turn] * 60, threads=8)
    while turn():
        pass
    dead.run_stages()

    with unscoped():
        ended = list(Replay.objects.values_list("state", "released", "skipped"))
        assert {state for state, _released, _skipped in ended} == {"done"}
        assert sum(released for _state, released, _skipped in ended) == len(ORDERS)
        assert sum(released + sum(skipped.values()) for _state, released, skipped in ended) == 5 * len(ORDERS)
        assert set(Send.objects.values_list("status", flat=True)) == {"accepted"}
    assert len(platform.event_ids) == len(set(platform.event_ids)) == len(ORDERS)


def test_workers_deliver_while_letters_are_let_go(dead: World, platform: ScriptedPlatform) -> None:
    at_once([start(dead)] * 2)

    def deliver() -> int:
        return dead.run_stages() and 0

    at_once([work for pair in zip([turn] * 20, [deliver] * 20, strict=True) for work in pair], threads=8)
    while turn():
        pass
    dead.run_stages()

    assert sorted(platform.event_ids) == sorted(set(platform.event_ids))
    with unscoped():
        assert Send.objects.filter(status="accepted").count() == len(ORDERS)
        assert Attempt.objects.filter(batch__outcome="accepted").count() == len(ORDERS)


def test_single_presses_and_a_replay_at_once_send_once(dead: World, platform: ScriptedPlatform) -> None:
    with unscoped():
        event = Send.objects.select_related("event").order_by("pk")[3].event
    start(dead)()

    def press() -> int:
        with unscoped():
            return replay_event(event)

    presses = at_once([press, turn, turn, turn, turn], threads=5)
    while turn():
        pass
    dead.run_stages()

    assert presses[0] in (0, 1)
    assert platform.event_ids.count(event.event_id) == 1


def test_a_cancellation_in_the_middle_ends_it_between_two_turns(dead: World, platform: ScriptedPlatform) -> None:
    start(dead)()
    with unscoped():
        replay = Replay.objects.get()

    def cancel() -> int:
        with unscoped():
            return cancel_replay(replay).released

    released = at_once([turn, cancel, turn, turn], threads=4)[1]
    while turn():
        pass

    with unscoped():
        assert Send.objects.filter(status="pending").count() == released
        assert Replay.objects.get().state == "cancelled"

"""Breakers in the database: what an outage costs, who waits for whom, and what Redis may forget."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.core.redis import RedisError, get_redis
from apps.dispatch.meta.platform import MetaPlatform
from apps.dispatch.models import Breaker, BreakerChange, PlatformBreaker, Send
from apps.dispatch.selectors import due_destinations, find_due_destinations
from apps.dispatch.services import deliver_due
from apps.dispatch.services.admission import is_known_to_wait
from apps.funnels.models import Destination
from apps.funnels.services import publish_funnel, update_funnel
from apps.tenants.scoping import tenant_scope, unscoped
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.worlds import PIXEL, World, hotmart

DOWN = (503, b"")
HOURLY = {"X-Business-Use-Case-Usage": '{"1": [{"estimated_time_to_regain_access": 7}]}'}


def plan(world: World, *orders: str) -> None:
    for order in orders:
        world.post_webhook(hotmart(order_id=order))
    world.match()


def make_due() -> None:
    with unscoped():
        Send.objects.filter(status="retrying").update(due_at=timezone.now() - timedelta(seconds=1))


def pass_time(**changes: Any) -> None:
    """As if the breakers' waits were over."""
    with unscoped():
        Breaker.objects.update(retry_at=timezone.now() - timedelta(seconds=1), **changes)
        PlatformBreaker.objects.update(retry_at=timezone.now() - timedelta(seconds=1))


def deliver_all() -> int:
    with unscoped():
        return sum(deliver_due(pk).rows for pk in due_destinations())


def fail_times(world: World, times: int) -> None:
    for _turn in range(times):
        deliver_all()
        make_due()


def the_breaker() -> Breaker:
    with unscoped():
        found: Breaker = Breaker.objects.get()
    return found


def add_pixel(world: World, *pixels: str, token: str = "token-of-ana") -> None:
    with tenant_scope(world.tenant_id):
        added = [{"platform": "meta", "pixel_id": pixel, "access_token": token} for pixel in pixels]
        update_funnel(world.funnel, {"destinations": added})
        publish_funnel(world.funnel)


@contextmanager
def after_commit() -> Iterator[None]:
    """What was to run after the commits within runs at the end, though the test's own transaction stays open."""
    before = len(connection.run_on_commit)
    yield
    callbacks, connection.run_on_commit = connection.run_on_commit[before:], []
    for waiting in callbacks:
        waiting[1]()


def of_pixel(pixel: str) -> uuid.UUID:
    with unscoped():
        found: uuid.UUID = Destination.objects.get(pixel_id=pixel).pk
    return found


def test_five_failures_open_it_and_then_nothing_is_sent(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [DOWN]
    plan(world, "HP1")

    fail_times(world, 8)

    assert len(platform.received) == 5
    assert (the_breaker().state, the_breaker().reason) == ("open", "http_503")
    with unscoped():
        assert deliver_due(of_pixel(PIXEL)).rows == 0
        send = Send.objects.get()
    assert (send.status, send.strikes, send.failures, send.attempts) == ("retrying", 0, 0, 5)


def test_fast_failures_and_slow_ones_count_alike(world: World, settings: Any) -> None:
    settings.META_GRAPH_URL = "http://127.0.0.1:9"
    plan(world, "HP1")

    fail_times(world, 5)

    assert (the_breaker().state, the_breaker().reason) == ("open", "connect")


@pytest.mark.parametrize("answer", [graph_error(190, 463), graph_error(10), graph_error(100, 2804009), graph_error(4)])
def test_answers_about_tokens_permissions_events_and_limits_open_nothing(
    world: World, platform: ScriptedPlatform, answer: Any
) -> None:
    platform.answers = [answer]
    for number in range(6):
        plan(world, f"HP{number}")
        deliver_all()
        with unscoped():
            Send.objects.filter(status="parked").update(status="pending")
            Breaker.objects.update(parked_reason="", paused_until=None)
            PlatformBreaker.objects.update(paused_until=None)

    assert len(platform.received) == 6
    assert (the_breaker().state, the_breaker().failures) == ("closed", 0)


def test_one_event_probes_and_its_success_lets_the_others_go_gently(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [DOWN]
    plan(world, *[f"HP{number:02}" for number in range(40)])
    fail_times(world, 5)
    asked = len(platform.received)
    platform.answers = [ACCEPT]

    pass_time()
    for _turn in range(4):
        deliver_all()

    assert [len(body["data"]) for body in platform.received[asked:]] == [1, 10, 20, 9]
    assert the_breaker().state == "closed"
    with unscoped():
        assert set(Send.objects.values_list("status", flat=True)) == {"accepted"}
        assert list(BreakerChange.objects.filter(destination__isnull=False).values_list("what", flat=True)) == [
            "open",
            "half_open",
            "closed",
        ]


def test_a_probe_that_fails_keeps_it_open_and_costs_the_event_nothing(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [DOWN]
    plan(world, "HP1", "HP2", "HP3")
    fail_times(world, 5)
    asked = len(platform.event_ids)

    for _turn in range(6):
        pass_time()
        deliver_all()

    probed = platform.event_ids[asked:]
    assert (len(probed), len(set(probed))) == (6, 3)
    assert (the_breaker().state, the_breaker().openings) == ("open", 7)
    with unscoped():
        assert set(Send.objects.values_list("strikes", "failures")) == {(0, 0)}


def test_a_broken_pixel_stops_neither_the_others_nor_the_platform(world: World, platform: ScriptedPlatform) -> None:
    add_pixel(world, "222")
    platform.judge_path = lambda path: DOWN if PIXEL in path else None
    plan(world, "HP1")

    fail_times(world, 10)
    plan(world, "HP2")
    deliver_all()

    with unscoped():
        stands = dict(Breaker.objects.values_list("destination__pixel_id", "state"))
        assert PlatformBreaker.objects.get().state == "closed"
        healthy = Send.objects.filter(destination=of_pixel("222")).values_list("status", flat=True)
        assert list(healthy) == ["accepted", "accepted"]
    assert stands == {PIXEL: "open", "222": "closed"}


def test_when_several_destinations_fail_the_platform_is_down_for_all(world: World, platform: ScriptedPlatform) -> None:
    add_pixel(world, "222", "333")
    platform.answers = [DOWN]
    plan(world, "HP1")

    fail_times(world, 4)

    with unscoped():
        assert PlatformBreaker.objects.get().state == "open"
        assert due_destinations() == []
    assert len(platform.received) in (5, 6)


def test_only_one_destination_probes_a_platform(world: World, platform: ScriptedPlatform) -> None:
    add_pixel(world, "222", "333")
    platform.answers = [DOWN]
    plan(world, "HP1")
    fail_times(world, 4)
    asked = len(platform.received)

    pass_time()
    with unscoped():
        looked_at = [deliver_due(of_pixel(pixel)).rows for pixel in (PIXEL, "222", "333")]

    assert looked_at == [1, 0, 0]
    assert len(platform.received) == asked + 1


def test_a_new_token_starts_an_open_breaker_anew(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [DOWN]
    plan(world, "HP1")
    fail_times(world, 5)
    platform.answers = [ACCEPT]

    change = {"destinations": [{"platform": "meta", "pixel_id": PIXEL, "access_token": "a-new-token"}]}
    world.patch(f"funnels/{world.funnel.pk}", change)
    with unscoped():
        deliver_due(of_pixel(PIXEL))

    assert the_breaker().state == "closed"
    assert platform.tokens[-1] == "Bearer a-new-token"


@pytest.mark.parametrize(
    ("limit", "paused"),
    [
        ((4, "1234"), {PIXEL, "222", "333"}),
        ((4, ""), {PIXEL, "222"}),
        ((17, "1234"), {PIXEL, "222"}),
        ((80004, "1234"), {PIXEL}),
    ],
)
def test_too_many_pauses_whom_it_is_about(
    world: World, platform: ScriptedPlatform, settings: Any, limit: tuple[int, str], paused: set[str]
) -> None:
    """The hub's own app is everybody's, a token that of those who share it, a business case one destination's."""
    code, settings.META_APP_ID = limit
    add_pixel(world, "222")
    add_pixel(world, "333", token="another-token")
    plan(world, "HP1")
    deliver_all()
    platform.judge_path = lambda path: graph_error(code) if PIXEL in path else None
    plan(world, "HP2")
    with unscoped():
        deliver_due(of_pixel(PIXEL))

        found = find_due_destinations()
        waiting = Send.objects.filter(status__in=("pending", "retrying")).values_list(
            "destination__pixel_id", flat=True
        )

    let_go = {pixel for pixel in (PIXEL, "222", "333") if of_pixel(pixel) in found.well + found.doubtful}
    assert set(waiting) - let_go == paused


def test_a_pause_costs_no_failure_and_lasts_the_minutes_asked_for(world: World, platform: ScriptedPlatform) -> None:
    platform.headers = HOURLY
    platform.answers = [graph_error(80004)]
    plan(world, "HP1")

    deliver_all()

    with unscoped():
        send, own = Send.objects.get(), Breaker.objects.get()
        minutes = (own.paused_until - timezone.now()) / timedelta(minutes=1)
        assert deliver_due(of_pixel(PIXEL)).rows == 0
    assert (send.status, send.failures, send.strikes) == ("retrying", 0, 0)
    assert 6.9 < minutes <= 7.0


def test_redis_remembers_who_waits_and_may_forget(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [DOWN]
    plan(world, "HP1")
    destination = of_pixel(PIXEL)
    with after_commit():
        fail_times(world, 5)
        deliver_all()
    knew = is_known_to_wait(destination)
    get_redis().flushdb()

    assert (knew, is_known_to_wait(destination)) == (True, False)
    with unscoped():
        assert deliver_due(destination).rows == 0
    assert len(platform.received) == 5


def test_without_redis_the_database_decides(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> Any:
        raise RedisError("gone")

    monkeypatch.setattr("apps.dispatch.services.admission.get_redis", gone)
    platform.answers = [DOWN]
    plan(world, "HP1")

    with after_commit():
        fail_times(world, 6)

    assert (len(platform.received), the_breaker().state) == (5, "open")
    assert is_known_to_wait(of_pixel(PIXEL)) is False


def test_a_success_forgives_what_failed_beside_it(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another request fails while this one is under way: no more than a success is needed to begin anew."""
    for order in ("HP1", "HP2", "HP3"):
        plan(world, order)
        deliver_all()
    post = MetaPlatform.post

    def post_beside_a_failure(*arguments: Any) -> Any:
        with unscoped():
            Breaker.objects.update(failures=4, changed_at=timezone.now())
        return post(*arguments)

    monkeypatch.setattr(MetaPlatform, "post", post_beside_a_failure)
    plan(world, "HP4")
    deliver_all()

    assert (the_breaker().failures, len(platform.received)) == (0, 4)

"""Faults around a send that no other suite covers: deaths between the steps, clocks that are off, a tenant's flood."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from apps.core.db import database_now
from apps.dispatch.models import Batch, Send
from apps.dispatch.selectors import due_destinations
from apps.dispatch.services import deliver, deliver_due
from apps.dispatch.services.admission import TENANT_WIDTH
from apps.funnels.models import Destination
from apps.tenants.scoping import unscoped
from tests.platforms import ACCEPT, ScriptedPlatform
from tests.worlds import World, hotmart


class Died(BaseException):
    """As SIGKILL would: nothing of the worker's own cleans up."""


def plan(world: World, *orders: str) -> None:
    for order in orders:
        world.post_webhook(hotmart(order_id=order))
    world.match()


def die_at(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliver what is due with a worker that dies when it comes to `step`."""

    def die(*_: Any, **__: Any) -> None:
        raise Died

    with monkeypatch.context() as patched, unscoped(), pytest.raises(Died):
        patched.setattr(deliver, step, die)
        for destination in due_destinations():
            deliver_due(destination)


def lapse() -> None:
    """As if the dead worker's lease were over."""
    past = timezone.now() - timedelta(seconds=1)
    with unscoped():
        Send.objects.update(due_at=past)
        Batch.objects.update(lease_until=past)


def the_send() -> Send:
    with unscoped():
        send: Send = Send.objects.get()
    return send


def test_a_worker_that_dies_after_the_yes_sends_the_same_id_again(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(world, "HP1")

    die_at("settle", monkeypatch)
    after_death = the_send().status
    lapse()
    world.run_stages()

    assert after_death == "sending"
    assert (the_send().status, the_send().reason, the_send().attempts) == ("accepted", "accepted_on_resend", 2)
    assert len(platform.event_ids) == 2
    assert len(set(platform.event_ids)) == 1
    assert [item["outcome"] for item in world.event("HP1")["attempts"]] == ["unknown", "accepted"]


@pytest.mark.parametrize("step", ["prepare", "_save_attempts", "stop_refused"])
def test_a_worker_that_dies_before_its_request_is_replaced(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    plan(world, "HP1")

    die_at(step, monkeypatch)
    sent_by_then = len(platform.received)
    lapse()
    world.run_stages()

    assert sent_by_then == 0
    assert (the_send().status, the_send().attempts) == ("accepted", 2)
    assert len(platform.event_ids) == 1


def make_due() -> None:
    """As if the time until the next try had passed."""
    with unscoped():
        Send.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def test_a_refund_of_what_may_have_arrived_is_asked_about_and_not_called_unsent(
    world: World, platform: ScriptedPlatform
) -> None:
    """The platform took it and its answer was lost: books that say "excluded" would be wrong."""
    platform.answers = [(200, {"messages": []}), ACCEPT]
    plan(world, "HP1")
    world.run_stages()
    before = (the_send().status, the_send().is_unsure)

    world.post_webhook(hotmart("PURCHASE_REFUNDED", order_id="HP1"))
    make_due()
    world.run_stages()

    assert before == ("retrying", True)
    assert (the_send().status, the_send().reason) == ("accepted", "accepted_on_resend")
    assert len(set(platform.event_ids)) == 1


@pytest.mark.parametrize("minutes", [-10, 10])
def test_leases_go_by_the_databases_clock(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    plan(world, "HP1")
    real_now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real_now() + timedelta(minutes=minutes))

    die_at("_save_attempts", monkeypatch)

    left = (the_send().due_at - database_now()).total_seconds()
    with unscoped():
        batch = Batch.objects.get()
    assert 0 < left <= 60
    assert batch.lease_until - batch.started_at == timedelta(seconds=60)
    assert due_destinations_now() == []


def due_destinations_now() -> list[Any]:
    with unscoped():
        return list(due_destinations())


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_is_off_delays_and_loses_nothing(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    plan(world, "HP1")
    real_now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real_now() + timedelta(minutes=minutes))

    world.run_stages()

    assert the_send().status == "accepted"
    assert len(platform.event_ids) == 1


def test_periodic_work_knows_no_calendar() -> None:
    """Seconds between two runs, in UTC: no hour is skipped or doubled, whatever the law says of summers."""
    schedule = settings.CELERY_BEAT_SCHEDULE

    assert len(schedule) >= 4
    assert all(isinstance(entry["schedule"], float) for entry in schedule.values())
    assert (settings.CELERY_TIMEZONE, settings.TIME_ZONE) == ("UTC", "UTC")
    assert datetime.now(UTC).utcoffset() == timedelta(0)


def test_a_tenant_with_a_backlog_has_only_its_share_of_requests(
    world: World, other_world: World, platform: ScriptedPlatform
) -> None:
    plan(world, "HP1")
    plan(other_world, "HP2")
    with unscoped():
        busy = Destination.objects.get(tenant=world.tenant_id)
        others = Destination.objects.get(tenant=other_world.tenant_id)
        elsewhere = Destination.objects.create(
            tenant_id=world.tenant_id, funnel=busy.funnel, platform="meta", pixel_id="99", access_token="t"
        )
        Batch.objects.bulk_create(
            Batch(
                tenant_id=world.tenant_id,
                destination=elsewhere,
                size=1,
                lease_until=timezone.now() + timedelta(minutes=1),
            )
            for _turn in range(TENANT_WIDTH)
        )

        assert deliver_due(busy.pk).rows == 0
        assert deliver_due(others.pk).rows == 1
    assert len(platform.event_ids) == 1

"""Hits, flushes and purchases of one visit in the same instant: nothing is left behind, nothing goes twice."""

import random
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from apps.clicks import buffer
from apps.clicks.models import PageEvent, Session
from apps.core.db import release_connection
from apps.dispatch.models import CapiEvent
from apps.pipeline.stages import flush_batch, match_batch
from apps.tenants.scoping import unscoped
from tests.pipeline.test_concurrency import at_once
from tests.pipeline.visits import VISIT, Visit, flush, turn_clock
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart

pytestmark = pytest.mark.django_db(transaction=True)


def look() -> None:
    with unscoped():
        flush_batch()


def test_a_hit_amid_a_flush_waits_for_the_next(world: World) -> None:
    """It finds the session's row held, and opens the buffer anew once that is free."""
    visit = Visit(world)
    click = visit.tell("click")["click_id"]
    visit.tell(event_id="before")
    world.post_webhook(hotmart(order_id="HP1", sck=click))
    with unscoped():
        match_batch()

    def tell() -> None:
        visit.tell(event_id="amid")
        release_connection()

    late = threading.Thread(target=tell)
    with unscoped(), transaction.atomic():
        _looked_at, taken = buffer.take_buffered(10)
        late.start()
        late.join(0.3)
        assert late.is_alive(), "the hit was expected to wait for the row"
    late.join(10)

    assert [event.event_id for event in taken] == ["before"]
    with unscoped():
        waiting = PageEvent.objects.get(is_buffered=True)
        assert waiting.event_id == "amid"
        assert waiting.session.flush_at is not None


@pytest.mark.parametrize("seed", range(6))
def test_in_any_mix_each_event_goes_once(world: World, platform: ScriptedPlatform, seed: int) -> None:
    visits = [Visit(world, session_id=f"hts{number:024d}") for number in range(4)]
    clicks = [visit.tell("click", fbclid=f"IwAR{number}")["click_id"] for number, visit in enumerate(visits)]
    works: list[Callable[[], Any]] = [
        partial(visit.tell, event_id=f"e{number}-{visit.session_id}") for visit in visits for number in range(8)
    ]
    sales = [hotmart(order_id=f"HP{number}", sck=click) for number, click in enumerate(clicks)]
    works += [partial(world.post_webhook, sale) for sale in sales]
    works += [look for _worker in range(12)] + [world.run_stages for _worker in range(4)]
    random.Random(seed).shuffle(works)
    at_once(works)

    world.run_stages()
    turn_clock(hours=5)
    flush()
    world.run_stages()

    with unscoped():
        assert PageEvent.objects.filter(is_buffered=True).count() == 0
    told = [event for body in platform.received for event in body["data"]]
    views = [event["event_id"] for event in told if event["event_name"] == "PageView"]
    assert sorted(views) == sorted(f"e{number}-{visit.session_id}" for visit in visits for number in range(8))
    assert platform.names.count("Purchase") == 4


def test_two_workers_share_what_is_due(world: World) -> None:
    for number in range(40):
        Visit(world, session_id=f"hts{number:024d}").tell(event_id=f"e{number}")
    turn_clock(minutes=31)

    at_once([look for _worker in range(8)])

    with unscoped():
        assert sorted(CapiEvent.objects.values_list("event_id", flat=True)) == sorted(f"e{n}" for n in range(40))
        assert Session.objects.filter(flush_at__isnull=False).count() == 0


def test_a_crash_while_planning_leaves_all_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = Visit(world)
    visit.tell()
    turn_clock(minutes=31)

    def die(*_arguments: object) -> None:
        raise RuntimeError("the worker was killed here")

    with monkeypatch.context() as patched:
        patched.setattr("apps.pipeline.stages.plan_page_events", die)
        with pytest.raises(RuntimeError):
            look()

    assert visit.session_id == VISIT
    assert flush() == 1

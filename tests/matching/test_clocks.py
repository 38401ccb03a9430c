"""Clocks in disorder: of gateways that write another zone's time, of browsers, and of milestones out of order."""

import time
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db.models import F

from apps.clicks.models import Click, Session
from apps.conversions.models import Conversion
from apps.matching.candidates import placed_at
from apps.tenants.scoping import unscoped
from tests.matching.late import BUYER, chosen, match_of, run_lanes
from tests.worlds import World, hotmart

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR_MS = 3_600_000


def order(**hours: float) -> Conversion:
    """A paid order whose milestones came so many hours after noon, in this order."""
    milestones = {kind: (NOON + timedelta(hours=hour)).isoformat() for kind, hour in hours.items()}
    return Conversion(occurred_at=NOON, milestones=milestones)


def ms_from_now(hours: float) -> int:
    return int(time.time() * 1000 + hours * HOUR_MS)


def sell(world: World, hours: float, event: str = "PURCHASE_APPROVED", **members: Any) -> None:
    """An order that the gateway stamps so many hours from now."""
    answer = world.post_webhook(hotmart(event, order_id="HP1", at_ms=ms_from_now(hours), **members))
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("milestones", "hour"),
    [
        ({}, 0),
        ({"approved": 0}, 0),
        ({"payment_pending": -2, "approved": 0}, -2),
        ({"approved": 0, "payment_pending": 2}, 0),
        ({"refunded": -5, "approved": 0, "payment_pending": 1}, -5),
        ({"abandoned_checkout": -3, "approved": 0}, 0),
        ({"abandoned_checkout": -3, "payment_pending": -1, "approved": 0}, -1),
        ({"abandoned_checkout": 0}, 0),
    ],
)
def test_an_order_was_placed_when_it_was_first_spoken_of(milestones: dict[str, float], hour: float) -> None:
    placed = {placed_at(order(**dict(pairs))) for pairs in permutations(milestones.items())}

    assert placed == {NOON + timedelta(hours=hour)}


@pytest.mark.parametrize("hours", [0.05, 2, 23])
def test_a_sale_stamped_ahead_counts_from_when_it_was_heard_of(world: World, hours: float) -> None:
    ids = world.click(email=BUYER)

    sell(world, hours)
    run_lanes()

    assert chosen() == ("auto", "email_hash", ids["click_id"])
    assert datetime.fromisoformat(match_of().record["sale"]["placed_at"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("carried", "rule"), [("click_id", "explicit_click_id"), ("session_id", "explicit_session_id")]
)
def test_an_id_that_came_back_proves_the_click_before_a_sale_stamped_three_hours_early(
    world: World, carried: str, rule: str
) -> None:
    ids = world.click()

    sell(world, -3, sck=ids[carried])
    run_lanes()

    assert chosen() == ("auto", rule, ids["click_id"])


def test_so_it_does_of_every_click_of_a_visit_that_seems_to_begin_later(world: World) -> None:
    first = world.click()
    last = world.click(session_id=first["session_id"])

    sell(world, -3, sck=first["session_id"])
    run_lanes()

    assert chosen() == ("auto", "explicit_session_id", last["click_id"])
    assert [item["reason"] for item in match_of().evidence] == ["won", "earlier_click"]


def test_a_visit_that_began_before_the_sale_proves_nothing_of_a_later_click(world: World) -> None:
    first = world.click()
    with unscoped():
        Session.objects.update(first_seen_at=F("first_seen_at") - timedelta(hours=4))
        Click.objects.update(clicked_at=F("clicked_at") - timedelta(hours=4))
    world.click(session_id=first["session_id"])

    sell(world, -3, sck=first["session_id"])
    run_lanes()

    assert chosen() == ("auto", "explicit_session_id", first["click_id"])
    assert [item["reason"] for item in match_of().evidence] == ["won", "after_sale"]


@pytest.mark.parametrize(("minutes", "is_matched"), [(-4, True), (-6, False), (-180, False)])
def test_without_an_id_the_click_must_come_first_but_for_a_little(
    world: World, minutes: float, is_matched: bool
) -> None:
    ids = world.click(email=BUYER)

    sell(world, minutes / 60)
    run_lanes()

    assert chosen() == (("auto", "email_hash", ids["click_id"]) if is_matched else ("unmatched", "", None))
    assert match_of().evidence[0]["reason"] == ("won" if is_matched else "after_sale")


def test_a_click_stamped_after_its_sale_is_its_click_if_its_id_came_back(world: World) -> None:
    """The click of a browser whose clock is ahead, told by a server."""
    ids = world.click()
    sell(world, 0, sck=ids["click_id"])
    with unscoped():
        Click.objects.update(clicked_at=F("clicked_at") + timedelta(hours=6))

    run_lanes()

    assert chosen() == ("auto", "explicit_click_id", ids["click_id"])
    assert match_of().evidence[0]["days_before_sale"] == -0.25


STAMPS = {"PURCHASE_BILLET_PRINTED": -1.0, "PURCHASE_APPROVED": -2.0, "PURCHASE_REFUNDED": -1.5}


@pytest.mark.parametrize("arrival", list(permutations(STAMPS)))
def test_milestones_out_of_order_place_the_order_at_the_earliest(world: World, arrival: tuple[str, ...]) -> None:
    """Paid before it was pending, say the stamps: what was clicked in between came after."""
    ids = world.click(email=BUYER)
    with unscoped():
        Click.objects.update(clicked_at=F("clicked_at") - timedelta(hours=1.75))

    for event in arrival:
        sell(world, STAMPS[event], event)
        run_lanes()

    assert chosen() == ("unmatched", "", None)
    assert [(item["click_id"], item["reason"]) for item in match_of().evidence] == [(ids["click_id"], "after_sale")]

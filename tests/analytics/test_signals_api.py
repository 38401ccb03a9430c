"""The shares at each stage, from real clicks and webhooks."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.clicks.models import PageEvent
from apps.conversions.models import Conversion
from apps.tenants.scoping import unscoped
from tests.analytics.views import (
    FBC,
    FBCLID,
    FBP,
    PERSON,
    begin_checkout,
    change_click,
    having,
    move_click,
    read_signals,
    sell,
    stage_of,
    totals,
    visit,
)
from tests.clicks.hits import least, send
from tests.worlds import World

BROWSER_SIGNALS = ("fbclid", "fbc", "fbp", "ip", "user_agent")


def test_a_click_is_counted_by_what_it_brought(world: World) -> None:
    visit(world, fbclid=FBCLID, fbc=FBC, fbp=FBP, **PERSON)
    send(world, body=least(world))

    body = read_signals(world)

    assert having(body, "clicks") == {
        **dict.fromkeys(("fbclid", "fbc", "fbp", "user_agent", "email", "phone"), (1, 2)),
        "ip": (2, 2),
    }
    assert totals(body) == [(2, 0), (0, 0), (0, 0)]


def test_fbc_counts_when_it_can_be_built(world: World) -> None:
    visit(world, fbclid=FBCLID)
    visit(world, fbc=FBC)
    visit(world, fbc="fb.1.nonsense")
    visit(world, fbclid="two.dots.are_none_of_metas")

    counted = having(read_signals(world), "clicks")

    assert (counted["fbc"], counted["fbclid"]) == ((2, 4), (2, 4))


@pytest.mark.parametrize("other", ["ttclid", "gclid"])
def test_a_click_from_another_platform_could_not_have_metas_id(world: World, other: str) -> None:
    visit(world, **{other: "E.C.P.abc"})
    visit(world, fbclid=FBCLID, **{other: "E.C.P.abc"})

    counted = having(read_signals(world), "clicks")

    assert (counted["fbc"], counted["fbclid"], counted["fbp"]) == ((1, 1), (1, 1), (0, 2))


def test_a_started_checkout_has_the_signals_of_its_click(world: World) -> None:
    ids = visit(world, fbclid=FBCLID, fbp=FBP, **PERSON)
    begin_checkout(world, ids["session_id"])
    begin_checkout(world, ids["session_id"])
    visit(world, fbclid=FBCLID)

    body = read_signals(world)

    assert having(body, "checkouts") == dict.fromkeys((*BROWSER_SIGNALS, "email", "phone"), (1, 1))
    assert totals(body) == [(2, 0), (1, 0), (0, 0)]


def test_other_page_events_are_no_checkouts(world: World) -> None:
    ids = visit(world)
    assert send(world, "pageview", least(world, session_id=ids["session_id"])).status_code == 201

    assert totals(read_signals(world)) == [(1, 0), (0, 0), (0, 0)]


@pytest.mark.parametrize("event", ["PURCHASE_BILLET_PRINTED", "PURCHASE_OUT_OF_SHOPPING_CART"])
def test_an_order_without_money_is_a_checkout(world: World, event: str) -> None:
    ids = visit(world, fbclid=FBCLID)
    sell(world, "HP1", event, sck=ids["click_id"])

    body = read_signals(world)

    assert totals(body) == [(1, 0), (1, 0), (0, 0)]
    counted = having(body, "checkouts")
    assert (counted["fbc"], counted["email"], counted["click_id"]) == ((1, 1), (1, 1), (1, 1))


def test_a_checkout_that_page_and_gateway_tell_of_is_one(world: World) -> None:
    ids = visit(world)
    begin_checkout(world, ids["session_id"])
    sell(world, "HP1", "PURCHASE_BILLET_PRINTED", sck=ids["click_id"])
    begin_checkout(world, visit(world)["session_id"])

    body = read_signals(world)

    assert stage_of(body, "checkouts")["total"] == 2
    assert having(body, "checkouts")["click_id"] == (1, 1)


def test_a_sale_has_the_signals_of_its_click_and_its_buyer(world: World) -> None:
    ids = visit(world, fbclid=FBCLID, fbp=FBP)
    sell(world, "HP1", sck=ids["click_id"])
    sell(world, "HP2", email="carlos@example.com", phone="912345678")

    body = read_signals(world)

    assert having(body, "sales") == {
        **dict.fromkeys((*BROWSER_SIGNALS, "click_id"), (1, 2)),
        **dict.fromkeys(("email", "phone"), (2, 2)),
    }
    assert totals(body) == [(1, 0), (0, 0), (2, 0)]


def test_what_the_visitor_typed_fills_what_the_gateway_lacks(world: World) -> None:
    ids = visit(world, phone=PERSON["phone"])
    sell(world, "HP1", sck=ids["click_id"], phone="")
    sell(world, "HP2", email="carlos@example.com", phone="")

    assert having(read_signals(world), "sales")["phone"] == (1, 2)


@pytest.mark.parametrize("column", ["is_test", "is_renewal", "parent_order_id"])
def test_some_orders_are_no_sale_of_the_funnel(world: World, column: str) -> None:
    """A gateway's test, a renewal, an order bump."""
    visit(world)
    sell(world, "HP1")
    sell(world, "HP2")
    with unscoped():
        value: Any = "HP2" if column == "parent_order_id" else True
        Conversion.objects.filter(order_id="HP1").update(**{column: value})

    assert totals(read_signals(world)) == [(1, 0), (0, 0), (1, 0)]


def test_a_test_that_the_gateway_dates_ahead_is_not_counted(world: World) -> None:
    sell(world, "HP1", at_ms=int((timezone.now() + timedelta(days=30)).timestamp() * 1000))

    with unscoped():
        assert Conversion.objects.get().is_test is True
    assert totals(read_signals(world)) == [(0, 0)] * 3


def test_machines_are_left_out(world: World) -> None:
    machine = visit(world, fbclid=FBCLID)
    begin_checkout(world, machine["session_id"])
    change_click(machine, is_automated=True)
    visit(world)

    body = read_signals(world)

    assert totals(body) == [(1, 0), (0, 0), (0, 0)]
    assert having(body, "clicks")["fbclid"] == (0, 1)


def test_each_period_is_set_beside_the_one_before(world: World) -> None:
    for days, fbclid in ((1, FBCLID), (2, ""), (8, FBCLID), (13.9, FBCLID), (14.1, ""), (30, "")):
        move_click(visit(world, fbclid=fbclid), days)

    body = read_signals(world)

    assert totals(body)[0] == (2, 2)
    (shown,) = [item for item in stage_of(body, "clicks")["signals"] if item["signal"] == "fbclid"]
    assert (shown["share"], shown["share_before"], shown["change"]) == (0.5, 1.0, -0.5)
    assert (shown["grade"], shown["worth"], shown["name"]) == ("too_few", "high", "click id in the address (fbclid)")


def test_the_period_is_chosen(world: World) -> None:
    for days in (0.5, 1.5, 2.5, 20):
        move_click(visit(world), days)

    assert [totals(read_signals(world, days=days))[0] for days in ("1", "2", "30")] == [(1, 1), (2, 1), (4, 0)]


def test_orders_and_checkouts_lie_in_their_own_time(world: World) -> None:
    ids = visit(world)
    begin_checkout(world, ids["session_id"])
    sell(world, "HP1")
    sell(world, "HP2", "PURCHASE_BILLET_PRINTED", email="carlos@example.com", phone="")
    move_click(ids, 10)
    with unscoped():
        ten_days_ago = timezone.now() - timedelta(days=10)
        PageEvent.objects.update(occurred_at=ten_days_ago)
        Conversion.objects.update(occurred_at=ten_days_ago)

    assert totals(read_signals(world)) == [(0, 1), (0, 2), (0, 1)]


def test_a_good_funnel_is_called_good(world: World) -> None:
    for _ in range(10):
        visit(world, fbclid=FBCLID, fbp=FBP)

    grades = {item["signal"]: item["grade"] for item in stage_of(read_signals(world), "clicks")["signals"]}

    assert grades == {**dict.fromkeys(BROWSER_SIGNALS, "good"), "email": "ungraded", "phone": "ungraded"}


def test_an_empty_funnel_teaches(world: World) -> None:
    body = read_signals(world)

    assert body["explanation"].startswith("Nobody was seen in this funnel yet.")
    assert [stage["signals"] for stage in body["stages"]] == [[], [], []]
    assert [stage["explanation"].partition(".")[0] for stage in body["stages"]] == [
        "No click in these days",
        "No checkout in these days",
        "No sale in these days",
    ]
    assert body["causes"] == []


def test_a_funnel_that_fell_silent_is_told_so(world: World) -> None:
    move_click(visit(world), 10)

    body = read_signals(world)

    assert body["explanation"] == ""
    assert stage_of(body, "clicks")["explanation"] == (
        "No click in these days, and 1 in those before. Check that the script is still on the page."
    )


def test_a_stage_that_holds_something_needs_no_explanation(world: World) -> None:
    visit(world)

    body = read_signals(world)

    assert (body["explanation"], stage_of(body, "clicks")["explanation"]) == ("", "")


def test_the_answer_says_what_it_is_about(world: World) -> None:
    body = read_signals(world, days="3")

    since, until = datetime.fromisoformat(body["since"]), datetime.fromisoformat(body["until"])
    assert (body["funnel_id"], body["days"], until - since) == (str(world.funnel.pk), 3, timedelta(days=3))

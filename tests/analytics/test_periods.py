"""What belongs to a period and to a stage: the edges of time, and orders that move on."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.analytics.explanations import explain_empty_funnel, explain_empty_stage
from apps.analytics.quality import Counts, Signal, Stage, StageQuality, Tally
from apps.analytics.selectors import Period, count_signals
from apps.clicks.models import PageEvent
from apps.conversions.models import Conversion
from apps.tenants.scoping import unscoped
from tests.analytics.views import (
    FBCLID,
    FBP,
    begin_checkout,
    change_click,
    having,
    move_click,
    read_signals,
    sell,
    totals,
    visit,
)
from tests.clicks.hits import least, send
from tests.worlds import World, hotmart

SINCE = datetime(2026, 3, 9, 12, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=7)
PERIOD = Period(SINCE, UNTIL)
INSTANT = timedelta(microseconds=1)
# moment -> whether it lies in the period, in the one before, or in neither
EDGES = [
    (PERIOD.before - INSTANT, None),
    (PERIOD.before, False),
    (SINCE - INSTANT, False),
    (SINCE, True),
    (UNTIL - INSTANT, True),
    (UNTIL, None),
]


def count(world: World) -> tuple[dict[Stage, Counts], dict[Stage, Counts]]:
    return count_signals(world.tenant_id, world.funnel.pk, PERIOD)


def where(world: World, stage: Stage) -> bool | None:
    now, before = count(world)
    assert not (stage in now and stage in before)
    return True if stage in now else False if stage in before else None


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), st.integers(1, 30))
def test_the_period_before_is_as_long_and_ends_where_this_one_begins(since: datetime, days: int) -> None:
    period = Period(since, since + timedelta(days=days))

    assert (period.since - period.before, period.until - period.since) == (timedelta(days=days),) * 2


@pytest.mark.parametrize(("moment", "current"), EDGES)
def test_a_click_lies_where_its_moment_does(world: World, moment: datetime, current: bool | None) -> None:
    change_click(visit(world), clicked_at=moment)

    assert where(world, Stage.CLICKS) is current


@pytest.mark.parametrize(("moment", "current"), EDGES)
@pytest.mark.parametrize(
    ("event", "stage"), [("PURCHASE_APPROVED", Stage.SALES), ("PURCHASE_BILLET_PRINTED", Stage.CHECKOUTS)]
)
def test_so_does_an_order(world: World, moment: datetime, current: bool | None, event: str, stage: Stage) -> None:
    sell(world, "HP1", event)
    with unscoped():
        Conversion.objects.update(occurred_at=moment)

    assert where(world, stage) is current


@pytest.mark.parametrize(("moment", "current"), EDGES)
def test_so_does_a_checkout(world: World, moment: datetime, current: bool | None) -> None:
    ids = visit(world)
    begin_checkout(world, ids["session_id"])
    change_click(ids, clicked_at=moment - timedelta(hours=1))
    with unscoped():
        PageEvent.objects.update(occurred_at=moment)

    assert where(world, Stage.CHECKOUTS) is current


def test_a_period_without_anything_has_no_stages(world: World) -> None:
    assert count(world) == ({}, {})


def test_causes_do_not_hide_what_was_counted(world: World) -> None:
    """Two questions are asked about clicks; the second adds to the answer of the first."""
    change_click(visit(world, fbclid=FBCLID.lower(), fbp=FBP), clicked_at=SINCE)

    clicks = count(world)[0][Stage.CLICKS]

    assert (clicks.total, clicks.tallies[Signal.FBP]) == (1, Tally(1, 1))
    assert {cause.value: found.count for cause, found in clicks.found.items() if found.count} == {
        "case_mangled_fbclid": 1
    }


def test_an_order_moves_on_from_checkout_to_sale(world: World) -> None:
    visit(world)
    sell(world, "HP1", "PURCHASE_BILLET_PRINTED")
    waiting = totals(read_signals(world))
    sell(world, "HP1")

    assert (waiting, totals(read_signals(world))) == ([(1, 0), (1, 0), (0, 0)], [(1, 0), (0, 0), (1, 0)])


@pytest.mark.parametrize("event", ["PURCHASE_REFUNDED", "PURCHASE_CHARGEBACK"])
def test_a_sale_whose_money_went_back_was_a_sale(world: World, event: str) -> None:
    sell(world, "HP1")
    sell(world, "HP1", event)

    assert totals(read_signals(world)) == [(0, 0), (0, 0), (1, 0)]


@pytest.mark.parametrize("event", ["PURCHASE_CANCELED", "PURCHASE_EXPIRED"])
def test_an_order_that_came_to_nothing_is_neither(world: World, event: str) -> None:
    sell(world, "HP1", event)

    with unscoped():
        assert Conversion.objects.count() == 1
    assert totals(read_signals(world)) == [(0, 0), (0, 0), (0, 0)]


def test_a_sale_that_waits_to_be_matched_has_only_its_buyer(world: World) -> None:
    ids = visit(world, fbclid=FBCLID)
    assert world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"])).status_code == 202

    counted = having(read_signals(world), "sales")

    assert (counted["fbc"], counted["email"], counted["click_id"]) == ((0, 1), (1, 1), (1, 1))


def test_a_checkout_has_the_newest_click_of_its_visit(world: World) -> None:
    first = visit(world)
    visit(world, fbclid=FBCLID, session_id=first["session_id"])
    begin_checkout(world, first["session_id"])

    assert having(read_signals(world), "checkouts")["fbclid"] == (1, 1)


def test_a_checkout_that_no_click_led_to_is_not_seen(world: World) -> None:
    assert send(world, "initiate_checkout", least(world)).status_code == 201

    assert totals(read_signals(world)) == [(0, 0)] * 3


def test_a_visit_may_begin_before_the_period_of_its_checkout(world: World) -> None:
    ids = visit(world)
    begin_checkout(world, ids["session_id"])
    move_click(ids, 2.5)
    with unscoped():
        PageEvent.objects.update(occurred_at=timezone.now() - timedelta(days=1.75))

    assert totals(read_signals(world, days="1")) == [(0, 0), (0, 1), (0, 0)]


@pytest.mark.parametrize("stage", Stage)
def test_an_empty_stage_says_whether_it_ever_held_anything(stage: Stage) -> None:
    never, no_more, held = (StageQuality(stage, *numbers, signals=()) for numbers in ((0, 0), (0, 31), (5, 0)))

    assert "31" in explain_empty_stage(no_more)
    assert explain_empty_stage(never) not in ("", explain_empty_stage(no_more))
    assert explain_empty_stage(held) == ""


@pytest.mark.parametrize(("total", "before", "taught"), [(0, 0, True), (1, 0, False), (0, 1, False)])
def test_only_a_funnel_that_nobody_saw_is_introduced(total: int, before: int, taught: bool) -> None:
    empty = [StageQuality(stage, 0, 0, ()) for stage in (Stage.CLICKS, Stage.CHECKOUTS)]

    assert bool(explain_empty_funnel((*empty, StageQuality(Stage.SALES, total, before, ())))) is taught

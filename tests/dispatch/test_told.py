"""Which sales a platform has heard of, also while workers claim their sends and matching decides anew."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.conversions.models import Conversion
from apps.dispatch.models import Send
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.selectors import due_destinations, find_told
from apps.dispatch.services import deliver_due
from apps.tenants.scoping import unscoped
from tests.matching.unsure import BUYER, make_older, match_all, the_match
from tests.pipeline.test_concurrency import at_once
from tests.platforms import ScriptedPlatform, graph_error
from tests.worlds import World, hotmart

FBP, LATER_FBP = "fb.1.1700000000000.111", "fb.1.1700000000000.222"


def sell(world: World, order_id: str = "HP1", **changes: Any) -> int:
    """The key of a matched conversion whose send waits."""
    world.post_webhook(hotmart(order_id=order_id, **{"email": BUYER, "phone": ""} | changes))
    match_all()
    with unscoped():
        key: int = Conversion.objects.values_list("pk", flat=True).get(order_id=order_id)
    return key


def told(*keys: int) -> set[int]:
    with unscoped(), transaction.atomic():
        return find_told(keys)


def deliver() -> None:
    with unscoped():
        for destination in due_destinations():
            while deliver_due(destination).rows:
                pass


def look_again() -> None:
    with unscoped():
        Conversion.objects.update(match_due_at=timezone.now() - timedelta(seconds=1))
    match_all()


def click_earlier(world: World, fbp: str, **age: float) -> str:
    ids = world.click(email=BUYER, fbp=fbp)
    make_older(ids["session_id"], **age)
    return str(ids["click_id"])


@pytest.mark.django_db
def test_nobody_asked_for_takes_no_statement() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert find_told([]) == set()

    assert len(queries) == 0


def test_what_waits_has_not_been_told(world: World) -> None:
    assert told(sell(world)) == set()


@pytest.mark.parametrize("answer", [(200, {"events_received": 1}), (503, b""), graph_error(190), graph_error(100)])
def test_what_was_tried_counts_as_told_whatever_came_of_it(
    world: World, platform: ScriptedPlatform, answer: Any
) -> None:
    platform.answers = [answer]
    key = sell(world)

    deliver()

    assert told(key) == {key}


@pytest.mark.parametrize("status", ["excluded", "blocked", "expired", "parked", "pending"])
def test_what_was_never_tried_does_not_count(world: World, status: str) -> None:
    key = sell(world)
    with unscoped():
        Send.objects.update(status=status)

    assert told(key) == set()


def test_what_was_told_without_a_click_binds_the_sale_to_nothing(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP1"))
    world.run_stages()
    first, second = sell(world), sell(world, "HP2")

    assert platform.names == ["AddPaymentInfo"]
    assert told(first, second) == set()


def test_one_of_several_sends_is_enough_where_it_told_of_a_click(world: World, platform: ScriptedPlatform) -> None:
    click_id = world.click()["click_id"]
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP1", sck=click_id))
    world.run_stages()
    first, second = sell(world), sell(world, "HP2")

    assert platform.names == ["AddPaymentInfo"]
    assert told(first, second) == {first}


def test_any_number_takes_one_statement(world: World) -> None:
    keys = [sell(world, f"HP{number}") for number in range(12)]

    for asked in (keys[:1], keys):
        with unscoped(), transaction.atomic(), CaptureQueriesContext(connection) as queries:
            assert find_told(asked) == set()
        assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 1


@pytest.mark.django_db(transaction=True)
def test_what_somebody_holds_may_be_told_at_any_moment(world: World) -> None:
    held, free = sell(world), sell(world, "HP2")

    with transaction.atomic(), unscoped():
        list(Send.objects.filter(event__conversion=held).select_for_update())
        (found,) = at_once([lambda: told(held, free)])

    assert found == {held}
    assert told(held, free) == set()


@pytest.mark.django_db(transaction=True)
def test_nobody_claims_what_is_being_decided_anew(world: World, platform: ScriptedPlatform) -> None:
    key = sell(world)

    with transaction.atomic(), unscoped():
        assert find_told([key]) == set()
        at_once([deliver])
        sent_meanwhile = list(platform.received)
    deliver()

    assert sent_meanwhile == []
    assert len(platform.received) == 1


def test_until_it_is_told_a_match_follows_what_is_known(world: World, platform: ScriptedPlatform) -> None:
    click_earlier(world, FBP, minutes=30)
    sell(world)
    later = click_earlier(world, LATER_FBP, minutes=5)

    look_again()
    deliver()

    match = the_match()
    assert match.click is not None
    assert (match.click.public_id, match.better) == (later, None)
    assert [event["user_data"]["fbp"] for body in platform.received for event in body["data"]] == [LATER_FBP]


def test_once_it_is_told_the_better_answer_stands_beside_it(world: World, platform: ScriptedPlatform) -> None:
    first = click_earlier(world, FBP, days=2)
    world.patch(f"funnels/{world.funnel.pk}", {"uncertain_matches": "auto"})
    assert world.post(f"funnels/{world.funnel.pk}/publish").status_code == 200
    sell(world)
    deliver()
    later = click_earlier(world, LATER_FBP, minutes=5)

    look_again()
    deliver()

    match = the_match()
    assert match.click is not None
    assert match.click.public_id == first
    assert match.better is not None
    assert match.better["click_id"] == later
    assert len(platform.received) == 1


@pytest.mark.django_db(transaction=True)
def test_a_match_is_kept_while_its_send_is_being_claimed(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Matching runs between a worker's claim and its commit."""
    click_earlier(world, FBP, minutes=30)
    sell(world)
    click_earlier(world, LATER_FBP, minutes=5)
    meta = PLATFORMS["meta"]
    build: Callable[..., Any] = meta.build_event

    def build_meanwhile(*facts: Any) -> Any:
        at_once([look_again])
        return build(*facts)

    monkeypatch.setattr(meta, "build_event", build_meanwhile)
    deliver()

    match = the_match()
    assert match.click is not None
    assert match.click.fbp == FBP
    assert [event["user_data"]["fbp"] for body in platform.received for event in body["data"]] == [FBP]


@pytest.mark.django_db(transaction=True)
def test_whatever_races_the_platform_hears_of_the_match_that_stands(world: World, platform: ScriptedPlatform) -> None:
    orders = [f"HP{number}" for number in range(12)]
    for order in orders:
        person = f"{order}@example.com".lower()
        ids = world.click(email=person, fbp=f"{FBP}{order[2:]}")
        make_older(ids["session_id"], minutes=30)
        sell(world, order, email=person)
    for order in orders:
        ids = world.click(email=f"{order}@example.com".lower(), fbp=f"{LATER_FBP}{order[2:]}")
        make_older(ids["session_id"], minutes=5)

    at_once([look_again, deliver] * 6, threads=6)
    deliver()

    sent = {
        event["custom_data"]["order_id"]: event["user_data"]["fbp"]
        for body in platform.received
        for event in body["data"]
    }
    matched = {order: match.click.fbp for order in orders if (match := the_match(order)).click}
    assert sent == matched
    assert sorted(platform.event_ids) == sorted(set(platform.event_ids))
    assert len(platform.event_ids) == len(orders)

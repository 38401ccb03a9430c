"""What becomes known after a sale was matched: when it is looked at again, and that this comes to an end."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from apps.clicks.models import Click, Session
from apps.core.ids import new_id
from apps.pipeline import tasks
from apps.pipeline.lanes import find_due_lanes
from apps.pipeline.wakeups import WakeUp
from apps.tenants.scoping import unscoped
from tests.matching.late import BUYER, MINUTE, chosen, identify, let_pass, look_at, match_of, run_lanes, send_late_click
from tests.worlds import World, hotmart


def test_a_click_that_was_queued_is_found_when_the_unsure_sale_is_looked_at_again(world: World) -> None:
    visit = new_id("hts")
    world.post_webhook(hotmart(order_id="HP1", sck=visit))
    run_lanes()
    assert chosen() == ("unmatched", "", None)

    click_id = send_late_click(world, visit)
    assert run_lanes() == []
    let_pass(minutes=5)
    run_lanes()

    assert chosen() == ("auto", "explicit_session_id", click_id)
    assert look_at() is None, "it is sure, so nobody looks again"


def test_a_queued_click_that_names_the_buyer_is_found_at_once(world: World) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    run_lanes()

    click_id = send_late_click(world, new_id("hts"), email=BUYER)
    run_lanes()

    assert chosen() == ("auto", "email_hash", click_id)


def test_an_unsure_sale_is_looked_at_three_times_more_and_then_rests(world: World) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    looks = 0

    run_lanes()
    while look := look_at():
        assert run_lanes() == []
        looks += 1
        let_pass(seconds=(look - timezone.now()).total_seconds() + 1)
        assert [matched for matched, _ in run_lanes()] == [1]

    assert looks == 3
    assert chosen() == ("unmatched", "", None)


def test_a_match_that_waits_for_review_is_looked_at_again(world: World) -> None:
    world.click(email=BUYER, phone="11987654321")
    with unscoped():
        Click.objects.update(clicked_at=F("clicked_at") - timedelta(days=2))
        Session.objects.update(last_seen_at=F("last_seen_at") - timedelta(days=2))

    world.post_webhook(hotmart(order_id="HP1"))
    run_lanes()

    assert match_of().review == "pending_review"
    assert look_at() is not None


@pytest.mark.parametrize(
    ("named", "rule"),
    [
        ({"email": BUYER}, "email_hash"),
        ({"phone": "11987654321"}, "phone_hash"),
        ({"phone": "1187654321"}, "phone_hash"),
        ({"email": BUYER, "phone": "11987654321"}, "email_hash"),
    ],
)
def test_a_visitor_who_is_known_later_improves_the_match_at_once(
    world: World, named: dict[str, str], rule: str
) -> None:
    ids = world.click()
    world.post_webhook(hotmart(order_id="HP1"))
    run_lanes()
    assert chosen() == ("unmatched", "", None)

    identify(world, ids["session_id"], **named)
    run_lanes()

    assert chosen() == ("auto", rule, ids["click_id"])


def test_the_buyers_number_without_the_ninth_digit_is_the_same_number(world: World) -> None:
    ids = world.click()
    world.post_webhook(hotmart(order_id="HP1", phone="87654321"))
    run_lanes()

    identify(world, ids["session_id"], phone="11987654321")
    run_lanes()

    assert chosen() == ("auto", "phone_hash", ids["click_id"])


@pytest.mark.parametrize("said", [{"email": "carla@example.com"}, {"external_id": "customer-7"}])
def test_who_is_somebody_else_has_no_sale_looked_at(world: World, said: dict[str, str]) -> None:
    ids = world.click()
    world.post_webhook(hotmart(order_id="HP1"))
    run_lanes()

    identify(world, ids["session_id"], **said)

    assert run_lanes() == [(0, 1)]


def test_another_tenants_visitor_has_no_sale_looked_at(world: World, other_world: World) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    run_lanes()

    other_world.click(email=BUYER)

    assert run_lanes() == [(0, 1)]


def test_the_lanes_come_to_rest_after_a_sale_tells_who_the_visitor_was(world: World) -> None:
    """The sale's phone is news to the session, whose own e-mail then has the sale looked at once more: no news."""
    ids = world.click(email=BUYER)
    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))

    assert run_lanes() == [(1, 1), (1, 0)]

    with unscoped():
        due = find_due_lanes()
    assert (due.matches, due.people) == (False, False)


def test_what_only_a_purchase_told_has_no_sale_looked_at(world: World) -> None:
    ids = world.click()
    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))

    assert run_lanes() == [(1, 1)]


def test_who_was_last_seen_before_the_sale_has_it_matched_once(world: World) -> None:
    ids = world.click(email=BUYER)
    with unscoped():
        Session.objects.update(last_seen_at=F("last_seen_at") - 2 * MINUTE)
    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))

    assert run_lanes() == [(1, 1)]


def test_the_relay_and_its_tasks_find_a_late_visitors_sale(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a broker that carries out what it is asked."""

    def carry_out(wake_ups: Sequence[WakeUp]) -> int:
        for task in [it.task for it in wake_ups if not it.destination_id]:
            task()
        return len(wake_ups)

    monkeypatch.setattr(tasks, "send", carry_out)
    ids = world.click()
    world.post_webhook(hotmart(order_id="HP1"))
    tasks.wake_due_lanes()
    assert chosen() == ("unmatched", "", None)

    identify(world, ids["session_id"], email=BUYER)
    tasks.wake_due_lanes()
    tasks.wake_due_lanes()

    assert chosen() == ("auto", "email_hash", ids["click_id"])

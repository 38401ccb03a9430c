"""The people's lane: woken when sessions are due, and told by purchases who the visitor was."""

from collections.abc import Sequence
from typing import Any

import pytest

from apps.clicks.models import Person, Session
from apps.conversions.models import Conversion
from apps.matching.models import Match, ReviewState
from apps.matching.rules import Decision
from apps.pipeline import tasks
from apps.pipeline.lanes import find_due_lanes
from apps.pipeline.stages import link_people_batch, match_batch
from apps.pipeline.wakeups import WakeUp
from apps.tenants.scoping import unscoped
from tests.clicks.known import link_all, person_of
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart


def is_due() -> bool:
    with unscoped():
        return find_due_lanes().people


def match() -> None:
    with unscoped():
        while match_batch().rows:
            pass


def identity_of(session_id: str) -> dict[str, Any]:
    with unscoped():
        identity: dict[str, Any] = Session.objects.get(public_id=session_id).identity
    return identity


def test_the_lane_is_due_while_a_session_names_somebody_unknown(world: World) -> None:
    world.click()
    assert is_due() is False

    world.click(email="ana@example.com")
    assert is_due() is True
    link_all()

    assert is_due() is False


def test_a_hit_links_nobody_itself(world: World) -> None:
    ids = world.click(email="ana@example.com")

    assert person_of(ids["session_id"]) is None
    with unscoped():
        assert not Person.objects.exists()


def test_the_relay_wakes_the_lane_and_the_task_drains_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[str] = []

    def note(wake_ups: Sequence[WakeUp]) -> int:
        woken.extend(it.task.name for it in wake_ups)
        return len(wake_ups)

    monkeypatch.setattr(tasks, "send", note)
    ids = [world.click(email=f"v{number}@example.com")["session_id"] for number in range(3)]

    tasks.wake_due_lanes()
    assert woken == ["apps.pipeline.tasks.drain_people"]
    tasks.drain_people()

    assert all(person_of(session) for session in ids)
    assert tasks.wake_due_lanes() == 0


def test_a_purchase_tells_who_the_visitor_was(world: World) -> None:
    """Bruno clicks on his phone and says nothing; the sale's e-mail is the one that he typed on his desktop."""
    desktop = world.click(email="beatriz@example.com")
    phone = world.click()
    link_all()

    world.post_webhook(hotmart(order_id="HP1", sck=phone["click_id"]))
    match()
    assert is_due() is True
    link_all()

    assert person_of(phone["session_id"]) == person_of(desktop["session_id"]) is not None


def test_a_sale_that_is_not_paid_tells_nothing_until_it_is(world: World) -> None:
    ids = world.click()
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP1", sck=ids["click_id"]))
    match()
    assert (is_due(), identity_of(ids["session_id"])) == (False, {})

    world.post_webhook(hotmart("PURCHASE_APPROVED", order_id="HP1", sck=ids["click_id"]))
    match()
    link_all()

    assert person_of(ids["session_id"]) is not None


@pytest.mark.parametrize("change", ["is_test", "unmatched", "review"])
def test_a_test_and_an_uncertain_match_tell_nothing(world: World, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = world.click()
    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"] if change != "unmatched" else ""))
    match()
    with unscoped():
        Session.objects.update(identity={}, person=None)
        Conversion.objects.update(match_due_at="2026-01-01T00:00:00Z", is_test=change == "is_test")
        if change == "review":
            Match.objects.update(decision=Decision.REVIEW, is_used=False, review=ReviewState.REJECTED)

    match()

    with unscoped():
        assert Match.objects.count() == 1
    assert (is_due(), identity_of(ids["session_id"])) == (False, {})


def test_what_a_purchase_told_is_told_once(world: World) -> None:
    ids = world.click()
    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))
    match()
    link_all()
    known, identity = person_of(ids["session_id"]), identity_of(ids["session_id"])

    world.post_webhook(hotmart("PURCHASE_REFUNDED", order_id="HP1", sck=ids["click_id"]))
    match()

    assert known is not None
    assert (person_of(ids["session_id"]), identity_of(ids["session_id"])) == (known, identity)


def test_a_purchase_of_another_tenant_tells_nothing(world: World, other_world: World) -> None:
    mine = world.click()

    other_world.post_webhook(hotmart(order_id="HP1", sck=mine["click_id"]))
    match()

    assert (is_due(), identity_of(mine["session_id"])) == (False, {})


def test_what_is_sent_to_meta_does_not_change(world: World, platform: ScriptedPlatform) -> None:
    """A second buyer in the same session: the first one's hashes are not sent as theirs."""
    ids = world.click()
    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))
    world.run_stages()
    link_all()

    world.post_webhook(hotmart(order_id="HP2", sck=ids["click_id"], email="carla@example.com", phone="21912345678"))
    world.run_stages()

    first, second = (world.event(order)["attempts"][0]["request"]["user_data"] for order in ("HP1", "HP2"))
    assert "external_id" not in first
    assert first.keys() == second.keys()
    assert [len(digests) for digests in (second["em"], second["ph"])] == [1, 1]
    assert first["em"] != second["em"]


def test_a_batch_says_how_much_it_did(world: World) -> None:
    for number in range(3):
        world.click(email=f"v{number}@example.com")

    with unscoped():
        assert [link_people_batch().rows for _turn in range(2)] == [3, 0]

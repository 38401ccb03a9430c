"""Delivery: what each answer of a platform does to a send, and what a crash leaves behind."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.clicks.models import Session
from apps.dispatch.models import Batch, CapiEvent, Send
from apps.dispatch.platform import Reply, ServerEvent, Target
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.selectors import due_destinations
from apps.dispatch.services import deliver_due, release_parked
from apps.pipeline.stages import match_batch
from apps.tenants.scoping import unscoped
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.worlds import PIXEL, World, hotmart


def the_send() -> Send:
    with unscoped():
        send: Send = Send.objects.select_related("destination").get()
    return send


def make_due(**changes: Any) -> None:
    """As if the time until the next try had passed."""
    with unscoped():
        Send.objects.update(due_at=timezone.now() - timedelta(seconds=1), **changes)


def sell(world: World, order_id: str = "HP1", **changes: Any) -> None:
    world.post_webhook(hotmart(order_id=order_id, **changes))
    world.run_stages()


def test_a_transient_failure_is_tried_again_with_the_same_event_id(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(2, is_transient=True), ACCEPT]

    sell(world)
    retrying = the_send()
    make_due()
    world.run_stages()

    assert (retrying.status, retrying.failures, retrying.reason) == ("retrying", 1, "graph_2")
    assert retrying.due_at > timezone.now()
    assert the_send().status == "accepted"
    assert len(set(platform.event_ids)) == 1
    assert len(platform.event_ids) == 2
    assert [item["outcome"] for item in world.event("HP1")["attempts"]] == ["transient", "accepted"]


def test_nothing_is_sent_before_it_is_due(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [(503, b"<html>")]

    sell(world)
    world.run_stages()

    assert len(platform.received) == 1


@pytest.mark.parametrize(
    ("answer", "status", "next_step"),
    [
        (graph_error(100, 2804009), "dead", "fix_event"),
        (graph_error(100, 2804003), "expired", "none"),
        (graph_error(190, 463), "parked", "replace_token"),
        (graph_error(100, 33), "parked", "check_permissions"),
        (graph_error(4), "retrying", "wait"),
        ((200, {"messages": []}), "retrying", "retry"),
        ((502, b"<html>bad gateway</html>"), "retrying", "retry"),
        ((502, b"a proxy's \x00 and \xff"), "retrying", "retry"),
    ],
)
def test_each_answer_leads_to_its_status(
    world: World, platform: ScriptedPlatform, answer: Any, status: str, next_step: str
) -> None:
    platform.answers = [answer]

    sell(world)

    event = world.event("HP1")
    assert (event["status"], event["attempts"][0]["next_step"]) == (status, next_step)


def test_a_new_token_releases_what_was_parked(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(190, 463)]
    sell(world, "HP1")
    sell(world, "HP2")
    platform.answers = [ACCEPT]

    change = {"destinations": [{"platform": "meta", "pixel_id": PIXEL, "access_token": "a-new-token"}]}
    answered = world.patch(f"funnels/{world.funnel.pk}", change)
    with unscoped():
        released = release_parked()
    world.run_stages()

    assert (answered.status_code, released) == (200, 2)
    assert [world.event(order)["status"] for order in ("HP1", "HP2")] == ["accepted", "accepted"]
    assert platform.tokens[-1] == "Bearer a-new-token"


def test_without_a_new_token_the_parked_stay_parked(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(190)]
    sell(world)

    with unscoped():
        released = release_parked()
    world.run_stages()

    assert released == 0
    assert (the_send().status, len(platform.received)) == ("parked", 1)


def test_a_dead_token_parks_the_destinations_waiting_sends_at_once(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(190)]
    for number in range(5):
        world.post_webhook(hotmart(order_id=f"HP{number}"))

    world.run_stages()

    with unscoped():
        assert Send.objects.filter(status="parked").count() == 5
    assert len(platform.received) == 1


class Died(BaseException):
    """As SIGKILL would: nothing of the worker's own cleans up."""


def die_while_posting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*args: Any) -> Reply:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(PLATFORMS["meta"], "post", die)
        with pytest.raises(Died):
            world.run_stages()


def test_a_crash_during_the_request_leaves_the_saved_attempt_and_a_lease(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.post_webhook(hotmart(order_id="HP1"))

    die_while_posting(world, monkeypatch)

    (attempt,) = world.event("HP1")["attempts"]
    assert (attempt["number"], attempt["outcome"]) == (1, "unknown")
    assert attempt["request"]["event_name"] == "Purchase"
    assert the_send().status == "sending"
    assert the_send().due_at > timezone.now() + timedelta(seconds=50)


def test_a_worker_that_died_is_replaced_when_its_lease_lapses(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    die_while_posting(world, monkeypatch)
    assert world.run_stages() == 0

    make_due()
    world.run_stages()

    assert (the_send().status, the_send().reason) == ("accepted", "accepted_on_resend")
    assert [item["outcome"] for item in world.event("HP1")["attempts"]] == ["unknown", "accepted"]
    assert len(set(platform.event_ids)) == 1


def test_what_kills_every_worker_is_dead_after_five(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.post_webhook(hotmart(order_id="HP1"))

    for _turn in range(5):
        die_while_posting(world, monkeypatch)
        make_due()
        with unscoped():
            Batch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    world.run_stages()

    assert (the_send().status, the_send().reason, the_send().strikes) == ("dead", "worker_died", 5)
    assert platform.received == []


def test_a_worker_that_comes_back_late_settles_nothing(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_post = PLATFORMS["meta"].post

    def post_while_another_takes_over(target: Target, events: Sequence[ServerEvent]) -> Reply:
        reply = real_post(target, events)
        Send.objects.update(batch=None)
        return reply

    monkeypatch.setattr(PLATFORMS["meta"], "post", post_while_another_takes_over)

    sell(world)

    assert the_send().status == "sending"
    assert [item["outcome"] for item in world.event("HP1")["attempts"]] == ["accepted"]


def test_an_unknown_outcome_is_not_resent_after_meta_forgets_the_first(
    world: World, platform: ScriptedPlatform
) -> None:
    platform.answers = [(200, {"messages": []})]
    sell(world)

    make_due(first_attempt_at=timezone.now() - timedelta(hours=48))
    world.run_stages()

    assert (the_send().status, the_send().reason) == ("dead", "unknown_outcome")
    assert len(platform.received) == 1


def test_a_refund_stops_what_still_waits(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [(503, b"")]
    sell(world)

    world.post_webhook(hotmart("PURCHASE_REFUNDED", order_id="HP1"))
    make_due()
    world.run_stages()

    assert (the_send().status, the_send().reason) == ("excluded", "refunded_before_send")
    assert len(platform.received) == 1


def test_a_refund_after_acceptance_changes_nothing_that_was_sent(world: World, platform: ScriptedPlatform) -> None:
    sell(world)

    world.post_webhook(hotmart("PURCHASE_REFUNDED", order_id="HP1"))
    world.run_stages()

    assert world.conversion("HP1")["status"] == "refunded"
    assert (the_send().status, len(platform.received)) == ("accepted", 1)


def test_a_sale_of_last_month_expires_unsent(world: World, platform: ScriptedPlatform) -> None:
    long_ago = timezone.now() - timedelta(days=30)

    sell(world, at_ms=int(long_ago.timestamp() * 1000))

    assert world.event("HP1")["status"] == "expired"
    assert platform.received == []


def test_refused_consent_blocks_and_is_asked_again_at_each_send(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click(consent_ads=True)
    platform.answers = [(503, b"")]
    sell(world, sck=ids["click_id"])

    with unscoped():
        Session.objects.update(consent_ads=False)
    make_due()
    world.run_stages()

    assert (the_send().status, the_send().reason) == ("blocked", "consent_withdrawn")
    assert len(platform.received) == 1


@pytest.mark.parametrize(
    ("consent", "unknown", "status"),
    [(False, "send", "blocked"), (None, "block", "blocked"), (None, "send", "accepted"), (True, "block", "accepted")],
)
def test_consent_decides_before_the_first_send(
    world: World, platform: ScriptedPlatform, consent: bool | None, unknown: str, status: str
) -> None:
    world.patch(f"funnels/{world.funnel.pk}", {"unknown_consent": unknown})
    world.post(f"funnels/{world.funnel.pk}/publish")
    ids = world.click(consent_ads=consent)

    sell(world, sck=ids["click_id"])

    assert world.event("HP1")["status"] == status
    assert len(platform.received) == (1 if status == "accepted" else 0)


def test_replay_sends_a_dead_event_again(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(100), ACCEPT]
    sell(world)
    event_id = world.event("HP1")["event_id"]

    answer = world.post(f"replay/{event_id}")
    world.run_stages()

    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert world.event("HP1")["status"] == "accepted"
    assert platform.event_ids == [event_id, event_id]


def test_replay_refuses_what_was_accepted(world: World, platform: ScriptedPlatform) -> None:
    sell(world)

    answer = world.post(f"replay/{world.event('HP1')['event_id']}")
    world.run_stages()

    assert answer.status_code == 409
    assert answer.json()["code"] == "not_possible"
    assert len(platform.received) == 1


def test_replay_and_events_of_another_tenant_do_not_exist(
    world: World, other_world: World, platform: ScriptedPlatform
) -> None:
    sell(world)
    event_id = world.event("HP1")["event_id"]

    assert other_world.get(f"events/{event_id}").status_code == 404
    assert other_world.post(f"replay/{event_id}").status_code == 404
    assert other_world.get("events").json()["results"] == []


def test_two_tenants_with_the_same_order_each_send_their_own(
    world: World, other_world: World, platform: ScriptedPlatform
) -> None:
    sell(world)
    sell(other_world)

    assert len(set(platform.event_ids)) == 2
    with unscoped():
        assert CapiEvent.objects.count() == 2


def test_a_destinations_own_version_address_and_test_code_are_used_once_published(
    world: World, platform: ScriptedPlatform, settings: Any
) -> None:
    own = {
        "platform": "meta",
        "pixel_id": PIXEL,
        "api_version": "v25.0",
        "base_url": platform.url,
        "test_event_code": "TEST1",
    }
    settings.META_GRAPH_URL = "http://127.0.0.1:9"
    world.patch(f"funnels/{world.funnel.pk}", {"destinations": [own]})
    world.post(f"funnels/{world.funnel.pk}/publish")

    sell(world)

    assert platform.paths == [f"/v25.0/{PIXEL}/events"]
    assert platform.received[0]["test_event_code"] == "TEST1"


def test_a_platform_that_is_down_is_tried_again(world: World, settings: Any) -> None:
    settings.META_GRAPH_URL = "http://127.0.0.1:9"

    sell(world)

    event = world.event("HP1")
    assert (event["status"], event["attempts"][0]["outcome"]) == ("retrying", "transient")
    assert event["sends"][0]["reason"] == "connect"


def test_a_delivery_takes_the_same_statements_whatever_its_size(world: World, platform: ScriptedPlatform) -> None:
    sell(world, "HP0")
    sell(world, "HP00")

    one, three = (statements_of_delivery(world, orders) for orders in (["HP1"], ["HP2", "HP3", "HP4"]))

    assert one == three == 16


def statements_of_delivery(world: World, orders: list[str]) -> int:
    for order in orders:
        world.post_webhook(hotmart(order_id=order))
    with unscoped():
        match_batch()
        (destination,) = due_destinations()
        with CaptureQueriesContext(connection) as queries:
            assert deliver_due(destination).rows == len(orders)
    return len([query for query in queries if "SAVEPOINT" not in query["sql"]])

"""Replays: many dead letters sent again, at a bounded rate, each at most once, and never against a person's no."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.conversions.models import Conversion, Quarantine
from apps.core.errors import NotPossible
from apps.dispatch.letters import obstacles
from apps.dispatch.letters.filters import Condition, Filters, Queue
from apps.dispatch.models import Breaker, Replay, Send
from apps.dispatch.services import release_parked, replays
from apps.dispatch.services.replays import Wish, continue_replays, start_replay
from apps.tenants.scoping import unscoped
from tests.consents import say
from tests.dispatch.dead import (
    REFUSED,
    TOO_OLD,
    add_pixel,
    ask_replay,
    change_sends,
    fail_matching_of,
    letters,
    progress,
    run_replays,
    sell_refused,
    skips,
    the_send,
)
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.worlds import PIXEL, World, hotmart


def event_id(order_id: str = "HP1") -> str:
    return the_send(order_id).event.event_id


def statuses() -> dict[str, str]:
    with unscoped():
        return dict(Send.objects.order_by("pk").values_list("event__conversion__order_id", "status"))


def plant_letters(world: World, count: int) -> None:
    """Copies of the only dead send: as many more events as asked for, of the same sale."""
    with unscoped():
        send = Send.objects.select_related("event").get()
        for number in range(count):
            event = send.event
            event.pk, event.event_id = None, f"planted-{number}"
            event.stage, event.event_name = f"stage-{number}", f"Name{number}"
            event.save(force_insert=True)
            send.pk, send.event = None, event
            send.save(force_insert=True)


# --- One, some, all ---


def test_a_dead_letter_is_sent_again_under_its_event_id(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1", "HP2")

    started = ask_replay(world, ids=[event_id("HP1")])
    run_replays()
    pending = the_send("HP1")
    world.run_stages()

    assert (started["state"], started["total"], started["per_minute"]) == ("running", 1, 600)
    assert (pending.status, pending.reason, pending.failures, pending.strikes) == ("pending", "replayed", 0, 0)
    assert (pending.settled_at, pending.is_unsure) == (None, False)
    assert statuses() == {"HP1": "accepted", "HP2": "dead"}
    assert platform.event_ids.count(event_id("HP1")) == 2
    ended = progress(world, started)
    assert (ended["state"], ended["released"], ended["remaining"], ended["skipped"]) == ("done", 1, 0, [])
    assert ended["finished_at"]
    assert ended["estimated_end_at"] is None


def test_all_of_a_reason_are_sent_and_no_others(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1", "HP2")
    sell_refused(world, platform, "HP3", answer=graph_error(3))

    started = ask_replay(world, filter={"reason": "graph_100_2804009"})
    run_replays()
    world.run_stages()

    assert started["filter"] == {"queue": "capi-dispatch", "reason": "graph_100_2804009"}
    assert statuses() == {"HP1": "accepted", "HP2": "accepted", "HP3": "dead"}


def test_an_empty_filter_means_all(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    sell_refused(world, platform, "HP2", answer=TOO_OLD)

    started = ask_replay(world, filter={})
    run_replays()
    world.run_stages()

    assert (started["total"], statuses()) == (2, {"HP1": "accepted", "HP2": "accepted"})


def test_a_filter_by_destination_and_value_leaves_the_rest(world: World, platform: ScriptedPlatform) -> None:
    second = add_pixel(world)
    sell_refused(world, platform, "CHEAP", price=10)
    sell_refused(world, platform, "DEAR", price=500)

    ask_replay(world, filter={"destination": str(second.pk), "min_value": "100"})
    run_replays()
    world.run_stages()

    with unscoped():
        rows = Send.objects.order_by("pk").values_list("event__conversion__order_id", "destination__pixel_id", "status")
        left = {(order, pixel) for order, pixel, status in rows if status == "dead"}
    assert left == {("CHEAP", PIXEL), ("CHEAP", "999"), ("DEAR", PIXEL)}


def test_what_was_never_dead_is_not_sent(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()

    answer = world.post("dead-letters/replay", {"ids": [event_id("HP1")]})
    world.run_stages()

    assert (answer.status_code, answer.json()["code"]) == (409, "not_possible")
    assert len(platform.received) == 1
    with unscoped():
        assert not Replay.objects.exists()


# --- No faster than asked for ---


def test_a_turn_lets_go_five_seconds_worth_and_then_waits(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    plant_letters(world, 29)

    started = ask_replay(world, filter={}, per_minute=120)
    with unscoped():
        first, second = continue_replays(), continue_replays()
    after = progress(world, started)

    assert (first, second) == (10, 0), "the next turn is due five seconds later"
    assert (after["released"], after["remaining"], after["state"]) == (10, 20, "running")
    with unscoped():
        replay = Replay.objects.get()
    assert timedelta(seconds=4) < replay.next_at - timezone.now() <= timedelta(seconds=5)
    assert after["estimated_end_at"] == (replay.next_at + timedelta(seconds=10)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(("per_minute", "turn"), [(1, 1), (60, 5), (600, 50), (6000, 500)])
def test_the_rate_is_bounded_at_every_setting(per_minute: int, turn: int) -> None:
    limit = replays._chunk_of(Replay(per_minute=per_minute))

    assert limit == turn
    assert limit <= max(per_minute / 12, 1)


def test_what_is_left_alone_costs_no_time(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    plant_letters(world, 19)
    with unscoped():
        Send.objects.update(deadline=timezone.now() - timedelta(seconds=1))

    started = ask_replay(world, filter={}, per_minute=60)
    with unscoped():
        turns = [continue_replays() for _ in range(6)]

    assert turns == [5, 5, 5, 5, 1, 0]
    assert skips(progress(world, started)) == {"too_late": 20}


def test_a_turn_takes_the_same_statements_whatever_its_size(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    plant_letters(world, 40)

    def count(per_minute: int) -> int:
        ask_replay(world, filter={}, per_minute=per_minute)
        with unscoped(), CaptureQueriesContext(connection) as queries:
            assert continue_replays()
            Replay.objects.update(state="cancelled")
        return len([query for query in queries if "SAVEPOINT" not in query["sql"]])

    assert count(12) == count(240) == 11


# --- Never twice ---


def test_five_presses_send_once(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")

    started = [ask_replay(world, ids=[event_id()]) for _ in range(5)]
    run_replays()
    world.run_stages()

    assert platform.event_ids.count(event_id()) == 2, "the refused one and one more"
    ended = [progress(world, one) for one in started]
    assert sorted((one["state"], one["released"]) for one in ended) == [("done", 0)] * 4 + [("done", 1)]
    assert sorted(map(str, map(skips, ended))) == ["{'moved_on': 1}"] * 4 + ["{}"]


def test_what_dies_again_is_not_sent_again_by_the_same_replay(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1", "HP2")
    platform.answers = [REFUSED]

    ask_replay(world, filter={}, per_minute=12)
    with unscoped():
        continue_replays()
    world.run_stages()
    run_replays()
    world.run_stages()

    assert statuses() == {"HP1": "dead", "HP2": "dead"}
    assert len(platform.event_ids) == 4


def test_what_dies_after_the_question_is_not_meant(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")

    started = ask_replay(world, filter={})
    sell_refused(world, platform, "HP2")
    run_replays()
    world.run_stages()

    assert statuses() == {"HP1": "accepted", "HP2": "dead"}
    assert progress(world, started)["released"] == 1


def test_what_was_accepted_meanwhile_is_left_alone(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1", "HP2")

    started = ask_replay(world, filter={})
    world.post(f"replay/{event_id('HP1')}")
    world.run_stages()
    run_replays()
    world.run_stages()

    assert statuses() == {"HP1": "accepted", "HP2": "accepted"}
    assert platform.event_ids.count(event_id("HP1")) == 2
    assert skips(progress(world, started)) == {"moved_on": 1}


def test_a_crash_in_a_turn_leaves_everything_as_it_was(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell_refused(world, platform, "HP1", "HP2")
    started = ask_replay(world, filter={})

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, unscoped():
        patched.setattr(replays, "_finish", die)
        with pytest.raises(KeyboardInterrupt):
            continue_replays()
    crashed = progress(world, started)
    run_replays()
    world.run_stages()

    assert (crashed["released"], crashed["state"]) == (0, "running")
    assert statuses() == {"HP1": "accepted", "HP2": "accepted"}
    assert len(platform.event_ids) == 4


def test_one_that_fails_does_not_keep_the_others(
    world: World, other_world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell_refused(world, platform, "HP1")
    sell_refused(other_world, platform, "HP2")
    ask_replay(world, filter={})
    ask_replay(other_world, filter={})
    real = obstacles.find_obstacles

    def fail_for_the_first(rows: Any, now: Any) -> Any:
        if rows[0].tenant_id == world.tenant_id:
            raise RuntimeError
        return real(rows, now)

    monkeypatch.setattr(replays, "find_obstacles", fail_for_the_first)
    with unscoped():
        with pytest.raises(RuntimeError):
            continue_replays()
        assert continue_replays() == 1

    assert statuses() == {"HP1": "dead", "HP2": "pending"}


# --- What forbids it ---


def test_a_no_is_final(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click(consent_ads=True)
    sell_refused(world, platform, "HP1", sck=ids["click_id"])
    sell_refused(world, platform, "HP2", email="carla@example.com", phone="911112222")
    say(world, False, session_id=ids["session_id"])

    started = ask_replay(world, filter={}, force=True)
    run_replays()
    world.run_stages()

    assert statuses() == {"HP1": "dead", "HP2": "accepted"}
    assert skips(progress(world, started)) == {"consent_denied": 1}


def test_without_a_yes_nothing_goes_where_the_funnel_wants_one(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    world.patch(f"funnels/{world.funnel.pk}", {"unknown_consent": "block"})
    world.post(f"funnels/{world.funnel.pk}/publish")

    started = ask_replay(world, filter={})
    run_replays()

    assert (statuses(), skips(progress(world, started))) == ({"HP1": "dead"}, {"consent_unknown": 1})


def test_what_is_too_old_stays_and_what_only_the_platform_called_old_goes(
    world: World, platform: ScriptedPlatform
) -> None:
    sell_refused(world, platform, "HP1", "HP2", answer=TOO_OLD)
    change_sends("HP1", deadline=timezone.now() - timedelta(seconds=1))

    started = ask_replay(world, filter={"status": "expired"})
    run_replays()
    world.run_stages()

    assert statuses() == {"HP1": "expired", "HP2": "accepted"}
    ended = progress(world, started)
    assert skips(ended) == {"too_late": 1}
    assert ended["skipped"][0]["sentence"]


def test_what_may_have_arrived_goes_only_when_somebody_insists(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    long_ago = timezone.now() - timedelta(hours=48)
    change_sends("HP1", is_unsure=True, first_attempt_at=long_ago, reason="unknown_outcome")

    asked = ask_replay(world, ids=[event_id()])
    run_replays()
    before = the_send()
    insisted = ask_replay(world, ids=[event_id()], force=True)
    run_replays()
    world.run_stages()

    assert (before.status, skips(progress(world, asked))) == ("dead", {"unknown_outcome": 1})
    assert (statuses(), progress(world, insisted)["released"]) == ({"HP1": "accepted"}, 1)
    assert (insisted["filter"]["force"], insisted["actor"].startswith("API: ")) == (True, True)


def test_a_doubt_within_the_window_stays_known(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    change_sends("HP1", is_unsure=True)

    ask_replay(world, filter={})
    run_replays()
    world.run_stages()

    assert (the_send().status, the_send().reason) == ("accepted", "accepted_on_resend")


# --- Parked destinations ---


def test_a_parked_destination_is_asked_again_once(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "DEAD")
    platform.answers = [graph_error(190), ACCEPT]
    world.post_webhook(hotmart(order_id="PARKED"))
    world.run_stages()

    ask_replay(world, ids=[event_id("DEAD")])
    run_replays()
    with unscoped():
        released = release_parked()
        assert Breaker.objects.get().parked_reason == ""
        Send.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    world.run_stages()
    world.run_stages()

    assert released == 1
    assert statuses() == {"DEAD": "accepted", "PARKED": "accepted"}


# --- The other queues ---


def test_sales_are_matched_from_scratch(world: World, platform: ScriptedPlatform) -> None:
    order = fail_matching_of(world, "HP1")
    kept_away = fail_matching_of(world, "HP2")

    started = ask_replay(world, queue="match-events", ids=[str(order.pk)])
    run_replays()
    world.run_stages()

    assert world.event("HP1")["status"] == "accepted"
    assert [row["id"] for row in letters(world, queue="match-events")] == [str(kept_away.pk)]
    assert progress(world, started)["released"] == 1
    with unscoped():
        assert Conversion.objects.get(pk=order.pk).match_failures == 0


def test_deliveries_are_read_again(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(b"{")
    world.post_webhook(hotmart("PURCHASE_SETTLED"))

    started = ask_replay(world, filter={"queue": "ingest-events", "reason": "unknown"})
    run_replays()

    with unscoped():
        due = Quarantine.objects.exclude(due_at=None).values_list("delivery__outcome", flat=True)
        assert (started["total"], list(due)) == (1, ["unknown"])


# --- Ending one, and asking after it ---


def test_a_cancelled_replay_lets_nothing_more_go(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    plant_letters(world, 9)
    started = ask_replay(world, filter={}, per_minute=60)
    with unscoped():
        continue_replays()

    answer = world.post(f"replays/{started['replay_id']}/cancel")
    turns = run_replays()

    assert (answer.status_code, answer.json()["state"], answer.json()["released"]) == (200, "cancelled", 5)
    assert turns == 0
    with unscoped():
        assert sorted(Send.objects.values_list("status", flat=True)) == ["dead"] * 5 + ["pending"] * 5
    again = world.post(f"replays/{started['replay_id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "not_possible")


def test_replays_are_listed_newest_first(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    made = [ask_replay(world, filter={}, per_minute=rate)["replay_id"] for rate in (1, 2, 3)]

    page = world.get("replays", page_size="2").json()
    rest = world.client.get(page["next"], headers=world.auth).json()

    listed = [row["replay_id"] for row in (*page["results"], *rest["results"])]
    assert listed == made[::-1]


def test_only_so_many_run_at_once(world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "MOST_RUNNING", 2)
    sell_refused(world, platform, "HP1")
    ask_replay(world, filter={})
    ask_replay(world, filter={})

    answer = world.post("dead-letters/replay", {"filter": {}})

    assert (answer.status_code, answer.json()["code"]) == (409, "not_possible")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["ids"]),
        ({"ids": ["a"], "filter": {}}, ["ids"]),
        ({"ids": []}, ["ids"]),
        ({"ids": "abc"}, ["ids"]),
        ({"ids": ["a\x00b"]}, ["ids.0"]),
        ({"ids": ["x"] * 1001}, ["ids"]),
        ({"filter": []}, ["filter"]),
        ({"filter": {"status": "accepted"}}, ["filter.status"]),
        ({"filter": {"queue": "match-events", "platform": "meta"}}, ["filter.platform"]),
        ({"filter": {}, "per_minute": 0}, ["per_minute"]),
        ({"filter": {}, "per_minute": 6001}, ["per_minute"]),
        ({"filter": {}, "per_minute": "fast"}, ["per_minute"]),
        ({"filter": {}, "force": "perhaps"}, ["force"]),
        ({"ids": ["a"], "queue": "other"}, ["queue"]),
        ([], ["body"]),
    ],
)
def test_what_cannot_be_asked_is_named(world: World, platform: ScriptedPlatform, body: Any, fields: list[str]) -> None:
    sell_refused(world, platform, "HP1")

    answer = world.post("dead-letters/replay", body)

    assert answer.status_code == 422, answer.content
    assert [name.split(".")[0] for name in answer.json()["errors"]] == [name.split(".")[0] for name in fields]
    with unscoped():
        assert not Replay.objects.exists()


def test_nobody_touches_another_accounts_letters(world: World, other_world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    own = the_send()
    started = ask_replay(world, filter={})

    bodies: list[dict[str, Any]] = [{"ids": [own.event.event_id]}, {"filter": {}}]
    for body in (*bodies, {"filter": {"destination": str(own.destination_id)}}):
        assert other_world.post("dead-letters/replay", body).status_code == 409
    assert other_world.get(f"replays/{started['replay_id']}").status_code == 404
    assert other_world.post(f"replays/{started['replay_id']}/cancel").status_code == 404
    assert other_world.get("replays").json()["results"] == []
    assert statuses() == {"HP1": "dead"}


def test_an_unknown_replay_is_not_found(world: World) -> None:
    assert world.get(f"replays/{uuid4()}").status_code == 404
    assert world.client.get(f"/api/v1/replays/{uuid4()}").status_code == 401


# --- What is kept of a wish ---


def test_filters_are_kept_as_they_were_asked_for() -> None:
    asked = Filters(
        queue=Queue.DISPATCH,
        status=Condition.DEAD,
        reason="graph_100",
        destination=uuid4(),
        funnel=uuid4(),
        platform="meta",
        since=timezone.now(),
        until=timezone.now(),
        ids=("a", "b"),
        sends=(1, 2),
    )

    assert Filters.from_json(asked.to_json()) == asked
    assert Filters.from_json({**Filters().to_json(), "force": True}) == Filters()


def test_a_wish_for_nothing_is_refused_before_anything_is_written(world: World) -> None:
    with unscoped(), pytest.raises(NotPossible):
        start_replay(world.tenant_id, Wish(Filters()))

    with unscoped():
        assert not Replay.objects.exists()

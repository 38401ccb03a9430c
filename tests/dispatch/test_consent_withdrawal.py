"""A withdrawal stops what waits and nothing else; a later yes is for what comes later."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.clicks.models import ConsentRecord, Session
from apps.dispatch.consent import PERMITTED, SILENCE, Word, moment_of_event, reason_to_set_out
from apps.dispatch.models import Send
from apps.dispatch.services import cancel_withdrawn, release_parked
from apps.dispatch.words import Question, find_words
from apps.pipeline.stages import match_batch
from apps.pipeline.tasks import wake_due_lanes
from apps.tenants.scoping import unscoped
from tests.clicks.hits import least, send
from tests.consents import say, sends, words
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.worlds import PIXEL, World, hotmart

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
YES, NO = Word(True, "banner", NOON), Word(False, "banner", NOON)
WITHDRAWN = ("blocked", "consent_withdrawn")


def sweep() -> int:
    with unscoped():
        return cancel_withdrawn()


def plan(world: World, order_id: str = "HP1", **changes: Any) -> None:
    """A sale that is matched and waits to be sent."""
    world.post_webhook(hotmart(order_id=order_id, **changes))
    with unscoped():
        match_batch()


def stand(status: str) -> None:
    with unscoped():
        Send.objects.update(status=status)


def long_ago() -> None:
    """As if all that was said had been said two hours ago."""
    with unscoped():
        ConsentRecord.objects.update(given_at=timezone.now() - timedelta(hours=2))


@pytest.mark.parametrize(
    ("heard", "planned", "until"),
    [
        (2 * SECOND, 5 * SECOND, 2 * SECOND),  # heard of at once: what was said after that came later
        (3600 * SECOND, 3601 * SECOND, 60 * SECOND),  # heard of late: the gateway's minute
        (-600 * SECOND, 2 * SECOND, 2 * SECOND),  # a later stage of a known order
        (-600 * SECOND, 3600 * SECOND, 60 * SECOND),
        (-2 * SECOND, -1 * SECOND, 0 * SECOND),  # a gateway's clock ahead of ours
    ],
)
def test_until_when_a_word_counts_as_of_the_event(heard: timedelta, planned: timedelta, until: timedelta) -> None:
    assert moment_of_event(NOON, NOON + heard, NOON + planned) == NOON + until


@pytest.mark.parametrize(
    ("then", "now", "unknown", "sets_out"),
    [
        (YES, YES, "block", True),
        (SILENCE, YES, "block", True),
        (SILENCE, SILENCE, "send", True),
        (SILENCE, SILENCE, "block", False),
        (YES, NO, "send", False),
        (SILENCE, NO, "send", False),
        (NO, NO, "send", False),
        (NO, YES, "send", False),
    ],
)
def test_a_new_event_needs_both_words(then: Word, now: Word, unknown: Any, sets_out: bool) -> None:
    assert (reason_to_set_out(then, now, unknown) in PERMITTED) is sets_out


@pytest.mark.parametrize("status", ["pending", "retrying", "parked"])
def test_the_sweep_blocks_whatever_waits(world: World, platform: ScriptedPlatform, status: str) -> None:
    ids = world.click(consent_ads=True)
    plan(world, sck=ids["click_id"])
    stand(status)

    say(world, False, session_id=ids["session_id"])
    swept = sweep(), sweep()
    world.run_stages()

    assert swept == (1, 0)
    assert sends() == [WITHDRAWN]
    assert platform.received == []
    with unscoped():
        assert Send.objects.get().settled_at is not None


@pytest.mark.parametrize("status", ["sending", "accepted", "duplicate", "dead", "expired", "excluded"])
def test_the_sweep_leaves_what_is_out_or_over(world: World, status: str) -> None:
    ids = world.click(consent_ads=True)
    plan(world, sck=ids["click_id"])
    stand(status)

    say(world, False, session_id=ids["session_id"])

    assert sweep() == 0
    assert sends() == [(status, "")]


def test_one_turn_of_the_relay_sweeps(world: World) -> None:
    ids = world.click(consent_ads=True)
    plan(world, sck=ids["click_id"])
    say(world, False, session_id=ids["session_id"])

    wake_due_lanes()

    assert sends() == [WITHDRAWN]


def test_without_a_withdrawal_a_sweep_is_one_statement(world: World) -> None:
    ids = world.click(consent_ads=True)
    plan(world, sck=ids["click_id"])

    with CaptureQueriesContext(connection) as queries:
        assert sweep() == 0

    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 1
    assert sends() == [("pending", "")]


@pytest.mark.parametrize("typed", [{"email": "beatriz@example.com"}, {"phone": "11987654321"}])
def test_a_no_in_another_session_of_the_same_buyer_counts(
    world: World, platform: ScriptedPlatform, typed: dict[str, str]
) -> None:
    ids = world.click(consent_ads=True)
    plan(world, sck=ids["click_id"])

    world.click(consent_ads=False, **typed)

    assert sweep() == 1
    world.run_stages()
    assert sends() == [WITHDRAWN]
    assert platform.received == []


def test_a_no_in_a_session_that_only_shares_what_the_visitor_typed_counts(
    world: World, platform: ScriptedPlatform
) -> None:
    """She bought with another address; the matched session knows this one."""
    ids = world.click(consent_ads=True, email="bia@example.com")
    plan(world, sck=ids["click_id"])

    world.click(consent_ads=False, email="bia@example.com")

    assert sweep() == 1
    world.run_stages()
    assert platform.received == []


def test_a_no_counts_also_where_the_sale_is_matched_to_no_click(world: World, platform: ScriptedPlatform) -> None:
    plan(world)

    send(world, "pageview", least(world, email="beatriz@example.com", consent_ads=False))
    swept = sweep()
    world.run_stages()

    assert swept == 1
    assert world.conversion("HP1")["match"]["decision"] == "unmatched"
    assert platform.received == []


@pytest.mark.parametrize("carried", ["click_id", "session_id"])
def test_a_no_of_a_session_that_the_gateway_names_counts_although_its_click_is_too_old(
    world: World, platform: ScriptedPlatform, carried: str
) -> None:
    ids = world.click(consent_ads=False)
    with unscoped():
        Session.objects.get().clicks.update(clicked_at=timezone.now() - timedelta(days=60))

    plan(world, sck=ids[carried])
    world.run_stages()

    assert world.conversion("HP1")["match"]["decision"] == "unmatched"
    assert sends() == [("blocked", "consent")]
    assert platform.received == []


def test_a_no_of_another_person_stops_nothing(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click(consent_ads=True)
    plan(world, sck=ids["click_id"])

    world.click(consent_ads=False, email="carla@example.com", phone="21912345678")
    world.click(consent_ads=False)

    assert sweep() == 0
    world.run_stages()
    assert sends() == [("accepted", "accepted")]


def test_a_no_at_another_tenant_stops_nothing_here(
    world: World, other_world: World, platform: ScriptedPlatform
) -> None:
    """The same buyer, known to both by e-mail and phone."""
    person = {"email": "beatriz@example.com", "phone": "11987654321"}
    ids = world.click(consent_ads=True, **person)
    plan(world, sck=ids["click_id"])
    plan(other_world)

    theirs = other_world.click(consent_ads=True, **person)
    say(other_world, False, session_id=theirs["session_id"])
    say(other_world, False, session_id=ids["session_id"])
    swept = sweep()
    world.run_stages()

    assert swept == 1
    assert [world.event("HP1")["status"], other_world.event("HP1")["status"]] == ["accepted", "blocked"]
    assert world.event("HP1")["consent"]["now"]["answer"] is True


def test_the_last_word_of_all_sessions_counts(world: World, platform: ScriptedPlatform) -> None:
    phone = world.click(consent_ads=False, email="beatriz@example.com")
    laptop = world.click(email="beatriz@example.com")
    say(world, True, session_id=laptop["session_id"])

    plan(world, sck=phone["click_id"])
    world.run_stages()

    assert sends() == [("accepted", "accepted")]


def test_an_old_yes_that_a_browser_repeats_does_not_outlive_a_later_no(
    world: World, platform: ScriptedPlatform
) -> None:
    laptop = world.click(consent_ads=True, email="beatriz@example.com")
    world.click(consent_ads=False, email="beatriz@example.com")
    send(world, "pageview", least(world, session_id=laptop["session_id"], consent_ads=True))

    plan(world, sck=laptop["click_id"])
    world.run_stages()

    assert sends() == [("blocked", "consent")]
    assert platform.received == []


def test_what_an_old_sweep_missed_is_stopped_at_the_claim(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click(consent_ads=True)
    plan(world, sck=ids["click_id"])
    say(world, False, session_id=ids["session_id"])
    long_ago()

    assert sweep() == 0
    world.run_stages()

    assert sends() == [WITHDRAWN]
    assert platform.received == []


def test_a_later_yes_is_for_later_sales(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click(consent_ads=True)
    plan(world, "HP1", sck=ids["click_id"])
    say(world, False, session_id=ids["session_id"])
    sweep()
    plan(world, "HP2", sck=ids["click_id"])

    say(world, True, session_id=ids["session_id"])
    plan(world, "HP3", sck=ids["click_id"])
    sweep()
    world.run_stages()

    assert sends() == [WITHDRAWN, ("blocked", "consent"), ("accepted", "accepted")]
    assert platform.event_ids == [world.event("HP3")["event_id"]]


@pytest.mark.parametrize("order_id", ["HP1", "HP2"])
def test_after_a_later_yes_a_replay_sends_what_was_blocked(
    world: World, platform: ScriptedPlatform, order_id: str
) -> None:
    ids = world.click(consent_ads=True)
    plan(world, "HP1", sck=ids["click_id"])
    say(world, False, session_id=ids["session_id"])
    sweep()
    plan(world, "HP2", sck=ids["click_id"])
    say(world, True, session_id=ids["session_id"])
    event_id = world.event(order_id)["event_id"]

    answer = world.post(f"replay/{event_id}")
    world.run_stages()

    assert answer.status_code == 202
    assert platform.event_ids == [event_id]


@pytest.mark.parametrize(
    ("status", "language", "sentence"),
    [
        ("blocked", "en", "This person refused ads: nothing of theirs is sent. After a new yes it can be replayed."),
        ("dead", "en", "This person refused ads: nothing of theirs is sent. After a new yes it can be replayed."),
        ("parked", "en", "This person refused ads: nothing of theirs is sent. After a new yes it can be replayed."),
    ],
)
def test_a_replay_after_a_withdrawal_is_refused_with_a_sentence(
    world: World, platform: ScriptedPlatform, status: str, language: str, sentence: str
) -> None:
    ids = world.click(consent_ads=True)
    plan(world, sck=ids["click_id"])
    stand(status)
    say(world, False, session_id=ids["session_id"])
    path = f"/api/v1/replay/{world.event('HP1')['event_id']}"

    answer = world.client.post(path, headers={**world.auth, "Accept-Language": language})
    world.run_stages()

    assert (answer.status_code, answer.json()["detail"]) == (409, sentence)
    assert sends() == [(status, "")]
    assert platform.received == []


def test_a_replay_needs_a_yes_where_the_funnel_does(world: World, platform: ScriptedPlatform) -> None:
    world.patch(f"funnels/{world.funnel.pk}", {"unknown_consent": "block"})
    world.post(f"funnels/{world.funnel.pk}/publish")
    ids = world.click()
    plan(world, sck=ids["click_id"])
    path = f"replay/{world.event('HP1')['event_id']}"

    refused = world.post(path)
    say(world, True, session_id=ids["session_id"])
    accepted = world.post(path)
    world.run_stages()

    assert (refused.status_code, accepted.status_code) == (409, 202)
    assert sends() == [("accepted", "accepted")]


@pytest.mark.parametrize(("unknown", "status"), [("send", "accepted"), ("block", "blocked")])
def test_where_nothing_was_said_the_funnel_decides(
    world: World, platform: ScriptedPlatform, unknown: str, status: str
) -> None:
    world.patch(f"funnels/{world.funnel.pk}", {"unknown_consent": unknown})
    world.post(f"funnels/{world.funnel.pk}/publish")
    world.click(email="beatriz@example.com")

    plan(world)
    world.run_stages()

    assert [found for found, _reason in sends()] == [status]
    assert len(platform.received) == (1 if status == "accepted" else 0)


def test_a_funnel_that_begins_to_require_a_yes_stops_what_waits_at_its_claim(
    world: World, platform: ScriptedPlatform
) -> None:
    plan(world)

    world.patch(f"funnels/{world.funnel.pk}", {"unknown_consent": "block"})
    world.post(f"funnels/{world.funnel.pk}/publish")
    swept = sweep()
    world.run_stages()

    assert swept == 0
    assert sends() == [("blocked", "consent")]
    assert platform.received == []


def sale_of_an_hour_ago() -> dict[str, Any]:
    return {"at_ms": int((timezone.now() - timedelta(hours=1)).timestamp() * 1000)}


def test_a_no_as_of_the_event_holds_although_the_webhook_came_after_a_yes(
    world: World, platform: ScriptedPlatform
) -> None:
    ids = world.click(consent_ads=False)
    with unscoped():
        Session.objects.get().clicks.update(clicked_at=timezone.now() - timedelta(hours=3))
    long_ago()
    say(world, True, session_id=ids["session_id"])

    plan(world, sck=ids["click_id"], **sale_of_an_hour_ago())
    world.run_stages()

    consent = world.event("HP1")["consent"]
    assert sends() == [("blocked", "consent")]
    assert (consent["as_of_event"]["answer"], consent["now"]["answer"]) == (False, True)
    assert platform.received == []


def test_silence_as_of_the_event_does_not_hold_a_later_yes_back(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click(consent_ads=True)
    with unscoped():
        Session.objects.get().clicks.update(clicked_at=timezone.now() - timedelta(hours=3))

    plan(world, sck=ids["click_id"], **sale_of_an_hour_ago())
    world.run_stages()

    consent = world.event("HP1")["consent"]
    assert sends() == [("accepted", "accepted")]
    assert (consent["as_of_event"]["answer"], consent["now"]["answer"]) == (None, True)


def test_the_api_shows_both_decisions_with_source_and_time(world: World) -> None:
    ids = world.click(consent_ads=True)
    plan(world, sck=ids["click_id"])
    say(world, False, session_id=ids["session_id"], source="preference-centre")

    consent = world.event("HP1")["consent"]

    with unscoped():
        given, refused = ConsentRecord.objects.order_by("given_at")
    shown = [_shown(record.given_at) for record in (given, refused)]
    assert consent == {
        "as_of_event": {"answer": True, "source": "click", "at": shown[0]},
        "now": {"answer": False, "source": "preference-centre", "at": shown[1]},
    }


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def test_the_api_shows_nulls_where_nothing_was_said(world: World) -> None:
    world.click()
    plan(world)

    nothing = {"answer": None, "source": None, "at": None}
    assert world.event("HP1")["consent"] == {"as_of_event": nothing, "now": nothing}


def test_a_replay_answers_with_the_consent_it_was_let_through_by(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click(consent_ads=True)
    plan(world, sck=ids["click_id"])
    stand("dead")

    answer = world.post(f"replay/{world.event('HP1')['event_id']}")

    assert (answer.status_code, answer.json()["consent"]["now"]["answer"]) == (202, True)


def test_a_word_from_before_words_were_kept_counts(world: World, platform: ScriptedPlatform) -> None:
    """Only the session knows it: neither its means nor, perhaps, its time."""
    ids = world.click()
    with unscoped():
        Session.objects.update(consent_ads=False)
    assert words() == []

    plan(world, sck=ids["click_id"])

    assert sends() == [("blocked", "consent")]
    assert world.event("HP1")["consent"]["now"]["source"] is None


def test_any_number_of_questions_is_one_statement(world: World) -> None:
    ids = world.click(consent_ads=True)
    for number in range(3):
        plan(world, f"HP{number}", sck=ids["click_id"])
    with unscoped():
        asked = [Question(pk) for pk in Send.objects.values_list("event__conversion", flat=True)]
    early = replace(asked[0], until=NOON)

    with CaptureQueriesContext(connection) as queries:
        found = find_words([*asked, *asked, early])

    assert len(queries) == 1
    assert [word.answer for word in found.values()] == [True, True, True, None]
    assert found[early] is SILENCE


def test_no_question_asks_nothing(django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(0):
        assert find_words([]) == {}


def test_parked_sends_of_who_withdrew_stay_when_a_new_token_comes(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(190)]
    keeps, leaves = world.click(consent_ads=True), world.click(consent_ads=True)
    plan(world, "HP1", sck=leaves["click_id"])
    plan(world, "HP2", sck=keeps["click_id"], email="carla@example.com", phone="912345678")
    world.run_stages()
    asked = len(platform.event_ids)
    platform.answers = [ACCEPT]

    say(world, False, session_id=leaves["session_id"])
    swept = sweep()
    change = {"destinations": [{"platform": "meta", "pixel_id": PIXEL, "access_token": "a-new-token"}]}
    world.patch(f"funnels/{world.funnel.pk}", change)
    with unscoped():
        released = release_parked()
    world.run_stages()

    assert (swept, released) == (1, 1)
    assert sends() == [WITHDRAWN, ("accepted", "accepted")]
    assert platform.event_ids[asked:] == [world.event("HP2")["event_id"]]

"""Words on ads: each is kept, the latest counts, nobody else's session is touched, and the answer tells nothing."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.clicks.consent import ConsentWord, read_word
from apps.clicks.models import ConsentRecord, Session
from apps.clicks.tracking import TrackingError
from apps.funnels.services import create_funnel
from apps.tenants.scoping import tenant_scope, unscoped
from tests.clicks.hits import least, send, stored
from tests.consents import post_word, say, session_of, words
from tests.pipeline.test_concurrency import at_once
from tests.worlds import LANDING, World

LEAST = {"public_key": "pk", "session_id": "hts1", "consent_ads": True}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, ConsentWord("pk", "hts1", "", True, "api")),
        ({"consent_ads": False, "source": "banner"}, ConsentWord("pk", "hts1", "", False, "banner")),
        ({"session_id": None, "click_id": "htc1"}, ConsentWord("pk", "", "htc1", True, "api")),
        ({"click_id": "htc1", "source": ""}, ConsentWord("pk", "hts1", "htc1", True, "api")),
        ({"source": "tcf_2.2-x", "unknown": 1}, ConsentWord("pk", "hts1", "", True, "tcf_2.2-x")),
    ],
)
def test_reading_a_word(changes: dict[str, Any], word: ConsentWord) -> None:
    assert read_word({**LEAST, **changes}) == word


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"public_key": ""}, {"public_key": "required"}),
        ({"public_key": 7}, {"public_key": "not_text"}),
        ({"session_id": ""}, {"session_id": "required"}),
        ({"session_id": "x" * 33}, {"session_id": "too_long"}),
        ({"session_id": "a\x00b"}, {"session_id": "not_text"}),
        ({"session_id": "ana@example.com"}, {"session_id": "not_a_word"}),
        ({"session_id": ["hts1"]}, {"session_id": "not_text"}),
        ({"click_id": "x" * 10_000}, {"click_id": "too_long"}),
        ({"consent_ads": None}, {"consent_ads": "not_an_answer"}),
        ({"consent_ads": "false"}, {"consent_ads": "not_an_answer"}),
        ({"consent_ads": 0}, {"consent_ads": "not_an_answer"}),
        ({"source": "<script>alert(1)</script>"}, {"source": "not_a_word"}),
        ({"source": "x" * 31}, {"source": "not_a_word"}),
        ({"source": "banner\n"}, {"source": "not_a_word"}),
        ({"source": {"a": 1}}, {"source": "not_a_word"}),
        ({"consent_ads": 1, "source": 1}, {"consent_ads": "not_an_answer", "source": "not_a_word"}),
    ],
)
def test_what_is_no_word_is_refused_by_name(changes: dict[str, Any], problems: dict[str, str]) -> None:
    with pytest.raises(TrackingError) as refused:
        read_word({**LEAST, **changes})

    assert refused.value.fields == problems


@pytest.mark.parametrize("body", [None, [], "yes", 1])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    with pytest.raises(TrackingError) as refused:
        read_word(body)

    assert refused.value.fields == {"body": "not_an_object"}


@pytest.mark.parametrize("by", ["session_id", "click_id"])
@pytest.mark.parametrize("answer", [True, False])
def test_a_word_is_kept_and_its_session_carries_it(world: World, by: str, answer: bool) -> None:
    ids = world.click()

    answered = post_word(world, consent_ads=answer, source="banner", **{by: ids[by]})

    assert (answered.status_code, answered.content) == (204, b"")
    assert answered["Access-Control-Allow-Origin"] == "*"
    assert words() == [(answer, "banner")]
    row = session_of(ids["session_id"])
    with unscoped():
        record = ConsentRecord.objects.get()
    assert (row.consent_ads, row.consent_at) == (answer, record.given_at)
    assert (record.session_id, record.tenant_id) == (row.pk, world.tenant_id)


def test_every_word_is_kept_and_the_latest_counts(world: World) -> None:
    session_id = world.click(consent_ads=True)["session_id"]

    for answer in (False, True, False):
        say(world, answer, session_id=session_id, source="settings")

    assert words() == [(True, "click"), (False, "settings"), (True, "settings"), (False, "settings")]
    assert session_of(session_id).consent_ads is False


def test_a_yes_that_is_said_again_is_a_new_word(world: World) -> None:
    session_id = world.click(consent_ads=True)["session_id"]
    before = session_of(session_id).consent_at

    say(world, True, session_id=session_id)

    after = session_of(session_id).consent_at
    assert before is not None
    assert after is not None
    assert after > before
    assert words() == [(True, "click"), (True, "api")]


@pytest.mark.parametrize("path", ["click", "pageview", "initiate_checkout"])
@pytest.mark.parametrize("answer", [True, False])
def test_a_hit_with_a_word_leaves_it(world: World, path: str, answer: bool) -> None:
    answered = send(world, path, least(world, consent_ads=answer))

    row = session_of(answered.json()["session_id"])
    assert words() == [(answer, path)]
    with unscoped():
        assert ConsentRecord.objects.get().given_at == row.consent_at


@pytest.mark.parametrize("path", ["click", "pageview", "initiate_checkout"])
def test_a_hit_without_one_leaves_none(world: World, path: str) -> None:
    send(world, path, least(world))

    assert words() == []
    assert sum(stored()) == 2


def test_a_page_that_repeats_the_word_on_every_hit_makes_it_no_later(world: World) -> None:
    """Else an old yes in one browser would outlive the no that the same person said in another."""
    session_id = world.click(consent_ads=True)["session_id"]
    before = session_of(session_id).consent_at

    send(world, "pageview", least(world, session_id=session_id, consent_ads=True))
    world.click(session_id=session_id, consent_ads=True)

    assert words() == [(True, "click")]
    assert session_of(session_id).consent_at == before


def test_a_hit_that_says_something_else_is_a_new_word(world: World) -> None:
    session_id = world.click(consent_ads=True)["session_id"]

    send(world, "pageview", least(world, session_id=session_id, consent_ads=False))

    assert words() == [(True, "click"), (False, "pageview")]
    assert session_of(session_id).consent_ads is False


def test_a_hit_takes_one_statement_word_included(world: World) -> None:
    world.click()

    with CaptureQueriesContext(connection) as queries:
        world.click(consent_ads=True)

    assert len(queries) == 1
    assert words() == [(True, "click")]


def test_a_word_with_the_id_of_an_ended_session_is_the_visitors_latest(world: World) -> None:
    """The page goes on sending the old id; the yes that the latest session took over must not survive there."""
    old = world.click(consent_ads=True)["session_id"]
    with unscoped():
        Session.objects.update(last_seen_at=timezone.now() - timedelta(hours=1))
    latest = world.click(session_id=old)["session_id"]

    say(world, False, session_id=old)

    assert latest != old
    assert session_of(latest).consent_ads is False
    assert words() == [(True, "click"), (False, "api")]


def test_a_word_before_the_first_hit_opens_the_session(world: World) -> None:
    say(world, False, session_id="visitor-7")

    joined = world.click(session_id="visitor-7")["session_id"]

    assert joined == "visitor-7"
    assert session_of("visitor-7").consent_ads is False
    assert stored() == (1, 1, 0)


@pytest.mark.parametrize("click_id", ["htc0123456789abcdefghijklmn", "invented", "' OR 1=1 --"])
def test_a_word_about_an_unknown_click_is_answered_alike_and_stores_nothing(world: World, click_id: str) -> None:
    answered = post_word(world, click_id=click_id)

    assert (answered.status_code, answered.content) == (204, b"")
    assert words() == []
    assert stored() == (0, 0, 0)


@pytest.mark.parametrize("by", ["session_id", "click_id"])
def test_another_tenants_session_is_answered_alike_and_not_touched(world: World, other_world: World, by: str) -> None:
    theirs = other_world.click(consent_ads=True)
    before = session_of(theirs["session_id"])

    answered = post_word(world, consent_ads=False, **{by: theirs[by]})

    after = session_of(theirs["session_id"])
    assert (answered.status_code, answered.content) == (204, b"")
    assert (after.consent_ads, after.consent_at, after.last_seen_at) == (True, before.consent_at, before.last_seen_at)
    assert words() == [(True, "click")]
    assert stored() == (1, 1, 0)


def test_nor_is_the_session_of_another_funnel(world: World) -> None:
    with tenant_scope(world.tenant_id):
        other = create_funnel({"name": "Outro curso", "landing_url": LANDING})
    theirs = world.click(public_key=other.public_key, consent_ads=True)

    say(world, False, session_id=theirs["session_id"])

    assert session_of(theirs["session_id"]).consent_ads is True
    assert words() == [(True, "click")]


@pytest.mark.parametrize(
    ("members", "status", "fields"),
    [
        ({"session_id": "s", "consent_ads": "no"}, 422, {"consent_ads"}),
        ({"session_id": "s", "source": "<b>"}, 422, {"source"}),
        ({"session_id": "x" * 10_000}, 422, {"session_id"}),
        ({}, 422, {"session_id"}),
        ({"session_id": "s", "public_key": "unknown"}, 404, set()),
        ({"session_id": "s", "more": "x" * 17_000}, 413, set()),
    ],
)
def test_what_is_refused_is_named_and_stores_nothing(
    world: World, members: dict[str, Any], status: int, fields: set[str]
) -> None:
    answered = post_word(world, **members)

    assert answered.status_code == status
    assert set(answered.json().get("errors", {})) == fields
    assert answered["Access-Control-Allow-Origin"] == "*"
    assert "<b>" not in answered.content.decode()
    assert words() == []
    assert stored() == (0, 0, 0)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[" * 10_000])
def test_an_unreadable_body_is_refused(world: World, raw: bytes) -> None:
    answered = world.client.post("/api/v1/track/consent", raw, content_type="application/json")

    assert (answered.status_code, answered.json()["code"]) == (400, "unreadable_body")
    assert words() == []


def test_browsers_may_ask_from_any_origin_and_only_post(world: World) -> None:
    asked = world.client.options("/api/v1/track/consent")
    read = world.client.get("/api/v1/track/consent")

    assert (asked.status_code, asked["Access-Control-Allow-Methods"]) == (204, "POST, OPTIONS")
    assert (read.status_code, read["Allow"]) == (405, "POST, OPTIONS")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["consent", "pageview"])
def test_a_word_that_waited_behind_a_later_one_does_not_undo_it(world: World, path: str) -> None:
    """The yes is sent first and held up by the row's lock; the no comes later and is written first."""
    session_id = world.click()["session_id"]
    body = json.dumps(least(world, session_id=session_id, consent_ads=True))

    def say_yes() -> int:
        return int(world.client.post(f"/api/v1/track/{path}", body, content_type="text/plain").status_code)

    def say_no() -> int:
        with unscoped(), transaction.atomic():
            Session.objects.select_for_update().get()
            held.append(True)
            _wait_for_a_blocked_statement()
            say(world, False, session_id=session_id)
        return 0

    def say_yes_once_it_is_held() -> int:
        while not held:
            time.sleep(0.002)
        return say_yes()

    held: list[bool] = []
    statuses = at_once([say_no, say_yes_once_it_is_held])

    assert statuses == [0, 204 if path == "consent" else 201]
    assert session_of(session_id).consent_ads is False


def _wait_for_a_blocked_statement() -> None:
    with connection.cursor() as cursor:
        for _ in range(5_000):
            cursor.execute(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone():
                return
            cursor.execute("SELECT pg_sleep(0.002), pg_stat_clear_snapshot()")
    raise AssertionError("the yes never waited for the lock")


@pytest.mark.django_db(transaction=True)
def test_words_at_the_same_time_are_all_kept_and_the_session_has_the_latest(world: World) -> None:
    session_id = world.click()["session_id"]
    answers = [True, False] * 8

    at_once([lambda answer=answer: say(world, answer, session_id=session_id) for answer in answers])  # type: ignore[misc]

    with unscoped():
        records = list(ConsentRecord.objects.order_by("given_at"))
    row = session_of(session_id)
    assert sorted(record.consent_ads for record in records) == sorted(answers)
    assert (row.consent_ads, row.consent_at) == (records[-1].consent_ads, records[-1].given_at)

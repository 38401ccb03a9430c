"""Half an hour of silence ends a session; the next one takes over what is known of the visitor."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.clicks.models import ConsentRecord, Session
from apps.core.db import release_connection
from apps.core.identity import hash_email
from apps.core.ids import find_carried_ids
from apps.funnels.services import create_funnel
from apps.tenants.scoping import tenant_scope, unscoped
from tests.clicks.hits import least, send, stored
from tests.clicks.known import let_pass
from tests.clicks.test_sessions import facts_of, session
from tests.worlds import LANDING, World, hotmart


@pytest.mark.parametrize(("minutes", "sessions"), [(0, 1), (29.9, 1), (30.1, 2), (60 * 24 * 40, 2)])
def test_half_an_hour_of_silence_ends_a_session(world: World, minutes: float, sessions: int) -> None:
    first = world.click()
    let_pass(first["session_id"], minutes)

    second = world.click(session_id=first["session_id"])

    assert stored() == (sessions, 2, 0)
    assert (second["session_id"] == first["session_id"]) is (sessions == 1)


@pytest.mark.parametrize("path", ["pageview", "initiate_checkout"])
@pytest.mark.parametrize("by", ["session_id", "click_id"])
def test_any_hit_and_either_id_open_the_next(world: World, path: str, by: str) -> None:
    first = world.click()
    let_pass(first["session_id"], 31)
    before = facts_of(session(first["session_id"]))

    answer = send(world, path, least(world, **{by: first[by]})).json()

    assert answer["session_id"] != first["session_id"]
    assert facts_of(session(first["session_id"])) == before
    assert stored() == (2, 1, 1)


def test_the_next_session_has_an_id_of_our_own_form(world: World) -> None:
    """So that it is found again in what a gateway carries through."""
    first = world.click(session_id="visitor-7")
    let_pass(first["session_id"], 31)

    second = world.click(session_id="visitor-7")["session_id"]

    assert find_carried_ids([f"x|{second}"]) == (None, second)


def test_what_is_known_of_the_visitor_is_taken_over(world: World) -> None:
    first = world.click(email="ana@example.com", phone="11987654321", consent_ads=False)
    let_pass(first["session_id"], 31)

    second = world.click(session_id=first["session_id"], email="ana.moura@example.com")

    old, new = session(first["session_id"]), session(second["session_id"])
    assert (old.email_sha256, new.email_sha256) == (hash_email("ana@example.com"), hash_email("ana.moura@example.com"))
    assert new.phone_sha256 == old.phone_sha256 != ""
    assert new.identity == {**old.identity, "em": [new.email_sha256]}
    assert (new.consent_ads, new.consent_at) == (False, old.consent_at)
    assert new.first_seen_at >= old.first_seen_at


@pytest.mark.parametrize(("said", "kept", "records"), [(None, False, 1), (False, False, 1), (True, True, 2)])
def test_only_another_word_on_ads_is_news_in_the_next_session(
    world: World, said: bool | None, kept: bool, records: int
) -> None:
    first = world.click(consent_ads=False)
    let_pass(first["session_id"], 31)

    second = world.click(session_id=first["session_id"], consent_ads=said)

    old, new = session(first["session_id"]), session(second["session_id"])
    assert (new.consent_ads, new.consent_at == old.consent_at) == (kept, records == 1)
    with unscoped():
        assert ConsentRecord.objects.count() == records


def test_a_page_that_goes_on_sending_an_old_id_is_led_to_the_latest(world: World) -> None:
    ids = ["visitor-7"]
    for _ in range(4):
        ids.append(world.click(session_id="visitor-7")["session_id"])
        assert world.click(session_id="visitor-7")["session_id"] == ids[-1]
        let_pass(ids[-1], 31)

    assert len(set(ids)) == 4
    assert stored() == (4, 8, 0)


def test_an_old_session_that_a_page_still_names_is_not_found_alive_by_a_stranger(
    world: World, other_world: World
) -> None:
    theirs = other_world.click(email="ana@example.com")
    let_pass(theirs["session_id"], 31)
    before = facts_of(session(theirs["session_id"]))

    mine = world.click(session_id=theirs["session_id"])

    assert facts_of(session(theirs["session_id"])) == before
    row = session(mine["session_id"])
    assert (row.tenant_id, row.identity, row.person_id) == (world.tenant_id, {}, None)
    with unscoped():
        assert Session.objects.filter(tenant_id=other_world.tenant_id).count() == 1


def test_another_funnel_of_the_same_tenant_takes_nothing_over(world: World) -> None:
    with tenant_scope(world.tenant_id):
        other = create_funnel({"name": "Outro", "landing_url": LANDING})
        key = other.public_key
    theirs = world.click(public_key=key, email="ana@example.com")
    let_pass(theirs["session_id"], 31)

    mine = world.click(session_id=theirs["session_id"])

    assert session(mine["session_id"]).identity == {}


def test_a_sale_that_names_the_old_session_finds_it(world: World) -> None:
    first = world.click()
    let_pass(first["session_id"], 31)
    world.click(session_id=first["session_id"])

    world.post_webhook(hotmart(order_id="HP1", sck=first["session_id"]))
    world.run_stages()

    match = world.conversion("HP1")["match"]
    assert (match["rule"], match["click_id"]) == ("explicit_session_id", first["click_id"])


def test_an_e_mail_still_finds_the_latest_click_of_a_visitor_who_returned(world: World) -> None:
    first = world.click(email="beatriz@example.com")
    let_pass(first["session_id"], 31)
    second = world.click(session_id=first["session_id"])

    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()

    assert world.conversion("HP1")["match"]["click_id"] == second["click_id"]


@pytest.mark.parametrize("idle", [False, True])
def test_a_hit_is_one_statement(world: World, idle: bool) -> None:
    first = world.click(email="ana@example.com")
    if idle:
        let_pass(first["session_id"], 31)

    with CaptureQueriesContext(connection) as queries:
        world.click(session_id=first["session_id"])

    written = [query["sql"] for query in queries if "clicks_session" in query["sql"]]
    assert len(written) == 1


@pytest.mark.django_db(transaction=True)
def test_hits_of_the_same_instant_open_one_next_session(world: World) -> None:
    first = world.click(email="ana@example.com", consent_ads=True)
    let_pass(first["session_id"], 31)
    bodies = [least(world, session_id=first["session_id"], **more) for more in ({}, {"email": "nova@example.com"})]
    ready = threading.Barrier(8)

    def hit(number: int) -> str:
        ready.wait(30)
        try:
            body = json.dumps(bodies[number % 2])
            answer = Client().post("/api/v1/track/click", body, content_type="text/plain").json()
            return str(answer["session_id"])
        finally:
            release_connection()

    with ThreadPoolExecutor(8) as threads:
        opened = set(threads.map(hit, range(8)))

    assert len(opened) == 1
    assert stored() == (2, 9, 0)
    row = session(opened.pop())
    assert (row.email_sha256, row.consent_ads) == (hash_email("nova@example.com"), True)

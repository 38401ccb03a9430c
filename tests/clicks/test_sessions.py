"""A visitor's session: kept over hits of one funnel, never shared with another funnel or tenant."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client

from apps.clicks.models import Click, PageEvent, Session
from apps.core.db import release_connection
from apps.core.identity import hash_email, hash_phone
from apps.funnels.services import create_funnel
from apps.tenants.scoping import tenant_scope, unscoped
from tests.clicks.hits import least, send, stored
from tests.worlds import LANDING, World


def session(public_id: str) -> Session:
    with unscoped():
        found: Session = Session.objects.get(public_id=public_id)
    return found


def facts_of(row: Session) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in Session._meta.concrete_fields}


def session_of_click(click_id: str) -> str:
    with unscoped():
        return str(Click.objects.select_related("session").get(public_id=click_id).session.public_id)


def test_a_hit_with_the_session_id_stays_in_it(world: World) -> None:
    first = world.click()
    second = world.click(session_id=first["session_id"])
    page = send(world, "pageview", least(world, session_id=first["session_id"])).json()

    assert second["session_id"] == page["session_id"] == first["session_id"]
    assert second["click_id"] != first["click_id"]
    assert stored() == (1, 2, 1)


def test_a_hit_without_one_opens_a_session_of_its_own(world: World) -> None:
    ids = {world.click()["session_id"] for _ in range(3)}

    assert len(ids) == 3
    assert stored() == (3, 3, 0)


@pytest.mark.django_db(transaction=True)
def test_a_session_notes_when_it_was_seen(world: World) -> None:
    first = session(world.click()["session_id"])

    second = session(world.click(session_id=first.public_id)["session_id"])

    assert second.first_seen_at == first.first_seen_at
    assert second.last_seen_at > first.last_seen_at


@pytest.mark.parametrize("path", ["click", "pageview", "initiate_checkout"])
def test_a_page_that_remembers_only_its_click_stays_in_that_session(world: World, path: str) -> None:
    first = world.click()

    answer = send(world, path, least(world, click_id=first["click_id"], email="ana@example.com")).json()

    assert answer["session_id"] == first["session_id"]
    assert session(first["session_id"]).email_sha256 == hash_email("ana@example.com")
    assert stored()[0] == 1


def test_a_click_id_of_the_page_is_not_given_to_the_new_click(world: World) -> None:
    first = world.click()

    again = world.click(click_id=first["click_id"])

    assert again["click_id"] != first["click_id"]
    assert session_of_click(again["click_id"]) == session_of_click(first["click_id"])


def test_the_session_id_counts_more_than_the_click_id(world: World) -> None:
    first, second = world.click(), world.click()

    third = world.click(session_id=first["session_id"], click_id=second["click_id"])

    assert third["session_id"] == first["session_id"]


@pytest.mark.parametrize("click_id", ["htc0123456789abcdefghijklmn", "invented", "' OR 1=1", "x" * 32])
def test_an_unknown_click_id_opens_a_session(world: World, click_id: str) -> None:
    answer = world.click(click_id=click_id)

    assert answer["session_id"].startswith("hts")
    assert stored() == (1, 1, 0)


def test_a_page_may_bring_its_own_session_id(world: World) -> None:
    """Its own visitor id, for one; it is kept for this funnel, and only for it."""
    first, second = world.click(session_id="visitor-7"), world.click(session_id="visitor-7")

    assert first["session_id"] == second["session_id"] == "visitor-7"
    assert stored() == (1, 2, 0)


PERSON = {"email": "bruno@example.com", "phone": "11 91234-5678", "consent_ads": False}


@pytest.mark.parametrize("by", ["session_id", "click_id"])
def test_another_tenants_session_is_neither_joined_nor_changed(world: World, other_world: World, by: str) -> None:
    theirs = other_world.click(consent_ads=True, email="ana@example.com")
    before = facts_of(session(theirs["session_id"]))

    mine = world.click(**{by: theirs[by]}, **PERSON)
    page = send(world, "pageview", least(world, **{by: theirs[by]}, **PERSON)).json()

    assert len({theirs["session_id"], mine["session_id"], page["session_id"]}) == 3
    assert facts_of(session(theirs["session_id"])) == before
    with tenant_scope(other_world.tenant_id):
        assert (Session.objects.count(), Click.objects.count(), PageEvent.objects.count()) == (1, 1, 0)
    with tenant_scope(world.tenant_id):
        assert (Session.objects.count(), Click.objects.count(), PageEvent.objects.count()) == (2, 1, 1)
        assert {row.email_sha256 for row in Session.objects.all()} == {hash_email("bruno@example.com")}


@pytest.mark.parametrize("by", ["session_id", "click_id"])
def test_nor_is_the_session_of_another_funnel(world: World, by: str) -> None:
    with tenant_scope(world.tenant_id):
        other = create_funnel({"name": "Outro curso", "landing_url": LANDING})
    theirs = world.click(public_key=other.public_key)
    before = facts_of(session(theirs["session_id"]))

    mine = world.click(**{by: theirs[by]}, **PERSON)

    assert mine["session_id"] != theirs["session_id"]
    assert facts_of(session(theirs["session_id"])) == before
    assert session(mine["session_id"]).funnel_id == world.funnel.pk


def test_what_is_known_of_the_visitor_grows(world: World) -> None:
    session_id = world.click(email="ana@example.com")["session_id"]
    world.click(session_id=session_id, phone="11987654321")
    world.click(session_id=session_id)

    row = session(session_id)
    assert (row.email_sha256, row.phone_sha256) == (hash_email("ana@example.com"), hash_phone("11987654321"))
    assert sorted(row.identity) == ["em", "ph", "ph_e164", "ph_other"]


def test_the_latest_address_counts(world: World) -> None:
    session_id = world.click(email="ana@example.com")["session_id"]
    world.click(session_id=session_id, email="ana.moura@example.com")

    row = session(session_id)
    assert row.email_sha256 == hash_email("ana.moura@example.com")
    assert row.identity["em"] == [row.email_sha256]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ([None], None),
        ([True], True),
        ([False], False),
        ([True, None], True),
        ([False, None], False),
        ([True, False], False),
        ([None, False, True], True),
    ],
)
def test_the_latest_word_on_ads_counts(world: World, said: list[bool | None], kept: bool | None) -> None:
    session_id = world.click(consent_ads=said[0])["session_id"]
    for word in said[1:]:
        send(world, "pageview", least(world, session_id=session_id, consent_ads=word))

    row = session(session_id)
    assert row.consent_ads is kept
    assert (row.consent_at is None) is (kept is None)


def test_a_hit_without_a_word_on_ads_does_not_renew_the_time_of_the_last(world: World) -> None:
    session_id = world.click(consent_ads=True)["session_id"]
    before = session(session_id).consent_at

    world.click(session_id=session_id)

    assert session(session_id).consent_at == before


def test_a_click_keeps_the_consent_of_its_own_moment(world: World) -> None:
    first = world.click(consent_ads=True)
    world.click(session_id=first["session_id"], consent_ads=False)

    with unscoped():
        assert list(Click.objects.order_by("pk").values_list("consent_ads", flat=True)) == [True, False]


@pytest.mark.django_db(transaction=True)
def test_hits_at_the_same_time_share_one_session(world: World) -> None:
    body = json.dumps(least(world, session_id="visitor-7", email="ana@example.com"))
    ready = threading.Barrier(8)

    def hit(_: int) -> int:
        ready.wait(30)
        try:
            return Client().post("/api/v1/track/click", body, content_type="text/plain").status_code
        finally:
            release_connection()

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(hit, range(8)))

    assert statuses == [201] * 8
    assert stored() == (1, 8, 0)

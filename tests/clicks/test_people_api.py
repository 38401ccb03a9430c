"""People over REST: found by a hash, shown whole, merges undone; hashes only."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.clicks.models import Click, Person
from apps.clicks.selectors import SESSIONS_SHOWN, devices_of, visits_of, with_clicks
from apps.core.identity import hash_email, hash_phone
from apps.tenants.scoping import tenant_scope, unscoped
from apps.tenants.services import create_api_key
from tests.clicks.known import digest, let_pass, link_all, merges, person_of, snapshot, visit
from tests.worlds import World

EMAIL, PHONE = hash_email("ana@example.com") or "", hash_phone("11987654321") or ""
FIREFOX, CHROME = "Mozilla/5.0 Firefox/151", "Mozilla/5.0 Chrome/148"
PROBLEM = "application/problem+json"


def shown(world: World, person: Person | None) -> dict[str, Any]:
    assert person is not None
    answer = world.get(f"people/{person.public_id}")
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def found(world: World, **query: str) -> list[str]:
    answer = world.get("people", **query)
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def click_by(world: World, agent: str, **values: Any) -> dict[str, Any]:
    hit = {"public_key": world.funnel.public_key, "url": "https://a.example.com/", **values}
    answer = world.client.post(
        "/api/v1/track/click", json.dumps(hit), content_type="application/json", headers={"user-agent": agent}
    )
    ids: dict[str, Any] = answer.json()
    return ids


def test_a_person_is_found_by_any_hash_of_theirs(world: World) -> None:
    session = world.click(email="ana@example.com", phone="11987654321")
    world.click(email="bruno@example.com")
    link_all()
    person = person_of(session["session_id"])
    assert person is not None

    assert found(world, email_sha256=EMAIL) == found(world, phone_sha256=PHONE) == [person.public_id]
    assert found(world, email_sha256=EMAIL.upper(), phone_sha256=PHONE) == [person.public_id]
    assert found(world, email_sha256=digest("nobody")) == []
    assert found(world, email_sha256=EMAIL, phone_sha256=digest("another")) == []
    assert found(world, email_sha256=PHONE) == []


def test_another_tenant_finds_nobody(world: World, other_world: World) -> None:
    session = world.click(email="ana@example.com")
    link_all()
    person = person_of(session["session_id"])
    assert person is not None

    assert found(other_world, email_sha256=EMAIL) == []
    assert other_world.get(f"people/{person.public_id}").status_code == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "email_sha256"),
        ({"email_sha256": ""}, "email_sha256"),
        ({"email_sha256": "ana@example.com"}, "email_sha256"),
        ({"phone_sha256": "11987654321"}, "phone_sha256"),
        ({"email_sha256": EMAIL[:-1]}, "email_sha256"),
        ({"email_sha256": EMAIL, "phone_sha256": "\x00"}, "phone_sha256"),
        ({"email_sha256": f"{EMAIL}\n"}, "email_sha256"),
    ],
)
def test_whom_is_asked_for_must_be_a_hash(world: World, query: dict[str, str], field: str) -> None:
    answer = world.get("people", **query)

    assert (answer.status_code, answer.headers["Content-Type"]) == (422, PROBLEM)
    assert list(answer.json()["errors"]) == [field]
    assert "ana@example.com" not in answer.content.decode()


def test_a_person_is_shown_with_identities_sessions_and_devices(world: World) -> None:
    first = click_by(world, FIREFOX, email="ana@example.com", fbp="fb.1.1700000000000.1", utm_source="facebook")
    click_by(world, FIREFOX, session_id=first["session_id"])
    last = click_by(world, FIREFOX, session_id=first["session_id"], fbp="fb.1.1700000000000.1", utm_source="google")
    phone = click_by(world, CHROME, email="ana@example.com", phone="11987654321")
    link_all()

    body = shown(world, person_of(first["session_id"]))

    assert [(row["kind"], row["sha256"]) for row in body["identities"]] == [("em", EMAIL), ("ph", PHONE)]
    newer, older = body["sessions"]
    assert (older["session_id"], newer["session_id"]) == (first["session_id"], phone["session_id"])
    assert (older["first_click"]["click_id"], older["last_click"]["click_id"]) == (first["click_id"], last["click_id"])
    assert (older["first_click"]["utm"], older["last_click"]["utm"]) == (
        {"utm_source": "facebook"},
        {"utm_source": "google"},
    )
    assert newer["first_click"] == newer["last_click"]
    assert older["funnel_id"] == str(world.funnel.pk)
    assert older["first_seen_at"] and older["last_seen_at"]
    devices = {(row["fbp"], row["user_agent"]): row["clicks"] for row in body["devices"]}
    assert devices == {("fb.1.1700000000000.1", FIREFOX): 2, ("", FIREFOX): 1, ("", CHROME): 1}
    assert (body["merged_into"], body["merges"]) == (None, [])
    assert list(body) == ["id", "created_at", "merged_into", "identities", "sessions", "devices", "merges"]


def test_clicks_of_machines_are_nobodys(world: World) -> None:
    ids = world.click(email="ana@example.com")
    link_all()
    with unscoped():
        Click.objects.update(is_automated=True)

    body = shown(world, person_of(ids["session_id"]))

    assert [(row["first_click"], row["last_click"]) for row in body["sessions"]] == [(None, None)]
    assert body["devices"] == []


def test_sessions_come_the_last_seen_first_and_so_many(world: World) -> None:
    rows = [visit(world, "e1") for _ in range(SESSIONS_SHOWN + 5)]
    link_all()
    let_pass(rows[0].public_id, -5)
    person = person_of(rows[0])
    assert person is not None

    with unscoped(), CaptureQueriesContext(connection) as queries:
        visits = visits_of(person)

    assert len(visits) == SESSIONS_SHOWN
    assert visits[0].session == rows[0]
    assert len(queries) == 3


def test_no_sessions_have_no_clicks(world: World) -> None:
    with unscoped():
        person = Person.objects.create(tenant_id=world.tenant_id, public_id="htp0")
        assert (with_clicks([]), visits_of(person), devices_of(person)) == ([], [], [])


def merged_pair(world: World) -> None:
    for words in (["e1"], ["p1"], ["e1", "p1"]):
        visit(world, *words)
        link_all()


def test_a_merge_is_shown_on_both_sides(world: World) -> None:
    merged_pair(world)
    (merge,) = merges()

    kept, merged = shown(world, merge.kept), shown(world, merge.merged)

    assert kept["merges"] == merged["merges"]
    (row,) = kept["merges"]
    assert (row["id"], row["kept"], row["merged"]) == (merge.pk, kept["id"], merged["id"])
    assert (row["because"]["kind"], row["because"]["sha256"]) == ("ph", digest("p1"))
    assert (row["sessions_moved"], row["identities_moved"]) == (1, 1)
    assert (row["undone_at"], row["undone_by"]) == (None, "")
    assert (merged["merged_into"], merged["sessions"], merged["identities"]) == (kept["id"], [], [])
    assert len(kept["sessions"]) == 3
    assert found(world, phone_sha256=digest("p1")) == [kept["id"]]


def test_a_merge_is_undone_over_rest_once(world: World) -> None:
    merged_pair(world)
    (merge,) = merges()

    first = world.post(f"people/merges/{merge.pk}/undo")
    between = snapshot()
    second = world.post(f"people/merges/{merge.pk}/undo")

    assert (first.status_code, first.json()["id"], second.status_code) == (200, merge.pk, 409)
    assert first.json()["undone_at"] is not None
    assert first.json()["undone_by"] == f"API: first ({world.key[:12]}…)"
    assert (second.json()["code"], snapshot()) == ("not_possible", between)
    assert shown(world, merge.merged)["merged_into"] is None
    assert found(world, phone_sha256=digest("p1")) == [merge.merged.public_id]


def test_who_undid_a_merge_stays_who_it_was(world: World) -> None:
    merged_pair(world)
    (merge,) = merges()
    with tenant_scope(world.tenant_id):
        second_key = create_api_key(name="nightly job")
    path = f"/api/v1/people/merges/{merge.pk}/undo"
    undo = world.client.post(path, headers={"Authorization": f"Bearer {second_key}"})
    again = world.post(f"people/merges/{merge.pk}/undo")

    told = {row["undone_by"] for side in (merge.kept, merge.merged) for row in shown(world, side)["merges"]}

    assert (undo.status_code, again.status_code) == (200, 409)
    assert told == {undo.json()["undone_by"]} == {f"API: nightly job ({second_key[:12]}…)"}
    assert second_key not in undo.content.decode()


def test_another_tenants_merge_cannot_be_undone(world: World, other_world: World) -> None:
    merged_pair(world)
    (merge,) = merges()
    before = snapshot()

    answer = other_world.post(f"people/merges/{merge.pk}/undo")

    assert answer.status_code == 404
    assert (snapshot(), merges()[0].undone_at, merges()[0].undone_by) == (before, None, "")


@pytest.mark.parametrize(
    "path", ["people/htpunknown", "people/0", "people/merges/0/undo", "people/merges/99999999999999999999/undo"]
)
def test_an_unknown_id_is_not_found(world: World, path: str) -> None:
    call = world.post if path.endswith("undo") else world.get

    assert call(path).status_code == 404


def test_the_number_of_statements_does_not_grow_with_the_person(world: World) -> None:
    counts = []
    for size in (2, 30):
        for number in range(size):
            click_by(world, f"agent {size}{number}", email="ana@example.com")
        link_all()
        path = f"people/{found(world, email_sha256=EMAIL)[0]}"
        with CaptureQueriesContext(connection) as queries:
            assert world.get(path).status_code == 200
        counts.append(len(queries))

    assert counts[0] == counts[1]

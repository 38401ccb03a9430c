"""What only the tracking script says: more actions, its clock, beacons sent twice, people without an action."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client

from apps.clicks.models import Click, PageEvent, Session, Source
from apps.core.db import release_connection
from apps.core.identity import Person as ClearPerson
from apps.core.identity import hash_email, hash_person
from apps.tenants.scoping import unscoped
from tests.clicks.hits import least, send, stored
from tests.worlds import World

BEACON = {"session_id": "hts0123456789abcdefghijklmn", "event_id": "hte-1", "source": "script"}
DIGEST = hash_email("ana@example.com") or ""


def the_click() -> Click:
    with unscoped():
        click: Click = Click.objects.get()
    return click


@pytest.mark.parametrize("action", ["view_content", "add_to_cart"])
def test_more_actions_of_a_page_are_recorded(world: World, action: str) -> None:
    answer = send(world, action, least(world, **BEACON))

    with unscoped():
        event = PageEvent.objects.get()
    assert (answer.status_code, answer.json()) == (201, {"session_id": BEACON["session_id"]})
    assert (event.name, event.event_id) == (action, "hte-1")
    assert stored() == (1, 0, 1)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"source": "script"}, Source.SCRIPT),
        ({}, Source.API),
        ({"source": "link"}, Source.API),
        ({"source": []}, Source.API),
    ],
)
def test_a_click_knows_how_it_came(world: World, said: dict[str, Any], kept: str) -> None:
    world.click(**said)

    assert the_click().source == kept


@pytest.mark.parametrize("off_by_s", [-86_400, 0, 7_200])
def test_the_browsers_clock_is_kept_as_a_difference(world: World, off_by_s: int) -> None:
    world.click(sent_at=int((time.time() + off_by_s) * 1000))

    skew = the_click().clock_skew_ms
    assert skew is not None
    assert abs(skew - off_by_s * 1000) < 60_000


def test_the_servers_time_rules(world: World) -> None:
    world.click(sent_at=1)

    assert abs(the_click().clicked_at.timestamp() - time.time()) < 60


def test_who_says_nothing_of_the_time_has_no_difference(world: World) -> None:
    world.click()

    assert the_click().clock_skew_ms is None


@pytest.mark.parametrize("sent_at", ["1763640000000", 1.5, True, -1, 10**14, 10**30, [], {}])
def test_what_is_no_time_is_refused_by_name(world: World, sent_at: Any) -> None:
    answer = send(world, body=least(world, sent_at=sent_at))

    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["sent_at"]
    assert stored() == (0, 0, 0)


def test_the_same_beacon_is_the_same_click(world: World) -> None:
    first, second = world.click(**BEACON), world.click(**BEACON)

    assert first == second
    assert stored() == (1, 1, 0)


@pytest.mark.django_db(transaction=True)
def test_the_same_beacon_at_the_same_instant_too(world: World) -> None:
    def post(_: int) -> dict[str, Any]:
        world.client = Client()
        try:
            return world.click(**BEACON)
        finally:
            release_connection()

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(post, range(6)))

    assert len({answer["click_id"] for answer in answers}) == 1
    assert stored() == (1, 1, 0)


@pytest.mark.parametrize(
    "other", [{"event_id": "hte-2"}, {"session_id": "hts-other"}, {"event_id": ""}, {"session_id": ""}]
)
def test_another_beacon_is_another_click(world: World, other: dict[str, str]) -> None:
    first, second = world.click(**BEACON), world.click(**{**BEACON, **other})

    assert first["click_id"] != second["click_id"]
    assert stored()[1] == 2


def test_a_beacon_of_another_tenants_session_is_its_own(world: World, other_world: World) -> None:
    theirs, mine, again = other_world.click(**BEACON), world.click(**BEACON), world.click(**BEACON)

    assert theirs["click_id"] != mine["click_id"] == again["click_id"]
    assert stored()[1] == 2


@pytest.mark.parametrize("action", ["pageview", "view_content", "add_to_cart", "initiate_checkout"])
def test_the_same_page_event_is_recorded_once(world: World, action: str) -> None:
    for _ in range(2):
        assert send(world, action, least(world, **BEACON)).json() == {"session_id": BEACON["session_id"]}
    send(world, action, least(world, **{**BEACON, "event_id": "hte-2"}))

    assert stored() == (1, 0, 2)


def test_page_events_without_an_id_are_all_kept(world: World) -> None:
    for _ in range(2):
        send(world, "pageview", least(world, session_id=BEACON["session_id"]))

    assert stored() == (1, 0, 2)


def test_two_actions_may_share_an_id(world: World) -> None:
    for action in ("pageview", "view_content"):
        send(world, action, least(world, **BEACON))

    assert stored() == (1, 0, 2)


def test_a_person_is_known_without_an_action(world: World) -> None:
    body = least(world, **BEACON, email=DIGEST, phone="11987654321", external_id=" User 42 ", consent_ads=True)

    answer = send(world, "identify", body)

    with unscoped():
        session = Session.objects.get()
    person = ClearPerson(phone="11987654321", external_id="user42")
    assert (answer.status_code, answer.json()) == (201, {"session_id": BEACON["session_id"]})
    assert session.identity == {"em": [DIGEST], **hash_person(person)}
    assert (session.email_sha256, session.consent_ads) == (DIGEST, True)
    assert stored() == (1, 0, 0)


def test_a_hashed_phone_may_come_with_its_plus_for_tiktok(world: World) -> None:
    send(world, "identify", least(world, **BEACON, phone="a" * 64, phone_e164="B" * 64))

    with unscoped():
        assert Session.objects.get().identity == {"ph": ["a" * 64], "ph_e164": ["b" * 64]}


@pytest.mark.parametrize("phone", ["+5511987654321", "g" * 64, "a" * 63])
def test_there_it_must_be_a_hash(world: World, phone: str) -> None:
    answer = send(world, "identify", least(world, **BEACON, phone_e164=phone))

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["phone_e164"])
    assert stored() == (0, 0, 0)

"""An event is recorded once: in one batch, later, after its session ended, and from two processes at once."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError

from apps.clicks import services
from apps.clicks.batch import services as batch_services
from apps.clicks.models import Click, ConsentRecord, PageEvent, Session
from apps.tenants.scoping import unscoped
from tests.clicks.batches import ANA, BIA, Server, make_server
from tests.clicks.hits import least, send, stored
from tests.clicks.known import let_pass
from tests.pipeline.test_concurrency import at_once
from tests.worlds import World

HOW: dict[str, dict[str, Any]] = {
    "named by the server": {"session_id": "visit-42"},
    "named by the hub": {"session_id": "hts" + "0" * 24},
    "not named": {},
    "an unknown click's": {"click_id": "htc" + "0" * 24},
}


@pytest.fixture
def server(world: World) -> Server:
    return make_server(world)


@pytest.mark.parametrize("name", ["click", "pageview"])
@pytest.mark.parametrize("how", [*HOW])
def test_a_repeat_is_a_duplicate_with_the_same_ids(server: Server, name: str, how: str) -> None:
    event = server.event("e1", name, **HOW[how])

    first = server.one(event)
    second, third = server.send(event, event)["results"]

    assert first["status"] == "recorded"
    assert second == third == {**first, "status": "duplicate"}
    assert sum(stored()[1:]) == 1


@pytest.mark.parametrize("name", ["click", "pageview"])
@pytest.mark.parametrize("how", [*HOW])
def test_a_repeat_after_the_session_has_ended_is_one_too(server: Server, name: str, how: str) -> None:
    event = server.event("e1", name, **HOW[how])
    first = server.one(event)
    let_pass(first["session_id"], 31)

    assert server.one(event) == {**first, "status": "duplicate"}
    assert stored()[0] == 1
    assert sum(stored()[1:]) == 1


def test_so_it_is_when_it_was_recorded_in_a_following_session(server: Server) -> None:
    old = server.one(server.event("e1", session_id="visit-42"))["session_id"]
    let_pass(old, 31)
    first = server.one(server.event("e2", session_id="visit-42"))
    let_pass(first["session_id"], 31)
    server.one(server.event("e3", session_id="visit-42"))

    assert first["session_id"] != old
    assert server.one(server.event("e2", session_id="visit-42")) == {**first, "status": "duplicate"}
    assert stored() == (3, 0, 3)


def test_a_duplicate_changes_nothing(server: Server) -> None:
    server.one(server.event("e1", session_id="visit-42", user={"em": ANA}, consent_ads=False))

    server.one(server.event("e1", session_id="visit-42", user={"em": BIA}, consent_ads=True, data={"value": 1}))

    with unscoped():
        assert Session.objects.get().identity == {"em": [ANA]}
        assert Session.objects.get().consent_ads is False
        assert PageEvent.objects.get().data == {}
        assert ConsentRecord.objects.count() == 1


def test_the_same_id_is_one_event_whatever_it_is_called(server: Server) -> None:
    told = server.send(
        server.event("e1", "pageview", session_id="visit-42"),
        server.event("e1", "lead", session_id="visit-42"),
        server.event("e1", "click", session_id="visit-42"),
    )
    later = server.one(server.event("e1", "click", session_id="visit-42"))

    assert (told["recorded"], told["duplicates"], later["status"]) == (1, 2, "duplicate")
    assert stored() == (1, 0, 1)


@pytest.mark.parametrize("name", ["click", "pageview", "identify"])
@pytest.mark.parametrize("other", [*HOW])
def test_an_id_is_one_event_whatever_session_a_repeat_names(server: Server, name: str, other: str) -> None:
    first = server.one(server.event("e1", name, session_id="visit-1", user={"em": ANA}))

    repeat = server.one(server.event("e1", name, **HOW[other], user={"em": BIA}))

    assert repeat == {**first, "status": "duplicate"}
    assert stored()[0] == 1
    with unscoped():
        assert Session.objects.get().identity == {"em": [ANA]}


def test_a_repeated_identify_is_a_duplicate_and_says_nothing_again(server: Server) -> None:
    first = server.one(server.event("e1", "identify", session_id="visit-42", user={"em": ANA}))
    server.one(server.event("e2", "identify", session_id="visit-42", user={"em": BIA}))

    repeat = server.one(server.event("e1", "identify", session_id="visit-42", user={"em": ANA}))

    assert repeat == {**first, "status": "duplicate"}
    with unscoped():
        assert Session.objects.get().identity == {"em": [BIA]}


def test_what_a_page_recorded_first_stays_a_duplicate(server: Server) -> None:
    session_id = "hts" + "0" * 24
    send(server.world, "pageview", least(server.world, session_id=session_id, event_id="e1"))
    event = server.event("e1", session_id=session_id)

    first = server.one(event)
    let_pass(session_id, 31)

    assert first == {"event_id": "e1", "status": "duplicate", "session_id": session_id}
    assert server.one(event) == first
    assert stored() == (1, 0, 1)


def test_two_accounts_do_not_share_event_ids(server: Server, other_world: World) -> None:
    theirs = make_server(other_world)

    assert server.one(server.event("e1"))["status"] == "recorded"
    assert theirs.one(theirs.event("e1"))["status"] == "recorded"
    assert stored() == (2, 0, 2)


def test_a_batch_is_stored_whole_or_not_at_all(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    record = services.record_page_event

    def fail_on_the_last(visitor: Any, hit: Any, **facts: Any) -> Any:
        if hit.text("event_id") == "e9":
            raise OperationalError("gone")
        return record(visitor, hit, **facts)

    monkeypatch.setattr(batch_services, "record_page_event", fail_on_the_last)
    body = json.dumps({"events": [server.event(f"e{number}") for number in range(10)]}).encode()

    assert server.post(body).status_code == 503
    assert stored() == (0, 0, 0)
    monkeypatch.undo()
    assert server.post(body).json()["recorded"] == 10


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_record_each_event_once(server: Server) -> None:
    events = [
        server.event(f"e{number}", "click" if number % 3 == 0 else "pageview", **HOW[[*HOW][number % 4]])
        for number in range(60)
    ]
    answers: list[dict[str, Any]] = []

    def sender(turn: int) -> Callable[[], int]:
        mixed = [*events[turn * 7 :], *events[: turn * 7]]

        def work() -> int:
            answers.append(server.send(*mixed))
            return 0

        return work

    at_once([sender(turn) for turn in range(8)], threads=8)

    assert sum(answer["recorded"] for answer in answers) == 60
    assert sum(answer["duplicates"] for answer in answers) == 60 * 7
    assert sum(stored()[1:]) == 60
    with unscoped():
        assert sorted(Click.objects.values_list("event_id", flat=True)) == sorted(f"e{n}" for n in range(0, 60, 3))


@pytest.mark.django_db(transaction=True)
def test_ids_are_the_same_to_all_who_ask_at_once(server: Server) -> None:
    told: list[tuple[str, str]] = []

    def work() -> int:
        result = server.one(server.event("e1", "click", session_id="visit-42"))
        told.append((result["session_id"], result["click_id"]))
        return 0

    at_once([work] * 8, threads=8)

    assert len(told) == 8
    assert len(set(told)) == 1
    assert stored() == (1, 1, 0)

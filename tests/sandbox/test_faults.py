"""Faults as a sender meets them: what is answered, and that the stand-in's own record stays true."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.sandbox.faults.state import forget_script
from apps.sandbox.models import FaultScript, ReceivedEvent, ReceivedRequest
from apps.sandbox.services import purge_received
from tests.sandbox.conftest import Post
from tests.sandbox.samples import PIXEL, Json, make_event

pytestmark = pytest.mark.django_db

YES = {"X-Sandbox-Faults": "yes"}
OTHER_PIXEL = "987654321098765"


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    forget_script()
    yield
    forget_script()


def play(http: Client, *rules: Json, **script: Any) -> Any:
    body = {"rules": list(rules), **script}
    return http.put("/faults.json", body, content_type="application/json", headers=YES)


def fault(kind: str, **parts: Any) -> Json:
    return {"fault": {"kind": kind, **parts}}


def kept() -> list[str]:
    return list(ReceivedEvent.objects.order_by("pk").values_list("event_id", flat=True))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("meta_2", (500, 2, None, True)),
        ("meta_4", (403, 4, None, True)),
        ("meta_190_463", (400, 190, 463, False)),
        ("meta_100_2804009", (400, 100, 2804009, False)),
        ("meta_80004", (400, 80004, None, False)),
    ],
)
def test_an_error_is_told_in_the_platforms_words_and_nothing_is_taken(
    http: Client, send: Post, kind: str, expected: tuple[int, int, int | None, bool]
) -> None:
    play(http, fault(kind, headers={"X-App-Usage": '{"call_count": 100}'}))

    response: Any = send(make_event())

    error = response.json()["error"]
    told = (response.status_code, error["code"], error.get("error_subcode"), error["is_transient"])
    assert (told, response["X-App-Usage"]) == (expected, '{"call_count": 100}')
    assert kept() == []
    row = ReceivedRequest.objects.get()
    assert (row.status, row.error_code, row.error_where, row.events_count) == (*expected[:2], "script", 1)


@pytest.mark.parametrize(
    ("given", "answer", "taken"),
    [
        (fault("status", status=503, headers={"Retry-After": "7"}), (503, b""), 0),
        (fault("html"), (502, b"<!DOCTYPE html>"), 0),
        (fault("garbage"), (200, b'{"events_received": 1, "mess'), 2),
        (fault("garbage", accepted=False), (200, b'{"events_received": 1, "mess'), 0),
        (fault("huge", megabytes=2), (200, b'{"messages": ["xxxx'), 2),
    ],
    ids=repr,
)
def test_answers_that_are_none(http: Client, send: Post, given: Json, answer: tuple[int, bytes], taken: int) -> None:
    play(http, given)

    response: Any = send(make_event(), make_event(event_id="order-2"))

    assert (response.status_code, response.content[: len(answer[1])], len(kept())) == (*answer, taken)
    assert response.get("Retry-After") == given["fault"].get("headers", {}).get("Retry-After")


def test_a_huge_answer_is_huge(http: Client, send: Post) -> None:
    play(http, fault("huge", megabytes=2))

    assert len(send(make_event()).content) > 2_000_000


def test_fewer_are_taken_than_were_sent_and_so_it_is_told(http: Client, send: Post) -> None:
    play(http, fault("fewer", missing=2))

    response: Any = send(*(make_event(event_id=f"order-{number}") for number in range(5)))

    assert (response.status_code, response.json()["events_received"]) == (200, 3)
    assert kept() == ["order-0", "order-1", "order-2"]


def test_an_acceptance_that_names_no_number(http: Client, send: Post) -> None:
    play(http, fault("no_count"))

    response: Any = send(make_event())

    assert (response.status_code, response.json()["messages"]) == (200, [])
    assert "events_received" not in response.json()
    assert kept() == ["order-1001"]


@pytest.mark.parametrize(
    ("kind", "wire", "taken"),
    [("stall", "2.5 0 0", 1), ("drip", "0 2.5 0", 1), ("reset", "0 0 1", 0), ("answer_lost", "0 0 1", 1)],
)
def test_what_happens_on_the_wire_is_named_in_a_header(
    http: Client, send: Post, kind: str, wire: str, taken: int
) -> None:
    play(http, fault(kind, seconds=2.5))

    response: Any = send(make_event())

    assert (response["X-Sandbox-Wire"], len(kept())) == (wire, taken)


def test_without_a_script_nothing_is_ill_treated(http: Client, send: Post) -> None:
    response: Any = send(make_event())

    assert (response.status_code, response.json()["events_received"]) == (200, 1)
    assert "X-Sandbox-Wire" not in response
    assert http.get("/faults.json").json() == {"script": None}


def test_a_fault_is_for_one_pixel_only(http: Client, send: Post) -> None:
    play(http, {"pixels": [PIXEL], **fault("status")})

    statuses = [send(make_event()).status_code, send(make_event(), path=f"/v26.0/{OTHER_PIXEL}/events").status_code]

    assert statuses == [500, 200]


def test_a_poison_event_spoils_every_request_that_holds_it(http: Client, send: Post) -> None:
    play(http, {"events": ["bad"], **fault("meta_100")})
    good, bad = make_event(event_id="good"), make_event(event_id="bad")

    statuses = [send(*events).status_code for events in ((good, bad), (bad,), (good,))]

    assert statuses == [400, 400, 200]
    assert kept() == ["good"]


def test_the_first_requests_fail_and_the_script_counts_them(http: Client, send: Post) -> None:
    play(http, {"requests": [1, 2], **fault("status")})

    statuses = [send(make_event()).status_code for _ in range(3)]

    assert statuses == [500, 500, 200]
    assert http.get("/faults.json").json()["seen"] == [3]


def test_tiktok_is_ill_treated_in_its_own_words(http: Client) -> None:
    play(http, {"platform": "tiktok", **fault("tiktok_40100")})
    body = {"event_source": "web", "event_source_id": "P1", "data": [{}]}

    response: Any = http.post(
        "/open_api/v1.3/event/track/", body, content_type="application/json", headers={"Access-Token": "t"}
    )

    assert (response.status_code, response.json()["code"]) == (200, 40100)
    assert kept() == []


def test_a_request_that_is_bad_anyway_is_kept_as_what_it_was(http: Client, send: Post) -> None:
    play(http, fault("answer_lost"))

    response: Any = send(make_event(event_time=0))

    row = ReceivedRequest.objects.get()
    assert (row.error_code, row.error_subcode, response["X-Sandbox-Wire"]) == (100, 2804003, "0 0 1")
    assert kept() == []


def test_a_script_is_shown_replaced_and_ended(http: Client, send: Post) -> None:
    first: Any = play(http, fault("status"), seed=3)
    play(http, fault("html"))
    shown = http.get("/faults.json").json()

    ended: Any = http.delete("/faults.json", headers=YES)

    assert (first.status_code, first.json()["script"]["seed"]) == (201, 3)
    assert (shown["script"]["rules"], shown["seen"]) == ([fault("html")], [0])
    assert (ended.status_code, FaultScript.objects.count()) == (204, 0)
    assert send(make_event()).status_code == 200


@pytest.mark.parametrize("method", ["put", "delete"])
@pytest.mark.parametrize("headers", [{}, {"X-Sandbox-Faults": "no"}], ids=repr)
def test_without_its_header_nothing_changes(http: Client, method: str, headers: dict[str, str]) -> None:
    play(http, fault("html"))

    response: Any = getattr(http, method)(
        "/faults.json", {"rules": []}, content_type="application/json", headers=headers
    )

    assert (response.status_code, response.json()["error"]["code"]) == (400, 100)
    assert FaultScript.objects.get().script["rules"] == [fault("html")]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"rules": [{}]}', b'{"rules": [], "seed": NaN}', b"\xff"], ids=repr
)
def test_a_script_that_cannot_be_read_changes_nothing(http: Client, body: bytes) -> None:
    response: Any = http.put("/faults.json", body, content_type="application/json", headers=YES)

    assert (response.status_code, response.json()["error"]["code"]) == (400, 100)
    assert not FaultScript.objects.exists()


def test_a_forgotten_script_ends_after_a_day(http: Client, send: Post) -> None:
    play(http, fault("status"))
    FaultScript.objects.update(started_at=timezone.now() - timedelta(hours=24, seconds=1))
    forget_script()

    assert send(make_event()).status_code == 200
    assert http.get("/faults.json").json() == {"script": None}


def test_nothing_is_purged_while_a_script_is_in_force(http: Client, send: Post) -> None:
    send(make_event())
    ReceivedRequest.objects.update(received_at=timezone.now() - timedelta(days=8))
    play(http)

    held = purge_received()
    http.delete("/faults.json", headers=YES)

    assert (held, kept()) == (0, ["order-1001"])
    assert purge_received() == 1


def test_what_was_accepted_is_summed_up_for_each_pixel(http: Client, send: Post) -> None:
    def sale(event_id: str, value: float, currency: str = "BRL") -> Json:
        return make_event(event_id=event_id, custom_data={"value": value, "currency": currency})

    send(sale("a", 197.9), sale("b", 0.1), sale("c", 10, "USD"))
    send(sale("a", 197.9))
    send(make_event(event_name="Lead", custom_data={}), path=f"/v26.0/{OTHER_PIXEL}/events")
    send(make_event(event_time=0))

    found = http.get("/received.json", {"summary": "accepted"}).json()

    counts = {"platform": "meta", "events": 3, "distinct": 3, "duplicates": 1}
    assert found["requests"] == 4
    assert found["pixels"] == [
        {**counts, "pixel_id": PIXEL, "values": {"BRL": "198.0", "USD": "10"}},
        {**counts, "pixel_id": OTHER_PIXEL, "events": 1, "distinct": 1, "duplicates": 0, "values": {}},
    ]
    assert http.get("/received.json", {"summary": "accepted", "pixel_id": "1"}).json() == {"pixels": [], "requests": 0}


def test_an_event_that_was_counted_twice_shows(http: Client, send: Post) -> None:
    send(make_event())
    ReceivedEvent.objects.create(**{**ReceivedEvent.objects.values().get(), "id": None})

    (pixel,) = http.get("/received.json", {"summary": "accepted"}).json()["pixels"]

    assert (pixel["events"], pixel["distinct"]) == (2, 1)


def test_the_ids_of_what_was_accepted_come_in_pages(http: Client, send: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.sandbox.selectors.ACCEPTED_PAGE", 2)
    for number in (1, 2, 2, 3):
        send(make_event(event_id=f"order-{number}"))

    first = http.get("/received.json", {"summary": "accepted", "after": "0"}).json()
    second = http.get("/received.json", {"summary": "accepted", "after": first["next"]}).json()

    assert first["events"] == [[PIXEL, "Purchase", "order-1"], [PIXEL, "Purchase", "order-2"]]
    assert second == {"events": [[PIXEL, "Purchase", "order-3"]], "next": None}


def test_the_answer_of_an_error_is_kept_for_the_page(http: Client, send: Post) -> None:
    play(http, fault("meta_2"))
    send(make_event())

    assert ReceivedRequest.objects.get().answer["error"]["code"] == 2
    assert b"script" in http.get("/").content
    assert json.dumps(make_event()["user_data"]) not in http.get("/").content.decode()

"""The events edge over HTTP: envelopes, what is kept of a request, and what never is."""

import json
from typing import Any

import pytest
from django.test import Client

from apps.sandbox.models import ReceivedEvent, ReceivedRequest, Verdict
from tests.sandbox.checks import assert_nothing_accepted, assert_refused
from tests.sandbox.conftest import Post
from tests.sandbox.samples import BEARER, EMAIL, PATH, PIXEL, TOKEN, digest, make_event, user

pytestmark = pytest.mark.django_db


def test_an_accepted_request_is_answered_and_kept(send: Post) -> None:
    event = make_event()

    response: Any = send(event, test_event_code="TEST42")

    answer = response.json()
    assert (response.status_code, answer.keys()) == (200, {"events_received", "messages", "fbtrace_id"})
    assert (answer["events_received"], answer["messages"]) == (1, [])
    request = ReceivedRequest.objects.get()
    assert (request.pixel_id, request.version, request.status, request.events_count) == (PIXEL, "v26.0", 200, 1)
    assert (request.error_code, request.error_subcode, request.error_where) == (None, None, "")
    assert (request.token_fingerprint, request.test_event_code) == (digest(TOKEN)[:8], "TEST42")
    assert request.answer == answer
    kept = ReceivedEvent.objects.get()
    assert (kept.request, kept.pixel_id, kept.received_at) == (request, PIXEL, request.received_at)
    assert (kept.event_name, kept.event_id, kept.event_time) == ("Purchase", "order-1001", event["event_time"])
    assert (kept.payload, kept.verdict) == (event, Verdict.ACCEPTED)


def test_every_answer_has_a_trace_of_its_own(send: Post) -> None:
    answers: list[Any] = [send(make_event(event_id=f"order-{number}")) for number in range(3)]

    assert len({answer.json()["fbtrace_id"] for answer in answers}) == 3


def test_a_refusal_has_the_whole_envelope(send: Post) -> None:
    response: Any = send(make_event(**user(em="ana@example.com")))

    error = assert_refused(response, 400, 100, 2804016)
    trace = error.pop("fbtrace_id")
    assert trace.startswith("A")
    assert error == {
        "message": "Invalid parameter",
        "type": "OAuthException",
        "code": 100,
        "error_subcode": 2804016,
        "is_transient": False,
        "error_user_title": "User Parameter Not Hashed",
        "error_user_msg": "Hash this key with SHA-256 and send 64 hexadecimal characters.",
    }


def test_a_refusal_without_a_number_of_its_own_has_no_subcode_and_no_title(send: Post) -> None:
    error = assert_refused(send(make_event(advertiser=1)), 400, 100)

    assert error.keys() == {"message", "type", "code", "is_transient", "fbtrace_id"}


def test_one_bad_event_keeps_none_of_the_batch(send: Post) -> None:
    good, bad = make_event(event_id="order-1"), make_event(event_id="order-2", event_time=0)

    response: Any = send(good, bad)

    assert_refused(response, 400, 100, 2804003)
    assert_nothing_accepted()
    request = ReceivedRequest.objects.get()
    assert (request.status, request.error_code, request.error_subcode) == (400, 100, 2804003)
    assert (request.error_where, request.events_count) == ("data[1].event_time", 2)
    assert request.answer == response.json()


def test_the_good_event_of_a_refused_batch_is_a_first_copy_afterwards(send: Post) -> None:
    send(make_event(), make_event(event_time=0))

    send(make_event())

    assert [event.verdict for event in ReceivedEvent.objects.all()] == [Verdict.ACCEPTED]


def test_personal_data_in_clear_is_kept_nowhere(send: Post) -> None:
    send(make_event(**user(em="ana@example.com")))

    request = ReceivedRequest.objects.values().get()
    assert "ana@example.com" not in json.dumps(request, default=str)
    assert_nothing_accepted()


@pytest.mark.parametrize("token", ["expired-1", "revoked-1", "forbidden-1", TOKEN])
def test_no_token_is_ever_kept(http: Client, token: str) -> None:
    for headers, query in [({"Authorization": f"Bearer {token}"}, ""), ({}, f"?access_token={token}")]:
        http.post(PATH + query, {"data": [make_event()]}, content_type="application/json", headers=headers)

    kept = [*ReceivedRequest.objects.values(), *ReceivedEvent.objects.values()]
    assert token not in json.dumps(kept, default=str)
    assert {request.token_fingerprint for request in ReceivedRequest.objects.all()} == {digest(token)[:8]}


@pytest.mark.parametrize(
    ("headers", "status", "code", "subcode"),
    [
        ({}, 400, 104, None),
        ({"Authorization": "Bearer "}, 401, 190, None),
        ({"Authorization": "Bearer expired"}, 400, 190, 463),
        ({"Authorization": "Bearer revoked"}, 400, 190, 460),
        ({"Authorization": "Bearer forbidden"}, 400, 100, 33),
    ],
)
def test_token_trouble_is_answered_and_kept(
    send: Post, headers: dict[str, str], status: int, code: int, subcode: int | None
) -> None:
    assert_refused(send(make_event(), headers=headers), status, code, subcode)

    request = ReceivedRequest.objects.get()
    assert (request.status, request.error_code, request.error_subcode) == (status, code, subcode)
    assert_nothing_accepted()


@pytest.mark.parametrize(
    ("path", "code", "subcode"),
    [
        (f"/v20.0/{PIXEL}/events", 2635, None),
        (f"/v99.0/{PIXEL}/events", 2500, None),
        ("/v26.0/12%2034/events", 100, 33),
        ("/v26.0/%00/events", 100, 33),
        (f"/v26.0/{'9' * 5000}/events", 100, 33),
        (f"/{'v' * 5000}%00/{PIXEL}/events", 2500, None),
    ],
    ids=["gone version", "unknown version", "space", "NUL", "long pixel", "long version"],
)
def test_a_wrong_address_is_refused_and_kept_in_short(send: Post, path: str, code: int, subcode: int | None) -> None:
    assert_refused(send(make_event(), path=path), 400, code, subcode)

    request = ReceivedRequest.objects.get()
    assert (request.error_code, request.error_subcode) == (code, subcode)
    assert len(request.pixel_id) <= 64
    assert len(request.version) <= 16
    assert_nothing_accepted()


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options", "head"])
def test_only_post_exists_on_the_events_edge(http: Client, method: str) -> None:
    response: Any = getattr(http, method)(PATH, headers=BEARER)

    assert response.status_code == 400
    assert method == "head" or response.json()["error"]["code"] == 100
    assert not ReceivedRequest.objects.exists()


@pytest.mark.parametrize("path", ["/v26.0/1/activities", "/me", "/v26.0", "/favicon.ico", "/%00", "/v26.0//events"])
def test_any_other_address_is_unknown_in_the_words_of_the_graph_api(http: Client, path: str) -> None:
    assert_refused(http.post(path, headers=BEARER), 404, 2500)


def test_a_form_is_read_as_json_is(http: Client) -> None:
    event = make_event()

    urlencoded: Any = http.post(
        PATH,
        f"access_token={TOKEN}&data=" + json.dumps([event]).replace("+", "%2B"),
        content_type="application/x-www-form-urlencoded",
    )
    multipart: Any = http.post(PATH, {"access_token": TOKEN, "data": json.dumps([{**event, "event_id": "order-2"}])})

    assert (urlencoded.status_code, multipart.status_code) == (200, 200)
    assert [kept.event_id for kept in ReceivedEvent.objects.order_by("pk")] == ["order-1001", "order-2"]


@pytest.mark.parametrize("content_type", ["", "text/plain; charset=latin1", "application/json; charset=utf-16", "x"])
def test_a_json_body_is_read_under_any_other_name(http: Client, content_type: str) -> None:
    body = json.dumps({"data": [make_event()]})

    response: Any = http.generic("POST", PATH, body, content_type=content_type, headers=BEARER)

    assert response.status_code == 200


def test_healthz_answers_without_a_database(http: Client) -> None:
    response: Any = http.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_an_event_without_an_id_is_kept_without_one(send: Post) -> None:
    send(make_event(event_id=None, **user(em=[EMAIL])))

    assert ReceivedEvent.objects.get().event_id == ""

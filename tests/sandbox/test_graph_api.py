"""The Graph API's addresses over HTTP: envelopes, what is kept, and that nothing hostile becomes a 5xx."""

import io
import json
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.test import Client

from apps.core.wsgi import WholeBody
from apps.sandbox.models import FirstReceipt, ReceivedEvent, ReceivedRequest, Verdict
from tests.sandbox.conftest import Post
from tests.sandbox.samples import BEARER, EMAIL, PATH, PIXEL, TOKEN, Json, digest, make_event, user

pytestmark = pytest.mark.django_db


def assert_refused(response: Any, status: int, code: int, subcode: int | None = None) -> Json:
    error: Json = response.json()["error"]
    assert (response.status_code, error["code"], error.get("error_subcode")) == (status, code, subcode)
    assert (error["type"], error["is_transient"]) == ("OAuthException", False)
    assert response["Content-Type"] == "application/json"
    return error


def assert_nothing_accepted() -> None:
    assert not ReceivedEvent.objects.exists()
    assert not FirstReceipt.objects.exists()


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


BOUNDARY = "multipart/form-data; boundary=x"
FORM = "application/x-www-form-urlencoded"
HOSTILE = [
    pytest.param(b"", "application/json", id="empty"),
    pytest.param(b"{", "application/json", id="half an object"),
    pytest.param(b"\x1f\x8b\x08\x00junk", "application/json", id="gzip"),
    pytest.param(b"\xff\xfe{\x00}\x00", "application/json", id="UTF-16"),
    pytest.param(b'{"data":' * 50_000, "application/json", id="bottomless object"),
    pytest.param(b'{"data":[' + b"[" * 100_000, "application/json", id="bottomless list"),
    pytest.param(b'{"data":[{"event_time":' + b"1" * 5000 + b"}]}", "application/json", id="5000 digits"),
    pytest.param(b'{"data":[{"\\u0000":"\\ud800"}]}', "application/json", id="NUL and half a pair"),
    pytest.param(b"data=%00%ff", FORM, id="form of odd bytes"),
    pytest.param(b"data=[]", FORM + "; charset=utf-16", id="form in UTF-16"),
    pytest.param(b"&".join(b"a%d=1" % number for number in range(2001)), FORM, id="2001 fields"),
    pytest.param(b"--x\r\n", BOUNDARY, id="half a part"),
    pytest.param(b"", "multipart/form-data", id="no boundary"),
    pytest.param(b"--x\r\n", "multipart/form-data; boundary=" + "x" * 300, id="long boundary"),
    pytest.param(
        b'--x\r\nContent-Disposition: form-data; name="data"; filename="a.json"\r\n\r\n[{}]\r\n--x--',
        BOUNDARY,
        id="data as a file",
    ),
    pytest.param(b'{"data": "' + b"x" * 1_048_577 + b'"}', "application/json", id="over 1 MiB"),
]


@pytest.mark.parametrize(("body", "content_type"), HOSTILE)
def test_a_hostile_body_is_refused_and_nothing_is_accepted(http: Client, body: bytes, content_type: str) -> None:
    response = http.generic("POST", PATH, body, content_type=content_type, headers=BEARER)

    assert_refused(response, 400, 100)
    assert_nothing_accepted()


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer " + "x" * 65_536},
        {"Authorization": "Bearer caf\xe9"},
        {f"X-Odd-{number}": "1" for number in range(200)},
        {"X-Request-Id": "a\tb", "Accept-Language": "x" * 9000},
        {"X-Http-Method-Override": "DELETE"},
    ],
    ids=["64 kB token", "latin-1 token", "200 headers", "odd headers", "method override"],
)
def test_hostile_headers_are_survived(send: Post, headers: dict[str, str]) -> None:
    response: Any = send(make_event(), headers={**BEARER, **headers})

    assert response.status_code in {200, 401}
    assert ReceivedEvent.objects.count() == int(response.status_code == 200)


@pytest.mark.parametrize(
    "change",
    [
        {"event_name": "<script>alert(1)</script>" + "x" * 20_000},
        {"event_id": "i" * 50_000},
        {"event_name": "Compra \u202e😀", "event_id": "'; DROP TABLE sandbox_receivedevent; --"},
        {"event_time": 253_402_300_799},
        {"custom_data": {"value": 10**300, "currency": "BRL", "contents": [{"id": str(n)} for n in range(10_000)]}},
        user(client_user_agent="() { :;}; " + "x" * 10_000),
    ],
    ids=["long name", "long id", "odd text", "last second of 9999", "10,000 items", "odd user agent"],
)
def test_odd_but_legal_values_are_kept_whole(send: Post, change: Json) -> None:
    event = make_event(**change)

    response: Any = send(event)

    assert response.status_code == 200
    assert ReceivedEvent.objects.get().payload == event


def test_a_failing_database_is_a_passing_fault_in_the_words_of_meta(send: Post) -> None:
    with patch("apps.sandbox.services.ReceivedRequest.objects.create", side_effect=OperationalError):
        response: Any = send(make_event())

    error = response.json()["error"]
    assert (response.status_code, error["code"], error["is_transient"]) == (500, 2, True)
    assert_nothing_accepted()


def test_a_failure_between_request_and_events_keeps_neither(send: Post) -> None:
    with patch("apps.sandbox.services.ReceivedEvent.objects.bulk_create", side_effect=OperationalError):
        response: Any = send(make_event())

    assert response.status_code == 500
    assert not ReceivedRequest.objects.exists()
    assert_nothing_accepted()


def test_a_chunked_body_arrives_whole(http: Client) -> None:
    body = json.dumps({"data": [make_event()]}).encode()
    seen: dict[str, Any] = {}

    def application(environ: Json, start_response: Any) -> list[bytes]:
        seen.update(environ)
        return []

    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": io.BytesIO(body)}
    WholeBody(application)(chunked, lambda *_: lambda _: None)
    content = seen["wsgi.input"].read(int(seen["CONTENT_LENGTH"]))
    response: Any = http.generic("POST", PATH, content, content_type="application/json", headers=BEARER)

    assert response.json()["events_received"] == 1


@pytest.mark.parametrize("path", ["/debug_token", "/v26.0/debug_token"])
def test_debug_token_tells_of_another_token(http: Client, path: str) -> None:
    response: Any = http.get(path, {"input_token": "expired-1"}, headers={"Authorization": "Bearer app|secret"})

    data = response.json()["data"]
    assert (response.status_code, data["is_valid"], data["error"]["subcode"]) == (200, False, 463)


def test_debug_token_answers_a_token_that_asks_about_itself(http: Client) -> None:
    alive: Any = http.get("/debug_token", {"input_token": TOKEN, "access_token": TOKEN})
    dead: Any = http.get("/debug_token", {"input_token": "expired", "access_token": "expired"})

    assert (alive.status_code, alive.json()["data"]["is_valid"], alive.json()["data"]["expires_at"]) == (200, True, 0)
    assert_refused(dead, 400, 190, 463)


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/debug_token", {"input_token": "x"}, 104),
        ("/debug_token", {"access_token": "x"}, 100),
        ("/debug_token", {"access_token": "x", "input_token": "  "}, 100),
        ("/v20.0/debug_token", {"access_token": "x", "input_token": "x"}, 2635),
        ("/v99.0/debug_token", {"access_token": "x", "input_token": "x"}, 2500),
    ],
)
def test_debug_token_refuses_what_it_cannot_answer(http: Client, path: str, query: Json, code: int) -> None:
    assert_refused(http.get(path, query), 400, code)


def test_debug_token_is_only_read(http: Client) -> None:
    assert_refused(http.post("/debug_token", {"access_token": "x", "input_token": "x"}), 400, 100)


def test_healthz_answers_without_a_database(http: Client) -> None:
    response: Any = http.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_an_event_without_an_id_is_kept_without_one(send: Post) -> None:
    send(make_event(event_id=None, **user(em=[EMAIL])))

    assert ReceivedEvent.objects.get().event_id == ""

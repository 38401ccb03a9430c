"""Bodies, headers and values that mean harm, and faults of our own: never a crash, never half a request."""

import io
import json
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.test import Client

from apps.core.wsgi import WholeBody
from apps.sandbox.models import ReceivedEvent, ReceivedRequest
from tests.sandbox.checks import assert_nothing_accepted, assert_refused
from tests.sandbox.conftest import Post
from tests.sandbox.samples import BEARER, PATH, Json, make_event, user

pytestmark = pytest.mark.django_db


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

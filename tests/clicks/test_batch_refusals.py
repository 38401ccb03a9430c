"""Batches that are refused as a whole: who may not send, what is no batch, when, and that nothing is stored then."""

import hashlib
import hmac
import json
import time
from typing import Any
from uuid import uuid4

import pytest
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from apps.clicks import visitors
from apps.clicks.batch import answers as batch_answers
from apps.clicks.batch import api as batch_api
from apps.core import rate_limit
from apps.core.rate_limit import Limit
from apps.tenants.models import SigningKey
from apps.tenants.scoping import tenant_scope, unscoped
from apps.tenants.services import revoke_signing_key
from apps.tenants.signing import sign
from tests.clicks.batches import URL, Server, make_server
from tests.clicks.hits import stored
from tests.worlds import World, post_raw


@pytest.fixture
def server(world: World) -> Server:
    return make_server(world)


def body_of(server: Server) -> bytes:
    return json.dumps({"events": [server.event()]}).encode()


def assert_refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert stored() == (0, 0, 0)
    with unscoped():
        assert not SigningKey.objects.filter(last_used_at__isnull=False).exists()
    return told


def uniform(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "request_id"}


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Hubtrack-Key": ""},
        {"X-Hubtrack-Key": "sk_unknown"},
        {"X-Hubtrack-Key": "x" * 5000},
        {"X-Hubtrack-Key": "a\x00b"},
        {"X-Hubtrack-Key": "ação"},
        {"X-Hubtrack-Timestamp": "soon"},
        {"X-Hubtrack-Signature": ""},
        {"X-Hubtrack-Signature": "v1=" + "0" * 64},
        {"X-Hubtrack-Signature": "ação"},
        {"X-Hubtrack-Key": "", "X-Hubtrack-Signature": "", "Authorization": "Bearer x"},
    ],
)
def test_whoever_does_not_sign_gets_one_and_the_same_answer(server: Server, headers: dict[str, str]) -> None:
    usual = server.post(body_of(server), {"X-Hubtrack-Signature": "v1=" + "1" * 64})

    answer = server.post(body_of(server), headers)

    assert uniform(assert_refused(answer, 401, "not_authentic")) == uniform(usual.json())


def test_an_old_and_wrong_signature_does_not_tell_of_clocks(server: Server) -> None:
    usual = server.post(body_of(server), {"X-Hubtrack-Signature": "v1=" + "1" * 64})

    answer = server.post(body_of(server), {"X-Hubtrack-Signature": "v1=" + "1" * 64}, late_s=9000)

    assert uniform(assert_refused(answer, 401, "not_authentic")) == uniform(usual.json())


@pytest.mark.parametrize("late_s", [400, -400])
def test_a_right_signature_at_a_wrong_time_says_how_far_the_clock_is_off(server: Server, late_s: int) -> None:
    answer = server.post(body_of(server), {"Accept-Language": "en"}, late_s=late_s)

    told = assert_refused(answer, 401, "not_authentic")
    assert any(f" {abs(late_s) + slip} seconds " in told["detail"] for slip in range(-2, 3))
    assert ("old" in told["detail"]) is (late_s > 0)


@pytest.mark.parametrize("late_s", [290, -290])
def test_five_minutes_either_way_are_accepted(server: Server, late_s: int) -> None:
    assert server.post(body_of(server), late_s=late_s).status_code == 200
    assert stored() == (1, 0, 1)


def test_a_body_changed_on_its_way_is_refused(server: Server) -> None:
    body = body_of(server)
    stamp = str(int(time.time()))
    signature = sign(server.key.secret, stamp, body)

    answer = server.post(body.replace(b"e1", b"e2"), {"X-Hubtrack-Timestamp": stamp, "X-Hubtrack-Signature": signature})

    assert_refused(answer, 401, "not_authentic")


def test_another_accounts_key_does_not_sign_for_this_one(server: Server, other_world: World) -> None:
    theirs = make_server(other_world)

    assert_refused(server.post(body_of(server), {"X-Hubtrack-Key": theirs.key.key_id}), 401, "not_authentic")


def test_a_revoked_key_is_nobodys_and_the_other_goes_on(server: Server) -> None:
    successor = make_server(server.world)
    with tenant_scope(server.world.tenant_id):
        revoke_signing_key(server.key)

    assert_refused(server.post(body_of(server)), 401, "not_authentic")
    assert successor.post(body_of(server)).status_code == 200


def test_the_account_s_api_key_signs_nothing(server: Server) -> None:
    answer = server.world.client.post(URL, body_of(server), content_type="application/json", headers=server.world.auth)

    assert_refused(answer, 401, "not_authentic")


def test_use_of_a_key_is_noted(server: Server) -> None:
    server.send(server.event())

    with unscoped():
        assert SigningKey.objects.get().last_used_at is not None


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_batches_are_posted(server: Server, method: str) -> None:
    answer = getattr(server.world.client, method)(URL)

    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert stored() == (0, 0, 0)


def test_no_page_of_a_browser_may_send_one(server: Server) -> None:
    answer = server.post(body_of(server), {"Origin": "https://cursosdaana.example.com"})

    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer


UNREADABLE = [
    *(b"", b"{", b"\x00", b"[]", b"null", b"7", b'"x"', b"{}", b'{"events": {}}', b'{"events": null}', b"a=1"),
    *(b'{"events": [NaN]}', b'{"events": [1e400]}', b'{"events": ["\xff\xfe"]}', b'{"events": ["\\ud800"]}'),
    *(b"[" * 100_000, b'{"events": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"events": ' + b"9" * 9_000 + b"}"),
    *(
        b'\xef\xbb\xbf{"events": []}',
        '{"events": []}'.encode("utf-16"),
        b'{"events": [], "events": 7}',
        b"\x1f\x8b\x08",
    ),
]


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: repr(body[:24]))
def test_what_is_no_batch_is_refused(server: Server, body: bytes) -> None:
    assert_refused(server.post(body), 400, "unreadable_body")


STRANGE = [
    *('{"event_id": "e", "event_id": "e"}', '{"\\u0000": 1}', '{"event_id": "\\u0000"}', '{"event_id": 1e308}'),
    *('{"event_time": 1e308}', '{"event_time": -1e308}', '{"event_time": 99999999999999999999999999}'),
    *('{"user": {"em": {"em": {"em": []}}}}', '{"user": {"": ""}}', '{"data": {"value": 1e308, "content_ids": [[]]}}'),
    *('{"ip": "1e5"}', '{"ip": "\\u0000"}', '{"url": "http://[", "referrer": "//["}', '{"url": "http://x?%ff&&=&?#"}'),
    *("[[[[[]]]]]", "-0", "1e-400", '"\\uffff"', '{"consent_ads": "\\u202e"}', '{"session_id": "\\u0000"}'),
    *('{"user_agent": "\\u0000"}', '{"event_name": "\\u0130"}', '{"public_key": "\\uffff"}', '{"fbc": 9e99}'),
]


@pytest.mark.parametrize("strange", STRANGE)
def test_a_strange_event_never_breaks_its_neighbours(server: Server, strange: str) -> None:
    members = {**server.event("strange"), **(json.loads(strange) if strange.startswith("{") else {})}
    whole = json.dumps(members) if strange.startswith("{") else strange
    body = (
        f'{{"events": [{json.dumps(server.event("before"))}, {strange}, {whole}, {json.dumps(server.event("after"))}]}}'
    )

    answer = server.post(body.encode())

    assert answer.status_code == 200
    statuses = [result["status"] for result in answer.json()["results"]]
    assert (statuses[0], statuses[1], statuses[3]) == ("recorded", "refused", "recorded")
    assert stored()[2] == answer.json()["recorded"]


def test_a_body_of_more_than_a_mebibyte_is_refused(server: Server, settings: Any) -> None:
    body = json.dumps({"events": [server.event()], "filling": "x" * settings.MAX_BODY_BYTES}).encode()

    assert_refused(server.post(body), 413, "too_large")


def test_so_it_is_by_the_server_itself(server: Server, settings: Any) -> None:
    body = b"x" * (settings.MAX_BODY_BYTES + 1)

    answer = post_raw(URL, body, {"content-type": "application/json"})

    assert answer.status_code == 413
    assert stored() == (0, 0, 0)


def test_a_sender_that_hangs_up_half_way_is_told_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang_up(request: HttpRequest) -> bytes:
        raise UnreadablePostError("connection reset")

    monkeypatch.setattr(HttpRequest, "body", property(hang_up))

    assert_refused(server.post(b"{}"), 400, "unreadable_body")


@pytest.mark.parametrize("trouble", [OperationalError("gone"), InterfaceError("closed")])
def test_what_cannot_be_stored_is_said_so(server: Server, monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    def fail(*_: Any) -> None:
        raise trouble

    monkeypatch.setattr(batch_answers, "record_batch", fail)

    answer = server.post(body_of(server))

    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "try_again", "5")
    assert stored() == (0, 0, 0)


@pytest.mark.parametrize("trouble", [OperationalError("gone"), InterfaceError("closed")])
def test_without_a_database_nobody_is_called_a_forger(
    server: Server, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise trouble

    monkeypatch.setattr(batch_api, "find_signing_key", fail)

    answer = server.post(body_of(server))

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert stored() == (0, 0, 0)


@pytest.fixture
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    rate_limit.forget_outage()
    monkeypatch.setattr(batch_api, "PER_SIGNING_KEY", Limit(f"signing-{uuid4()}", rate=1 / 60, burst=2))
    monkeypatch.setattr(visitors, "PER_ADDRESS", Limit(f"ip-{uuid4()}", rate=1 / 60, burst=4))


@pytest.mark.usefixtures("_small_limits")
def test_too_many_is_a_429_that_says_when(server: Server) -> None:
    answers = [server.post(body_of(server)) for _ in range(3)]
    other = make_server(server.world)

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["code"] == "too_many"
    assert 0 < int(answers[-1]["Retry-After"]) <= 60
    assert other.post(body_of(server)).status_code == 200


@pytest.mark.usefixtures("_small_limits")
def test_forgers_do_not_use_up_a_keys_rate(server: Server) -> None:
    for _ in range(6):
        assert server.post(b"{}", {"X-Hubtrack-Signature": "v1=" + "0" * 64}).status_code == 401

    assert server.post(body_of(server)).status_code == 200


@pytest.mark.usefixtures("_small_limits")
def test_whoever_guesses_is_stopped_by_address(server: Server, settings: Any) -> None:
    settings.TRUSTED_PROXY_COUNT = 1

    statuses = [
        server.post(b"{}", {"X-Hubtrack-Key": f"sk_{number}", "X-Forwarded-For": "200.160.2.3"}).status_code
        for number in range(6)
    ]

    assert statuses == [401] * 4 + [429] * 2
    assert stored() == (0, 0, 0)


def test_secret_and_signature_are_never_logged(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    body = body_of(server)
    stamp = str(int(time.time()))
    digest = hmac.new(server.key.secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()

    server.post(body, {"X-Hubtrack-Timestamp": stamp})
    server.post(body, late_s=9000)

    assert "batch.received" in caplog.text
    assert server.key.secret not in caplog.text
    assert digest not in caplog.text

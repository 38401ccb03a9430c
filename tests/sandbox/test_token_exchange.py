"""Tokens that end at a moment of their own, and how such a token is exchanged and revoked."""

import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from apps.core.redis import RedisError
from apps.sandbox import revocations
from apps.sandbox.meta.tokens import LIFE, describe_token, find_end, new_token
from apps.sandbox.meta.validation import examine_call
from tests.sandbox.checks import assert_refused
from tests.sandbox.conftest import Post
from tests.sandbox.samples import NOW, TOKEN, Json, make_call, make_event

APP = {"client_id": "1", "client_secret": "s"}
SECONDS_NOW = int(NOW.timestamp())


def living(seconds: int = 3600) -> str:
    return f"system-{uuid.uuid4().hex}-until-{int(time.time()) + seconds}"


def exchange(http: Client, token: str, path: str = "/v26.0/oauth/access_token", **changes: str) -> Any:
    query = {"grant_type": "fb_exchange_token", "fb_exchange_token": token, **APP, **changes}
    return http.get(path, {name: value for name, value in query.items() if value})


def revoke(http: Client, token: str, *, by: str = TOKEN, path: str = "/oauth/revoke", **changes: str) -> Any:
    query = {"revoke_token": token, **APP, **changes}
    kept = {name: value for name, value in query.items() if value}
    return http.get(path, kept, headers={"Authorization": f"Bearer {by}"} if by else {})


@pytest.mark.parametrize(
    ("token", "seconds"),
    [
        (f"until-{SECONDS_NOW}", SECONDS_NOW),
        (f"EAAS9until-{SECONDS_NOW}-x", SECONDS_NOW),
        ("until-12345678", None),
        ("until-12345678901", None),
        ("until-soon", None),
        ("abc", None),
    ],
)
def test_the_end_stands_in_the_token(token: str, seconds: int | None) -> None:
    end = find_end(token)

    assert (int(end.timestamp()) if end else None) == seconds


def test_a_token_sends_until_its_end() -> None:
    on_time = examine_call(make_call(make_event(NOW), authorization=f"Bearer until-{SECONDS_NOW + 1}"))
    too_late = examine_call(make_call(make_event(NOW), authorization=f"Bearer until-{SECONDS_NOW}"))

    assert on_time.refusal is None
    assert too_late.refusal is not None
    assert (too_late.refusal.code, too_late.refusal.subcode) == (190, 463)


def test_debug_token_tells_its_end() -> None:
    alive, dead = (describe_token(f"until-{SECONDS_NOW + left}", NOW) for left in (60, -60))

    assert (alive["is_valid"], alive["expires_at"]) == (True, SECONDS_NOW + 60)
    assert (dead["is_valid"], dead["expires_at"]) == (False, SECONDS_NOW - 60)


def test_a_new_token_lives_sixty_days_and_is_like_no_other() -> None:
    first, second = new_token(NOW), new_token(NOW)

    assert find_end(first) == NOW + LIFE
    assert timedelta(days=60) == LIFE
    assert first != second


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/oauth/access_token", "/v26.0/oauth/access_token"])
def test_a_living_token_is_exchanged_and_lives_on(http: Client, path: str) -> None:
    old = living()

    response = exchange(http, old, path)

    body = response.json()
    end = find_end(body["access_token"])
    assert response.status_code == 200
    assert (body["token_type"], body["expires_in"]) == ("bearer", 5_184_000)
    assert end is not None and abs(end.timestamp() - time.time() - 5_184_000) < 60
    assert http.get("/debug_token", {"input_token": old, "access_token": TOKEN}).json()["data"]["is_valid"] is True


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "changes", "code"),
    [
        ("expired-1", {}, (190, 463)),
        ("until-1000000000", {}, (190, 463)),
        ("", {}, (100, None)),
        ("abc", {"client_id": ""}, (100, None)),
        ("abc", {"client_secret": ""}, (100, None)),
        ("abc", {"client_secret": "wrong"}, (1, None)),
        ("abc", {"grant_type": "password"}, (100, None)),
        ("abc", {"path": "/v20.0/oauth/access_token"}, (2635, None)),
        ("abc", {"path": "/v99.0/oauth/access_token"}, (2500, None)),
    ],
)
def test_what_is_not_exchanged(http: Client, token: str, changes: Json, code: tuple[int, int | None]) -> None:
    assert_refused(exchange(http, token, **changes), 400, *code)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/oauth/revoke", "/v26.0/oauth/revoke"])
def test_a_revoked_token_neither_sends_nor_asks_nor_is_exchanged(http: Client, send: Post, path: str) -> None:
    token = living()
    before: Any = send(make_event(), headers={"Authorization": f"Bearer {token}"})

    revoked = revoke(http, token, path=path)

    told = http.get("/debug_token", {"input_token": token, "access_token": TOKEN}).json()["data"]
    assert (before.status_code, revoked.status_code, revoked.json()) == (200, 200, {"success": True})
    assert (told["is_valid"], told["error"]["code"], told["error"]["subcode"]) == (False, 190, 460)
    assert_refused(send(make_event(), headers={"Authorization": f"Bearer {token}"}), 400, 190, 460)
    assert_refused(http.get("/debug_token", {"input_token": TOKEN, "access_token": token}), 400, 190, 460)
    assert_refused(exchange(http, token), 400, 190, 460)
    assert http.get("/received.json").json()["requests"] == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("by", "changes", "code"),
    [
        ("", {}, (104, None)),
        ("expired", {}, (190, 463)),
        (TOKEN, {"revoke_token": ""}, (100, None)),
        (TOKEN, {"client_secret": "wrong"}, (1, None)),
    ],
)
def test_what_is_not_revoked(http: Client, by: str, changes: Json, code: tuple[int, int | None]) -> None:
    token = living()

    assert_refused(revoke(http, token, by=by, **changes), 400, *code)

    assert not revocations.is_revoked(token)


@pytest.mark.django_db
def test_a_token_without_an_end_cannot_be_revoked(http: Client) -> None:
    assert revoke(http, TOKEN).json() == {"success": True}

    assert not revocations.is_revoked(TOKEN)


@pytest.mark.django_db
def test_both_are_only_read(http: Client) -> None:
    for path in ("/oauth/access_token", "/oauth/revoke"):
        assert_refused(http.post(path, APP), 400, 100)


def test_without_redis_every_token_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> Any:
        raise RedisError

    monkeypatch.setattr(revocations, "get_redis", gone)
    token = living()
    revocations.revoke_token(token)

    assert not revocations.is_revoked(token)

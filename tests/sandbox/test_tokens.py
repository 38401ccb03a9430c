"""Where a token may stand, which tokens are in trouble, and what debug_token tells of each."""

from typing import Any

import pytest

from apps.sandbox.meta.tokens import REHEARSALS, describe_token, fingerprint_token
from apps.sandbox.meta.validation import examine_call
from apps.sandbox.samples import REHEARSALS as SHOWN
from tests.sandbox.samples import NOW, Json, make_call, make_event

EVENT = make_event(NOW)
SECONDS_NOW = int(NOW.timestamp())


def form(**members: str) -> Json:
    return {"authorization": "", "form": {"data": "[]", **members}}


@pytest.mark.parametrize(
    ("changes", "token"),
    [
        pytest.param({"authorization": "Bearer abc"}, "abc", id="header"),
        pytest.param({"authorization": "bearer   abc "}, "abc", id="header in other letters"),
        pytest.param({"authorization": "", "query": {"access_token": "abc"}}, "abc", id="query"),
        pytest.param(form(access_token="abc"), "abc", id="form"),
        pytest.param({"authorization": "", "body": b'{"access_token": "abc"}'}, "abc", id="JSON"),
        pytest.param({"authorization": "Basic xyz", "query": {"access_token": "abc"}}, "abc", id="other scheme"),
        pytest.param({"authorization": "Bearer abc", "query": {"access_token": "x"}}, "abc", id="the header wins"),
        pytest.param({"authorization": ""}, None, id="none"),
        pytest.param({"authorization": "Bearer"}, "", id="a scheme alone"),
        pytest.param({"authorization": "Bearerabc"}, None, id="glued"),
    ],
)
def test_a_token_is_found_where_meta_looks(changes: Json, token: str | None) -> None:
    assert examine_call(make_call(EVENT, **changes)).token == token


@pytest.mark.parametrize(
    ("changes", "code", "subcode", "status"),
    [
        pytest.param({"authorization": ""}, 104, None, 400, id="none"),
        pytest.param({"authorization": "Basic abc"}, 104, None, 400, id="other scheme"),
        pytest.param({"authorization": "Bearer "}, 190, None, 401, id="blank"),
        pytest.param({"authorization": "Bearer a b"}, 190, None, 401, id="with a space"),
        pytest.param({"authorization": "Bearer a\nb"}, 190, None, 401, id="with a line break"),
        pytest.param({"authorization": "Bearer a\x00b"}, 190, None, 401, id="with a NUL"),
        pytest.param({"authorization": "Bearer ação"}, 190, None, 401, id="not ASCII"),
        pytest.param({"authorization": "", "query": {"access_token": " "}}, 190, None, 401, id="blank parameter"),
        pytest.param({"authorization": "", "body": b'{"access_token": {"a": 1}}'}, 190, None, 401, id="an object"),
        pytest.param({"authorization": "Bearer my-expired-token"}, 190, 463, 400, id="expired"),
        pytest.param({"authorization": "Bearer EXPIRED"}, 190, 463, 400, id="expired in capitals"),
        pytest.param({"authorization": "Bearer revoked1"}, 190, 460, 400, id="revoked"),
        pytest.param({"authorization": "Bearer forbidden1"}, 100, 33, 400, id="forbidden"),
    ],
)
def test_a_token_in_trouble_refuses_the_request(changes: Json, code: int, subcode: int | None, status: int) -> None:
    examined = examine_call(make_call(EVENT, **changes))

    assert examined.refusal is not None
    assert (examined.refusal.code, examined.refusal.subcode, examined.refusal.status) == (code, subcode, status)
    assert examined.refusal.is_transient is False
    assert examined.events == ()


@pytest.mark.parametrize("token", ["x", "EAAB" + "z" * 180, "y" * 10_000, "app|secret", "expiring"])
def test_any_other_token_is_good(token: str) -> None:
    examined = examine_call(make_call(EVENT, authorization=f"Bearer {token}"))

    assert examined.refusal is None
    assert len(examined.events) == 1


def describe(token: str) -> dict[str, Any]:
    return describe_token(token, NOW)


def test_a_good_token_is_valid_for_ever() -> None:
    assert describe("abc") == {
        "app_id": "100000000000001",
        "type": "SYSTEM_USER",
        "application": "hubtrack sandbox",
        "is_valid": True,
        "expires_at": 0,
        "data_access_expires_at": 0,
        "issued_at": SECONDS_NOW - 30 * 86_400,
        "scopes": ["ads_management", "ads_read", "business_management"],
        "granular_scopes": [],
        "user_id": "100000000000002",
    }


def test_an_expiring_token_is_valid_for_twelve_hours() -> None:
    told = describe("expiring-soon")

    assert (told["is_valid"], told["expires_at"]) == (True, SECONDS_NOW + 12 * 3600)
    assert "error" not in told


@pytest.mark.parametrize(
    ("token", "subcode", "expires_at"),
    [("expired", 463, SECONDS_NOW - 3600), ("revoked", 460, 0), ("a b", 0, 0)],
)
def test_a_dead_token_is_not_valid_and_says_why(token: str, subcode: int, expires_at: int) -> None:
    told = describe(token)

    assert (told["is_valid"], told["scopes"], told["expires_at"]) == (False, [], expires_at)
    assert (told["error"]["code"], told["error"]["subcode"]) == (190, subcode)


def test_a_forbidden_token_lives_without_permissions() -> None:
    told = describe("forbidden")

    assert (told["is_valid"], told["scopes"]) == (True, [])
    assert "error" not in told


def test_the_page_shows_the_words_that_really_work() -> None:
    really = [
        (told.word, f"{told.refusal.code} / {told.refusal.subcode}" if told.refusal else "") for told in REHEARSALS
    ]

    assert [(told.word, told.code) for told in SHOWN] == really


def test_a_fingerprint_is_short_stable_and_tells_tokens_apart() -> None:
    assert fingerprint_token("abc") == "ba7816bf"
    assert fingerprint_token("abd") == "a52d159f"
    assert (fingerprint_token(""), fingerprint_token(None)) == ("", "")
    assert len(fingerprint_token("\ud800")) == 8

"""The check of Kiwify's API key, over real HTTP against a stand-in that knows one account."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from apps.funnels.credentials import CredentialCheck, check_credentials
from apps.gateways.api import Finding
from tests.gateways.api_stand_in import Asked, StandIn, gateway_api

KEY = {"client_id": "11111111-aaaa-4bbb-8ccc-222222222222", "client_secret": "s3cret+of/the=tests"}
ACCOUNT = {"account_id": "aCc0untOfTests1"}
GOOD = KEY | ACCOUNT
TOKEN = "eyJ.an-access-token.xyz"

Answer = Callable[[Asked], tuple[int, str]]


def kiwify(asked: Asked) -> tuple[int, str]:
    if (asked.method, asked.path) == ("POST", "/v1/oauth/token"):
        known = asked.form == KEY
        return (200, json.dumps({"access_token": TOKEN, "expires_in": "96400"})) if known else (401, "{}")
    if (asked.method, asked.path) == ("GET", "/v1/account-details"):
        is_known = asked.headers.get("authorization") == f"Bearer {TOKEN}"
        is_own = asked.headers.get("x-kiwify-account-id") == ACCOUNT["account_id"]
        return (200 if is_own else 403, "{}") if is_known else (401, "{}")
    return 404, "{}"


def check(settings: Any, credentials: dict[str, str], answer: Answer = kiwify) -> tuple[CredentialCheck, StandIn]:
    with gateway_api(answer) as stand_in:
        settings.OUTBOUND_ALLOW_LOOPBACK = True
        settings.GATEWAY_API_URLS = {"kiwify": stand_in.url}
        return check_credentials("kiwify", credentials), stand_in


def answering(path: str, status: int, text: str) -> Answer:
    return lambda asked: (status, text) if asked.path == path else kiwify(asked)


def test_the_right_credentials_are_valid(settings: Any) -> None:
    result, stand_in = check(settings, GOOD)

    assert (result.finding, result.is_valid) == (Finding.VALID, True)
    assert [(asked.method, asked.path) for asked in stand_in.asked] == [
        ("POST", "/v1/oauth/token"),
        ("GET", "/v1/account-details"),
    ]


def test_no_credential_is_in_an_address_or_in_the_sentence(settings: Any) -> None:
    for credentials in (GOOD, GOOD | {"client_secret": "wrong-secret"}):
        result, stand_in = check(settings, credentials)

        addresses = " ".join(asked.path + urlencode(asked.query) for asked in stand_in.asked)
        for value in (*credentials.values(), TOKEN):
            assert value not in addresses
            assert value not in result.sentence
        assert not any(asked.query for asked in stand_in.asked)


def test_the_secret_goes_to_the_token_call_alone(settings: Any) -> None:
    _, stand_in = check(settings, GOOD)

    token, details = stand_in.asked
    assert token.form == KEY
    assert details.body == b""
    assert GOOD["client_secret"] not in str(details.headers)


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
def test_a_wrong_key_is_wrong_and_asks_no_further(settings: Any, name: str) -> None:
    result, stand_in = check(settings, GOOD | {name: "another"})

    assert (result.finding, result.is_valid) == (Finding.WRONG, False)
    assert [asked.path for asked in stand_in.asked] == ["/v1/oauth/token"]


def test_a_key_of_another_account_may_not_read_this_one(settings: Any) -> None:
    result, _ = check(settings, GOOD | {"account_id": "another"})

    assert (result.finding, result.is_valid) == (Finding.FORBIDDEN, False)


@pytest.mark.parametrize("path", ["/v1/oauth/token", "/v1/account-details"])
@pytest.mark.parametrize(
    ("status", "finding"),
    [
        (400, Finding.WRONG),
        (401, Finding.WRONG),
        (403, Finding.FORBIDDEN),
        (429, Finding.LIMITED),
        (404, Finding.UNEXPECTED),
        (302, Finding.UNEXPECTED),
        (500, Finding.UNEXPECTED),
    ],
)
def test_what_a_status_means(settings: Any, path: str, status: int, finding: Finding) -> None:
    result, _ = check(settings, GOOD, answering(path, status, "{}"))

    assert (result.finding, result.is_valid) == (finding, False)


@pytest.mark.parametrize(
    "text",
    [
        *("", "<html>", "[]", "null", "{}"),
        *(json.dumps({"access_token": token}) for token in (None, "", " ", 7, ["x"], "a\r\nX-Other: b", "é", "\0")),
    ],
)
def test_an_answer_without_a_token_says_nothing_and_is_not_used(settings: Any, text: str) -> None:
    result, stand_in = check(settings, GOOD, answering("/v1/oauth/token", 200, text))

    assert (result.finding, result.is_valid) == (Finding.UNEXPECTED, False)
    assert [asked.path for asked in stand_in.asked] == ["/v1/oauth/token"]


@pytest.mark.parametrize("name", list(GOOD))
@pytest.mark.parametrize("blank", ["", "  ", None])
def test_a_missing_field_is_named_and_nothing_is_asked(settings: Any, name: str, blank: str | None) -> None:
    credentials = {key: value for key, value in GOOD.items() if key != name}

    result, stand_in = check(settings, credentials if blank is None else credentials | {name: blank})

    assert result.finding is Finding.WRONG
    assert name in result.sentence
    assert stand_in.asked == []


def test_an_api_that_is_not_there_is_unreachable(settings: Any) -> None:
    with gateway_api(kiwify) as stand_in:
        settings.OUTBOUND_ALLOW_LOOPBACK = True
        settings.GATEWAY_API_URLS = {"kiwify": stand_in.url}

    assert check_credentials("kiwify", GOOD).finding is Finding.UNREACHABLE
    assert stand_in.asked == []

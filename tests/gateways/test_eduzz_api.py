"""The check of an access token of Eduzz's, over real HTTP against a stand-in that knows one account."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from apps.funnels.credentials import CredentialCheck, check_credentials
from apps.gateways.api import Finding
from tests.gateways.api_stand_in import Asked, StandIn, gateway_api

GOOD = {"access_token": "a+token/of-the-tests=="}
ACCOUNT = {"id": "00000000-aaaa-4bbb-8ccc-000000000001", "name": "Escola Sete Notas", "email": "escola@example.com"}

Answer = Callable[[Asked], tuple[int, str]]


def eduzz(asked: Asked) -> tuple[int, str]:
    if (asked.method, asked.path) != ("GET", "/accounts/v1/me"):
        return 404, "{}"
    is_known = asked.headers.get("authorization") == f"Bearer {GOOD['access_token']}"
    return (200, json.dumps(ACCOUNT)) if is_known else (401, json.dumps({"code": "ERR_401", "message": "x"}))


def check(settings: Any, credentials: dict[str, str], answer: Answer = eduzz) -> tuple[CredentialCheck, StandIn]:
    with gateway_api(answer) as stand_in:
        settings.OUTBOUND_ALLOW_LOOPBACK = True
        settings.GATEWAY_API_URLS = {"eduzz": stand_in.url}
        return check_credentials("eduzz", credentials), stand_in


@pytest.mark.parametrize("spaces", ["", " "])
def test_the_right_token_is_valid_however_it_was_pasted(settings: Any, spaces: str) -> None:
    result, stand_in = check(settings, {"access_token": GOOD["access_token"] + spaces})

    assert (result.finding, result.is_valid) == (Finding.VALID, True)
    assert [(asked.method, asked.path, asked.body) for asked in stand_in.asked] == [("GET", "/accounts/v1/me", b"")]


@pytest.mark.parametrize("credentials", [GOOD, {"access_token": "another-token"}])
def test_no_token_is_in_an_address_or_in_the_sentence(settings: Any, credentials: dict[str, str]) -> None:
    result, stand_in = check(settings, credentials)

    assert [(asked.path, asked.query) for asked in stand_in.asked] == [("/accounts/v1/me", {})]
    assert credentials["access_token"] not in result.sentence
    assert ACCOUNT["email"] not in result.sentence


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
        (503, Finding.UNEXPECTED),
    ],
)
def test_what_a_status_means(settings: Any, status: int, finding: Finding) -> None:
    result, _ = check(settings, GOOD, lambda asked: (status, json.dumps(ACCOUNT)))

    assert (result.finding, result.is_valid) == (finding, False)


@pytest.mark.parametrize("text", ["", "<html>", "[]", "null", "{}", '{"id": null}', '{"id": ""}', '{"name": "x"}'])
def test_an_answer_without_an_account_says_nothing(settings: Any, text: str) -> None:
    result, _ = check(settings, GOOD, lambda asked: (200, text))

    assert (result.finding, result.is_valid) == (Finding.UNEXPECTED, False)


@pytest.mark.parametrize("credentials", [{}, {"access_token": ""}, {"access_token": "  "}])
def test_a_missing_token_is_named_and_nothing_is_asked(settings: Any, credentials: dict[str, str]) -> None:
    result, stand_in = check(settings, credentials)

    assert result.finding is Finding.WRONG
    assert "Access token" in result.sentence
    assert stand_in.asked == []


def test_an_api_that_is_not_there_is_unreachable(settings: Any) -> None:
    with gateway_api(eduzz) as stand_in:
        settings.OUTBOUND_ALLOW_LOOPBACK = True
        settings.GATEWAY_API_URLS = {"eduzz": stand_in.url}

    assert check_credentials("eduzz", GOOD).finding is Finding.UNREACHABLE
    assert stand_in.asked == []

"""Whether Hotmart knows three credentials: a token is bought with them, and opens the sales."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from apps.funnels.credentials import CredentialCheck, check_credentials
from apps.gateways.api import Finding
from apps.gateways.hotmart.api import HotmartApi
from tests.gateways.api_stand_in import Asked, StandIn, gateway_api

CLIENT, SECRET = "client-of-ana-0001", "secret-of-ana-0001"
BASIC = b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
RIGHT = {"client_id": CLIENT, "client_secret": SECRET, "basic": BASIC}
TOKEN = "access-token-0001"
GRANTED = (200, json.dumps({"access_token": TOKEN, "token_type": "bearer", "expires_in": 172_799}))
SALES = (200, json.dumps({"items": [], "page_info": {"results_per_page": 1}}))
UNKNOWN = (401, json.dumps({"error": "invalid_client", "error_description": "Bad client credentials"}))
PAGE = "<!doctype html><title>Hotmart Developers</title>"


def hotmart(asked: Asked) -> tuple[int, str]:
    """One account, which may read its sales."""
    if (asked.method, asked.path) == ("POST", "/security/oauth/token"):
        known = asked.headers["authorization"] == f"Basic {BASIC}" and asked.form["client_id"] == CLIENT
        return GRANTED if known and asked.form["client_secret"] == SECRET else UNKNOWN
    if (asked.method, asked.path, asked.headers["authorization"]) == (
        "GET",
        "/payments/api/v1/sales/history",
        f"Bearer {TOKEN}",
    ):
        return SALES
    return 200, PAGE


def answering(token: tuple[int, str], sales: tuple[int, str] = SALES) -> Callable[[Asked], tuple[int, str]]:
    return lambda asked: token if asked.path.endswith("/token") else sales


def check(settings: Any, stand_in: StandIn, **changes: str) -> CredentialCheck:
    settings.GATEWAY_API_URLS = {"hotmart": stand_in.url}
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    return check_credentials("hotmart", RIGHT | changes)


def test_the_right_credentials_are_valid(settings: Any) -> None:
    with gateway_api(hotmart) as stand_in:
        result = check(settings, stand_in)

    assert (result.finding, result.is_valid) == (Finding.VALID, True)
    assert [asked.path for asked in stand_in.asked] == ["/security/oauth/token", "/payments/api/v1/sales/history"]
    assert stand_in.asked[0].form["grant_type"] == "client_credentials"
    assert stand_in.asked[1].query == {"max_results": "1"}


def test_no_secret_is_in_an_address_or_in_the_answer(settings: Any) -> None:
    with gateway_api(hotmart) as stand_in:
        results = [check(settings, stand_in), check(settings, stand_in, client_secret="another-secret")]

    shown = repr([(asked.path, asked.query) for asked in stand_in.asked]) + "".join(item.sentence for item in results)
    assert not [secret for secret in (SECRET, BASIC, TOKEN, "another-secret") if secret in shown]


@pytest.mark.parametrize("basic", [f"Basic {BASIC}", f" {BASIC} ", f"Basic  {BASIC}"])
def test_the_basic_credential_is_taken_as_hotmart_shows_it(settings: Any, basic: str) -> None:
    with gateway_api(hotmart) as stand_in:
        assert check(settings, stand_in, basic=basic).finding is Finding.VALID


@pytest.mark.parametrize("field", ["client_id", "client_secret", "basic"])
def test_a_wrong_credential_is_wrong_and_opens_nothing(settings: Any, field: str) -> None:
    with gateway_api(hotmart) as stand_in:
        result = check(settings, stand_in, **{field: "another"})

    assert (result.finding, result.is_valid) == (Finding.WRONG, False)
    assert [asked.path for asked in stand_in.asked] == ["/security/oauth/token"]


@pytest.mark.parametrize("field", ["client_id", "client_secret", "basic"])
@pytest.mark.parametrize("blank", ["", "  "])
def test_a_missing_credential_is_asked_for_by_name(settings: Any, field: str, blank: str) -> None:
    labels = {item.name: item.label for item in HotmartApi.fields}

    with gateway_api(hotmart) as stand_in:
        result = check(settings, stand_in, **{field: blank})

    assert result.finding is Finding.WRONG
    assert labels[field] in result.sentence
    assert stand_in.asked == []


@pytest.mark.parametrize(
    ("status", "finding"),
    [
        (401, Finding.FORBIDDEN),  # whoever was given a token is known
        (403, Finding.FORBIDDEN),
        (429, Finding.LIMITED),
        (404, Finding.UNEXPECTED),
        (500, Finding.UNEXPECTED),
    ],
)
def test_known_credentials_may_still_not_read_sales(settings: Any, status: int, finding: Finding) -> None:
    with gateway_api(answering(GRANTED, (status, "{}"))) as stand_in:
        result = check(settings, stand_in)

    assert (result.finding, result.is_valid) == (finding, False)


@pytest.mark.parametrize(
    ("status", "finding"),
    [(400, Finding.WRONG), (403, Finding.FORBIDDEN), (429, Finding.LIMITED), (503, Finding.UNEXPECTED)],
)
def test_a_token_that_is_refused_says_why(settings: Any, status: int, finding: Finding) -> None:
    with gateway_api(answering((status, "{}"))) as stand_in:
        result = check(settings, stand_in)

    assert result.finding is finding
    assert len(stand_in.asked) == 1


@pytest.mark.parametrize(
    "text",
    ["", PAGE, "[]", "{", '"x"', "{}", '{"access_token": ""}', '{"access_token": 7}', '{"access_token": "a\\nb"}'],
)
def test_an_answer_without_a_token_says_neither_yes_nor_no(settings: Any, text: str) -> None:
    with gateway_api(answering((200, text))) as stand_in:
        result = check(settings, stand_in)

    assert result.finding is Finding.UNEXPECTED
    assert len(stand_in.asked) == 1


@pytest.mark.parametrize("text", ["", PAGE, "[]", "{}", '{"error": "x"}'])
def test_a_page_instead_of_sales_says_neither_yes_nor_no(settings: Any, text: str) -> None:
    with gateway_api(answering(GRANTED, (200, text))) as stand_in:
        assert check(settings, stand_in).finding is Finding.UNEXPECTED


def test_an_api_that_is_away_is_unreachable(settings: Any) -> None:
    with gateway_api(hotmart) as stand_in:
        pass

    result = check(settings, stand_in)

    assert (result.finding, stand_in.asked) == (Finding.UNREACHABLE, [])

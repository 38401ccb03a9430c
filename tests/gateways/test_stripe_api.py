"""Whether Stripe knows a secret key: it is asked for the account."""

import json
from typing import Any

import pytest

from apps.funnels.credentials import CredentialCheck, check_credentials
from apps.gateways.api import Finding
from tests.gateways.api_stand_in import Asked, StandIn, gateway_api

KEY, RESTRICTED = "sk_live_of_ana_0001", "rk_live_of_ana_0001"
ACCOUNT = json.dumps({"id": "acct_1HubAccount0001", "object": "account", "country": "BR"})
PAGE = "<!doctype html><title>Blocked</title>"


def refusal(message: str) -> str:
    return json.dumps({"error": {"type": "invalid_request_error", "message": message}})


def stripe(asked: Asked) -> tuple[int, str]:
    """One account with a key for everything, and one that may not read the account."""
    if (asked.method, asked.path) != ("GET", "/v1/account"):
        return 404, refusal("Unrecognized request URL")
    if asked.headers["authorization"] == f"Bearer {KEY}":
        return 200, ACCOUNT
    if asked.headers["authorization"] == f"Bearer {RESTRICTED}":
        return 403, refusal("The provided key does not have the required permissions for this endpoint")
    return 401, refusal("Invalid API Key provided")


def check(settings: Any, stand_in: StandIn, key: str = KEY) -> CredentialCheck:
    settings.GATEWAY_API_URLS = {"stripe": stand_in.url}
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    return check_credentials("stripe", {"secret_key": key})


@pytest.mark.parametrize("key", [KEY, f" {KEY} "])
def test_the_right_key_is_valid(settings: Any, key: str) -> None:
    with gateway_api(stripe) as stand_in:
        result = check(settings, stand_in, key)

    assert (result.finding, result.is_valid) == (Finding.VALID, True)
    assert [(asked.method, asked.path, asked.query, asked.body) for asked in stand_in.asked] == [
        ("GET", "/v1/account", {}, b"")
    ]


@pytest.mark.parametrize(
    ("key", "finding"),
    [
        ("sk_live_of_nobody", Finding.WRONG),
        ("whsec_of_ana_0001", Finding.WRONG),  # the signing secret is no key
        (RESTRICTED, Finding.FORBIDDEN),
    ],
)
def test_a_key_that_opens_nothing_says_why(settings: Any, key: str, finding: Finding) -> None:
    with gateway_api(stripe) as stand_in:
        result = check(settings, stand_in, key)

    assert (result.finding, result.is_valid) == (finding, False)
    assert len(stand_in.asked) == 1


def test_no_key_is_in_an_address_or_in_the_answer(settings: Any) -> None:
    keys = [KEY, RESTRICTED, "sk_live_of_nobody"]

    with gateway_api(stripe) as stand_in:
        sentences = [check(settings, stand_in, key).sentence for key in keys]

    shown = repr([(asked.path, asked.query, asked.body) for asked in stand_in.asked]) + "".join(sentences)
    assert not [key for key in keys if key in shown]


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_missing_key_is_asked_for_by_name(settings: Any, blank: str) -> None:
    with gateway_api(stripe) as stand_in:
        result = check(settings, stand_in, blank)

    assert result.finding is Finding.WRONG
    assert "Secret key" in result.sentence
    assert stand_in.asked == []


@pytest.mark.parametrize("key", ["sk_live_ç", "sk_live\nX-Other: 1", "sk_\x7f"])
def test_a_key_that_no_header_can_carry_is_wrong_and_not_sent(settings: Any, key: str) -> None:
    with gateway_api(stripe) as stand_in:
        result = check(settings, stand_in, key)

    assert result.finding is Finding.WRONG
    assert stand_in.asked == []


@pytest.mark.parametrize("status", [200, 401, 403, 404, 500])
@pytest.mark.parametrize("text", ["", PAGE, "[]", "{", "{}", '{"error": "blocked"}', '{"object": "list"}'])
def test_an_answer_that_is_not_stripes_says_neither_yes_nor_no(settings: Any, status: int, text: str) -> None:
    with gateway_api(lambda _asked: (status, text)) as stand_in:
        assert check(settings, stand_in).finding is Finding.UNEXPECTED


@pytest.mark.parametrize(("status", "finding"), [(429, Finding.LIMITED), (500, Finding.UNEXPECTED)])
def test_trouble_at_stripe_is_not_the_keys_fault(settings: Any, status: int, finding: Finding) -> None:
    with gateway_api(lambda _asked: (status, refusal("Try again"))) as stand_in:
        assert check(settings, stand_in).finding is finding


def test_an_api_that_is_away_is_unreachable(settings: Any) -> None:
    with gateway_api(stripe) as stand_in:
        pass

    result = check(settings, stand_in)

    assert (result.finding, stand_in.asked) == (Finding.UNREACHABLE, [])

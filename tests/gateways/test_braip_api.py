"""Whether Braip knows a token, asked of a stand-in over real HTTP."""

from typing import Any

import pytest

from apps.funnels.credentials import check_credentials
from apps.gateways.api import Finding
from tests.gateways.api_stand_in import Asked, gateway_api

TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.a-token-of-the-tests"
PAGE = '{"current_page": 1, "data": [], "next_page_url": null}'


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = True


def braip(asked: Asked) -> tuple[int, str]:
    """A page of sales for the token; whoever does not ask for JSON gets a page to log in, with status 200."""
    if asked.headers.get("accept") != "application/json":
        return 200, "<html>Entrar</html>"
    if asked.headers.get("authorization") != f"Bearer {TOKEN}":
        return 401, '{"message": "Unauthenticated."}'
    return 200, PAGE


def test_a_token_that_braip_knows_is_valid(settings: Any) -> None:
    with gateway_api(braip) as stand_in:
        settings.GATEWAY_API_URLS = {"braip": stand_in.url}
        check = check_credentials("braip", {"api_token": TOKEN})

    assert check.finding is Finding.VALID
    assert check.is_valid


def test_one_request_is_made_and_it_asks_for_no_buyer(settings: Any) -> None:
    with gateway_api(braip) as stand_in:
        settings.GATEWAY_API_URLS = {"braip": stand_in.url}
        check_credentials("braip", {"api_token": TOKEN})

    (asked,) = stand_in.asked
    assert (asked.method, asked.path, asked.body) == ("GET", "/api/vendas", b"")
    assert asked.query == {"page": "1", "date_min": "2021-01-01 03:00:00", "date_max": "2021-01-01 03:00:01"}


def test_the_token_is_neither_in_the_address_nor_in_the_sentence(settings: Any) -> None:
    for token in (TOKEN, "another-token"):
        with gateway_api(braip) as stand_in:
            settings.GATEWAY_API_URLS = {"braip": stand_in.url}
            check = check_credentials("braip", {"api_token": token})

        (asked,) = stand_in.asked
        assert token not in f"{asked.path} {asked.query}"
        assert asked.headers["authorization"] == f"Bearer {token}"
        assert token not in f"{check.sentence} {check!r}"
        assert "Braip" in check.sentence


def test_a_token_that_braip_does_not_know_is_wrong(settings: Any) -> None:
    with gateway_api(braip) as stand_in:
        settings.GATEWAY_API_URLS = {"braip": stand_in.url}
        check = check_credentials("braip", {"api_token": "the-unique-key-by-mistake"})

    assert check.finding is Finding.WRONG
    assert not check.is_valid


@pytest.mark.parametrize(
    ("status", "body", "finding"),
    [
        (403, '{"message": "Forbidden"}', Finding.FORBIDDEN),
        (429, '{"message": "Too Many Attempts."}', Finding.LIMITED),
        (500, "Server Error", Finding.UNEXPECTED),
        (302, "", Finding.UNEXPECTED),
        (200, "<html>Entrar</html>", Finding.UNEXPECTED),
        (200, "", Finding.UNEXPECTED),
        (200, "[]", Finding.UNEXPECTED),
        (200, '{"message": "Unauthenticated."}', Finding.UNEXPECTED),
        (200, '{"data": {}}', Finding.UNEXPECTED),
        (200, '{"data": [{"trans_key": "ven0000"}]}', Finding.VALID),
        (401, PAGE, Finding.WRONG),
    ],
)
def test_an_answer_is_valid_only_as_a_page_of_sales(settings: Any, status: int, body: str, finding: Finding) -> None:
    with gateway_api(lambda asked: (status, body)) as stand_in:
        settings.GATEWAY_API_URLS = {"braip": stand_in.url}
        check = check_credentials("braip", {"api_token": TOKEN})

    assert check.finding is finding


def test_a_missing_token_is_named_and_nobody_is_asked(settings: Any) -> None:
    with gateway_api(braip) as stand_in:
        settings.GATEWAY_API_URLS = {"braip": stand_in.url}
        for credentials in ({}, {"api_token": ""}, {"api_token": "  "}, {"token": TOKEN}):
            check = check_credentials("braip", credentials)
            assert check.finding is Finding.WRONG
            assert "Token da API" in check.sentence

    assert stand_in.asked == []


def test_a_token_that_fits_no_header_is_wrong_and_nobody_is_asked(settings: Any) -> None:
    with gateway_api(braip) as stand_in:
        settings.GATEWAY_API_URLS = {"braip": stand_in.url}
        for token in ("chave-única", "a\r\nX-Injected: 1"):
            assert check_credentials("braip", {"api_token": token}).finding is Finding.WRONG

    assert stand_in.asked == []


def test_silence_is_told_apart_from_a_wrong_token(settings: Any) -> None:
    with gateway_api(braip) as stand_in:
        gone = stand_in.url
    settings.GATEWAY_API_URLS = {"braip": gone}

    assert check_credentials("braip", {"api_token": TOKEN}).finding is Finding.UNREACHABLE

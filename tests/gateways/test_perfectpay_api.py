"""The check of PerfectPay's API token, over real HTTP against a stand-in."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from apps.funnels.credentials import check_credentials
from apps.gateways.api import Finding
from apps.gateways.perfectpay.api import PerfectPayApi
from tests.gateways.api_stand_in import Asked, StandIn, gateway_api

TOKEN = "api-token-of-the-tests"
NO_SALES = '{"sales": {"total_items": 0, "total_pages": 1, "data": []}}'


def answer(asked: Asked) -> tuple[int, str]:
    """As PerfectPay does: the token decides, then the address."""
    if asked.headers.get("authorization") == "Bearer a-token-without-that-right":
        return 403, '{"message": "Invalid scope(s) provided."}'
    if asked.headers.get("authorization") != f"Bearer {TOKEN}":
        return 401, '{"message": "Unauthenticated."}'
    if (asked.method, asked.path) != ("POST", "/api/v1/sales/get"):
        return 404, '{"message": "Not found."}'
    return 200, NO_SALES


@pytest.fixture
def stand_in(settings: Any) -> Iterator[StandIn]:
    with gateway_api(answer) as standing:
        settings.GATEWAY_API_URLS = {"perfectpay": standing.url}
        settings.OUTBOUND_ALLOW_LOOPBACK = True
        yield standing


def test_the_right_token_is_valid(stand_in: StandIn) -> None:
    check = check_credentials("perfectpay", {"api_token": TOKEN})

    assert (check.finding, check.is_valid) == (Finding.VALID, True)
    assert "PerfectPay" in check.sentence


def test_one_request_is_made_and_it_asks_for_nobodys_sales(stand_in: StandIn) -> None:
    check_credentials("perfectpay", {"api_token": TOKEN})

    (asked,) = stand_in.asked
    assert json.loads(asked.body) == {"start_date_sale": "2000-01-01", "end_date_sale": "2000-01-01", "page": 1}
    assert (asked.headers["content-type"], asked.headers["accept"]) == ("application/json", "application/json")


@pytest.mark.parametrize(
    ("token", "finding"),
    [
        ("another-token", Finding.WRONG),
        (TOKEN.upper(), Finding.WRONG),
        ("a-token-without-that-right", Finding.FORBIDDEN),
    ],
)
def test_a_token_that_may_not_read_sales_is_told_apart_from_a_wrong_one(
    stand_in: StandIn, token: str, finding: Finding
) -> None:
    check = check_credentials("perfectpay", {"api_token": token})

    assert (check.finding, check.is_valid) == (finding, False)
    assert len(stand_in.asked) == 1


@pytest.mark.parametrize("token", [TOKEN, "another-token"])
def test_the_token_travels_in_the_header_only_and_is_in_no_sentence(stand_in: StandIn, token: str) -> None:
    check = check_credentials("perfectpay", {"api_token": token})

    (asked,) = stand_in.asked
    assert asked.headers["authorization"] == f"Bearer {token}"
    assert token not in asked.path + repr(asked.query) + asked.body.decode()
    assert token not in check.sentence + repr(check)


@pytest.mark.parametrize("credentials", [{}, {"api_token": ""}, {"api_token": "  "}, {"token": TOKEN}])
def test_without_a_token_nothing_is_asked(stand_in: StandIn, credentials: dict[str, str]) -> None:
    check = check_credentials("perfectpay", credentials)

    assert (check.finding, check.is_valid) == (Finding.WRONG, False)
    assert "API token" in check.sentence
    assert stand_in.asked == []


@pytest.mark.parametrize("token", ["tokén", "a\r\nX-Other: 1", "a\0b"])
def test_a_token_that_fits_no_header_is_wrong_and_goes_nowhere(stand_in: StandIn, token: str) -> None:
    assert check_credentials("perfectpay", {"api_token": token}).finding is Finding.WRONG
    assert stand_in.asked == []


@pytest.mark.parametrize(
    ("status", "text", "finding"),
    [
        (200, "<html>Entrar</html>", Finding.UNEXPECTED),
        (200, "", Finding.UNEXPECTED),
        (200, "[]", Finding.UNEXPECTED),
        (200, '{"message": "ok"}', Finding.UNEXPECTED),
        (302, "", Finding.UNEXPECTED),
        (404, "{}", Finding.UNEXPECTED),
        (422, '{"message": "The given data was invalid."}', Finding.UNEXPECTED),
        (429, "{}", Finding.LIMITED),
        (500, "oops", Finding.UNEXPECTED),
    ],
)
def test_an_answer_that_is_not_a_list_of_sales_proves_nothing(
    settings: Any, status: int, text: str, finding: Finding
) -> None:
    with gateway_api(lambda asked: (status, text)) as standing:
        settings.GATEWAY_API_URLS = {"perfectpay": standing.url}
        settings.OUTBOUND_ALLOW_LOOPBACK = True
        check = check_credentials("perfectpay", {"api_token": TOKEN})

    assert (check.finding, check.is_valid) == (finding, False)
    assert TOKEN not in check.sentence


def test_a_gateway_that_does_not_answer_is_unreachable(settings: Any) -> None:
    with gateway_api(answer) as standing:
        settings.GATEWAY_API_URLS = {"perfectpay": standing.url}
    settings.OUTBOUND_ALLOW_LOOPBACK = True

    check = check_credentials("perfectpay", {"api_token": TOKEN})

    assert (check.finding, check.is_valid) == (Finding.UNREACHABLE, False)


def test_the_request_goes_to_perfectpay_and_its_repr_shows_no_token() -> None:
    request = next(PerfectPayApi().check({"api_token": TOKEN}))

    assert (request.method, request.url) == ("POST", "https://app.perfectpay.com.br/api/v1/sales/get")
    assert TOKEN not in repr(request)

"""debug_token over HTTP: one token asks about another, or about itself."""

from typing import Any

import pytest
from django.test import Client

from tests.sandbox.checks import assert_refused
from tests.sandbox.samples import TOKEN, Json

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/debug_token", "/v26.0/debug_token"])
def test_debug_token_tells_of_another_token(http: Client, path: str) -> None:
    response: Any = http.get(path, {"input_token": "expired-1"}, headers={"Authorization": "Bearer app|secret"})

    data = response.json()["data"]
    assert (response.status_code, data["is_valid"], data["error"]["subcode"]) == (200, False, 463)


def test_debug_token_answers_a_token_that_asks_about_itself(http: Client) -> None:
    alive: Any = http.get("/debug_token", {"input_token": TOKEN, "access_token": TOKEN})
    dead: Any = http.get("/debug_token", {"input_token": "expired", "access_token": "expired"})

    assert (alive.status_code, alive.json()["data"]["is_valid"], alive.json()["data"]["expires_at"]) == (200, True, 0)
    assert_refused(dead, 400, 190, 463)


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/debug_token", {"input_token": "x"}, 104),
        ("/debug_token", {"access_token": "x"}, 100),
        ("/debug_token", {"access_token": "x", "input_token": "  "}, 100),
        ("/v20.0/debug_token", {"access_token": "x", "input_token": "x"}, 2635),
        ("/v99.0/debug_token", {"access_token": "x", "input_token": "x"}, 2500),
    ],
)
def test_debug_token_refuses_what_it_cannot_answer(http: Client, path: str, query: Json, code: int) -> None:
    assert_refused(http.get(path, query), 400, code)


def test_debug_token_is_only_read(http: Client) -> None:
    assert_refused(http.post("/debug_token", {"access_token": "x", "input_token": "x"}), 400, 100)

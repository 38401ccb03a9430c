"""Credentials for a gateway's own API, tried with the gateway itself: a plain answer, and no trace of them."""

import json
import logging
from typing import Any

import pytest

from apps.funnels.credentials import MAX_REQUESTS, converse
from apps.gateways.api import ApiAnswer, Conversation, Credentials, Finding, GatewayApi, get
from apps.gateways.registry import ADAPTERS
from tests.funnels.bodies import CREDENTIALS as GOOD
from tests.gateways.api_stand_in import Asked, StandIn, gateway_api
from tests.pipeline.database import everything_stored
from tests.worlds import World

TOKEN = "token-bought-0004"
WITH_API = sorted(slug for slug, adapter in ADAPTERS.items() if adapter.api)
WITHOUT_API = sorted(set(ADAPTERS) - set(WITH_API))


def hotmarts(asked: Asked) -> tuple[int, str]:
    """Hotmart's API as far as one account goes."""
    if asked.method == "POST":
        known = (
            asked.headers["authorization"] == f"Basic {GOOD['basic']}"
            and asked.form["client_secret"] == GOOD["client_secret"]
        )
        return (200, json.dumps({"access_token": TOKEN})) if known else (401, '{"error": "invalid_client"}')
    return (200, '{"items": []}') if asked.headers["authorization"] == f"Bearer {TOKEN}" else (401, "{}")


def check(world: World, settings: Any, credentials: Any, answer: Any = hotmarts) -> tuple[Any, StandIn]:
    with gateway_api(answer) as stand_in:
        settings.OUTBOUND_ALLOW_LOOPBACK = True
        settings.GATEWAY_API_URLS = {"hotmart": stand_in.url}
        return world.post("credentials/check", {"gateway": "hotmart", "credentials": credentials}), stand_in


def test_the_right_credentials_are_valid(world: World, settings: Any) -> None:
    answer, stand_in = check(world, settings, GOOD)

    assert (answer.status_code, sorted(answer.json())) == (200, ["finding", "sentence", "valid"])
    assert (answer.json()["valid"], answer.json()["finding"]) == (True, "valid")
    assert "Hotmart" in answer.json()["sentence"]
    assert [asked.method for asked in stand_in.asked] == ["POST", "GET"]


def test_wrong_credentials_are_no_error_of_the_callers(world: World, settings: Any) -> None:
    answer, stand_in = check(world, settings, GOOD | {"client_secret": "another"})

    assert (answer.status_code, answer.json()["valid"], answer.json()["finding"]) == (200, False, "wrong")
    assert len(stand_in.asked) == 1


@pytest.mark.parametrize(
    ("name", "label"), [("client_id", "Client ID"), ("client_secret", "Client Secret"), ("basic", "Basic")]
)
def test_a_missing_field_is_named_as_the_gateway_calls_it(world: World, settings: Any, name: str, label: str) -> None:
    answer, stand_in = check(world, settings, {key: value for key, value in GOOD.items() if key != name})

    assert (answer.status_code, answer.json()["valid"], answer.json()["finding"]) == (200, False, "wrong")
    assert label in answer.json()["sentence"]
    assert stand_in.asked == []


def test_every_missing_field_is_named(world: World, settings: Any) -> None:
    answer, _ = check(world, settings, {})

    assert "Client ID, Client Secret, Basic" in answer.json()["sentence"]


@pytest.mark.parametrize("name", list(GOOD))
@pytest.mark.parametrize("unsafe", ["x\r\nX-Other: y", "x\ny", "x\ty", "é", "x\x7fy", "x\u2028y"], ids=ascii)
def test_what_no_header_can_carry_is_wrong_and_never_sent(world: World, settings: Any, name: str, unsafe: str) -> None:
    answer, stand_in = check(world, settings, GOOD | {name: unsafe})

    assert (answer.status_code, answer.json()["valid"], answer.json()["finding"]) == (200, False, "wrong")
    assert stand_in.asked == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "credentials"),
        ({"gateway": "hotmart"}, "credentials"),
        ({"gateway": "hotmart", "credentials": "x"}, "credentials"),
        ({"gateway": "hotmart", "credentials": [GOOD]}, "credentials"),
        ({"gateway": "hotmart", "credentials": None}, "credentials"),
        ({"gateway": "hotmart", "credentials": {"basic": ["x"]}}, "credentials.basic"),
        ({"gateway": "hotmart", "credentials": {"basic": ""}}, "credentials.basic"),
        ({"gateway": "hotmart", "credentials": {"basic": "a\x00b"}}, "credentials.basic"),
        ({"gateway": "hotmart", "credentials": {"basic": "x" * 2_001}}, "credentials.basic"),
        ({"gateway": "", "credentials": {}}, "gateway"),
        ({"gateway": ["hotmart"], "credentials": {}}, "gateway"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_another_shape_is_refused_by_its_path(world: World, body: Any, path: str) -> None:
    answer = world.post("credentials/check", body)

    assert answer.status_code == 422
    assert path in answer.json()["errors"]


@pytest.mark.parametrize("slug", ["nobody", "HOTMART", "hotmart/", *WITHOUT_API])
def test_there_is_nothing_to_check_at_other_gateways(world: World, settings: Any, slug: str) -> None:
    answer = world.post("credentials/check", {"gateway": slug, "credentials": GOOD})

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "ana" not in answer.text


def test_some_gateways_have_an_api_and_some_none() -> None:
    assert {"hotmart", "kiwify", "stripe", "appmax"} <= set(WITH_API)
    assert WITHOUT_API == ["orders"]


@pytest.mark.parametrize("slug", WITH_API)
def test_every_api_is_asked_where_the_settings_say(world: World, settings: Any, slug: str) -> None:
    api = ADAPTERS[slug].api
    assert api is not None
    credentials = {field.name: "not-a-credential" for field in api.fields}

    with gateway_api(lambda _asked: (401, '{"error": {"message": "no"}}')) as stand_in:
        settings.OUTBOUND_ALLOW_LOOPBACK = True
        settings.GATEWAY_API_URLS = {slug: stand_in.url}
        answer = world.post("credentials/check", {"gateway": slug, "credentials": credentials})

    assert (answer.status_code, answer.json()["finding"]) == (200, "wrong")
    assert len(stand_in.asked) == 1


def test_a_check_leaves_no_trace(
    world: World, settings: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    before = [row for row in everything_stored().splitlines() if not row.startswith("tenants_apikey:")]

    answers = [
        check(world, settings, GOOD)[0],
        check(world, settings, GOOD | {"basic": "ana-wrong-0005"})[0],
        check(world, settings, GOOD | {"basic": "ana-\r\n-0006"})[0],
        check(world, settings, GOOD, lambda _asked: (500, "<html>"))[0],
        world.post("credentials/check", {"gateway": "nobody", "credentials": GOOD}),
        world.post("credentials/check", {"gateway": "hotmart", "credentials": GOOD | {"basic": ["ana-list-0007"]}}),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 404, 422]
    told = "".join(answer.text for answer in answers) + caplog.text + "".join(capfd.readouterr())
    for secret in (*GOOD.values(), TOKEN, "ana-wrong-0005", "-0006", "ana-list-0007"):
        assert secret not in told
    assert [row for row in everything_stored().splitlines() if not row.startswith("tenants_apikey:")] == before


def test_an_api_that_is_not_there_is_unreachable(world: World, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    settings.GATEWAY_API_URLS = {"hotmart": "http://127.0.0.1:9"}

    answer = world.post("credentials/check", {"gateway": "hotmart", "credentials": GOOD})

    assert (answer.status_code, answer.json()["valid"], answer.json()["finding"]) == (200, False, "unreachable")


class EndlessApi(GatewayApi):
    """Never has enough."""

    fields = ()
    hosts = {"api": "https://api.example.com"}  # noqa: RUF012

    def check(self, credentials: Credentials) -> Conversation[Finding]:
        while True:
            yield get("https://api.example.com/more")


class SilentApi(EndlessApi):
    """Knows without asking."""

    def check(self, credentials: Credentials) -> Conversation[Finding]:
        yield from ()
        return Finding.WRONG


def test_a_conversation_without_an_end_is_ended(settings: Any) -> None:
    api = EndlessApi()
    conversation = api.check({})
    with gateway_api(lambda _asked: (200, "{}")) as stand_in:
        settings.OUTBOUND_ALLOW_LOOPBACK = True
        settings.GATEWAY_API_URLS = {"endless": stand_in.url}
        found = converse("endless", api, conversation)

    assert found is None
    with pytest.raises(StopIteration):
        next(conversation)
    assert [asked.path for asked in stand_in.asked] == ["/more"] * MAX_REQUESTS


def test_a_conversation_may_need_no_request_at_all() -> None:
    api = SilentApi()

    assert converse("endless", api, api.check({})) is Finding.WRONG


@pytest.mark.parametrize("text", ["", "x", "[]", "7", "null", "{", "[" * 100_000])
def test_an_answer_without_an_object_has_no_members(text: str) -> None:
    assert ApiAnswer(200, text.encode()).json() == {}

"""The batch in the OpenAPI document, against what the hub reads and answers."""

from typing import Any

import pytest

from apps.clicks.batch import reading as batch
from apps.clicks.batch.people import USER_KEYS
from apps.clicks.batch.schema import add_batch
from tests.clicks.batches import URL, Server, make_server
from tests.worlds import World


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return add_batch({"paths": {}, "components": {"schemas": {}}})


@pytest.fixture
def server(world: World) -> Server:
    return make_server(world)


def operation(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["paths"][URL]["post"]
    return found


def test_every_field_that_is_read_is_described_and_no_other(schema: dict[str, Any]) -> None:
    event = schema["components"]["schemas"]["BatchEvent"]

    assert event["properties"].keys() == batch._KNOWN
    assert event["properties"]["user"]["properties"].keys() == set(USER_KEYS)
    assert all(name in event["properties"]["event_name"]["description"] for name in batch.EVENT_NAMES)
    assert event["required"] == ["event_id", "event_name", "public_key"]


def test_limit_and_headers_are_the_hubs(schema: dict[str, Any]) -> None:
    body = operation(schema)["requestBody"]["content"]["application/json"]["schema"]

    assert body["properties"]["events"]["maxItems"] == batch.MAX_EVENTS
    assert [(header["in"], header["name"]) for header in operation(schema)["parameters"]] == [
        ("header", "X-Hubtrack-Key"),
        ("header", "X-Hubtrack-Timestamp"),
        ("header", "X-Hubtrack-Signature"),
    ]
    assert operation(schema)["responses"].keys() == {"200", "400", "401", "413", "429", "503"}


def test_an_answer_has_the_members_that_are_described(schema: dict[str, Any], server: Server) -> None:
    answer = operation(schema)["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
    result = schema["components"]["schemas"]["BatchResult"]["properties"]

    told = server.send(
        server.event("e1", "click", unheard_of=1), server.event("e1", "click"), server.event("e2", "Purchase")
    )

    assert told.keys() == answer.keys()
    assert {name for one in told["results"] for name in one} == result.keys()
    assert [one["status"] for one in told["results"]] == result["status"]["enum"]

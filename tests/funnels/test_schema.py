"""OpenAPI: generated without a warning, valid, and true to the routes."""

from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("schema") / "schema.yaml"
    call_command("spectacular", "--fail-on-warn", "--validate", "--file", str(file))
    read: dict[str, Any] = yaml.safe_load(file.read_text())
    return read


def test_it_names_every_stable_address(schema: dict[str, Any]) -> None:
    operations = {(path, method) for path, item in schema["paths"].items() for method in item}
    assert operations >= {
        ("/api/v1/funnels", "get"),
        ("/api/v1/funnels", "post"),
        ("/api/v1/funnels/{id}", "get"),
        ("/api/v1/funnels/{id}", "patch"),
        ("/api/v1/funnels/{id}/publish", "post"),
        ("/api/v1/conversions", "get"),
        ("/api/v1/events", "get"),
        ("/api/v1/events/{event_id}", "get"),
        ("/api/v1/replay/{event_id}", "post"),
        ("/api/v1/events/batch", "post"),
    }


def test_secrets_and_tokens_are_in_no_answer(schema: dict[str, Any]) -> None:
    answers = {name: item for name, item in schema["components"]["schemas"].items() if name.endswith("Output")}

    leaks = [
        (name, member)
        for name, item in answers.items()
        for member in item["properties"]
        if member in ("secret", "previous_secret", "access_token", "digest", "password")
    ]

    assert {"FunnelOutput", "EndpointOutput", "DestinationOutput"} <= answers.keys()
    assert leaks == []


def test_the_key_is_described(schema: dict[str, Any]) -> None:
    assert schema["components"]["securitySchemes"] == {"apiKey": {"type": "http", "scheme": "bearer"}}


def test_anybody_may_read_it(client: Client, db: None) -> None:
    answer = client.get("/api/v1/schema/")

    assert answer.status_code == 200
    assert yaml.safe_load(answer.content)["info"]["title"] == "hubtrack API"

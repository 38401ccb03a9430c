"""What the funnel API refuses: by name, with a sentence, and without a trace in the database."""

import base64
import json
from typing import Any

import pytest

from apps.funnels.models import Destination, Endpoint, Funnel
from apps.tenants.scoping import unscoped
from tests.funnels.bodies import with_destination, with_endpoint
from tests.worlds import World, hotmart


def count() -> tuple[int, int, int]:
    with unscoped():
        return Funnel.objects.count(), Endpoint.objects.count(), Destination.objects.count()


REFUSED = [
    ({}, "name"),
    *(({"name": value}, "name") for value in ("", "   ", None, [], {}, True, "x" * 151, "a\x00b", "\ud800")),
    *(({"name": "x", "landing_url": value}, "landing_url") for value in ("javascript:1", "x", None, 7, [], "https://")),
    ({"name": "x", "landing_url": f"https://example.com/{'x' * 2_000}"}, "landing_url"),
    *(
        ({"name": "x", "attribution_window_days": value}, "attribution_window_days")
        for value in (0, -1, 91, 1.5, "x", None, [], True, 10**30, float("1e300"), "9" * 5_000)
    ),
    *(({"name": "x", "unknown_consent": value}, "unknown_consent") for value in ("maybe", "", None, [], {}, "\ud800")),
    *(({"name": "x", "endpoints": value}, "endpoints") for value in ({}, "x", None, 7)),
    *(({"name": "x", "destinations": value}, "destinations") for value in ({}, "x", None, 7)),
    ({"name": "x", "endpoints": [1]}, "endpoints[0].non_field_errors"),
    *(
        (with_endpoint(gateway=value), "endpoints[0].gateway")
        for value in ("nobody", "", "HOTMART", None, [], "\ud800")
    ),
    *((with_endpoint(secret=value), "endpoints[0].secret") for value in ("", "  ", None, [], "x" * 501, "a\x00")),
    ({"name": "x", "endpoints": [{"gateway": "hotmart"}]}, "endpoints[0].secret"),
    ({"name": "x", "endpoints": [{"secret": "s"}]}, "endpoints[0].gateway"),
    *((with_destination(platform=value), "destinations[0].platform") for value in ("orkut", "", None, [], "\ud800")),
    *(
        (with_destination(pixel_id=value), "destinations[0].pixel_id")
        for value in ("", "a/b", "../x", "x" * 65, "１２３", "a b", "a\nb", None, [], "?x")
    ),
    *((with_destination(access_token=value), "destinations[0].access_token") for value in ("", None, [], "x" * 2_001)),
    *(
        (with_destination(api_version=value), "destinations[0].api_version")
        for value in ("26.0", "v26", "v26.0/x", None)
    ),
    *((with_destination(base_url=value), "destinations[0].base_url") for value in ("x", "javascript:1", None, 7)),
    *((with_destination(test_event_code=value), "destinations[0].test_event_code") for value in (None, [], "x" * 41)),
    ({"name": "x", "destinations": [{"platform": "meta", "pixel_id": "1"}]}, "destinations.access_token"),
]


@pytest.mark.parametrize(("body", "field"), REFUSED, ids=lambda value: repr(value)[:60])
def test_a_wrong_value_is_refused_by_name(world: World, body: dict[str, Any], field: str) -> None:
    before = count()

    answer = world.client.post("/api/v1/funnels", json.dumps(body), content_type="application/json", headers=world.auth)

    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (422, 422, "invalid_input")
    assert answer["Content-Type"] == "application/problem+json"
    assert list(problem["errors"]) == [field]
    assert problem["errors"][field]
    assert count() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [(body, field) for body, field in REFUSED if len(body) > 1 or body.get("name", 0) != 0],
    ids=lambda value: repr(value)[:60],
)
def test_a_change_to_a_wrong_value_is_refused_too(world: World, body: dict[str, Any], field: str) -> None:
    path = f"/api/v1/funnels/{world.funnel.pk}"
    before = world.client.get(path, headers=world.auth).json()

    answer = world.client.patch(path, json.dumps(body), content_type="application/json", headers=world.auth)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert world.client.get(path, headers=world.auth).json() == before


@pytest.mark.parametrize("body", ["[]", "null", '"x"', "7", "true", '[{"name": "x"}]'])
def test_json_of_another_shape_is_refused(world: World, body: str) -> None:
    answer = world.client.post("/api/v1/funnels", body, content_type="application/json", headers=world.auth)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["non_field_errors"])


UNREADABLE = ["", "{", '{"name": NaN}', '{"name": Infinity}', "\ufeff{}", "[" * 100_000, '{"a":' * 100_000, "9" * 5_000]


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: body[:20])
def test_what_is_not_json_is_refused(world: World, body: str) -> None:
    before = count()

    answer = world.client.post("/api/v1/funnels", body, content_type="application/json", headers=world.auth)

    assert answer.status_code in (400, 422)
    assert answer["Content-Type"] == "application/problem+json"
    assert count() == before


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"]
)
def test_only_json_is_read(world: World, content_type: str) -> None:
    before = count()

    answer = world.client.post("/api/v1/funnels", '{"name": "x"}', content_type=content_type, headers=world.auth)

    assert (answer.status_code, answer["Content-Type"]) == (415, "application/problem+json")
    assert count() == before


IDS = [
    *("0", "-1", "1e3", str(2**63), "1 OR 1=1", "%00", "..", "x" * 5_000, "00000000-0000-0000-0000-000000000000"),
    *("{upper}", "{id}x", "{id}/", "{id}/publish/", "{hex}", "%7Bid%7D"),
]


@pytest.mark.parametrize("written", IDS, ids=lambda written: written[:20])
@pytest.mark.parametrize("method", ["get", "patch"])
def test_an_odd_id_is_not_found(world: World, method: str, written: str) -> None:
    own = world.funnel.pk
    path = written.replace("{id}", str(own)).replace("{upper}", str(own).upper()).replace("{hex}", own.hex)

    answer = getattr(world.client, method)(
        f"/api/v1/funnels/{path}", {}, content_type="application/json", headers=world.auth
    )

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["", "/{id}", "/{id}/publish"])
@pytest.mark.parametrize("method", ["put", "delete", "trace"])
def test_other_methods_are_refused(world: World, path: str, method: str) -> None:
    before = count()

    answer = getattr(world.client, method)(
        f"/api/v1/funnels{path.replace('{id}', str(world.funnel.pk))}",
        headers={**world.auth, "X-HTTP-Method-Override": "POST"},
    )

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer["Allow"]
    assert count() == before


def cursor_of(position: str) -> str:
    return base64.b64encode(f"p={position}".encode()).decode()


CURSORS = [
    *("x", "%00", "A" * 5_000, "Y3Vyc29y", base64.b64encode(b"o=999999999999").decode()),
    *(cursor_of(position) for position in ("abc", "1 OR 1=1", "%00", "2026-13-45", "9" * 30, "é")),
]


@pytest.mark.parametrize("path", ["funnels", "conversions", "events"])
@pytest.mark.parametrize("cursor", CURSORS, ids=lambda cursor: cursor[:20])
def test_a_cursor_made_by_hand_is_never_our_fault(world: World, path: str, cursor: str) -> None:
    world.post_webhook(hotmart())

    answer = world.get(path, cursor=cursor)

    assert answer.status_code in (200, 404)
    assert answer.status_code == 200 or answer.json()["code"] == "not_found"

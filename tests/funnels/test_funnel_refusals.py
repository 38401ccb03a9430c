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


Case = tuple[dict[str, Any], str]


def own(name: str, *values: Any) -> list[Case]:
    """Bodies with each of the values in a member of the funnel itself."""
    return [({"name": "x", name: value}, name) for value in values]


def in_endpoint(name: str, *values: Any) -> list[Case]:
    return [(with_endpoint(**{name: value}), f"endpoints.0.{name}") for value in values]


def in_destination(name: str, *values: Any) -> list[Case]:
    return [(with_destination(**{name: value}), f"destinations.0.{name}") for value in values]


NO_CONFIDENCES: tuple[Any, ...] = (
    *(0.49, 1.01, 0, -0.85, 85, 10**30, 10**400, 1e300, True, None),
    *("0.85", "nan", "NaN", "inf", "", "x", [], {}, [0.85], "\ud800"),
)
REFUSED: list[Case] = [
    *own("name", "", "   ", None, [], {}, True, "x" * 151, "a\x00b", "\ud800"),
    *own("landing_url", "javascript:1", "x", None, 7, [], "https://", f"https://example.com/{'x' * 2_000}"),
    *own("attribution_window_days", 0, -1, 91, 1.5, "x", None, [], True, 10**30, 1e300, "9" * 5_000),
    *own("unknown_consent", "maybe", "", None, [], {}, "\ud800"),
    *own("event_names", [], "x", None, 7, True),
    *own("child_orders", "include", "", None, [], {}, True, "\ud800"),
    *own("page_events", "both", "", None, [], {}, True, "\ud800"),
    *own("view_through_days", -1, 8, 1.5, "x", "", None, [], True, 10**30, 1e300, "9" * 5_000),
    *own("attribution_model", "linear", "", None, [], {}, True, "\ud800"),
    *own("auto_threshold", *NO_CONFIDENCES),
    *own("review_threshold", *NO_CONFIDENCES),
    *own("uncertain_matches", "accept", "", None, [], {}, True, "\ud800"),
    *own("review_hours", 0, -1, 145, 1.5, "x", "", None, [], True, 10**30, 1e300, "9" * 5_000),
    *own("review_timeout", "auto", "", None, [], {}, True, "\ud800"),
    ({"name": "x", "auto_threshold": 0.5}, "review_threshold"),
    ({"name": "x", "review_threshold": 0.86}, "review_threshold"),
    ({"name": "x", "auto_threshold": 0.9, "review_threshold": 0.91}, "review_threshold"),
    *own("endpoints", {}, "x", None, 7),
    *own("destinations", {}, "x", None, 7),
    ({"name": "x", "endpoints": [1]}, "endpoints.0"),
    *in_endpoint("gateway", "nobody", "HOTMART", "", None, [], "\ud800"),
    *in_endpoint("secret", "", "  ", None, [], "x" * 501, "a\x00"),
    *in_endpoint("rollout", "on", "LIVE", "", None, [], {}, True, 1, "\ud800"),
    *in_endpoint("live_percent", -1, 101, 0.5, "x", "", None, [], True, 10**30, 1e300, "9" * 5_000),
    *in_endpoint("candidate", "on", "", None, [], True, "\ud800"),
    *in_endpoint("credentials", [], "x", None, 7),
    ({"name": "x", "endpoints": [{"gateway": "hotmart"}]}, "endpoints.0.secret"),
    ({"name": "x", "endpoints": [{"secret": "s"}]}, "endpoints.0.gateway"),
    *in_destination("platform", "orkut", "", None, [], "\ud800"),
    *in_destination("pixel_id", "", "a/b", "../x", "x" * 65, "１２３", "a b", "a\nb", None, [], "?x"),
    *in_destination("access_token", "", None, [], "x" * 2_001),
    *in_destination("api_version", "26.0", "v26", "v26.0/x", None),
    *in_destination("base_url", "x", "javascript:1", None, 7),
    *in_destination("test_event_code", None, [], "x" * 41),
    *in_destination("canary_version", "27.0", "v27", "latest", "v27.0/x", None, [], "\ud800"),
    *in_destination("canary_percent", -1, 101, 0.5, "x", "", None, [], True, 10**30, 1e300, "9" * 5_000),
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


@pytest.mark.parametrize(("body", "field"), REFUSED, ids=lambda value: repr(value)[:60])
def test_a_change_to_a_wrong_value_is_refused_too(world: World, body: dict[str, Any], field: str) -> None:
    path = f"/api/v1/funnels/{world.funnel.pk}"
    before = world.client.get(path, headers=world.auth).json()

    answer = world.client.patch(path, json.dumps(body), content_type="application/json", headers=world.auth)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert world.client.get(path, headers=world.auth).json() == before


def test_a_new_funnel_needs_a_name(world: World) -> None:
    answer = world.post("funnels", {})

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["name"])


@pytest.mark.parametrize("body", ["[]", "null", '"x"', "7", "true", '[{"name": "x"}]'])
def test_json_of_another_shape_is_refused(world: World, body: str) -> None:
    answer = world.client.post("/api/v1/funnels", body, content_type="application/json", headers=world.auth)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["body"])


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

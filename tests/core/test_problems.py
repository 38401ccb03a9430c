"""Every refusal has one shape, whoever makes it: a WSGI layer, a view, the REST framework, Django itself."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.test import Client, RequestFactory
from rest_framework import exceptions

from apps.core import errors, problems
from apps.core.api import answer_problem
from apps.core.log import correlated

MEMBERS = ["code", "detail", "request_id", "status", "title", "type"]
ALL_ERRORS = [
    errors.HubError("why"),
    errors.BadInput("why"),
    errors.Unreadable("why"),
    errors.NotAuthentic("why"),
    errors.MethodNotAllowed("POST"),
    errors.NotFound("why"),
    errors.NotPossible("why"),
    errors.TooLarge("why"),
    errors.TooMany("why"),
    errors.Overloaded("why"),
]


def members(response: Any) -> dict[str, Any]:
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(response.content)
    assert body["status"] == response.status_code
    return body


@pytest.mark.parametrize("error", ALL_ERRORS, ids=lambda error: type(error).__name__)
def test_the_shape(error: errors.HubError) -> None:
    with correlated("request-0001"):
        body = members(problems.problem(error))

    assert sorted(body) == MEMBERS
    assert body["type"] == f"{settings.PUBLIC_URL}/problems#{error.code}"
    assert body["request_id"] == "request-0001"
    assert all(isinstance(body[name], str) and body[name] for name in ("title", "detail", "code"))


def test_every_error_has_its_own_code_and_a_client_or_overload_status() -> None:
    assert [(error.code, error.status) for error in ALL_ERRORS] == [
        ("bad_request", 400),
        ("invalid_input", 422),
        ("unreadable_body", 400),
        ("not_authentic", 401),
        ("method_not_allowed", 405),
        ("not_found", 404),
        ("not_possible", 409),
        ("too_large", 413),
        ("too_many", 429),
        ("try_again", 503),
    ]


def test_fields_are_named() -> None:
    body = members(problems.problem(errors.BadInput("why", fields={"url": "not a page"})))

    assert body["errors"] == {"url": "not a page"}


def test_headers_that_belong_to_an_error() -> None:
    assert problems.problem(errors.Overloaded("later"))["Retry-After"] == "5"
    assert problems.problem(errors.TooMany("later", retry_after_s=7))["Retry-After"] == "7"
    assert problems.problem(errors.MethodNotAllowed("POST, OPTIONS"))["Allow"] == "POST, OPTIONS"
    assert "Retry-After" not in problems.problem(errors.NotFound("why"))


@pytest.mark.parametrize(
    ("handler", "status", "code"),
    [
        (problems.bad_request, 400, "bad_request"),
        (problems.forbidden, 403, "forbidden"),
        (problems.not_found, 404, "not_found"),
    ],
)
def test_djangos_own_refusals(handler: Any, status: int, code: str) -> None:
    body = members(handler(RequestFactory().get("/x"), ValueError("canary@example.com")))

    assert (body["status"], body["code"]) == (status, code)
    assert "canary" not in json.dumps(body)


def test_a_crash_says_nothing_of_itself(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash() -> dict[str, bool]:
        raise RuntimeError("canary@example.com")

    monkeypatch.setattr("apps.monitoring.views.check_servers", crash)
    client.raise_request_exception = False

    response = client.get("/readyz", headers={"X-Request-Id": "request-0001"})

    body = members(response)
    assert (body["status"], body["code"]) == (500, "server_error")
    assert b"canary" not in response.content
    assert b"Traceback" not in response.content
    assert response["X-Request-Id"] == "request-0001"


def test_an_unknown_address(client: Client) -> None:
    body = members(client.get("/api/v1/nothing-here"))

    assert (body["status"], body["code"]) == (404, "not_found")
    assert body["request_id"]


def test_an_unknown_host(client: Client, db: None) -> None:
    body = members(client.get("/api/v1/funnels", headers={"Host": "evil.example.net"}))

    assert (body["status"], body["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.NotPossible("no"), 409, "not_possible"),
        (Http404(), 404, "not_found"),
        (PermissionDenied(), 403, "permission_denied"),
        (exceptions.ParseError(), 400, "unreadable_body"),
        (RecursionError(), 400, "unreadable_body"),
        (exceptions.UnsupportedMediaType("text/csv"), 415, "unsupported_media_type"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.Throttled(), 429, "throttled"),
    ],
)
def test_the_rest_frameworks_refusals(error: Exception, status: int, code: str) -> None:
    response = answer_problem(error, {})

    body = members(response)
    assert (body["status"], body["code"]) == (status, code)
    assert sorted(body) == MEMBERS


def test_a_bug_of_ours_is_left_to_djangos_handler() -> None:
    assert answer_problem(KeyError("x"), {}) is None


@pytest.mark.parametrize(
    ("detail", "fields"),
    [
        ({"name": ["is required"]}, {"name": "is required"}),
        ({"name": ["too long", "not text"]}, {"name": "too long not text"}),
        ({"endpoints": [{}, {"secret": ["is required"]}]}, {"endpoints.1.secret": "is required"}),
        ({"endpoints": {1: {"secret": ["is required"]}}}, {"endpoints.1.secret": "is required"}),
        ({"endpoints": {"non_field_errors": ["not a list"]}}, {"endpoints": "not a list"}),
        ({"non_field_errors": ["not an object"]}, {"body": "not an object"}),
        (["no", "nor this"], {"body": "no nor this"}),
        ({"name": []}, {}),
    ],
)
def test_nested_fields_are_named_by_their_path(detail: Any, fields: dict[str, str]) -> None:
    response = answer_problem(exceptions.ValidationError(detail), {})

    assert members(response).get("errors", {}) == fields


def test_djangos_validation_error_is_one_too() -> None:
    body = members(answer_problem(ValidationError(["no such moment"]), {}))

    assert body["status"] == 422
    assert body["errors"] == {"body": "no such moment"}


def test_a_lone_surrogate_in_a_sentence_is_written_as_an_escape() -> None:
    response = problems.problem(errors.BadInput("why", fields={"platform": '"\ud800" is not a valid choice'}))

    assert rb"\ud800" in response.content

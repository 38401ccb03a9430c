"""Bodies reach Django with their length, or not at all."""

import io
import json
from typing import Any

import pytest
from django.conf import settings

from apps.core.wsgi import WholeBody

LIMIT = settings.MAX_BODY_BYTES


class Application:
    """A WSGI application that reads what Django would: as many bytes as CONTENT_LENGTH says."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.bodies.append(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        start_response("200 OK", [])
        return [b"fine"]


def call(application: Application, body: bytes | io.BytesIO = b"", **environ: Any) -> tuple[str, dict[str, str], bytes]:
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        started.extend((status, dict(headers)))

    stream = io.BytesIO(body) if isinstance(body, bytes) else body
    given = {"wsgi.input": stream, "PATH_INFO": "/", "REQUEST_METHOD": "POST", **environ}
    answered = b"".join(WholeBody(application)(given, start_response))  # type: ignore[arg-type]
    return started[0], started[1], answered


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.mark.parametrize("size", [0, 1, LIMIT])
def test_a_declared_length_is_passed_on(application: Application, size: int) -> None:
    status, _, _ = call(application, b"x" * size, CONTENT_LENGTH=str(size))

    assert status == "200 OK"
    assert application.bodies == [b"x" * size]


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "gzip, chunked"])
def test_a_chunked_body_gets_a_length(application: Application, coding: str) -> None:
    status, _, _ = call(application, b'{"id": 1}', HTTP_TRANSFER_ENCODING=coding)

    assert status == "200 OK"
    assert application.bodies == [b'{"id": 1}']


def test_so_does_a_body_whose_end_the_server_vouches_for(application: Application) -> None:
    """HTTP/2 needs neither a length nor chunks."""
    call(application, b'{"id": 1}', **{"wsgi.input_terminated": True})

    assert application.bodies == [b'{"id": 1}']


def test_without_either_nothing_is_read(application: Application) -> None:
    status, _, _ = call(application, b"whatever follows on this connection")

    assert status == "200 OK"
    assert application.bodies == [b""]


def test_the_longest_chunked_body(application: Application) -> None:
    call(application, b"x" * LIMIT, HTTP_TRANSFER_ENCODING="chunked")

    assert application.bodies == [b"x" * LIMIT]


@pytest.mark.parametrize(
    "environ",
    [
        {"CONTENT_LENGTH": str(LIMIT + 1)},
        {"CONTENT_LENGTH": "9" * 18},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
        {"wsgi.input_terminated": True},
    ],
)
def test_a_longer_body_is_refused(application: Application, environ: dict[str, Any]) -> None:
    status, headers, body = call(application, b"x" * (LIMIT + 1), **environ)

    problem = json.loads(body)
    assert status.split()[0] == "413"
    assert headers["Content-Type"] == "application/problem+json"
    assert (problem["status"], problem["code"]) == (413, "too_large")
    assert str(LIMIT) in problem["detail"]
    assert application.bodies == []


def test_a_body_that_is_declared_too_long_is_not_even_read(application: Application) -> None:
    unread = io.BytesIO(b"x" * 10)

    call(application, unread, CONTENT_LENGTH=str(LIMIT + 1))

    assert unread.tell() == 0


@pytest.mark.parametrize("length", ["-1", "abc", "1.5", "1e3", " 5", "5 ", "+5", "²", "٣", "9" * 19, "9" * 5_000])
def test_a_length_that_is_no_number_is_refused(application: Application, length: str) -> None:
    status, _, body = call(application, b"hello", CONTENT_LENGTH=length)

    assert status == "400 Bad Request"
    assert json.loads(body)["code"] == "unreadable_body"
    assert application.bodies == []


def test_a_refusal_is_a_whole_problem_with_the_callers_request_id(application: Application) -> None:
    _, headers, body = call(application, CONTENT_LENGTH="x", HTTP_X_REQUEST_ID="follow-me-0001")

    problem = json.loads(body)
    assert sorted(problem) == ["code", "detail", "request_id", "status", "title", "type"]
    assert problem["type"] == f"{settings.PUBLIC_URL}/problems#unreadable_body"
    assert problem["request_id"] == headers["X-Request-Id"] == "follow-me-0001"
    assert headers["Content-Length"] == str(len(body))


@pytest.mark.parametrize(
    ("path", "limit"), [("/larger", 20), ("/larger/", 10), ("/larger/than", 10), ("/", 10), ("/LARGER", 10)]
)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_an_address_may_take_more_than_the_others(
    application: Application, settings: Any, path: str, limit: int, is_chunked: bool
) -> None:
    settings.MAX_BODY_BYTES, settings.LARGER_BODIES = 10, {"/larger": 20}

    def post(size: int) -> str:
        told = {"HTTP_TRANSFER_ENCODING": "chunked"} if is_chunked else {"CONTENT_LENGTH": str(size)}
        return call(application, b"x" * size, PATH_INFO=path, **told)[0]

    assert post(limit) == "200 OK"
    assert post(limit + 1).startswith("413")
    assert application.bodies == [b"x" * limit]

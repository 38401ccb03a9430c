"""From ASGI to WSGI: what the application sees, and that only whole bodies cost a thread."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from apps.core import asgi
from apps.core.asgi import BufferedWsgi
from apps.core.wsgi import WholeBody

Messages = list[dict[str, Any]]


class Application:
    """A WSGI application that keeps what it was given."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.closed = 0

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        self.seen.append({**environ, "body": environ["wsgi.input"].read()})
        start_response("201 Created", [("Content-Type", "text/plain"), ("X-Two", "a"), ("X-Two", "b")])
        return Content(self)


class Content(list[bytes]):
    """Says when it was closed, as a file does."""

    def __init__(self, application: Application) -> None:
        super().__init__([b"do", b"ne"])
        self.application = application

    def close(self) -> None:
        self.application.closed += 1


def call(application: Any, messages: Messages, *, headers: Any = (), path: str = "/a%20b") -> Messages:
    """The messages that came back."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"x=1&y=%C3%A9",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("203.0.113.7", 5000),
        "headers": list(headers),
    }
    sent: Messages = []
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.sleep(10)
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(BufferedWsgi(application, threads=2)(scope, receive, send))
    return sent


def body(*parts: bytes) -> Messages:
    return [
        {"type": "http.request", "body": part, "more_body": number < len(parts)} for number, part in enumerate(parts, 1)
    ]


def test_a_body_in_parts_arrives_whole_and_with_its_length() -> None:
    application = Application()

    call(application, body(b"one,", b"two,", b"three"))

    assert application.seen[0]["body"] == b"one,two,three"
    assert application.seen[0]["CONTENT_LENGTH"] == "13"


def test_the_environment_is_what_wsgi_promises() -> None:
    application = Application()
    headers = [
        (b"content-type", b"application/json"),
        (b"x-forwarded-for", b"1.1.1.1"),
        (b"x-forwarded-for", b"2.2.2.2"),
    ]

    call(application, body(b""), headers=headers, path="/olá")

    (seen,) = application.seen
    assert (seen["REQUEST_METHOD"], seen["QUERY_STRING"]) == ("POST", "x=1&y=%C3%A9")
    assert seen["PATH_INFO"].encode("latin-1").decode() == "/olá"
    assert (seen["REMOTE_ADDR"], seen["SERVER_PORT"]) == ("203.0.113.7", "8000")
    assert (seen["CONTENT_TYPE"], seen["HTTP_X_FORWARDED_FOR"]) == ("application/json", "1.1.1.1,2.2.2.2")
    assert "HTTP_CONTENT_TYPE" not in seen


def test_a_header_cannot_pass_for_another_by_an_underscore() -> None:
    application = Application()

    call(application, body(b""), headers=[(b"x_forwarded_for", b"6.6.6.6"), (b"x_hotmart_hottok", b"forged")])

    assert "HTTP_X_FORWARDED_FOR" not in application.seen[0]
    assert "HTTP_X_HOTMART_HOTTOK" not in application.seen[0]


def test_the_answer_keeps_status_repeated_headers_and_content() -> None:
    application = Application()

    start, content = call(application, body(b""))

    assert start["status"] == 201
    assert [pair for pair in start["headers"] if pair[0] == b"x-two"] == [(b"x-two", b"a"), (b"x-two", b"b")]
    assert content["body"] == b"done"
    assert application.closed == 1


def test_a_body_beyond_the_limit_is_read_no_further_and_refused(settings: Any) -> None:
    settings.MAX_BODY_BYTES = 10
    application = Application()
    parts = body(*[b"12345"] * 1000)

    start, content = call(WholeBody(application), parts)

    assert start["status"] == 413
    assert b"too_large" in content["body"]
    assert application.seen == []


def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "BODY_SECONDS", 0.05)
    application = Application()

    start, content = call(application, [{"type": "http.request", "body": b"{", "more_body": True}])

    assert start["status"] == 408
    assert b"too_slow" in content["body"]
    assert application.seen == []


def test_a_sender_that_hangs_up_gets_no_thread_and_no_answer() -> None:
    application = Application()

    sent = call(application, [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

    assert sent == []
    assert application.seen == []


def test_the_servers_start_and_end_are_confirmed() -> None:
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: Messages = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(BufferedWsgi(Application(), threads=1)({"type": "lifespan"}, receive, send))

    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize(("path", "read"), [("/larger", 20), ("/other", 10)])
def test_as_much_is_read_as_the_address_takes(settings: Any, path: str, read: int) -> None:
    settings.MAX_BODY_BYTES, settings.LARGER_BODIES = 10, {"/larger": 20}
    application = Application()
    chunk = {"type": "http.request", "body": b"x" * 7, "more_body": True}

    call(application, [chunk] * 4 + [{"type": "http.request"}], path=path)

    assert application.seen[0]["body"] == b"x" * (read + 1)

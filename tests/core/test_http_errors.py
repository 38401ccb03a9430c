"""Every way in which an exchange can fail, and what each lets the caller conclude about a retry."""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from apps.core import netguard
from apps.core.http import Ambiguous, NotSent, OutboundClient, Reason, Refused
from tests.core.loopback import (
    HEADERS,
    OK,
    PAYLOAD,
    TOKEN,
    Script,
    Serve,
    Server,
    always,
    dripping,
    failing_with,
    once,
    serving,
)


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as start:
        yield start


@pytest.fixture
def client() -> Iterator[OutboundClient]:
    with closing(OutboundClient(allow_loopback=True, read_timeout=5, max_body=1000)) as opened:
        yield opened


@pytest.fixture
def hasty() -> Iterator[OutboundClient]:
    with closing(OutboundClient(allow_loopback=True, read_timeout=0.2)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"."),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", b"."),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n.\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["headers", "body", "chunks", "continues"],
)
def test_a_drip_ends_at_the_deadline(serve: Serve, head: bytes, drop: bytes) -> None:
    server = serve(dripping(head, drop))

    with closing(OutboundClient(allow_loopback=True, read_timeout=5, total_timeout=0.3)) as client:
        error = failing_with(Ambiguous, lambda: client.post_json(server.url, PAYLOAD, HEADERS))

    assert error.reason is Reason.DEADLINE


def test_an_answer_after_the_deadline_is_not_waited_for(serve: Serve) -> None:
    def late(server: Server) -> Script:
        def script(peer: socket.socket) -> None:
            server.read_request(peer)
            time.sleep(0.8)
            peer.sendall(OK)

        return script

    server = serve(late)

    with closing(OutboundClient(allow_loopback=True, read_timeout=30, total_timeout=0.2)) as client:
        error = failing_with(Ambiguous, lambda: client.post_json(server.url, PAYLOAD, HEADERS))

    assert error.reason is Reason.DEADLINE


@pytest.mark.parametrize(
    "head",
    [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"],
    ids=["all", "head", "body"],
)
def test_silence_after_the_request_is_ambiguous(serve: Serve, hasty: OutboundClient, head: bytes) -> None:
    def silent(server: Server) -> Script:
        def script(peer: socket.socket) -> None:
            server.read_request(peer)
            peer.sendall(head)
            peer.recv(1)

        return script

    server = serve(silent)

    error = failing_with(Ambiguous, lambda: hasty.post_json(server.url, PAYLOAD, HEADERS))

    assert (error.reason, str(error)) == (Reason.READ_TIMEOUT, "read_timeout")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Reason.RESET),
        (b"garbage without a status line\r\n\r\n", Reason.RESET),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"x" * 70_000 + b"\r\n\r\n", Reason.RESET),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{", Reason.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", Reason.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{", Reason.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", Reason.UNREADABLE),
    ],
    ids=["nothing", "not HTTP", "endless line", "short body", "short chunk", "no chunk", "not gzip"],
)
def test_half_an_answer_is_ambiguous(serve: Serve, client: OutboundClient, raw: bytes, reason: Reason) -> None:
    server = serve(once(raw))

    error = failing_with(Ambiguous, lambda: client.post_json(server.url, PAYLOAD, HEADERS))

    assert error.reason is reason
    assert len(server.requests) == 1


def test_a_reset_is_ambiguous_and_the_next_request_uses_a_new_connection(serve: Serve, client: OutboundClient) -> None:
    def reset_first(server: Server) -> Script:
        def script(peer: socket.socket) -> None:
            server.read_request(peer)
            if len(server.requests) > 1:
                peer.sendall(OK)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", len(server.requests) == 1, 0))

        return script

    server = serve(reset_first)

    error = failing_with(Ambiguous, lambda: client.post_json(server.url, PAYLOAD, HEADERS))
    answer = client.post_json(server.url, PAYLOAD, HEADERS)

    assert error.reason is Reason.RESET
    assert (answer.status, len(server.accepted)) == (200, 2)


def test_a_refused_connection_was_not_sent(client: OutboundClient) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]

    error = failing_with(NotSent, lambda: client.post_json(f"http://127.0.0.1:{port}/", PAYLOAD, HEADERS))

    assert error.reason is Reason.CONNECT


def test_a_slow_connect_was_not_sent(client: OutboundClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_args: object, **_options: object) -> socket.socket:
        raise TimeoutError

    monkeypatch.setattr(netguard, "create_connection", never)

    error = failing_with(NotSent, lambda: client.post_json("http://127.0.0.1:9/", PAYLOAD, HEADERS))

    assert error.reason is Reason.CONNECT_TIMEOUT


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {TOKEN}\nX-Other: 1"},
        {"Authorization": f"Bearer {TOKEN}\u2019"},
        {"Ã": "1"},
    ],
)
def test_a_header_that_cannot_be_sent_is_refused(serve: Serve, client: OutboundClient, headers: dict[str, str]) -> None:
    server = serve(always(OK))

    error = failing_with(Refused, lambda: client.post_json(server.url, PAYLOAD, headers))

    assert error.reason is Reason.HEADER
    assert server.accepted == []

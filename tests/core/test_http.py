"""What the outbound client brings back, from real servers on loopback; nothing here leaves the machine."""

import gzip
import socket
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from apps.core import http
from apps.core.http import OutboundClient
from tests.core.loopback import HEADERS, OK, PAYLOAD, TOKEN, Script, Serve, Server, always, dripping, serving


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as start:
        yield start


@pytest.fixture
def client() -> Iterator[OutboundClient]:
    with closing(OutboundClient(allow_loopback=True, read_timeout=5, max_body=1000)) as opened:
        yield opened


def test_a_post_sends_the_bytes_and_returns_the_answer(
    serve: Serve, client: OutboundClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(always(b'HTTP/1.1 200 OK\r\nX-App-Usage: {"call_count":3}\r\nContent-Length: 8\r\n\r\n{"ok":1}'))
    now = time.monotonic()
    monkeypatch.setattr(http, "time", SimpleNamespace(monotonic=iter([now, now + 0.25]).__next__))

    answer = client.post_json(server.url, PAYLOAD, HEADERS)

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /events?buyer=ana HTTP/1.1\r\n")
    assert f"Authorization: Bearer {TOKEN}".encode() in head
    assert b"Content-Type: application/json" in head
    assert body == PAYLOAD
    assert (answer.status, answer.body, answer.elapsed_ms, answer.truncated) == (200, b'{"ok":1}', 250, False)
    assert answer.headers["x-app-usage"] == '{"call_count":3}'


def test_an_error_status_is_an_answer(serve: Serve, client: OutboundClient) -> None:
    server = serve(always(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"))

    answer = client.get(server.url, {})

    assert (answer.status, answer.headers["retry-after"], answer.body) == (503, "7", b"")


def test_one_connection_serves_many_requests(serve: Serve, client: OutboundClient) -> None:
    server = serve(always(OK))

    for _ in range(3):
        client.post_json(server.url, PAYLOAD, HEADERS)

    assert (len(server.requests), len(server.accepted)) == (3, 1)


def test_threads_share_a_client_and_get_their_own_answers(serve: Serve, client: OutboundClient) -> None:
    def echo(server: Server) -> Script:
        def script(peer: socket.socket) -> None:
            while request := server.read_request(peer):
                body = request.partition(b"\r\n\r\n")[2]
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

        return script

    server = serve(echo)
    payloads = [b"%d" % number for number in range(40)]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda payload: client.post_json(server.url, payload, {}).body, payloads))

    assert answers == payloads


def test_a_compressed_answer_is_read(serve: Serve, client: OutboundClient) -> None:
    packed = gzip.compress(b'{"events_received": 1}')
    server = serve(
        always(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(packed), packed))
    )

    assert client.get(server.url, {}).body == b'{"events_received": 1}'


def test_a_gzip_bomb_is_cut_at_the_cap_without_filling_memory(serve: Serve, client: OutboundClient) -> None:
    packed = gzip.compress(bytes(50_000_000))
    server = serve(
        always(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(packed), packed))
    )
    tracemalloc.start()

    answer = client.get(server.url, {})

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (answer.body, answer.truncated) == (bytes(1000), True)
    assert peak < 3_000_000


def test_a_body_of_exactly_the_cap_is_whole(serve: Serve, client: OutboundClient) -> None:
    server = serve(always(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000))

    answer = client.get(server.url, {})

    assert (answer.body, answer.truncated) == (b"x" * 1000, False)


def test_a_connection_with_an_unread_rest_is_not_used_again(serve: Serve, client: OutboundClient) -> None:
    server = serve(always(b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + b"x" * 50_000))

    first = client.get(server.url, {})
    second = client.get(server.url, {})

    assert (first.truncated, second.truncated, second.body) == (True, True, b"x" * 1000)
    assert len(server.accepted) == 2


def test_a_redirect_is_an_answer_and_is_not_followed(serve: Serve, client: OutboundClient) -> None:
    elsewhere = serve(always(OK))
    server = serve(dripping(b"HTTP/1.1 302 Found\r\nLocation: %b\r\n\r\n" % elsewhere.url.encode(), b"x" * 5000))

    answer = client.get(server.url, {})

    assert (answer.status, answer.headers["location"]) == (302, elsewhere.url)
    assert (answer.truncated, len(server.requests)) == (True, 1)
    assert elsewhere.accepted == []


def test_cookies_are_not_kept(serve: Serve, client: OutboundClient) -> None:
    server = serve(always(b"HTTP/1.1 200 OK\r\nSet-Cookie: id=1; Path=/\r\nContent-Length: 2\r\n\r\n{}"))

    client.get(server.url, {})
    client.get(server.url, {})

    assert [b"cookie" in request.lower() for request in server.requests] == [False, False]


def test_the_environment_has_no_say(
    serve: Serve, client: OutboundClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proxy, server = serve(always(OK)), serve(always(OK))
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ana password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)

    client.get(server.url, {})

    assert proxy.accepted == []
    assert b"authorization" not in server.requests[0].lower()

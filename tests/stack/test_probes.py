"""The probes against servers that answer, refuse, talk nonsense, or are not there."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hubtrack.stack import probes


@contextmanager
def _serving(handle: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            handle(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (204, False), (301, False), (400, False), (503, False)])
def test_only_200_at_healthz_is_healthy(status: int, healthy: bool) -> None:
    asked: list[tuple[str, str | None]] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked.append((request.path, request.headers["Host"]))
        request.send_response_only(status)
        request.end_headers()

    with _serving(answer) as port:
        assert probes.is_healthy("127.0.0.1", port, host_header="hub.example.com") is healthy

    assert asked == [("/healthz", "hub.example.com")]


def test_an_answer_that_is_not_http_is_not_healthy() -> None:
    with _serving(lambda request: [request.wfile.write(b"nonsense\r\n\r\n")].clear()) as port:
        assert not probes.is_healthy("127.0.0.1", port, host_header="localhost")


def test_where_nobody_listens_nothing_is_ready(closed_port: int) -> None:
    assert not probes.is_healthy("127.0.0.1", closed_port, host_header="localhost")
    assert not probes.accepts("127.0.0.1", closed_port)
    assert not probes.postgres_accepts(f"postgres://someone:word@127.0.0.1:{closed_port}/hub")
    assert not probes.redis_answers(f"redis://default:word@127.0.0.1:{closed_port}/0")


def test_a_listener_is_enough_for_a_port_that_accepts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert probes.accepts("127.0.0.1", server.getsockname()[1])

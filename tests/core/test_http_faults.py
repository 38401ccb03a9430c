"""Rows 30 to 32 of the fault matrix, and what keeps a crowd of threads on few connections.

A name that is not found, a family of addresses that leads into a black hole, a peer that drips or does not read: each
ends in bounded time, and says whether a retry may repeat something. Certificates that ran out, or that nobody vouches
for, are in test_http_tls.py, compressed bombs in test_http.py.
"""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from urllib3.util.connection import create_connection

from apps.core import netguard
from apps.core.http import Ambiguous, NotSent, OutboundClient, Reason
from tests.core.loopback import (
    HEADERS,
    OK,
    PAYLOAD,
    Script,
    Serve,
    Server,
    always,
    dripping,
    failing_with,
    serving,
)

V6, V4 = "2606:2800:21f:cb07::1", "93.184.215.14"
URL = "https://graph.example.com/events?buyer=ana"


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as start:
        yield start


@pytest.fixture
def client() -> Iterator[OutboundClient]:
    with closing(OutboundClient(allow_loopback=True)) as opened:
        yield opened


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    numeric = socket.getaddrinfo

    def resolve(_host: str, port: int, *_args: object, **_options: object) -> list[object]:
        found: list[object] = []
        for address in addresses:
            found += numeric(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        return found

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Every address is a black hole; where each connection would go, and for how long it would wait."""
    found: list[tuple[str, float]] = []

    def swallow(address: tuple[str, int], timeout: Any, *_args: object, **_options: object) -> socket.socket:
        found.append((address[0], getattr(timeout, "connect_timeout", timeout)))
        raise TimeoutError

    monkeypatch.setattr(netguard, "create_connection", swallow)
    return found


@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_FAIL])
def test_a_name_that_cannot_be_resolved_was_not_sent(
    client: OutboundClient, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(*_args: object, **_options: object) -> list[object]:
        raise socket.gaierror(code, "graph.example.com?buyer=ana")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    error = failing_with(NotSent, lambda: client.post_json(URL, PAYLOAD, HEADERS))

    assert error.reason is Reason.DNS


def test_a_black_hole_in_one_family_leaves_the_other(
    serve: Serve, client: OutboundClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(always(OK))
    port = server.listener.getsockname()[1]
    dialled: list[str] = []

    def reach(address: tuple[str, int], *args: Any, **options: Any) -> socket.socket:
        dialled.append(address[0])
        if address[0] == "::1":
            raise TimeoutError
        return create_connection(address, *args, **options)

    monkeypatch.setattr(netguard, "create_connection", reach)
    resolve_to(monkeypatch, "::1", "127.0.0.1")

    answer = client.post_json(f"http://graph.example.com:{port}/", PAYLOAD, HEADERS)

    assert (answer.status, dialled) == (200, ["::1", "127.0.0.1"])


def test_black_holes_everywhere_cost_three_seconds_at_most(
    client: OutboundClient, monkeypatch: pytest.MonkeyPatch, waits: list[tuple[str, float]]
) -> None:
    resolve_to(monkeypatch, V6, "2606:2800:21f:cb07::2", V4, "93.184.215.15")

    error = failing_with(NotSent, lambda: client.post_json(URL, PAYLOAD, HEADERS))

    assert error.reason is Reason.CONNECT_TIMEOUT
    assert [address for address, _wait in waits] == [V6, V4]
    assert sum(wait for _address, wait in waits) == 3.0


def test_a_drip_of_a_byte_at_a_time_ends_at_the_deadline_however_patient_the_call(serve: Serve) -> None:
    server = serve(dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", b"."))

    with closing(OutboundClient(allow_loopback=True, total_timeout=0.3)) as client:
        error = failing_with(Ambiguous, lambda: client.post_json(server.url, PAYLOAD, HEADERS, 30.0))

    assert error.reason is Reason.DEADLINE


def test_an_answer_larger_than_the_cap_is_cut(serve: Serve, client: OutboundClient) -> None:
    server = serve(always(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + bytes(9_000_000)))

    answer = client.post_json(server.url, PAYLOAD, HEADERS)

    assert (len(answer.body), answer.truncated) == (64 * 1024, True)


def test_a_peer_that_does_not_read_may_have_read_enough(serve: Serve) -> None:
    def deaf(server: Server) -> Script:
        def script(peer: socket.socket) -> None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stopped.wait()

        return script

    stopped = threading.Event()
    server = serve(deaf)

    with closing(OutboundClient(allow_loopback=True, connect_timeout=0.3, read_timeout=0.3)) as client:
        error = failing_with(Ambiguous, lambda: client.post_json(server.url, bytes(40_000_000), HEADERS))
    stopped.set()

    assert error.reason is Reason.RESET


def test_a_call_may_be_more_patient_than_its_client(serve: Serve) -> None:
    def slow(server: Server) -> Script:
        def script(peer: socket.socket) -> None:
            while server.read_request(peer):
                if not asked_patiently.wait(0.5):
                    continue
                peer.sendall(OK)

        return script

    asked_patiently = threading.Event()
    server = serve(slow)

    with closing(OutboundClient(allow_loopback=True, read_timeout=0.1)) as client:
        error = failing_with(Ambiguous, lambda: client.post_json(server.url, PAYLOAD, HEADERS))
        asked_patiently.set()
        answer = client.post_json(server.url, PAYLOAD, HEADERS, 30.0)

    assert error.reason is Reason.READ_TIMEOUT
    assert answer.status == 200


def test_sixteen_threads_make_a_thousand_requests_over_sixteen_connections(
    serve: Serve, client: OutboundClient
) -> None:
    server = serve(always(OK))

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _n: client.post_json(server.url, PAYLOAD, HEADERS).status, range(1000)))

    assert answers == [200] * 1000
    assert len(server.requests) == 1000
    assert len(server.accepted) <= 16


@pytest.mark.parametrize(("hosts", "connections"), [(3, 1), (2, 2)])
def test_the_hosts_that_were_spoken_to_last_stay_connected(serve: Serve, hosts: int, connections: int) -> None:
    servers = [serve(always(OK)) for _ in range(3)]

    with closing(OutboundClient(allow_loopback=True, hosts=hosts)) as client:
        for server in servers * 2:
            client.post_json(server.url, PAYLOAD, HEADERS)

    assert [len(server.accepted) for server in servers] == [connections] * 3

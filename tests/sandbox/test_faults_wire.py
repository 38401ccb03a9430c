"""Faults on the wire, by the stand-in's own server: late, dripping, cut off, and reset by a proxy before it."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.core.http import Ambiguous, OutboundClient, Reason
from apps.sandbox.faults.wire import HEADER, Unruly, Wire
from hubtrack.stack.programs import granian
from tests.faults_proxy import When, faults_proxy

ROOT = Path(__file__).resolve().parents[2]
BODY = b'{"events_received": 1}'
# An application that answers as its address says, so that no database is needed.
SERVER = """
from urllib.parse import unquote
from apps.sandbox.faults.wire import Unruly

async def answer(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    wire = unquote(scope["query_string"].decode())
    headers = [(b"content-length", b"22"), (b"x-sandbox-wire", wire.encode())] if wire else [(b"content-length", b"22")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"events_received": 1}'})

async def live(scope, receive, send):
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": message["type"] + ".complete"})
    await send({"type": "lifespan.shutdown.complete"})

unruly = Unruly(answer)

async def application(scope, receive, send):
    await (live if scope["type"] == "lifespan" else unruly)(scope, receive, send)
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("wire")
    (folder / "wire_server.py").write_text(SERVER)
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
    command = granian("wire_server:application", "127.0.0.1", number, workers=1)
    environment = {"PYTHONPATH": f"{folder}:{ROOT}", "PATH": str(Path(sys.executable).parent)}
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    try:
        _await_port(number)
        yield number
    finally:
        process.terminate()
        process.wait(timeout=10)


def _await_port(number: int) -> None:
    stop = time.monotonic() + 30
    while time.monotonic() < stop:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", number)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not start")


def ask(url: str, wire: Wire | None = None, **timeouts: float) -> Any:
    client = OutboundClient(allow_loopback=True, **timeouts)  # type: ignore[arg-type]
    query = f"?{wire.write().replace(' ', '%20')}" if wire else ""
    try:
        return client.post_json(f"{url}/{query}", b"{}", {})
    finally:
        client.close()


def test_an_ordinary_answer_passes_unchanged(port: int) -> None:
    answer = ask(f"http://127.0.0.1:{port}")

    assert (answer.status, answer.body) == (200, BODY)


@pytest.mark.parametrize("wire", [Wire(), Wire(stall_s=0.2), Wire(drip_s=0.005)], ids=repr)
def test_an_answer_that_is_late_but_in_time_is_whole_and_tells_nothing_of_it(port: int, wire: Wire) -> None:
    answer = ask(f"http://127.0.0.1:{port}", wire)

    assert (answer.status, answer.body) == (200, BODY)
    assert HEADER not in answer.headers


@pytest.mark.parametrize(
    ("wire", "timeouts", "reason"),
    [
        (Wire(stall_s=5), {"read_timeout": 0.3}, Reason.READ_TIMEOUT),
        (Wire(drip_s=0.2), {"read_timeout": 1.0, "total_timeout": 0.7}, Reason.DEADLINE),
        (Wire(is_cut=True), {}, Reason.TRUNCATED),
    ],
    ids=repr,
)
def test_an_answer_that_does_not_come_whole_is_ambiguous(
    port: int, wire: Wire, timeouts: dict[str, float], reason: Reason
) -> None:
    with pytest.raises(Ambiguous) as lost:
        ask(f"http://127.0.0.1:{port}", wire, **timeouts)

    assert lost.value.reason is reason


@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER])
def test_a_reset_is_ambiguous_too(port: int, when: When) -> None:
    with faults_proxy("127.0.0.1", port) as proxy:
        before = ask(proxy.url).body
        proxy.reset = when
        with pytest.raises(Ambiguous) as lost:
            ask(proxy.url)
        proxy.reset = When.NEVER

        assert ask(proxy.url).body == before == BODY

    assert (lost.value.reason, proxy.resets) == (Reason.RESET, 1)


@pytest.mark.parametrize("wire", [Wire(), Wire(stall_s=600), Wire(drip_s=0.25, stall_s=1.5), Wire(is_cut=True)])
def test_what_is_written_is_read(wire: Wire) -> None:
    assert Wire.read(wire.write()) == wire


def test_a_sender_that_hung_up_is_sent_nothing() -> None:
    async def answer_nobody(_scope: Any, _receive: Any, _send: Any) -> None:
        """As BufferedWsgi does for a body that never came."""

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    asyncio.run(Unruly(answer_nobody)({"type": "http"}, receive, send))

    assert sent == []

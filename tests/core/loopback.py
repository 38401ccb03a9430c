"""Scripted servers on loopback: what no well-behaved server would do needs a socket of one's own."""

import re
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from apps.core.http import OutboundError

TOKEN = "EAAB-not-a-real-token"
SECRETS = (TOKEN, "buyer=ana", "ana@example.com")
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
PAYLOAD = b'{"email": "ana@example.com"}'
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Script = Callable[[socket.socket], None]


@dataclass
class Server:
    """A scripted peer: what it was asked, and over how many connections."""

    listener: socket.socket
    requests: list[bytes] = field(default_factory=list)
    accepted: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/events?buyer=ana"

    def read_request(self, peer: socket.socket) -> bytes:
        text = b""
        while b"\r\n\r\n" not in text:
            text += (received := peer.recv(65536))
            if not received:
                return b""
        length = re.search(rb"content-length: (\d+)", text, re.IGNORECASE)
        end = text.index(b"\r\n\r\n") + 4 + int(length[1] if length else 0)
        while len(text) < end:
            text += peer.recv(65536)
        self.requests.append(text)
        return text

    def run(self, script: Script) -> None:
        with suppress(OSError), ThreadPoolExecutor(32) as threads:
            while True:
                peer, _ = self.listener.accept()
                self.accepted.append(peer)
                threads.submit(self.talk, script, peer)

    def talk(self, script: Script, peer: socket.socket) -> None:
        with closing(peer), suppress(OSError):
            script(peer)

    def stop(self) -> None:
        for sock in (self.listener, *self.accepted):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


MakeScript = Callable[[Server], Script]
Serve = Callable[[MakeScript], Server]


@contextmanager
def serving() -> Iterator[Serve]:
    """Yields a function that starts a server; all of them end with the block."""
    with ExitStack() as running:

        def start(make_script: MakeScript) -> Server:
            server = Server(running.enter_context(socket.create_server(("127.0.0.1", 0))))
            thread = threading.Thread(target=server.run, args=(make_script(server),))
            thread.start()
            running.callback(thread.join)
            running.callback(server.stop)
            return server

        yield start


def always(raw: bytes) -> MakeScript:
    """Answers every request of a connection with the same bytes, and keeps it open."""

    def make(server: Server) -> Script:
        def script(peer: socket.socket) -> None:
            while server.read_request(peer):
                peer.sendall(raw)

        return script

    return make


def once(raw: bytes) -> MakeScript:
    """Reads one request, answers with these bytes and hangs up."""

    def make(server: Server) -> Script:
        def script(peer: socket.socket) -> None:
            server.read_request(peer)
            peer.sendall(raw)

        return script

    return make


def dripping(head: bytes, drop: bytes) -> MakeScript:
    """Never stops answering, and never says anything."""

    def make(server: Server) -> Script:
        def script(peer: socket.socket) -> None:
            server.read_request(peer)
            peer.sendall(head)
            while True:
                peer.sendall(drop)
                time.sleep(0.02)

        return script

    return make


def failing_with(kind: type[OutboundError], call: Callable[[], object]) -> OutboundError:
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.__cause__ is None
    told = "".join(traceback.format_exception(caught.value))
    assert not [secret for secret in SECRETS if secret in told + repr(caught.value)]
    return caught.value

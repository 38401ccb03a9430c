"""Between the hub and the stand-in, and as bad as the internet can be: threads and raw sockets, nothing else.

Which fault befalls a request is drawn by a seed from what plays at that moment. What the stand-in has taken it has
taken, whatever the hub then hears of it: its own record stays true.
"""

import http.client
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

_META_PATH = re.compile(r"/v[0-9.]+/([^/?]+)/events")
_ORDER = re.compile(rb'"order_id": ?"([^"]+)"')
# Longer than the hub listens to silence, and than it listens at all.
_SILENCE_S, _DRIP_S = 2.5, 0.2
_HUGE = b" " * 2_000_000


class Fault(StrEnum):
    """What may befall a request."""

    ERROR_500 = "500"
    ERROR_503 = "503 with Retry-After"
    TRANSIENT = "an error that says it will pass"
    HTML = "HTML 502"
    THROTTLED = "too many, wait a little"
    THROTTLED_MINUTES = "too many, wait a minute"
    STALL = "silence"
    REFUSED = "reset before it was read"
    RESET_AFTER = "taken, then reset"
    LOST = "taken, answer lost"
    LATE = "taken, answered too late"
    TRUNCATED = "taken, half an answer"
    FEWER = "taken, fewer counted"
    UNCOUNTED = "taken, not counted"
    GARBAGE = "taken, garbage for an answer"
    DRIP = "taken, answered drop by drop"
    HUGE = "taken, an answer without end"
    TOKEN = "token revoked"


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to `end` (monotonic seconds) a share of the requests to these pixels (none: to all) fares so."""

    fault: Fault
    start: float
    end: float
    share: float
    pixels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the platform as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    pixel: str
    is_tiktok: bool

    @property
    def token(self) -> str:
        return self.headers.get("Access-Token") or self.headers.get("Authorization", "").removeprefix("Bearer ")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; a `status` of 0 is a reset."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class FaultyProxy:
    """`upstream` is the stand-in's port. `poison` are orders that the platform will never take; `wanted_tokens` says of
    pixels which token alone is good there.
    """

    rng: Random
    upstream: Callable[[], int]
    url: str = ""
    windows: list[Window] = field(default_factory=list)
    poison: set[str] = field(default_factory=set)
    wanted_tokens: dict[str, str] = field(default_factory=dict)
    played: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    under_way: int = 0
    most_at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def calm(self) -> None:
        """From now on a proxy like any other, but for poison."""
        self.windows.clear()

    def revoke(self, pixel: str, fresh: str) -> None:
        """From now on only a token that nobody has yet is good for this pixel."""
        self.wanted_tokens[pixel] = fresh

    def choose(self, request: Request, now: float) -> Fault | None:
        """The fault that befalls this request."""
        if request.token != self.wanted_tokens.get(request.pixel, request.token):
            return Fault.TOKEN
        with self._lock:
            for window in list(self.windows):
                if not window.start <= now < window.end or (window.pixels and request.pixel not in window.pixels):
                    continue
                if self.rng.random() < window.share:
                    return window.fault
        return None

    def note(self, fault: Fault | None) -> None:
        with self._lock:
            self.requests += 1
            if fault:
                self.played[fault] = self.played.get(fault, 0) + 1

    @contextmanager
    def counting(self) -> Iterator[None]:
        with self._lock:
            self.under_way += 1
            self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            yield
        finally:
            with self._lock:
                self.under_way -= 1

    def is_poisoned(self, body: bytes) -> bool:
        return bool(self.poison) and not self.poison.isdisjoint(
            found.decode("ascii", "replace") for found in _ORDER.findall(body)
        )

    def forward(self, request: Request) -> Answer:
        """The stand-in's answer; a reset where it gives none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream(), timeout=30)
        try:
            connection.request("POST", request.path, request.body, request.headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), {"Content-Type": "application/json"})
        except (OSError, http.client.HTTPException):
            return Answer(0)
        finally:
            connection.close()


def read_pixel(path: str, body: bytes) -> tuple[str, bool]:
    """The pixel, and whether it is TikTok's."""
    found = _META_PATH.fullmatch(path)
    if found:
        return found[1], False
    try:
        return str(json.loads(body).get("event_source_id", "")), True
    except ValueError:
        return "", True


def graph_error(status: int, code: int, **members: Any) -> Answer:
    error = {"message": "no", "type": "OAuthException", "code": code, "fbtrace_id": "Achaos", **members}
    return Answer(status, json.dumps({"error": error}).encode())


def track_error(code: int) -> Answer:
    return Answer(200, json.dumps({"code": code, "message": "no", "request_id": "R1", "data": {}}).encode())


def _throttle(request: Request, minutes: int) -> Answer:
    if request.is_tiktok:
        return track_error(40100)
    if not minutes:
        return Answer(429, b"", {"Retry-After": "3"})
    usage = {request.pixel: [{"type": "ads", "call_count": 100, "estimated_time_to_regain_access": minutes}]}
    throttled = graph_error(400, 80004)
    return Answer(400, throttled.body, {"X-Business-Use-Case-Usage": json.dumps(usage)})


# What is answered without the stand-in's hearing of it.
_BEFORE: dict[Fault, Callable[[Request], Answer]] = {
    Fault.ERROR_500: lambda _: Answer(500, b"{}"),
    Fault.ERROR_503: lambda _: Answer(503, b"busy", {"Retry-After": "1"}),
    Fault.TRANSIENT: lambda it: track_error(50002) if it.is_tiktok else graph_error(400, 2, is_transient=True),
    Fault.HTML: lambda _: Answer(502, b"<html><h1>Bad Gateway</h1></html>", {"Content-Type": "text/html"}),
    Fault.THROTTLED: lambda it: _throttle(it, 0),
    Fault.THROTTLED_MINUTES: lambda it: _throttle(it, 1),
    Fault.TOKEN: lambda it: track_error(40105) if it.is_tiktok else graph_error(400, 190, error_subcode=460),
    Fault.REFUSED: lambda _: Answer(0),
}


def _recount(answer: Answer) -> Answer:
    """One fewer than were taken, where the platform counts."""
    told = json.loads(answer.body)
    if "events_received" not in told:
        return Answer(0)
    return Answer(answer.status, json.dumps({**told, "events_received": told["events_received"] - 1}).encode())


_AFTER: dict[Fault, Callable[[Answer], Answer]] = {
    Fault.RESET_AFTER: lambda _: Answer(0),
    Fault.FEWER: _recount,
    Fault.UNCOUNTED: lambda _: Answer(200, b"{}"),
    Fault.GARBAGE: lambda _: Answer(200, b'{"events_received": 1, \xff\xfe'),
    Fault.HUGE: lambda _: Answer(200, _HUGE),
}


def _make_handler(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            with proxy.counting():
                self.handle_one(self.read())

        def read(self) -> Request:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            pixel, is_tiktok = read_pixel(self.path, body)
            kept = ("Authorization", "Access-Token", "Content-Type")
            headers = {name: value for name, value in self.headers.items() if name in kept}
            return Request(self.path, headers, body, pixel, is_tiktok)

        def handle_one(self, request: Request) -> None:
            fault = proxy.choose(request, time.monotonic())
            proxy.note(fault)
            if fault is Fault.STALL:
                time.sleep(_SILENCE_S)
                self.answer(Answer(0))
            elif fault in _BEFORE:
                self.answer(_BEFORE[fault](request))
            elif proxy.is_poisoned(request.body):
                self.answer(track_error(40002) if request.is_tiktok else graph_error(400, 100))
            else:
                self.answer_taken(fault, proxy.forward(request))

        def answer_taken(self, fault: Fault | None, answer: Answer) -> None:
            if fault is None or answer.status != 200:
                self.answer(answer)
            elif fault in _AFTER:
                self.answer(_AFTER[fault](answer))
            elif fault is Fault.LATE:
                time.sleep(_SILENCE_S)
                self.answer(answer)
            elif fault is Fault.LOST:
                time.sleep(_SILENCE_S)
                self.answer(Answer(0))
            else:
                self.answer_badly(answer, drips=fault is Fault.DRIP)

        def answer(self, answer: Answer) -> None:
            if not answer.status:
                self.reset()
                return
            self.start(answer, len(answer.body))
            self.write(answer.body)

        def answer_badly(self, answer: Answer, *, drips: bool) -> None:
            """Half of it and then a reset, or all of it, byte by byte."""
            self.start(answer, len(answer.body))
            if not drips:
                self.write(answer.body[: len(answer.body) // 2])
                self.reset()
                return
            for number in range(len(answer.body)):
                if not self.write(answer.body[number : number + 1]):
                    return
                time.sleep(_DRIP_S)

        def start(self, answer: Answer, length: int) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(length))
            self.write(b"")
            self.end_headers()

        def write(self, data: bytes) -> bool:
            """False once the hub has gone."""
            try:
                self.wfile.write(data)
                self.wfile.flush()
            except OSError:
                self.close_connection = True
                return False
            return True

        def reset(self) -> None:
            """A reset as of a killed server, not a polite end."""
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever is killed hangs up: that is what this is for."""


@contextmanager
def faulty_proxy(seed: int, upstream: Callable[[], int]) -> Iterator[FaultyProxy]:
    """Running on a port of its own."""
    proxy = FaultyProxy(Random(f"proxy {seed}"), upstream)
    server = _Server(("127.0.0.1", 0), _make_handler(proxy))
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

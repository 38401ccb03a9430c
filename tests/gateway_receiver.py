"""A customer's server that receives as docs/http-gateway.md asks, over real HTTP, and can be told to misbehave.

It proves each request by the documented recipe (the example's own function), reads the body as strictly as the document
describes it, and remembers event ids for ever.
"""

import importlib.util
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

EXAMPLE = Path(__file__).resolve().parents[1] / "docs/examples/http_gateway_receiver.py"
SECRET = "whk_example0do0not0use0this0secret0anywhere"
MEMBERS = {"hubtrack", "destination", "sent_at", "test_event_code", "events"}
FIELDS = {
    *("event_id", "event_name", "event_time", "order_id", "value", "currency", "product"),
    *("page_url", "referrer_url", "identity", "browser"),
}
INNER = {
    "product": {"ids", "name", "type", "quantity"},
    "browser": {"ip", "user_agent", "fbc", "fbp", "fbclid", "ttclid", "clicked_at"},
}
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z", re.ASCII)
DIGEST = re.compile(r"[0-9a-f]{64}")
DECIMAL = re.compile(r"[0-9]+\.[0-9]{2,}", re.ASCII)


def load_example() -> ModuleType:
    """docs/examples/http_gateway_receiver.py as a module, though it is in no package."""
    spec = importlib.util.spec_from_file_location("http_gateway_receiver", EXAMPLE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


example = load_example()


@dataclass(frozen=True)
class Fault:
    """In place of the usual answer; status 0 hangs up without one. `keeps`: the events are kept all the same."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    keeps: bool = False


@dataclass(frozen=True)
class Request:
    """One request as it came; `status` as it was answered."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int

    @property
    def message(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.body)
        return read

    @property
    def event_ids(self) -> list[str]:
        return [event["event_id"] for event in self.message["events"]]


@dataclass
class GatewayReceiver:
    """`faults` are played first, one a request; `refuses` are reasons by order id; `events` is what was kept."""

    secret: str = SECRET
    faults: list[Fault] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    url: str = ""

    def receive(self, path: str, headers: Mapping[str, str], body: bytes) -> Fault:
        """The answer, as the same kind of thing that a fault is."""
        fault = self.faults.pop(0) if self.faults else None
        answer = self.behave(headers, body) if fault is None or fault.keeps else fault
        told = fault or answer
        self.requests.append(Request(path, headers, body, told.status))
        return told

    def behave(self, headers: Mapping[str, str], body: bytes) -> Fault:
        if not example.is_authentic(self.secret, headers.get("x-hubtrack-signature", ""), body, time.time()):
            return Fault(401)
        message = json.loads(body)
        if why := why_misshapen(message):
            return Fault(400, why.encode())
        duplicates, rejected = [], []
        for event in message["events"]:
            if reason := self.refuses.get(event.get("order_id", "")):
                rejected.append({"event_id": event["event_id"], "reason": reason})
            elif event["event_id"] in self.events:
                duplicates.append(event["event_id"])
            else:
                self.events[event["event_id"]] = event
        return Fault(200, json.dumps({"duplicates": duplicates, "rejected": rejected}).encode())


def why_misshapen(message: Any) -> str:
    """What of the body is not as documented, or ""."""
    if message.get("hubtrack") != 1 or not message.keys() <= MEMBERS or not message.get("events"):
        return "not a batch"
    if not message.get("destination") or not TIME.fullmatch(message["sent_at"]):
        return "sent by whom, and when?"
    return next((why for event in message["events"] if (why := _why_misshapen(event))), "")


def _why_misshapen(event: dict[str, Any]) -> str:
    if not {"event_id", "event_name", "event_time"} <= event.keys() <= FIELDS:
        return f"members {sorted(event)}"
    if not TIME.fullmatch(event["event_time"]) or not datetime.fromisoformat(event["event_time"]).tzinfo:
        return "event_time"
    if "value" in event and not DECIMAL.fullmatch(event["value"]):
        return "value"
    if any(not names >= event.get(part, {}).keys() for part, names in INNER.items()):
        return "members of a part"
    identity: dict[str, list[str]] = event.get("identity", {})
    for name, digests in identity.items():
        if not name.endswith("_sha256") or not digests or not all(map(DIGEST.fullmatch, digests)):
            return name
    return ""


@contextmanager
def gateway_receiver() -> Iterator[GatewayReceiver]:
    receiver = GatewayReceiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.receive(self.path, headers, body)
            if not answer.status:
                self.hang_up()
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def hang_up(self) -> None:
            """A reset, as of a process that was killed."""
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/hubtrack?shop=ana"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A scripted platform over real HTTP, for what the faithful stand-in would never do."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, Any]
ACCEPT: Reply = (200, {"events_received": "as many as were sent", "messages": [], "fbtrace_id": "T1"})


@dataclass
class ScriptedPlatform:
    """Answers with what `judge` makes of the body or `judge_path` of the address, else with `answers` in turn, the last
    one for ever; keeps what it was sent, and with what it answered.
    """

    answers: list[tuple[int, Any]] = field(default_factory=lambda: [ACCEPT])
    received: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answered: list[tuple[dict[str, Any], Reply]] = field(default_factory=list)
    judge: Any = None
    judge_path: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    on_request: Any = None
    url: str = ""

    def answer(self) -> tuple[int, Any]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def names(self) -> list[str]:
        return [event["event_name"] for body in self.received for event in body["data"]]

    @property
    def event_ids(self) -> list[str]:
        return [event["event_id"] for body in self.received for event in body["data"]]


def graph_error(code: int, subcode: int | None = None, **extra: Any) -> tuple[int, Any]:
    return 400, {"error": {"message": "no", "type": "OAuthException", "code": code, "error_subcode": subcode, **extra}}


def tiktok_answer(code: int = 0, message: str = "OK", **data: Any) -> Reply:
    """TikTok answers 200 to everything."""
    return 200, {"code": code, "message": message, "request_id": "R1", "data": data}


@contextmanager
def scripted_platform() -> Iterator[ScriptedPlatform]:
    platform = ScriptedPlatform()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            platform.tokens.append(self.headers["Authorization"])
            platform.paths.append(self.path)
            by_path = platform.judge_path and platform.judge_path(self.path)
            self._say(*(by_path or platform.answer()))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            platform.received.append(body)
            platform.tokens.append(self.headers["Authorization"])
            platform.paths.append(self.path)
            if platform.on_request:
                platform.on_request()
            by_path = platform.judge_path and platform.judge_path(self.path)
            status, answer = by_path or (platform.judge and platform.judge(body)) or platform.answer()
            platform.answered.append((body, (status, answer)))
            if (status, answer) == ACCEPT:
                answer = {**answer, "events_received": len(body["data"])}
            self._say(status, answer)

        def _say(self, status: int, answer: Any) -> None:
            raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in platform.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    platform.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield platform
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""The hub behind a real socket, and a seller's pages on another origin."""

import io
import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from hubtrack.wsgi import application

TRACK = "/api/v1/track/"


@dataclass
class Hub:
    """`hits` are the bodies sent to /track/, each with its `action`. `status` answers for the application when set.

    While `is_open` is cleared every request hangs.
    """

    url: str = ""
    hits: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    status: str = ""
    is_open: threading.Event = field(default_factory=threading.Event)
    _under_way: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self._count(1)
        try:
            return self._answer(environ, start_response)
        finally:
            self._count(-1)

    def rest(self) -> None:
        """Wait for what is under way: a page says goodbye when it is closed, and tables are emptied after a test."""
        with self._changed:
            assert self._changed.wait_for(lambda: not self._under_way, timeout=30)

    def _count(self, change: int) -> None:
        with self._changed:
            self._under_way += change
            self._changed.notify_all()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.asked.append(path)
        if path.startswith(TRACK) and environ["REQUEST_METHOD"] == "POST":
            self._note(path, environ)
        self.is_open.wait(60)
        if self.status:
            start_response(self.status, [("Content-Type", "text/plain"), ("Access-Control-Allow-Origin", "*")])
            return [b"broken"]
        answer: Iterable[bytes] = application(environ, start_response)
        return answer

    def _note(self, path: str, environ: dict[str, Any]) -> None:
        whole = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = io.BytesIO(whole)
        self.hits.append({"action": path.removeprefix(TRACK), **json.loads(whole)})

    def told(self, action: str) -> list[dict[str, Any]]:
        """What was told, each event once: the script tells again what it has had no answer to."""
        return list({hit["event_id"]: hit for hit in self.hits if hit["action"] == action}.values())


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@contextmanager
def running_hub() -> Iterator[Hub]:
    hub = Hub()
    hub.is_open.set()
    server = _Server(("127.0.0.1", 0), _Quiet)
    server.set_app(hub)
    hub.url = f"http://localhost:{server.server_port}"
    with _serving(server):
        yield hub
        hub.is_open.set()
    hub.rest()


@dataclass
class Site:
    """A seller's site: pages by path; every page carries `headers`."""

    port: int = 0
    pages: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    host: str = "www.loja.localhost"

    def url(self, path: str = "/") -> str:
        return f"http://{self.host}:{self.port}{path}"


@contextmanager
def running_site() -> Iterator[Site]:
    site = Site()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = site.pages.get(self.path.partition("?")[0])
            self.send_response(404 if page is None else 200)
            for name, value in {"Content-Type": "text/html; charset=utf-8", **site.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.daemon_threads = True
    site.port = server.server_port
    with _serving(server):
        yield site


@contextmanager
def _serving(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)

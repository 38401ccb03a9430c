"""The stand-in platform over real HTTP inside the test's process: its own addresses, in threads of their own.

What the test wrote must be committed for the server's threads to see it: use it with `django_db(transaction=True)`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.db import connections
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import resolve


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(RequestFactory().get(self.path, headers=dict(self.headers.items())))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(
            RequestFactory().generic(
                "POST", self.path, body, self.headers["Content-Type"], headers=dict(self.headers.items())
            )
        )

    def _answer(self, request: HttpRequest) -> None:
        view, args, kwargs = resolve(request.path, urlconf="apps.sandbox.urls")
        try:
            answer = view(request, *args, **kwargs)
        finally:
            connections.close_all()
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@contextmanager
def sandbox_server() -> Iterator[str]:
    """Yields its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""From an ASGI server to a WSGI application, with each body read whole before a thread is spent on it.

Under a WSGI server a sender that trickles its body holds a thread, so a few dozen slow ones stop the hub. Here the
event loop waits for them all, and a thread works only on requests that are complete. Bodies have a limit and a time.
"""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.core.errors import HubError
from apps.core.wsgi import body_limit, problem_answer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers, body."""
Shortcut = Callable[[Scope, bytes], Awaitable[Answer | None]]
BODY_SECONDS = 30.0
_WITHOUT_PREFIX = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


class TooSlow(HubError):
    """The body did not arrive in time."""

    status = 408
    code = "too_slow"


class BufferedWsgi:
    """An ASGI application that runs `application` on `threads` threads.

    `shortcut` is asked first, on the event loop: what it answers costs no thread, None passes the request on.
    """

    def __init__(self, application: "WSGIApplication", *, threads: int, shortcut: Shortcut | None = None) -> None:
        self._application = application
        self._shortcut = shortcut
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="web")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http" and (answer := await self._answer(scope, receive)):
            status, headers, content = answer
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": content})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer | None:
        """None when the sender hung up before its body was complete."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read_body(receive, body_limit(scope["path"]))
        except TimeoutError:
            slow = TooSlow(
                _("The body did not arrive within %(limit)d seconds. Send it again.") % {"limit": BODY_SECONDS}
            )
            status, headers, content = problem_answer(slow)
            return status, _encode(headers.items()), content
        if body is None:
            return None
        if self._shortcut and (answer := await self._shortcut(scope, body)):
            return answer
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, scope, body)

    def _run(self, scope: Scope, body: bytes) -> Answer:
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:
            started[:] = [int(status[:3]), _encode(headers)]
            return lambda _data: None

        result = self._application(_environ(scope, body), start_response)
        try:
            content = b"".join(result)
        finally:
            if hasattr(result, "close"):
                result.close()
        return started[0], started[1], content


async def _live(receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def _read_body(receive: Receive, limit: int) -> bytes | None:
    """The whole body, or of one that is too long just enough for the application to refuse it."""
    body, more = b"", True
    while more and len(body) <= limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body[: limit + 1]


def _encode(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _environ(scope: Scope, body: bytes) -> dict[str, Any]:
    """PEP 3333's dictionary; header values that repeat are joined by commas."""
    server, client = scope.get("server") or ("localhost", 80), scope.get("client") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": str(client[0]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:  # it would look like the header with a dash, which a proxy may have vouched for
            continue
        name = raw_name.decode("latin-1")
        key = _WITHOUT_PREFIX.get(name) or f"HTTP_{name.upper().replace('-', '_')}"
        value = raw_value.decode("latin-1")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ

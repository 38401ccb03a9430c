"""What Django's WSGI handler leaves to the server: bodies without a Content-Length, and the size limit.

Django under WSGI reads a body of CONTENT_LENGTH bytes and takes an absent length for an empty body, so a chunked
webhook would be answered 2xx and lost. `WholeBody` reads such a body first and gives Django a length.
"""

import io
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_BODY_BYTES = 1024 * 1024
_PROBLEM_HEADERS = [("Content-Type", "application/problem+json")]


class WholeBody:
    """WSGI middleware: no body longer than 1 MiB reaches the application, and none without its length."""

    def __init__(self, application: "WSGIApplication") -> None:
        self.application = application

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        declared = environ.get("CONTENT_LENGTH") or ""
        if declared and not declared.isdigit():
            return _refuse(
                start_response, "400 Bad Request", "bad_request", "Content-Length must be a number."
            )
        too_large = int(declared) > MAX_BODY_BYTES if declared else not _measure_body(environ)
        if too_large:
            return _refuse(
                start_response,
                "413 Content Too Large",
                "too_large",
                f"The body is longer than {MAX_BODY_BYTES} bytes. Send a smaller one.",
            )
        return self.application(environ, start_response)


def _measure_body(environ: "WSGIEnvironment") -> bool:
    """Read a body that came without a length; False when it exceeds the limit."""
    if "chunked" not in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        return True
    body = environ["wsgi.input"].read(MAX_BODY_BYTES + 1)
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    return len(body) <= MAX_BODY_BYTES


def _refuse(start_response: "StartResponse", status: str, code: str, detail: str) -> Iterable[bytes]:
    number, title = status.split(" ", 1)
    body: dict[str, Any] = {"title": title, "status": int(number), "detail": detail, "code": code}
    start_response(status, _PROBLEM_HEADERS)
    return [json.dumps(body).encode()]

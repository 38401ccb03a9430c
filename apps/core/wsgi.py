"""What Django's WSGI handler leaves to the server: bodies without a Content-Length, and the size limit.

Django under WSGI reads a body of CONTENT_LENGTH bytes and takes an absent length for an empty body, so a chunked
webhook would be answered 2xx and lost. `WholeBody` reads such a body first and gives Django a length.
"""

import io
import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _

from apps.core.errors import HubError, TooLarge, Unreadable
from apps.core.log import correlated
from apps.core.middleware import request_id_of
from apps.core.problems import PROBLEM_TYPE, problem_body

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

RawAnswer = tuple[int, dict[str, str], bytes]
"""Status, headers but those of `respond`, body."""
_LENGTH = re.compile(r"[0-9]{1,18}")


class WholeBody:
    """WSGI middleware: no body longer than its address takes reaches the application, and none without its length."""

    def __init__(self, application: "WSGIApplication") -> None:
        self.application = application

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        try:
            _measure_body(environ)
        except HubError as error:
            request_id = request_id_of(environ.get("HTTP_X_REQUEST_ID"))
            with correlated(request_id):
                refusal = problem_answer(error)
            return respond(start_response, refusal, request_id)
        return self.application(environ, start_response)


def body_limit(path: str) -> int:
    """How many bytes a body posted to this address may have."""
    limit: int = settings.LARGER_BODIES.get(path, settings.MAX_BODY_BYTES)
    return limit


def problem_answer(error: HubError) -> RawAnswer:
    return error.status, {"Content-Type": PROBLEM_TYPE, **error.headers}, json.dumps(problem_body(error)).encode()


def respond(start_response: "StartResponse", answer: RawAnswer, request_id: str) -> Iterable[bytes]:
    status, headers, body = answer
    own = {"Content-Length": str(len(body)), "X-Request-Id": request_id}
    start_response(f"{status} {HTTPStatus(status).phrase}", [*headers.items(), *own.items()])
    return [body]


def _measure_body(environ: "WSGIEnvironment") -> None:
    """Give `environ` the length of its body; raises Unreadable or TooLarge."""
    declared, limit = environ.get("CONTENT_LENGTH") or "", body_limit(environ.get("PATH_INFO", ""))
    if declared and not _LENGTH.fullmatch(declared):
        raise Unreadable(_("Content-Length must be a number. Correct the header and send the request again."))
    if not declared and _ends_by_itself(environ):
        body = environ["wsgi.input"].read(limit + 1)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = declared = str(len(body))
    if declared and int(declared) > limit:
        raise TooLarge(_("The body may have %(limit)d bytes at most. Send a smaller one.") % {"limit": limit})


def _ends_by_itself(environ: "WSGIEnvironment") -> bool:
    """Whether reading stops where a body of unknown length does: HTTP/1.1 chunks, or what the server vouches for."""
    chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    return chunked or bool(environ.get("wsgi.input_terminated"))

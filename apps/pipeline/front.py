"""`POST /api/v1/webhooks/<gateway>/<key>`: the raw bytes in, one committed answer out.

A WSGI application in front of Django's request handler, inside the same process: it shares Django's database and
settings, and spares each webhook the handler's third of a millisecond (docs/adr/0005). Every other path is passed on.
"""

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from django.conf import settings
from django.utils.translation import gettext as _

from apps.core.db import release_connection
from apps.core.errors import HubError, MethodNotAllowed, NotFound, Unreadable
from apps.core.log import correlated
from apps.core.middleware import request_id_of
from apps.core.wsgi import RawAnswer, problem_answer, respond
from apps.gateways.request import WebhookRequest
from apps.pipeline.intake import Receipt, receive

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX = "/api/v1/webhooks/"
ADDRESS = re.compile(r"/api/v1/webhooks/([a-z0-9_-]{1,20})/([A-Za-z0-9_-]{1,40})/?")


class WebhookFront:
    """202 once stored; else a problem: 400 empty, 401 not authentic, 404 unknown address, 413, 503 with Retry-After."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(PREFIX):
            return self._application(environ, start_response)
        request_id = request_id_of(environ.get("HTTP_X_REQUEST_ID"))
        try:
            with correlated(request_id):
                answer = _answer(environ)
        finally:
            release_connection()
        return respond(start_response, answer, request_id)


def _answer(environ: "WSGIEnvironment") -> RawAnswer:
    try:
        receipt = _receive(environ)
    except HubError as error:
        return problem_answer(error)
    said = {"status": receipt.outcome} | ({"detail": receipt.detail} if receipt.detail else {})
    return 202, {"Content-Type": "application/json"}, json.dumps(said).encode()


def _receive(environ: "WSGIEnvironment") -> Receipt:
    address = ADDRESS.fullmatch(environ["PATH_INFO"])
    if address is None:
        raise NotFound(_("No endpoint has this address. Copy the webhook address from the funnel's page again."))
    if environ["REQUEST_METHOD"] != "POST":
        raise MethodNotAllowed("POST")
    request = WebhookRequest(body=_body(environ), headers=_headers(environ), query=_query(environ))
    return receive(address[1], address[2], request)


def _body(environ: "WSGIEnvironment") -> bytes:
    """The body, and at most one byte more than is accepted. Raises Unreadable when the sender hung up half-way."""
    length = min(int(environ.get("CONTENT_LENGTH") or 0), settings.MAX_BODY_BYTES + 1)
    body: bytes = environ["wsgi.input"].read(length)
    if len(body) < length:
        raise Unreadable(_("The body is shorter than its Content-Length. Send the webhook again."))
    return body


def _headers(environ: "WSGIEnvironment") -> dict[str, str]:
    headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    return headers


def _query(environ: "WSGIEnvironment") -> dict[str, str]:
    """The first value of each name."""
    return dict(reversed(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)))

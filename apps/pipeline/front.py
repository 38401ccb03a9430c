"""`POST /api/v1/webhooks/<gateway>/<key>`: the raw bytes in, one committed answer out.

A WSGI application in front of Django's request handler, inside the same process: it shares Django's database and
settings, and spares each webhook the handler's third of a millisecond (docs/adr/0005). Every other path is passed on.
"""

import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from django.conf import settings
from django.utils.translation import gettext as _

from apps.core.db import release_connection
from apps.core.errors import HubError, NotFound
from apps.core.log import correlated
from apps.core.middleware import request_id_of
from apps.core.problems import PROBLEM_TYPE, problem_body, problem_headers
from apps.gateways.request import WebhookRequest
from apps.pipeline.intake import receive

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX = "/api/v1/webhooks/"
_ADDRESS = re.compile(r"/api/v1/webhooks/([a-z0-9_-]{1,20})/([A-Za-z0-9_-]{1,40})/?")


class MethodNotAllowed(HubError):
    """Gateways only ever post."""

    status = 405
    code = "method_not_allowed"


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
                status, headers, body = _answer(environ)
        finally:
            release_connection()
        start_response(
            f"{status} {HTTPStatus(status).phrase}",
            [*headers, ("Content-Length", str(len(body))), ("X-Request-Id", request_id)],
        )
        return [body]


def _answer(environ: "WSGIEnvironment") -> tuple[int, list[tuple[str, str]], bytes]:
    try:
        outcome = _receive(environ)
    except HubError as error:
        headers = [("Content-Type", PROBLEM_TYPE), *problem_headers(error)]
        return error.status, headers, json.dumps(problem_body(error)).encode()
    return 202, [("Content-Type", "application/json")], b'{"status": "%s"}' % outcome.encode()


def _receive(environ: "WSGIEnvironment") -> str:
    address = _ADDRESS.fullmatch(environ["PATH_INFO"])
    if address is None:
        raise NotFound(
            _("No endpoint has this address. Copy the webhook address from the funnel's page again.")
        )
    if environ["REQUEST_METHOD"] != "POST":
        raise MethodNotAllowed(_("Webhooks are sent with POST."))
    length = min(int(environ.get("CONTENT_LENGTH") or 0), settings.MAX_BODY_BYTES + 1)
    request = WebhookRequest(
        body=environ["wsgi.input"].read(length),
        headers=_headers(environ),
        query=dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=50)),
    )
    return receive(address[1], address[2], request)


def _headers(environ: "WSGIEnvironment") -> dict[str, str]:
    headers = {
        name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")
    }
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    return headers

"""The request id: taken from the caller's X-Request-Id when it is a sane one, else made here; answered back."""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.core.log import correlated, new_request_id

_SANE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def request_id_of(header: str | None) -> str:
    return header if header and _SANE_ID.fullmatch(header) else new_request_id()


class RequestIdMiddleware:
    """Outermost: everything logged while answering carries the id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request_id_of(request.headers.get("X-Request-Id"))
        with correlated(request_id):
            response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response

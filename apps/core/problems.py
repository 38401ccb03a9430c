"""Problem-details answers (RFC 9457) for plain Django views and Django's own error handlers."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from apps.core.errors import HubError, NotFound
from apps.core.log import current_request_id

PROBLEM_TYPE = "application/problem+json"


def problem_body(error: HubError) -> dict[str, Any]:
    """The JSON object of a problem: type, title, status, detail, code, request_id, and errors by field."""
    body: dict[str, Any] = {
        "type": f"{settings.PUBLIC_URL}/problems#{error.code}",
        "title": str(error.title),
        "status": error.status,
        "detail": str(error.detail),
        "code": error.code,
        "request_id": current_request_id(),
    }
    if error.fields:
        body["errors"] = dict(error.fields)
    return {**body, **error.members}


def problem(error: HubError) -> JsonResponse:
    return JsonResponse(problem_body(error), status=error.status, content_type=PROBLEM_TYPE, headers=error.headers)


class _ServerError(HubError):
    status = 500
    code = "server_error"

    @property
    def title(self) -> str:  # type: ignore[override]
        return _("The hub failed to answer")


class _Forbidden(HubError):
    status = 403
    code = "forbidden"

    @property
    def title(self) -> str:  # type: ignore[override]
        return _("Not allowed")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(HubError(_("The request is malformed. Check its headers and body, then send it again.")))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(_Forbidden(_("This account may not do this. Ask an owner of the account for access.")))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(NotFound(_("There is nothing at this address. Check it, then try again.")))


def server_error(request: HttpRequest) -> HttpResponse:
    return problem(
        _ServerError(_("This is our fault and was recorded. Try again; if it persists, tell support the request_id."))
    )

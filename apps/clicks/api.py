"""The public tracking endpoints: plain Django, any origin, no cookies, JSON or sendBeacon's text/plain."""

from collections.abc import Callable

import msgspec
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt

from apps.clicks.services import Recorded, Visitor, record_click, record_page_event
from apps.clicks.tracking import TEXT_LIMITS, Hit, TrackingError, read_hit
from apps.core.client_ip import client_ip
from apps.core.errors import BadInput, HubError, MethodNotAllowed, NotFound, Overloaded, TooLarge, Unreadable
from apps.core.log import get_logger
from apps.core.problems import problem
from apps.funnels.selectors import find_funnel

MAX_HIT_BYTES = 16 * 1024
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}
_PROBLEMS = {
    "required": gettext_lazy("This field is required."),
    "not_text": gettext_lazy("This must be plain text."),
    "not_boolean": gettext_lazy("This must be true, false or null."),
    "not_a_page": gettext_lazy("This must be an address that starts with http:// or https://."),
    "not_an_object": gettext_lazy("The body must be one JSON object."),
}
Record = Callable[[Visitor, Hit], Recorded]
log = get_logger(__name__)


def _track(request: HttpRequest, record: Record) -> HttpResponse:
    response: HttpResponse
    if request.method == "OPTIONS":
        response = HttpResponse(status=204)
    elif request.method != "POST":
        response = problem(MethodNotAllowed("POST, OPTIONS"))
    else:
        response = _answer(request, record)
    for name, value in _CORS.items():
        response[name] = value
    return response


def _answer(request: HttpRequest, record: Record) -> HttpResponse:
    try:
        recorded = _record(request, record)
    except HubError as error:
        return problem(error)
    except (OperationalError, InterfaceError) as error:
        log.error("hit.not_stored", error_type=type(error).__name__)
        return problem(Overloaded(_("Nothing was stored. Send it again in a few seconds.")))
    answer = {"session_id": recorded.session_id}
    if recorded.click_id:
        answer["click_id"] = recorded.click_id
    return JsonResponse(answer, status=201)


def _record(request: HttpRequest, record: Record) -> Recorded:
    if len(request.body) > MAX_HIT_BYTES:
        raise TooLarge(_("A tracked action may have 16 KiB at most."))
    hit = _read(request.body)
    owner = find_funnel(hit.text("public_key"))
    if owner is None:
        raise NotFound(_("No funnel has this public_key. Copy the snippet again from the funnel's page."))
    visitor = Visitor(
        tenant_id=owner[0],
        funnel_id=owner[1],
        ip=client_ip(
            request.META.get("REMOTE_ADDR", ""),
            request.META.get("HTTP_X_FORWARDED_FOR", ""),
            settings.TRUSTED_PROXY_COUNT,
        ),
        user_agent=_printable(request.META.get("HTTP_USER_AGENT", "")),
    )
    return record(visitor, hit)


def _read(body: bytes) -> Hit:
    try:
        return read_hit(msgspec.json.decode(body))
    except TrackingError as error:
        raise BadInput(
            _("Correct the fields named in `errors`; nothing was stored."),
            fields={name: _sentence(name, word) for name, word in error.fields.items()},
        ) from error
    except (ValueError, RecursionError) as error:
        raise Unreadable(_("The body is not valid JSON. Send one JSON object.")) from error


def _sentence(name: str, word: str) -> str:
    if word == "too_long":
        return _("At most %(limit)d characters are accepted.") % {"limit": TEXT_LIMITS[name]}
    return str(_PROBLEMS[word])


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


@csrf_exempt
def track_click(request: HttpRequest) -> HttpResponse:
    return _track(request, record_click)


@csrf_exempt
def track_pageview(request: HttpRequest) -> HttpResponse:
    return _track(request, lambda visitor, hit: record_page_event(visitor, hit, name="pageview"))


@csrf_exempt
def track_initiate_checkout(request: HttpRequest) -> HttpResponse:
    return _track(request, lambda visitor, hit: record_page_event(visitor, hit, name="initiate_checkout"))

"""The public tracking endpoints: plain Django, any origin, no cookies, JSON or sendBeacon's text/plain."""

import uuid
from collections.abc import Callable
from typing import TypeVar

import msgspec
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt

from apps.clicks.bots import is_crawler
from apps.clicks.models import Source
from apps.clicks.services import Recorded, Visitor, record_click, record_page_event, record_visitor
from apps.clicks.tracking import TEXT_LIMITS, Hit, TrackingError, read_hit
from apps.clicks.visitors import seconds_to_wait, user_agent_of, visitor_ip
from apps.core.errors import (
    BadInput,
    HubError,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    TooLarge,
    TooMany,
    Unreadable,
)
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
    "not_an_answer": gettext_lazy("This must be true or false."),
    "not_a_word": gettext_lazy("This must be one word of letters, digits, dots, dashes and underscores."),
    "not_a_page": gettext_lazy("This must be an address that starts with http:// or https://."),
    "not_a_hash": gettext_lazy("This must be a SHA-256 in 64 hexadecimal digits."),
    "not_a_time": gettext_lazy("This must be a time in whole milliseconds since 1970."),
    "not_an_object": gettext_lazy("The body must be one JSON object."),
}
Record = Callable[[Visitor, Hit], Recorded]
T = TypeVar("T")
log = get_logger(__name__)


def answer_any_origin(request: HttpRequest, answer: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    """CORS around `answer`, and a problem in place of what it raises."""
    response: HttpResponse
    if request.method == "OPTIONS":
        response = HttpResponse(status=204)
    elif request.method != "POST":
        response = problem(MethodNotAllowed("POST, OPTIONS"))
    else:
        response = _answer_guarded(request, answer)
    for name, value in _CORS.items():
        response[name] = value
    return response


def _answer_guarded(request: HttpRequest, answer: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    try:
        return answer(request)
    except HubError as error:
        return problem(error)
    except (OperationalError, InterfaceError) as error:
        log.error("hit.not_stored", error_type=type(error).__name__)
        return problem(Overloaded(_("Nothing was stored. Send it again in a few seconds.")))


def _track(request: HttpRequest, record: Record) -> HttpResponse:
    return answer_any_origin(request, lambda asked: _answer_ids(_record(asked, record)))


def _answer_ids(recorded: Recorded) -> HttpResponse:
    answer = {"session_id": recorded.session_id}
    if recorded.click_id:
        answer["click_id"] = recorded.click_id
    return JsonResponse(answer, status=201)


def _record(request: HttpRequest, record: Record) -> Recorded:
    hit = read_body(request, read_hit)
    ip = visitor_ip(request)
    owner = owner_of(hit.text("public_key"), ip)
    user_agent = user_agent_of(request)
    visitor = Visitor(
        tenant_id=owner[0],
        funnel_id=owner[1],
        ip=ip,
        user_agent=user_agent,
        source=Source.SCRIPT if hit.is_from_script else Source.API,
        is_automated=is_crawler(user_agent),
    )
    return record(visitor, hit)


def owner_of(public_key: str, ip: str | None) -> tuple[uuid.UUID, uuid.UUID]:
    """(tenant id, funnel id) of a page's public key, within the rate that a key and an address may have."""
    if wait := seconds_to_wait(public_key, ip):
        raise TooMany(_("Nothing was stored. Send less often."), retry_after_s=wait)
    owner = find_funnel(public_key)
    if owner is None:
        raise NotFound(_("No funnel has this public_key. Copy the snippet again from the funnel's page."))
    return owner


def read_body(request: HttpRequest, read: Callable[[object], T]) -> T:
    """What `read` makes of the decoded body; its TrackingError becomes a sentence for each field."""
    if len(request.body) > MAX_HIT_BYTES:
        raise TooLarge(_("A tracked action may have 16 KiB at most."))
    try:
        return read(msgspec.json.decode(request.body))
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


@csrf_exempt
def track_click(request: HttpRequest) -> HttpResponse:
    return _track(request, record_click)


@csrf_exempt
def track_pageview(request: HttpRequest) -> HttpResponse:
    return _track(request, lambda visitor, hit: record_page_event(visitor, hit, name="pageview"))


@csrf_exempt
def track_initiate_checkout(request: HttpRequest) -> HttpResponse:
    return _track(request, lambda visitor, hit: record_page_event(visitor, hit, name="initiate_checkout"))


@csrf_exempt
def track_view_content(request: HttpRequest) -> HttpResponse:
    return _track(request, lambda visitor, hit: record_page_event(visitor, hit, name="view_content"))


@csrf_exempt
def track_add_to_cart(request: HttpRequest) -> HttpResponse:
    return _track(request, lambda visitor, hit: record_page_event(visitor, hit, name="add_to_cart"))


@csrf_exempt
def track_identify(request: HttpRequest) -> HttpResponse:
    return _track(request, record_visitor)

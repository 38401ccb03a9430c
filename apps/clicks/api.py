"""The public tracking endpoints: plain Django, any origin, JSON or sendBeacon's text/plain.

Cookies are kept on a customer's tracking domain alone, for pages of its own site.
"""

import uuid
from collections.abc import Callable
from typing import TypeVar

import msgspec
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from apps.clicks.bots import is_crawler
from apps.clicks.domains.cookies import complete_hit, empty_jar, fill_jar, open_jar
from apps.clicks.domains.rules import is_of_site
from apps.clicks.middleware import domain_of, serves
from apps.clicks.models import Source
from apps.clicks.sentences import sentence_on
from apps.clicks.services import Recorded, Visitor, record_click, record_page_event, record_visitor
from apps.clicks.tracking import Hit, TrackingError, read_hit
from apps.clicks.visitors import seconds_to_wait, user_agent_of, visitor_ip
from apps.core.db import DATABASE_TROUBLE
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
    for name, value in {**_CORS, **_credentials(request)}.items():
        response[name] = value
    return response


def _credentials(request: HttpRequest) -> dict[str, str]:
    """What a page of a tracking domain's own site needs so that its browser sends cookies along."""
    domain, origin = domain_of(request), request.headers.get("Origin", "")
    if domain is None:
        return {}
    if not is_of_site(origin, domain.host):
        return {"Vary": "Origin"}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true", "Vary": "Origin"}


def _answer_guarded(request: HttpRequest, answer: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    try:
        return answer(request)
    except HubError as error:
        return problem(error)
    except DATABASE_TROUBLE as error:
        log.error("hit.not_stored", error_type=type(error).__name__)
        return problem(Overloaded(_("Nothing was stored. Send it again in a few seconds.")))


def _track(request: HttpRequest, record: Record) -> HttpResponse:
    return answer_any_origin(request, lambda asked: _record(asked, record))


def _record(request: HttpRequest, record: Record) -> HttpResponse:
    hit = read_body(request, read_hit)
    visitor = _visitor(request, hit)
    jar = open_jar(request, visitor.funnel_id, hit.consent_ads)
    if jar is None or not jar.is_allowed:
        response = _answer_ids(record(visitor, hit))
        if jar and jar.is_refused:
            empty_jar(response, jar, request.COOKIES)
        return response
    known = complete_hit(jar, hit, visitor.funnel_id)
    recorded = record(visitor, known)
    response = _answer_ids(recorded, "" if hit.text("click_id") else known.text("click_id"))
    fill_jar(response, jar, recorded.session_id, recorded.click_id or hit.text("click_id"))
    return response


def _answer_ids(recorded: Recorded, remembered_click_id: str = "") -> HttpResponse:
    answer = {"session_id": recorded.session_id}
    if click_id := recorded.click_id or remembered_click_id:
        answer["click_id"] = click_id
    return JsonResponse(answer, status=201)


def _visitor(request: HttpRequest, hit: Hit) -> Visitor:
    ip = visitor_ip(request)
    owner = owner_of(request, hit.text("public_key"), ip)
    user_agent = user_agent_of(request)
    return Visitor(
        tenant_id=owner[0],
        funnel_id=owner[1],
        ip=ip,
        user_agent=user_agent,
        source=Source.SCRIPT if hit.is_from_script else Source.API,
        is_automated=is_crawler(user_agent),
    )


def owner_of(request: HttpRequest, public_key: str, ip: str | None) -> tuple[uuid.UUID, uuid.UUID]:
    """(tenant id, funnel id) of a page's public key, within the rate that a key and an address may have."""
    if wait := seconds_to_wait(public_key, ip):
        raise TooMany(_("Nothing was stored. Send less often."), retry_after_s=wait)
    owner = find_funnel(public_key)
    if owner is None or not serves(request, owner[0]):
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
            fields={name: sentence_on(name, word) for name, word in error.fields.items()},
        ) from error
    except (ValueError, RecursionError) as error:
        raise Unreadable(_("The body is not valid JSON. Send one JSON object.")) from error


@csrf_exempt
def track_click(request: HttpRequest) -> HttpResponse:
    return _track(request, record_click)


@csrf_exempt
def track_page_event(request: HttpRequest, name: str) -> HttpResponse:
    return _track(request, lambda visitor, hit: record_page_event(visitor, hit, name=name))


@csrf_exempt
def track_identify(request: HttpRequest) -> HttpResponse:
    return _track(request, record_visitor)

"""The stand-in over HTTP: the addresses of Meta and of TikTok, and the page and JSON list of what they received."""

from urllib.parse import urlencode

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from apps.sandbox import samples, selectors, services
from apps.sandbox.faults import wire
from apps.sandbox.faults.answers import Answer
from apps.sandbox.faults.script import ScriptError
from apps.sandbox.faults.state import end_script, find_script, start_script
from apps.sandbox.faults.wire import Wire
from apps.sandbox.json_texts import parse_json
from apps.sandbox.meta import refusals
from apps.sandbox.meta.reading import GraphCall
from apps.sandbox.meta.refusals import Refusal, RefusalError, bad_parameter
from apps.sandbox.meta.tokens import describe_token, find_token
from apps.sandbox.meta.versions import check_version
from apps.sandbox.models import FaultScript, Verdict
from apps.sandbox.revocations import is_revoked, require_live
from apps.sandbox.tiktok import refusals as tiktok_refusals
from apps.sandbox.tiktok.validation import TrackCall

_UNREADABLE = (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError)
_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
_LAST_PAGE = 2000
# Everything on the page is our own file; what was received is only ever text.
_CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@csrf_exempt
def events(request: HttpRequest, version: str, pixel_id: str) -> HttpResponse:
    """`POST /<version>/<pixel_id>/events`."""
    if request.method != "POST":
        return _refuse(refusals.UNSUPPORTED_METHOD)
    try:
        call = _read_call(request, version, pixel_id)
    except _UNREADABLE:
        return _refuse(refusals.UNREADABLE_BODY)
    return _respond(services.receive_events(call))


@csrf_exempt
def track(request: HttpRequest) -> HttpResponse:
    """`POST /open_api/v1.3/event/track/`: TikTok answers 200 to whatever it is sent."""
    if request.method != "POST":
        return JsonResponse(services.refuse_track(tiktok_refusals.UNSUPPORTED_METHOD).body)
    try:
        body = request.body
    except _UNREADABLE:
        return JsonResponse(services.refuse_track(tiktok_refusals.UNREADABLE_BODY).body)
    call = TrackCall(
        version="v1.3",
        token=request.headers.get("Access-Token"),
        content_type=request.content_type or "",
        body=body,
        received_at=timezone.now(),
    )
    return _respond(services.receive_track(call))


@csrf_exempt
def debug_token(request: HttpRequest, version: str | None = None) -> JsonResponse:
    """`GET [/<version>]/debug_token?input_token=`: what is known of a token, asked with a token."""
    if request.method != "GET":
        return _refuse(refusals.UNSUPPORTED_METHOD)
    now = timezone.now()
    try:
        if version is not None:
            check_version(version, now)
        require_live(find_token(request.headers.get("Authorization", ""), request.GET.dict()), now)
    except RefusalError as refused:
        return _refuse(refused.refusal)
    input_token = request.GET.get("input_token", "").strip()
    if not input_token:
        return _refuse(bad_parameter("Missing value", "input_token"))
    return JsonResponse({"data": describe_token(input_token, now, is_revoked=is_revoked(input_token))})


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """What was received, for a person."""
    context = {**_read_list(request), "rehearsals": samples.REHEARSALS}
    response = render(request, "sandbox/received.html", context)
    response["Content-Security-Policy"] = _CONTENT_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    add_never_cache_headers(response)
    return response


@require_safe
def fragment(request: HttpRequest) -> HttpResponse:
    """The changing part of the page; 204 while nothing came since `seen`."""
    if request.GET.get("seen") == selectors.describe_state():
        response = HttpResponse(status=204)
    else:
        response = render(request, "sandbox/_received.html", _read_list(request))
    add_never_cache_headers(response)
    return response


@csrf_exempt
def received(request: HttpRequest) -> HttpResponse:
    """`/received.json`: GET lists for programs, DELETE forgets; its header keeps other sites' pages out."""
    if request.method == "DELETE" and request.headers.get("X-Sandbox-Clear") == "yes":
        services.clear_received()
        return HttpResponse(status=204)
    if request.method != "GET":
        return _refuse(refusals.UNSUPPORTED_METHOD)
    filters = selectors.Filters.read(request.GET.dict())
    if request.GET.get("summary") == "accepted":
        return JsonResponse(_summarise(request, filters.pixel_id))
    fields = ("pixel_id", "event_id", "event_name", "verdict", "received_at", "payload")
    found = list(selectors.find_events(filters).values(*fields, platform=F("request__platform")))
    return JsonResponse({"events": found, "requests": selectors.count_requests(filters.pixel_id)})


@csrf_exempt
def faults(request: HttpRequest) -> HttpResponse:
    """`/faults.json`: GET shows the script in force, PUT begins one, DELETE ends it."""
    if request.method in ("PUT", "DELETE") and request.headers.get("X-Sandbox-Faults") != "yes":
        return _refuse(bad_parameter("Must be yes", "X-Sandbox-Faults"))
    if request.method == "DELETE":
        end_script()
        return HttpResponse(status=204)
    if request.method == "GET":
        return JsonResponse(_describe_script(find_script(timezone.now())))
    if request.method != "PUT":
        return _refuse(refusals.UNSUPPORTED_METHOD)
    try:
        given = parse_json(request.body.decode())
        return JsonResponse(_describe_script(start_script(given, timezone.now())), status=201)
    except ScriptError as error:
        return _refuse(Refusal(message=str(error)))
    except (*_UNREADABLE, ValueError):
        return _refuse(refusals.UNREADABLE_BODY)


def healthz(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def not_found(_request: HttpRequest, exception: Exception) -> JsonResponse:
    return _refuse(Refusal(message="Unknown path components.", code=2500, status=404))


def server_error(_request: HttpRequest) -> JsonResponse:
    """What a sender must hear of our own fault: it will pass, send again."""
    return _refuse(refusals.OUT_OF_SERVICE)


def _respond(answer: Answer) -> HttpResponse:
    response: HttpResponse = JsonResponse(answer.body, status=answer.status)
    if answer.raw is not None:
        response = HttpResponse(answer.raw, status=answer.status, content_type="text/html")
    for name, value in answer.headers.items():
        response[name] = value
    if answer.wire != Wire():
        response[wire.HEADER] = answer.wire.write()
    return response


def _describe_script(row: FaultScript | None) -> dict[str, object]:
    if row is None:
        return {"script": None}
    return {"script": row.script, "started_at": row.started_at, "seen": row.seen}


def _summarise(request: HttpRequest, pixel_id: str) -> dict[str, object]:
    """With `after` (0 to begin with) the accepted events one by one, a page at a time; without it, sums."""
    after = request.GET.get("after", "")
    if after.isascii() and after.isdigit() and len(after) < 19:
        return selectors.page_accepted(int(after), pixel_id)
    return {"pixels": selectors.sum_accepted(pixel_id), "requests": selectors.count_requests(pixel_id)}


def _refuse(refusal: Refusal) -> JsonResponse:
    answer = services.refuse(refusal)
    return JsonResponse(answer.body, status=answer.status)


def _read_call(request: HttpRequest, version: str, pixel_id: str) -> GraphCall:
    is_form = request.content_type in _FORMS
    return GraphCall(
        version=version,
        pixel_id=pixel_id,
        authorization=request.headers.get("Authorization", ""),
        query=request.GET.dict(),
        form=request.POST.dict() if is_form else None,
        body=b"" if is_form else request.body,
        received_at=timezone.now(),
    )


def _read_list(request: HttpRequest) -> dict[str, object]:
    filters = selectors.Filters.read(request.GET.dict())
    seen = selectors.describe_state()  # before the list: what comes in between is then news, not lost
    return {
        "filters": filters,
        "page_address": "?" + urlencode(filters.given()),
        "verdicts": Verdict,
        "page": selectors.list_received(filters, _read_page_number(request.GET.get("page", "1"))),
        "totals": selectors.count_verdicts(filters.pixel_id),
        "seen": seen,
        "curl": samples.write_curl(request.build_absolute_uri("/").rstrip("/")),
    }


def _read_page_number(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) < 9
    return min(max(int(text), 1), _LAST_PAGE) if is_number else 1

"""The stand-in over HTTP: the Graph API's two addresses, and the page and JSON list of what they received."""

from urllib.parse import urlencode

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from apps.sandbox import samples, selectors, services
from apps.sandbox.meta import refusals
from apps.sandbox.meta.reading import GraphCall
from apps.sandbox.meta.refusals import Refusal, RefusalError, bad_parameter
from apps.sandbox.meta.tokens import check_token, describe_token, find_token
from apps.sandbox.meta.versions import check_version
from apps.sandbox.models import Verdict

_UNREADABLE = (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError)
_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
_LAST_PAGE = 2000
# Everything on the page is our own file; what was received is only ever text.
_CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@csrf_exempt
def events(request: HttpRequest, version: str, pixel_id: str) -> JsonResponse:
    """`POST /<version>/<pixel_id>/events`."""
    if request.method != "POST":
        return _refuse(refusals.UNSUPPORTED_METHOD)
    try:
        call = _read_call(request, version, pixel_id)
    except _UNREADABLE:
        return _refuse(refusals.UNREADABLE_BODY)
    answer = services.receive_events(call)
    return JsonResponse(answer.body, status=answer.status)


@csrf_exempt
def debug_token(request: HttpRequest, version: str | None = None) -> JsonResponse:
    """`GET [/<version>]/debug_token?input_token=`: what is known of a token, asked with a token."""
    if request.method != "GET":
        return _refuse(refusals.UNSUPPORTED_METHOD)
    now = timezone.now()
    try:
        if version is not None:
            check_version(version, now)
        check_token(find_token(request.headers.get("Authorization", ""), request.GET.dict()))
    except RefusalError as refused:
        return _refuse(refused.refusal)
    input_token = request.GET.get("input_token", "").strip()
    if not input_token:
        return _refuse(bad_parameter("Missing value", "input_token"))
    return JsonResponse({"data": describe_token(input_token, now)})


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
    fields = ("pixel_id", "event_id", "event_name", "verdict", "received_at", "payload")
    found = list(selectors.find_events(filters).values(*fields))
    return JsonResponse({"events": found, "requests": selectors.count_requests(filters.pixel_id)})


def healthz(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def not_found(_request: HttpRequest, exception: Exception) -> JsonResponse:
    return _refuse(Refusal(message="Unknown path components.", code=2500, status=404))


def server_error(_request: HttpRequest) -> JsonResponse:
    """What a sender must hear of our own fault: it will pass, send again."""
    return _refuse(refusals.OUT_OF_SERVICE)


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

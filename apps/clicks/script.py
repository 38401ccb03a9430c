"""`/t/<public key>.js` and `/t/<digest>.js`: what a customer's page loads. `/t/domains`: what its proxy may serve.

The first is the snippet's address and never changes. It answers a loader with the funnel's settings, kept by browsers
for five minutes; the loader brings in the second, which may be kept for a year since its address is its content's
digest. An outdated digest (a loader kept over a deployment) is answered with the script of today, not to be kept.
"""

import gzip
import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import Error as DatabaseTrouble
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.urls import path, re_path
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.clicks.domains.cookies import running_policy
from apps.clicks.domains.rules import site_of
from apps.clicks.middleware import domain_of, find_domain, is_own, serves
from apps.clicks.minify import minify
from apps.clicks.visitors import seconds_to_wait, visitor_ip
from apps.core.db import DATABASE_TROUBLE
from apps.core.errors import Overloaded, TooMany
from apps.core.log import get_logger
from apps.core.problems import problem
from apps.funnels.models import Funnel, PageEvents
from apps.tenants.scoping import unscoped

# Host (one that begins with a dot stands for all below it), then the fields that the gateway gives back, best first.
CHECKOUTS = (
    ("pay.hotmart.com", "sck", "xcod", "src"),
    ("go.hotmart.com", "sck", "xcod", "src"),
    ("pay.kiwify.com.br", "sck", "s1", "src"),
    ("buy.stripe.com", "client_reference_id"),
    ("go.perfectpay.com.br", "src", "sck"),
    (".appmax.com.br", "utm_content"),
    ("ev.braip.com", "sck", "src"),
    ("chk.eduzz.com", "trk", "trk2", "trk3"),
)
EMPTY = b"/* hubtrack */"
_BROWSER = Path(__file__).parent / "browser"
_FOR_MINUTES = "public, max-age=300"
_FOR_EVER = "public, max-age=31536000, immutable"
_HEADERS = {
    # Modules are fetched by CORS, and pages that isolate themselves take nothing without the second one.
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Script:
    """The tracking script as served."""

    digest: str
    content: bytes
    compressed: bytes


@lru_cache(maxsize=1)
def read_script() -> Script:
    content = minify((_BROWSER / "track.js").read_text(encoding="utf-8")).encode()
    return Script(
        digest=hashlib.sha256(content).hexdigest()[:20],
        content=content,
        compressed=gzip.compress(content, 9, mtime=0),
    )


@lru_cache(maxsize=1)
def _loader_template() -> str:
    return minify((_BROWSER / "loader.js").read_text(encoding="utf-8"))


@require_safe
def serve_loader(request: HttpRequest, public_key: str) -> HttpResponse:
    """404 with an empty script for a key that is nobody's, 503 while the database cannot tell."""
    try:
        with unscoped():
            funnel = Funnel.objects.select_related("published").filter(public_key=public_key).first()
    except DATABASE_TROUBLE as error:
        log.error("loader.not_served", error_type=type(error).__name__)
        return _answer(EMPTY, "no-store", status=503)
    if funnel is None or not serves(request, funnel.tenant_id):
        return _answer(EMPTY, _FOR_MINUTES, status=404)
    return _answer(_write_loader(request, funnel), _FOR_MINUTES)


def _write_loader(request: HttpRequest, funnel: Funnel) -> bytes:
    """The hub is where the loader came from, so that on a tracking domain of the customer's it stays first-party."""
    domain = domain_of(request)
    running = funnel.published.config if funnel.published else {"page_events": funnel.page_events}
    config = {
        "key": funnel.public_key,
        "hub": f"{urlsplit(settings.PUBLIC_URL).scheme}://{request.get_host()}",
        "script": f"/t/{read_script().digest}.js",
        "consent": running_policy(funnel),
        "pixels": running.get("page_events") != PageEvents.SERVER_ONLY,
        "checkouts": CHECKOUTS,
    }
    # Pages of this site may send the hub's cookies along; others could not read the answer if they did.
    cookies = {"cookies": f".{site_of(domain.host)}"} if domain else {}
    return _loader_template().replace("CONFIG", json.dumps(config | cookies, separators=(",", ":"))).encode()


@require_safe
def serve_script(request: HttpRequest, digest: str) -> HttpResponse:
    script = read_script()
    is_compressed = "gzip" in request.headers.get("Accept-Encoding", "")
    response = _answer(
        script.compressed if is_compressed else script.content,
        _FOR_EVER if digest == script.digest else "no-store",
    )
    patch_vary_headers(response, ["Accept-Encoding"])
    if is_compressed:
        response["Content-Encoding"] = "gzip"
    return response


@require_safe
def tell_proven(request: HttpRequest) -> HttpResponse:
    """200 for a proven tracking domain, 404 for any other host: for a proxy that asks before it gets a certificate."""
    if wait := seconds_to_wait("domains", visitor_ip(request)):
        return problem(TooMany(_("Try again in a moment."), retry_after_s=wait))
    try:
        host = split_domain_port(request.GET.get("domain", ""))[0]
        domain = None if is_own(host) else find_domain(host)
    except DatabaseTrouble as error:
        log.error("domain.not_asked", error_type=type(error).__name__)
        return problem(Overloaded(_("Try again in a few seconds.")))
    return HttpResponse(status=200 if domain else 404, headers={"Cache-Control": "no-store"})


@require_safe
def serve_nothing(request: HttpRequest) -> HttpResponse:
    """A mistyped address: a script as well, since a page asks."""
    return _answer(EMPTY, _FOR_MINUTES, status=404)


def _answer(content: bytes, cache: str, status: int = 200) -> HttpResponse:
    headers = {**_HEADERS, "Cache-Control": cache}
    return HttpResponse(content, status=status, content_type="text/javascript; charset=utf-8", headers=headers)


urlpatterns = [
    re_path(r"^(?P<public_key>pk_\w{1,37})\.js$", serve_loader, name="tracking-loader"),
    re_path(r"^(?P<digest>[0-9a-f]{20})\.js$", serve_script, name="tracking-script"),
    path("domains", tell_proven, name="tracking-domains"),
    re_path(r"^[^/]*$", serve_nothing),
]

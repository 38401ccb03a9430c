"""Requests for customers' tracking domains, and what `/t/*` answers to shared caches.

A tracking domain serves pages only: the script, tracked actions, redirect links, all of its own tenant. Whoever the
request is for is found by its Host, never by what proxies are told (X-Forwarded-Host).
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.db import Error as DatabaseTrouble
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.utils.translation import gettext as _

from apps.clicks.domains.rules import MAX_HOST
from apps.clicks.links import LINK_KEY
from apps.clicks.models import TrackingDomain
from apps.core.errors import NotFound, Overloaded
from apps.core.log import get_logger
from apps.core.problems import problem
from apps.core.remember import Remembered
from apps.tenants.scoping import unscoped

SCRIPTS = "/t/"
_SERVED = re.compile(rf"/t/.*|/api/v1/track/.*|/{LINK_KEY}")
_REMEMBERED_S = 2.0
# How long a domain goes on while the database cannot be asked.
_LAST_KNOWN_S = 24 * 3600.0
_KEY = "hubtrack.tracking_domain"
_NEVER_SPLITS_SCRIPTS = ("accept-language", "cookie")
Answer = Callable[[HttpRequest], HttpResponse]
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LiveDomain:
    """A proven domain: only what `tenant_id` owns is served there."""

    host: str
    tenant_id: uuid.UUID


_fresh: Remembered[str, tuple[LiveDomain | None]] = Remembered(seconds=_REMEMBERED_S)
_last_known: Remembered[str, LiveDomain | None] = Remembered(seconds=_LAST_KNOWN_S)


class TrackingDomainMiddleware:
    """Before whatever asks for the host: ALLOWED_HOSTS stays the hub's own, a proven domain is let through here."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        named = request.META.get("HTTP_HOST", "")
        host = split_domain_port(named)[0]
        if is_own(host):
            return self.get_response(request)
        try:
            domain = find_domain(host)
        except DatabaseTrouble as error:
            # Where every host is the hub's (ALLOWED_HOSTS=*), an outage makes none a stranger.
            if validate_host(host, settings.ALLOWED_HOSTS):
                return self.get_response(request)
            log.error("domain.not_asked", error_type=type(error).__name__)
            return problem(Overloaded(_("Try again in a few seconds.")))
        if domain is None:
            return self.get_response(request)
        if not _SERVED.fullmatch(request.path_info):
            return problem(NotFound(_("There is nothing at this address. Check it, then try again.")))
        request.META[_KEY] = domain
        request.get_host = lambda: named  # type: ignore[method-assign]
        return self.get_response(request)


class ScriptCacheMiddleware:
    """What `/t/*` answers depends on neither language nor cookies, though middleware further in says so."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path_info.startswith(SCRIPTS) and response.has_header("Vary"):
            named = [name.strip() for name in response["Vary"].split(",")]
            kept = [name for name in named if name.lower() not in _NEVER_SPLITS_SCRIPTS]
            del response["Vary"]
            if kept:
                response["Vary"] = ", ".join(kept)
        return response


def domain_of(request: HttpRequest) -> LiveDomain | None:
    """The tracking domain that the request came to; None on the hub's own host."""
    domain: LiveDomain | None = request.META.get(_KEY)
    return domain


def serves(request: HttpRequest, tenant_id: uuid.UUID) -> bool:
    """Whether what this tenant owns may be had where the request came to."""
    domain = domain_of(request)
    return domain is None or domain.tenant_id == tenant_id


def own_hosts() -> list[str]:
    """The hub's hosts; one that begins with a dot stands for all below it."""
    return [urlsplit(settings.PUBLIC_URL).hostname or "", *(name for name in settings.ALLOWED_HOSTS if name != "*")]


def is_own(host: str) -> bool:
    """Whether no look-up could find it: the hub's, this machine's, an address, or what no domain can be."""
    if not 0 < len(host) <= MAX_HOST or host == "localhost" or validate_host(host, own_hosts()):
        return True
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def find_domain(host: str) -> LiveDomain | None:
    """The proven domain, remembered for two seconds like its absence. Raises django.db.Error."""
    if known := _fresh.recall(host):
        return known[0]
    try:
        domain = _read(host)
    except DatabaseTrouble:
        domain = _last_known.recall(host)
        if domain is None:
            raise
    return _fresh.keep(host, (domain,))[0]


def _read(host: str) -> LiveDomain | None:
    with unscoped():
        row = TrackingDomain.objects.filter(host=host, proven_at__isnull=False).first()
    domain = LiveDomain(host=host, tenant_id=row.tenant_id) if row else None
    if domain or _last_known.recall(host):
        _last_known.keep(host, domain)
    return domain


def forget_domains() -> None:
    """Make the next request of each host read the database."""
    _fresh.forget()
    _last_known.forget()

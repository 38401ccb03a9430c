"""`/<key>`: record the click, send the visitor on. Whatever fails here, a visitor must reach the shop.

Where to is read from the database, never from the request. The address that a machine is given carries no click id:
a page that a browser fetched ahead may be shown to somebody after all, who is then known by their own click ids.
"""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import Error as DatabaseTrouble
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from apps.clicks.bots import PURPOSE_HEADERS, is_automated
from apps.clicks.domains.cookies import Jar, complete_arrival, fill_jar, open_jar
from apps.clicks.links import carry_click_id, carrying_fields, is_from_an_ad, merge_parameters, read_arrival
from apps.clicks.middleware import serves
from apps.clicks.models import Source, TrackingLink
from apps.clicks.services import Recorded, Visitor, record_click
from apps.clicks.tracking import TEXT_LIMITS, Hit, read_hit
from apps.clicks.visitors import printable, seconds_to_wait, user_agent_of, visitor_ip
from apps.core.errors import HubError, MethodNotAllowed, NotFound, Overloaded, TooMany
from apps.core.log import get_logger
from apps.core.metrics import count
from apps.core.problems import problem
from apps.core.remember import Remembered
from apps.tenants.scoping import unscoped

_REMEMBERED_S = 2.0
# How long a link leads on while the database cannot be asked.
_LAST_KNOWN_S = 24 * 3600.0
# After a database that made one visitor wait this long, the next ones are not made to wait, for a moment.
_SLOW_S = 1.0
_SPARED_S = 3.0
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "strict-origin-when-cross-origin"}
T = TypeVar("T")
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LiveLink:
    """What a redirect needs to know; `fields` carry the click id from its destination on."""

    id: int
    tenant_id: uuid.UUID
    funnel_id: uuid.UUID
    destination: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """Where a visitor is sent, and what their browser is to keep of it where `jar` allows."""

    address: str
    jar: Jar | None = None
    session_id: str = ""
    click_id: str = ""


_fresh: Remembered[str, LiveLink] = Remembered(seconds=_REMEMBERED_S)
_last_known: Remembered[str, LiveLink] = Remembered(seconds=_LAST_KNOWN_S)
_outage: Remembered[str, bool] = Remembered(seconds=_SPARED_S)


@csrf_exempt
def follow_link(request: HttpRequest, key: str) -> HttpResponse:
    try:
        way = _lead_on(request, key.lower())
    except HubError as error:
        return problem(error)
    response = HttpResponse(status=302, headers={**_HEADERS, "Location": way.address})
    if way.jar and way.jar.is_allowed:
        fill_jar(response, way.jar, way.session_id, way.click_id)
    return response


def _lead_on(request: HttpRequest, key: str) -> Way:
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed("GET, HEAD")
    ip = visitor_ip(request)
    wait = seconds_to_wait(key, ip)
    link = _find(key, wait)
    if not serves(request, link.tenant_id):
        raise _nothing_here()
    address = merge_parameters(link.destination, request.META.get("QUERY_STRING", ""))
    if wait:
        log.warning("redirect.not_recorded", reason="too_many", funnel_id=str(link.funnel_id))
        count("clicks_lost_total", reason="too_many")
        return Way(address)
    return _record(request, link, ip, address)


def _find(key: str, wait: int) -> LiveLink:
    """The active link of this key. One that is known costs no query, and is led on whatever the limits say."""
    link = _fresh.recall(key) or (_last_known.recall(key) if wait else None)
    if link is None and wait:
        raise TooMany(_("Try again in a moment."), retry_after_s=wait)
    try:
        link = link or _ask(lambda: _read(key))
    except DatabaseTrouble as error:
        link = _last_known.recall(key)
        if link is None:
            raise Overloaded(_("Try again in a few seconds.")) from error
    if link is None:
        raise _nothing_here()
    return link


def _nothing_here() -> NotFound:
    return NotFound(_("There is nothing at this address. Check it, then try again."))


def _read(key: str) -> LiveLink | None:
    gateways = ArrayAgg(
        "funnel__endpoints__gateway", filter=Q(funnel__endpoints__isnull=False), order_by="funnel__endpoints__gateway"
    )
    with unscoped():
        row = TrackingLink.objects.filter(key=key, is_active=True).annotate(gateways=gateways).first()
    if row is None:
        return None
    link = LiveLink(
        id=row.pk,
        tenant_id=row.tenant_id,
        funnel_id=row.funnel_id,
        destination=row.destination,
        fields=carrying_fields(row.destination, row.gateways or ()),
    )
    return _last_known.keep(key, _fresh.keep(key, link))


def _record(request: HttpRequest, link: LiveLink, ip: str | None, address: str) -> Way:
    """Store the click and carry its id on, where there is one to carry."""
    visitor = _visitor(request, link, ip)
    landing = address if len(address) <= TEXT_LIMITS["url"] else link.destination
    try:
        told, jar, recorded = _ask(lambda: _record_arrival(request, visitor, landing))
    except DatabaseTrouble as error:
        log.error("redirect.not_recorded", error_type=type(error).__name__, funnel_id=str(link.funnel_id))
        count("clicks_lost_total", reason="database")
        return Way(address)
    if visitor.is_automated:
        return Way(address)
    # Somebody on the way from page to checkout keeps the id of the click that came from the ad.
    click_id = recorded.click_id if is_from_an_ad(told) else told.get("click_id", recorded.click_id)
    return Way(carry_click_id(address, link.fields, click_id), jar, recorded.session_id, click_id)


def _record_arrival(
    request: HttpRequest, visitor: Visitor, landing: str
) -> tuple[Mapping[str, str], Jar | None, Recorded]:
    query = request.META.get("QUERY_STRING", "")
    jar = open_jar(request, visitor.funnel_id, consent_ads=None)
    if jar is None:
        told = read_arrival(query, request.COOKIES)
    elif jar.is_allowed:
        jar, told = complete_arrival(jar, read_arrival(query, request.COOKIES), visitor.funnel_id)
    else:
        told = read_arrival(query, {})
    return told, jar, record_click(visitor, _hit(request, told, landing))


def _visitor(request: HttpRequest, link: LiveLink, ip: str | None) -> Visitor:
    user_agent = user_agent_of(request)
    purposes = {name: request.headers.get(name, "") for name in PURPOSE_HEADERS}
    return Visitor(
        tenant_id=link.tenant_id,
        funnel_id=link.funnel_id,
        ip=ip,
        user_agent=user_agent,
        source=Source.LINK,
        link_id=link.id,
        is_automated=is_automated(request.method or "", user_agent, purposes),
    )


def _hit(request: HttpRequest, told: Mapping[str, str], address: str) -> Hit:
    referrer = printable(request.META.get("HTTP_REFERER", ""))
    whole = referrer if len(referrer) <= TEXT_LIMITS["referrer"] else ""
    return read_hit({**told, "public_key": "-", "url": address, "referrer": whole})


def _ask(question: Callable[[], T]) -> T:
    """Ask the database, unless it kept somebody waiting in vain a moment ago."""
    if _outage.recall("database"):
        raise DatabaseTrouble
    started = time.monotonic()
    try:
        return question()
    except DatabaseTrouble:
        if time.monotonic() - started >= _SLOW_S:
            _outage.keep("database", answer=True)
        raise


def forget_links() -> None:
    """Make the next redirect read the database."""
    for remembered in (_fresh, _last_known, _outage):
        remembered.forget()

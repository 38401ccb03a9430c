"""The cookies that the hub sets on a customer's tracking domain; nowhere else does it read or set any.

    _htv        session id and click id, parted by a dot; only the hub reads it (HttpOnly, on this host alone)
    _fbc _fbp   the pixel's own, set again byte for byte on the whole site, so that browsers keep them as a server's

What a browser brings is believed only in its exact form, and ids only if they are of the tenant's and the funnel's.
Without consent nothing is read or set, and a no takes away what is there.
"""

import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from apps.clicks.domains.rules import is_of_site, site_of
from apps.clicks.middleware import LiveDomain, domain_of
from apps.clicks.models import Click
from apps.clicks.tracking import Hit
from apps.core.remember import Remembered
from apps.funnels.models import Funnel
from apps.tenants.scoping import unscoped

VISITOR = "_htv"
NINETY_DAYS_S = 90 * 86400
_POLICY_S = 2.0
_VISITOR = re.compile(r"(hts[0-9a-v]{24})\.(htc[0-9a-v]{24})")
_CLICK_ID = re.compile(r"htc[0-9a-v]{24}")
# What Meta's own libraries append to a value says which of them wrote it.
_MARK = r"(\.[A-Za-z0-9_-]{2}|\.[A-Za-z0-9_-]{8})?"
_PIXEL_FORMS = {
    "fbc": re.compile(rf"fb\.[0-9]{{1,2}}\.[0-9]{{13}}\.[A-Za-z0-9_~-]{{1,2048}}{_MARK}"),
    "fbp": re.compile(rf"fb\.[0-9]{{1,2}}\.[0-9]{{13}}\.[0-9]{{1,20}}{_MARK}"),
}
_policies: Remembered[uuid.UUID, bool] = Remembered(seconds=_POLICY_S)


@dataclass(frozen=True, slots=True)
class Jar:
    """One browser's cookies on `domain`, as far as they may be used for a funnel: all empty otherwise.

    `fbc` and `fbp` are to be set again; `is_refused` means that whatever is there must go.
    """

    domain: LiveDomain
    is_allowed: bool = True
    is_refused: bool = False
    session_id: str = ""
    click_id: str = ""
    fbc: str = ""
    fbp: str = ""


def open_jar(request: HttpRequest, funnel_id: uuid.UUID, consent_ads: bool | None) -> Jar | None:
    """None where the hub keeps no cookies: on its own host, and for pages of other sites than the domain's."""
    domain = domain_of(request)
    origin = request.headers.get("Origin")
    if domain is None or (origin is not None and not is_of_site(origin, domain.host)):
        return None
    if not (consent_ads if consent_ads is not None else may_assume_consent(funnel_id)):
        return Jar(domain, is_allowed=False, is_refused=consent_ads is False)
    visitor = _VISITOR.fullmatch(request.COOKIES.get(VISITOR, ""))
    return Jar(
        domain,
        session_id=visitor[1] if visitor else "",
        click_id=visitor[2] if visitor else "",
        fbc=_read_pixel(request, "fbc"),
        fbp=_read_pixel(request, "fbp"),
    )


def _read_pixel(request: HttpRequest, name: str) -> str:
    value: str = request.COOKIES.get(f"_{name}", "")
    return value if _PIXEL_FORMS[name].fullmatch(value) else ""


def complete_hit(jar: Jar, hit: Hit, funnel_id: uuid.UUID) -> Hit:
    """The hit with what the cookies know and it does not say."""
    known = {"fbp": jar.fbp, "fbc": jar.fbc if hit.text("fbclid") in jar.fbc else ""}
    if not hit.text("click_id"):
        known |= {"session_id": jar.session_id, "click_id": _own_click(jar, funnel_id)}
    return replace(hit, texts={name: value for name, value in {**known, **hit.texts}.items() if value})


def complete_arrival(jar: Jar, told: Mapping[str, str], funnel_id: uuid.UUID) -> tuple[Jar, dict[str, str]]:
    """The same for a redirect link, whose visitor no page has seen yet: so an ad click's `_fbc` is made here.

    Whoever comes by a campaign is a new click; others keep the one that they came by before.
    """
    fbclid = told.get("fbclid", "")
    jar = jar if fbclid in jar.fbc else replace(jar, fbc=_make_fbc(jar.domain, fbclid))
    known = {"fbc": jar.fbc, "fbp": jar.fbp}
    if not {"click_id", "session_id"} & told.keys():
        known["session_id"] = jar.session_id
    if told.keys() <= set(_PIXEL_FORMS):
        known["click_id"] = _own_click(jar, funnel_id)
    return jar, {name: value for name, value in {**known, **told}.items() if value}


def _own_click(jar: Jar, funnel_id: uuid.UUID) -> str:
    """The click that the cookie names, if it is of this tenant's funnel."""
    if not jar.click_id:
        return ""
    with unscoped():
        clicks = Click.objects.filter(public_id=jar.click_id, tenant_id=jar.domain.tenant_id, funnel_id=funnel_id)
        return jar.click_id if clicks.exists() else ""


def fill_jar(response: HttpResponse, jar: Jar, session_id: str, click_id: str) -> None:
    """Set the cookies anew; `click_id` is a new click or the one that the page itself carries.

    A hit that knows of none leaves the visitor's cookie alone: its answer may well come after that of the click which
    the same page has sent at the same time.
    """
    if _CLICK_ID.fullmatch(click_id):
        _set(response, VISITOR, f"{session_id}.{click_id}", is_hidden=True)
    for name in _PIXEL_FORMS:
        if value := getattr(jar, name):
            _set(response, f"_{name}", value, site=site_of(jar.domain.host))


def empty_jar(response: HttpResponse, jar: Jar, cookies: Mapping[str, str]) -> None:
    """After a no."""
    site = site_of(jar.domain.host)
    for name, domain in ((VISITOR, None), *((f"_{name}", site) for name in _PIXEL_FORMS)):
        if name in cookies:
            response.delete_cookie(name, domain=domain, samesite="Lax")


def _make_fbc(domain: LiveDomain, fbclid: str) -> str:
    """The pixel's cookie for an ad click that no page has seen yet; empty where it would not be in Meta's format."""
    made = f"fb.{site_of(domain.host).count('.')}.{time.time_ns() // 10**6}.{fbclid}"
    return made if _PIXEL_FORMS["fbc"].fullmatch(made) else ""


def may_assume_consent(funnel_id: uuid.UUID) -> bool:
    """Whether the running policy of the funnel takes silence for a yes; remembered for two seconds."""
    known = _policies.recall(funnel_id)
    if known is not None:
        return known
    with unscoped():
        funnel = Funnel.objects.select_related("published").get(pk=funnel_id)
    return _policies.keep(funnel_id, running_policy(funnel) == "send")


def running_policy(funnel: Funnel) -> str:
    """`send` or `block`: the published version's, or the draft's before there is one."""
    policy: str = funnel.published.config["unknown_consent"] if funnel.published else funnel.unknown_consent
    return policy


def forget_policies() -> None:
    _policies.forget()


def _set(response: HttpResponse, name: str, value: str, *, site: str | None = None, is_hidden: bool = False) -> None:
    response.set_cookie(
        name,
        value,
        max_age=NINETY_DAYS_S,
        domain=site,
        secure=settings.PUBLIC_URL.startswith("https://"),
        httponly=is_hidden,
        samesite="Lax",
    )

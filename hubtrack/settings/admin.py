"""The support console (django-unfold): name, colours, menu. An entry is seen by who may see the rows behind it."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise


def _may_view(label: str) -> Callable[[HttpRequest], bool]:
    app, model = label.split(".")
    names = (f"{app}.view_{model}", f"{app}.change_{model}")
    return lambda request: any(request.user.has_perm(name) for name in names)


def _entry(title: StrOrPromise, icon: str, label: str, query: str = "") -> dict[str, Any]:
    address = reverse_lazy(f"admin:{label.replace('.', '_')}_changelist")
    link = format_lazy("{}?{}", address, query) if query else address
    return {"title": capfirst(title), "icon": icon, "link": link, "permission": _may_view(label)}


def _page(title: StrOrPromise, icon: str, name: str, label: str) -> dict[str, Any]:
    """A page of its own, for who may see the rows of `label`."""
    link = reverse_lazy(f"admin:{name}")
    return {"title": capfirst(title), "icon": icon, "link": link, "permission": _may_view(label)}


def _apart_from(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Not lit on the page `name`, whose address begins as the entry's does."""
    page, link = reverse_lazy(f"admin:{name}"), entry["link"]
    return {**entry, "active": lambda it: it.path.startswith(str(link)) and not it.path.startswith(str(page))}


_Entry = tuple[StrOrPromise, str, str] | tuple[StrOrPromise, str, str, str] | dict[str, Any]


def _group(title: StrOrPromise, *entries: _Entry) -> dict[str, Any]:
    items = [entry if isinstance(entry, dict) else _entry(*entry) for entry in entries]
    return {"title": title, "separator": True, "items": items}


_MENU = [
    {"items": [{"title": _("Overview"), "icon": "space_dashboard", "link": reverse_lazy("admin:index")}]},
    _group(
        _("Sales"),
        (_("Conversions"), "shopping_bag", "conversions.conversion"),
        (_("Deliveries"), "inbox", "conversions.delivery"),
        (_("Quarantine"), "report", "conversions.quarantine"),
        (_("New fields of gateways"), "difference", "conversions.driftnotice"),
        (_("Comparisons of adapters"), "compare", "conversions.adaptercomparison"),
        (_("Matches"), "join_inner", "matching.match"),
        (_("Matches to review"), "rule", "matching.match", "review=pending_review"),
        (_("Reviews of matches"), "how_to_reg", "matching.matchreview"),
    ),
    _group(
        _("Ad platforms"),
        _page(_("Ledger"), "account_balance", "dispatch_ledgers", "dispatch.send"),
        (_("CAPI events"), "campaign", "dispatch.capievent"),
        _apart_from("dispatch_ledgers", _entry(_("Sends"), "send", "dispatch.send")),
        (_("Requests"), "http", "dispatch.batch"),
        (_("Attempts"), "history", "dispatch.attempt"),
        _page(_("Dead letters"), "unsubscribe", "dispatch_deadletters", "dispatch.send"),
        _apart_from("dispatch_deadletters", _entry(_("Replays"), "replay", "dispatch.replay")),
        (_("Breakers"), "electrical_services", "dispatch.breaker"),
        (_("Breakers of platforms"), "power", "dispatch.platformbreaker"),
        (_("Changes of breakers"), "timeline", "dispatch.breakerchange"),
        (_("Checks of tokens"), "vpn_key", "dispatch.tokencheck"),
    ),
    _group(
        _("Visitors"),
        (_("Clicks"), "ads_click", "clicks.click"),
        (_("Sessions"), "person_search", "clicks.session"),
        (_("People"), "diversity_3", "clicks.person"),
        (_("Identities"), "fingerprint", "clicks.identity"),
        (_("Merges of people"), "merge", "clicks.personmerge"),
        (_("Page events"), "web", "clicks.pageevent"),
        (_("Event receipts"), "receipt_long", "clicks.eventreceipt"),
        (_("Redirect links"), "link", "clicks.trackinglink"),
        (_("Tracking domains"), "domain", "clicks.trackingdomain"),
        (_("Consents"), "verified_user", "clicks.consentrecord"),
    ),
    _group(
        _("Customers"),
        (_("Tenants"), "apartment", "tenants.tenant"),
        (_("Members"), "group", "tenants.member"),
        (_("API keys"), "key", "tenants.apikey"),
        (_("Signing keys"), "draw", "tenants.signingkey"),
        (_("Funnels"), "filter_alt", "funnels.funnel"),
        (_("Webhook endpoints"), "webhook", "funnels.endpoint"),
        (_("Switches of endpoints"), "toggle_on", "funnels.rolloutchange"),
        (_("Destinations"), "flag", "funnels.destination"),
        (_("Published versions"), "history_edu", "funnels.funnelversion"),
        (_("Fitted weights"), "tune", "matching.fittedweights"),
        (_("Comparisons of drafts"), "compare_arrows", "matching.comparison"),
        (_("Sales that drafts change"), "swap_horiz", "matching.difference"),
    ),
    _group(
        _("Console"),
        (_("Users"), "manage_accounts", "tenants.user"),
        (_("Groups"), "shield_person", "auth.group"),
        (_("Permissions"), "lock", "auth.permission"),
        (_("Audit"), "fact_check", "admin.logentry"),
        (_("Periodic tasks"), "schedule", "django_celery_beat.periodictask"),
        (_("Intervals"), "timer", "django_celery_beat.intervalschedule"),
        (_("Crontabs"), "calendar_month", "django_celery_beat.crontabschedule"),
        (_("Single moments"), "alarm", "django_celery_beat.clockedschedule"),
        (_("Solar events"), "sunny", "django_celery_beat.solarschedule"),
    ),
    _group(
        _("Sandbox"),
        (_("Received requests"), "dns", "sandbox.receivedrequest"),
        (_("Received events"), "science", "sandbox.receivedevent"),
        (_("First receipts"), "looks_one", "sandbox.firstreceipt"),
        (_("Scripts of faults"), "thunderstorm", "sandbox.faultscript"),
    ),
]

_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Crect width='32' height='32' rx='7' fill='%230071b2'/%3E%3Cg stroke='%23fff' stroke-width='2.5'%3E"
    "%3Cpath d='M16 16 8 9m8 7 8-7m-8 7v10'/%3E%3Ccircle cx='16' cy='16' r='4' fill='%23fff'/%3E%3C/g%3E%3C/svg%3E"
)

UNFOLD = {
    "SITE_TITLE": "hubtrack",
    "SITE_HEADER": "hubtrack",
    "SITE_SUBHEADER": _("Support console"),
    "SITE_SYMBOL": "hub",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: _ICON}],
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "DASHBOARD_CALLBACK": "apps.dispatch.admin.dashboard.show_dashboard",
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": _MENU},
    "COLORS": {
        "primary": {
            "50": "oklch(97.7% .013 236.62)",
            "100": "oklch(95.1% .026 236.824)",
            "200": "oklch(90.1% .058 230.902)",
            "300": "oklch(82.8% .111 230.318)",
            "400": "oklch(74.6% .16 232.661)",
            "500": "oklch(68.5% .169 237.323)",
            "600": "oklch(52% .134 242.749)",
            "700": "oklch(46% .12 242.749)",
            "800": "oklch(41% .1 240.79)",
            "900": "oklch(35% .08 240.876)",
            "950": "oklch(29.3% .066 243.157)",
        },
    },
}

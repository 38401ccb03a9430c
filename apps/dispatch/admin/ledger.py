"""The ledger's pages: an account is chosen, its buckets are drawn and listed, and each count leads to its orders."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from apps.conversions.admin.shared import written
from apps.conversions.models import Conversion
from apps.core.admin import Table, add_panel, badge, list_link, moment, row_link
from apps.core.admin.panels import ROWS_SHOWN, may_view
from apps.dispatch.ledger.errors import TooMuchToAddUp
from apps.dispatch.ledger.picture import Bar, Part, draw_bars
from apps.dispatch.ledger.queries import (
    Placed,
    Scope,
    Wanted,
    find_missing,
    read_ledger,
    read_places,
    while_somebody_waits,
)
from apps.dispatch.ledger.rules import Bucket, BucketSum, Ledger
from apps.dispatch.ledger.words import BUCKET_NAMES, explain_place
from apps.dispatch.models import CapiEvent, Send
from apps.funnels.models import Destination
from apps.tenants.models import Tenant

PERIODS = (7, 30, 90, 0)
"""Days; 0 is all time."""
_PAGE, _PICKER = "dispatch_ledger", "dispatch_ledgers"
_STATUSES: Mapping[Bucket, str] = {
    **{bucket: bucket.value for bucket in Bucket if bucket is not Bucket.MISSING},
    Bucket.WAITING: "pending",
}


@dataclass(frozen=True, slots=True)
class _View:
    """What is looked at, and the address of that."""

    tenant: Tenant
    days: int

    @property
    def scope(self) -> Scope:
        since = timezone.now() - timedelta(days=self.days) if self.days else None
        return Scope(tenant_id=self.tenant.pk, since=since)

    def address(self, **query: str) -> str:
        return ledger_address(self.tenant, **{"days": str(self.days), **query})


def ledger_urls(site: AdminSite) -> list[URLPattern]:
    """For the admin class under whose addresses these pages live."""
    return [
        path("ledger/", site.admin_view(lambda request: _pick(site, request)), name=_PICKER),
        path(
            "ledger/<uuid:tenant_id>/",
            site.admin_view(lambda request, tenant_id: _show(site, request, tenant_id)),
            name=_PAGE,
        ),
    ]


def ledger_address(tenant: Tenant, **query: str) -> str:
    return f"{reverse(f'admin:{_PAGE}', args=[tenant.pk])}?{urlencode(query)}"


def _pick(site: AdminSite, request: HttpRequest) -> HttpResponse:
    if not may_view(request.user, Send):
        raise PermissionDenied
    typed = request.GET.get("q", "").strip().replace("\0", "")
    found = Tenant.objects.filter(name__icontains=typed).order_by("name", "pk")[:ROWS_SHOWN]
    table = Table(
        title=_("Accounts"),
        headers=(_("account"), _("created at")),
        rows=[(_link(ledger_address(tenant), tenant.name), moment(tenant.created_at)) for tenant in found],
        words="" if found else _("No account has this in its name."),
    )
    context = {**site.each_context(request), "title": _("Ledger"), "typed": typed, "tables": [table]}
    return TemplateResponse(request, "admin/dispatch/ledger.html", context)


def _show(site: AdminSite, request: HttpRequest, tenant_id: uuid.UUID) -> HttpResponse:
    """What is asked for wrongly is answered as if it had not been."""
    if not may_view(request.user, Send):
        raise PermissionDenied
    tenant = get_object_or_404(Tenant, pk=tenant_id)
    days = next((item for item in PERIODS if str(item) == request.GET.get("days")), PERIODS[1])
    view = _View(tenant, days)
    context = {
        **site.each_context(request),
        "title": _("Ledger"),
        "tenant": row_link(tenant),
        "periods": [(_period_text(item), _View(tenant, item).address(), item == days) for item in PERIODS],
    }
    try:
        with while_somebody_waits():
            shown = _show_places(view, request) or _show_sums(view)
    except TooMuchToAddUp as error:
        shown = {"warning": error.detail}
    return TemplateResponse(request, "admin/dispatch/ledger.html", context | shown)


def _period_text(days: int) -> str:
    return _("%(days)d days") % {"days": days} if days else _("all time")


def _show_sums(view: _View) -> dict[str, Any]:
    ledger = read_ledger(view.scope)
    if not ledger.sold:
        return {"is_empty": True}
    destinations = {row.pk: row for row in Destination.objects.filter(tenant=view.tenant)}
    return {
        "missing": [] if ledger.is_balanced else [_missing_line(place) for place in find_missing(view.scope)],
        "is_balanced": ledger.is_balanced,
        "picture": _draw(ledger, destinations),
        "legend": [(bucket.value, name) for bucket, name in BUCKET_NAMES.items()],
        "tables": [_sums_table(view, ledger, destinations), _totals_table(ledger)],
    }


def _show_places(view: _View, request: HttpRequest) -> dict[str, Any] | None:
    """The orders of one bucket at one destination, if the address names both."""
    word, text = request.GET.get("bucket"), request.GET.get("destination", "")
    destination = next((row for row in Destination.objects.filter(tenant=view.tenant) if str(row.pk) == text), None)
    if word not in list(Bucket) or destination is None:
        return None
    bucket = Bucket(word)
    places = read_places(view.scope, Wanted(bucket, destination.pk, limit=ROWS_SHOWN))
    return {"is_balanced": True, "tables": [_places_table(view, bucket, destination, places)]}


def _missing_line(place: Placed) -> str:
    return f"{place.gateway} {place.order_id}: {written(place.amount, place.currency)}"


def _draw(ledger: Ledger, destinations: Mapping[uuid.UUID, Destination]) -> str:
    return draw_bars(
        [
            Bar(f"{destinations.get(key, key)} {currency}".rstrip(), [_part(lines, bucket) for bucket in Bucket])
            for (key, currency), lines in _by_bar(ledger).items()
        ],
        title=_("Where the orders stand"),
        description=_("One bar for each destination and currency. The table below holds the same figures."),
    )


def _part(lines: Mapping[Bucket, BucketSum], bucket: Bucket) -> Part:
    line = lines.get(bucket)
    if line is None:
        return Part(bucket.value, 0, "")
    told = f"{BUCKET_NAMES[bucket]}: {line.sum.orders}, {written(line.sum.amount, line.sum.currency)}"
    return Part(bucket.value, line.sum.orders, told)


def _by_bar(ledger: Ledger) -> dict[tuple[uuid.UUID, str], dict[Bucket, BucketSum]]:
    bars: dict[tuple[uuid.UUID, str], dict[Bucket, BucketSum]] = {}
    for line in sorted(ledger.buckets, key=lambda line: (str(line.destination_id), line.sum.currency)):
        bars.setdefault((line.destination_id, line.sum.currency), {})[line.bucket] = line
    return bars


def _sums_table(view: _View, ledger: Ledger, destinations: Mapping[uuid.UUID, Destination]) -> Table:
    return Table(
        title=_("Buckets"),
        headers=(_("destination"), _("bucket"), _("orders"), _("amount"), _("refunded"), _("sends")),
        rows=[
            (
                row_link(destinations.get(line.destination_id)),
                badge(line.bucket, BUCKET_NAMES[line.bucket], colour="danger" if _is_missing(line) else ""),
                _link(
                    view.address(bucket=line.bucket.value, destination=str(line.destination_id)), str(line.sum.orders)
                ),
                written(line.sum.amount, line.sum.currency),
                written(line.sum.refunded_amount, line.sum.currency) if line.sum.refunded_amount else "",
                _sends_link(view, line),
            )
            for lines in _by_bar(ledger).values()
            for bucket in Bucket
            if (line := lines.get(bucket))
        ],
    )


def _is_missing(line: BucketSum) -> bool:
    return line.bucket is Bucket.MISSING


def _sends_link(view: _View, line: BucketSum) -> SafeString | str:
    if _is_missing(line):
        return ""
    query = {
        "tenant__id__exact": str(view.tenant.pk),
        "destination__id__exact": str(line.destination_id),
        "status__exact": _STATUSES[line.bucket],
    }
    return list_link(Send, _("show"), **query)


def _totals_table(ledger: Ledger) -> Table:
    return Table(
        title=_("Sold"),
        words=_("What the funnels sold, counted without looking at what was sent."),
        headers=(_("orders"), _("amount"), _("refunded")),
        rows=[
            (total.orders, written(total.amount, total.currency), written(total.refunded_amount, total.currency))
            for total in ledger.totals
        ],
    )


def _places_table(view: _View, bucket: Bucket, destination: Destination, places: Sequence[Placed]) -> Table:
    orders = Conversion.objects.in_bulk([place.conversion_id for place in places])
    events = {row.event_id: row for row in _events_of(view.tenant, places)}
    return Table(
        title=f"{destination}: {BUCKET_NAMES[bucket]}",
        headers=(_("order"), _("approved at (UTC)"), _("amount"), _("why"), _("next step"), _("event")),
        rows=[
            (
                row_link(orders.get(place.conversion_id), place.order_id),
                moment(place.approved_at),
                written(place.amount, place.currency),
                *explain_place(place.reason),
                row_link(events.get(place.event_id)),
            )
            for place in places
        ],
        more=_link(view.address(), capfirst(_("back to all buckets"))),
    )


def _events_of(tenant: Tenant, places: Sequence[Placed]) -> Sequence[CapiEvent]:
    ids = [place.event_id for place in places if place.event_id]
    return list(CapiEvent.objects.filter(tenant=tenant, event_id__in=ids))


def _link(address: str, text: str) -> SafeString:
    return format_html('<a class="text-link" href="{}">{}</a>', address, text)


@add_panel(Tenant, shows=Send)
def show_ledger_link(tenant: Tenant) -> Table:
    return Table(
        title=_("Ledger"),
        words=_link(ledger_address(tenant), _("Where does every order stand, with how much money?")),
        headers=(),
        rows=(),
    )

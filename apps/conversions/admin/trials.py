"""What an adapter on trial would change: order by order, and as a report on the endpoint's page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.conversions.admin.shared import STATUS_COLOURS, find_order, written
from apps.conversions.models import STATUS_CHOICES, AdapterComparison, Conversion
from apps.conversions.selectors import OrderTotal, RolloutReport, report_rollout
from apps.core.admin import (
    TECHNICAL,
    AutocompleteFilter,
    Column,
    Lookup,
    Table,
    add_panel,
    badge,
    column,
    list_link,
    moment,
    row_link,
    word_filter,
)
from apps.core.admin.columns import short_hash
from apps.core.admin.panels import ROWS_SHOWN, Panel
from apps.core.admin.search import as_uuid
from apps.funnels.admin import gateway_filter
from apps.funnels.models import Endpoint
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin
from apps.tenants.scoping import tenant_scope

DIFFERS_FILTER = word_filter(
    _("differences"), "differs", {"yes": (_("some"), ~Q(differences=[])), "no": (_("none"), Q(differences=[]))}
)
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
_STATUSES = dict(STATUS_CHOICES)


@dataclass(frozen=True, slots=True)
class Report(Table):
    """A card of several tables that were read together; the first is the card's own."""

    template: ClassVar[str] = "admin/support/report.html"
    parts: Sequence[Table] = ()


amount = Column("amount", _("amount in use"), lambda row: written(row.amount, row.currency))
candidate_amount = Column(
    "candidate_amount", _("candidate's amount"), lambda row: written(row.candidate_amount, row.currency)
)


@column(_("differences"))
def differing(row: AdapterComparison) -> str:
    return ", ".join(item["field"] for item in row.differences)


@column(_("order"))
def order_page(row: AdapterComparison) -> str:
    return row_link(find_order(row.tenant_id, row.endpoint.gateway, row.order_id), row.order_id)


@admin.register(AdapterComparison)
class AdapterComparisonAdmin(OwnedRecordAdmin):
    """One delivery as two versions of an adapter read it. No index orders them by tenant: the endpoint's does."""

    list_display = (
        *("received_at", "order_id", differing, amount, candidate_amount, "version", "candidate"),
        *("endpoint", "tenant"),
    )
    list_select_related = ("endpoint", "tenant")
    list_filter = (TENANT_FILTER, gateway_filter("endpoint"), DIFFERS_FILTER, ("endpoint", AutocompleteFilter))
    searches_tenants = False
    lookups = (Lookup("endpoint__id", as_uuid), Lookup("endpoint__key"))
    search_help_text = _("the endpoint's id, or the key in its address")
    never_shown = frozenset({"differences"})
    layout = (
        (None, (order_page, "endpoint", amount, candidate_amount, "version", "candidate", "tenant", "received_at")),
        (TECHNICAL, ("id", "order_id", "currency")),
    )

    def get_panels(self, request: HttpRequest, row: Any) -> list[Panel]:
        return [_differences(row), *super().get_panels(request, row)]


def _differences(row: AdapterComparison) -> Table:
    return Table(
        title=_("Differences"),
        headers=(_("field"), _("in use"), _("candidate")),
        rows=[(item["field"], _shortened(item["current"]), _shortened(item["candidate"])) for item in row.differences],
    )


def _shortened(text: str) -> str:
    """A member of an order as text, in which hashes of people may stand."""
    return _DIGEST.sub(lambda digest: short_hash(digest[0]), text)


@add_panel(Endpoint, shows=Conversion)
def show_rollout(endpoint: Endpoint) -> Report:
    with tenant_scope(endpoint.tenant_id):
        report = report_rollout(endpoint.pk)
    return Report(
        title=_("Orders recorded here"),
        headers=(_("status"), _("orders"), _("amount")),
        rows=[_total_cells(total) for total in report.recorded],
        parts=_comparison(endpoint, report) if report.compared else (),
    )


def _total_cells(total: OrderTotal) -> Sequence[Any]:
    word = badge(total.status, _STATUSES.get(total.status, ""), colour=STATUS_COLOURS.get(total.status, ""))
    return word, total.orders, written(total.amount, total.currency)


def _comparison(endpoint: Endpoint, report: RolloutReport) -> tuple[Table, ...]:
    fields = Table(
        title=_("The next version of the adapter beside the one in use"),
        words=_("%(compared)d readings compared, %(different)d of them different.")
        % {"compared": report.compared, "different": report.different},
        headers=(_("field"), _("readings that differ in it")),
        rows=list(report.fields.items()),
    )
    money = Table(
        title=_("Money in all compared deliveries"),
        headers=(_("currency"), _("in use"), _("candidate"), _("difference")),
        rows=[
            (
                row.currency,
                written(row.current, ""),
                written(row.candidate, ""),
                written(row.candidate - row.current, ""),
            )
            for row in report.money
        ],
    )
    return fields, money, _newest(endpoint, report)


def _newest(endpoint: Endpoint, report: RolloutReport) -> Table:
    return Table(
        title=_("Newest orders read differently"),
        headers=(_("received at"), _("order"), _("amount in use"), _("candidate's amount"), _("differences")),
        rows=[
            (row_link(row, moment(row.received_at)), row.order_id, amount(row), candidate_amount(row), differing(row))
            for row in report.orders[:ROWS_SHOWN]
        ],
        more=list_link(
            AdapterComparison,
            _("All that were read differently"),
            endpoint__id__exact=str(endpoint.pk),
            differs="yes",
        ),
    )

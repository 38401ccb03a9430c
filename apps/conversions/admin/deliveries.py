"""Deliveries: on their own pages, and on those of the order that they tell of."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from apps.conversions.admin.shared import OUTCOME_COLOURS, by_order, find_order
from apps.conversions.models import Conversion, Delivery, Outcome, Quarantine
from apps.core.admin import TECHNICAL, Colours, Table, add_panel, badge, column, list_link, moment, row_link
from apps.core.admin.panels import ROWS_SHOWN
from apps.funnels.admin import gateway_filter
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin


@column(_("order"))
def order_page(delivery: Delivery) -> str:
    return row_link(find_order(delivery.tenant_id, delivery.gateway, delivery.order_id), delivery.order_id)


@admin.register(Delivery)
class DeliveryAdmin(OwnedRecordAdmin):
    """Every authentic webhook request, hashed."""

    list_display = ("received_at", "tenant", "gateway", "vendor_event", "kind", "outcome", "order_id")
    list_select_related = ("tenant",)
    list_filter = (TENANT_FILTER, gateway_filter(), "outcome")
    lookups = (by_order(),)
    search_help_text = _("order id, or the whole name of the tenant")
    colours: ClassVar[Colours] = {"outcome": OUTCOME_COLOURS}
    layout = (
        (None, ("received_at", "outcome", "vendor_event", "kind", order_page, "tenant", "gateway", "endpoint")),
        (TECHNICAL, ("id", "order_id", "fingerprint", "correlation_id")),
    )

    def search_text(self, row: Delivery) -> str:
        return row.order_id


@add_panel(Conversion, shows=Delivery)
def show_deliveries(order: Conversion) -> Table:
    rows = Delivery.objects.filter(tenant=order.tenant_id, gateway=order.gateway, order_id=order.order_id)
    return Table(
        title=_("Deliveries of this order"),
        headers=(_("received at"), _("gateway's word"), _("kind"), _("outcome")),
        rows=[_delivery_cells(row) for row in rows.order_by("-pk")[:ROWS_SHOWN]],
        more=list_link(Delivery, _("All deliveries with this order id"), q=order.order_id),
    )


def _delivery_cells(row: Delivery) -> Sequence[Any]:
    outcome = badge(row.outcome, row.get_outcome_display(), colour=OUTCOME_COLOURS.get(Outcome(row.outcome), ""))
    return row_link(row, moment(row.received_at)), row.vendor_event, row.kind, outcome


@add_panel(Delivery, shows=Quarantine)
def show_quarantine(delivery: Delivery) -> Table:
    kept = Quarantine.objects.filter(delivery=delivery).defer("body")
    return Table(
        title=_("Quarantine"),
        headers=(_("path"), _("expected"), _("found"), _("state")),
        rows=[(row_link(row, row.path), row.expected, row.found, row.get_state_display()) for row in kept],
    )

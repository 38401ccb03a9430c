"""Orders as the hub knows them: money, items, and the orders that belong together."""

from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from apps.conversions.admin.shared import STATUS_COLOURS, by_order, find_order, written
from apps.conversions.models import Conversion
from apps.conversions.services import MAX_MATCH_FAILURES
from apps.core.admin import (
    TECHNICAL,
    AutocompleteFilter,
    Colours,
    Column,
    Table,
    badge,
    column,
    moment,
    row_link,
    word_filter,
)
from apps.core.admin.panels import ROWS_SHOWN, Panel
from apps.funnels.admin import KIND_TEXTS, gateway_filter
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin, by_email, by_phone

MATCHING_FILTER = word_filter(
    _("matching"),
    "matching",
    {
        "set-aside": (_("set aside after failures"), Q(match_failures__gte=MAX_MATCH_FAILURES)),
        "due": (_("due now"), Q(match_due_at__lte=Now())),
    },
)


@column(_("amount"))
def money(order: Conversion) -> str:
    return written(order.amount, order.currency)


def _share(name: str, title: StrOrPromise) -> Column:
    return Column(name, title, lambda order: written(getattr(order, name), order.currency))


SHARES = (
    _share("net_amount", _("net amount")),
    _share("gateway_fee", _("gateway's fee")),
    _share("producer_commission", _("producer's commission")),
    _share("affiliate_commission", _("affiliates' commission")),
)


@column(_("refunded"))
def refunded(order: Conversion) -> str:
    return written(order.refunded_amount, order.currency)


@column(_("part of order"))
def parent_order_id(order: Conversion) -> str:
    """The parent may not have been heard of yet."""
    parent = find_order(order.tenant_id, order.gateway, order.parent_order_id)
    return row_link(parent, parent.order_id) if parent else order.parent_order_id


@admin.register(Conversion)
class ConversionAdmin(OwnedRecordAdmin):
    """Orders as the hub knows them. Cards from matching and dispatch tell what became of each."""

    list_display = ("order_id", "status", money, "gateway", "tenant", "product_name", "occurred_at")
    list_select_related = ("tenant",)
    list_filter = (
        *(TENANT_FILTER, gateway_filter(), "status", MATCHING_FILTER, "is_test"),
        ("funnel", AutocompleteFilter),
    )
    lookups = (by_order(), by_email(), by_phone())
    search_help_text = _("order id, e-mail, phone, click id, session id, event id, or the tenant's whole name")
    colours: ClassVar[Colours] = {"status": STATUS_COLOURS}
    never_shown = frozenset({"items", "milestones"})
    layout = (
        (
            None,
            (
                *("order_id", "status", money, refunded, "product_name", "offer_id", "payment_method"),
                *("installments", "tenant", "funnel", parent_order_id, "is_renewal", "is_test"),
            ),
        ),
        (_("Who gets what"), SHARES),
        (_("When"), ("occurred_at", "approved_at", "received_at", "changed_at")),
        (
            _("What matching goes by"),
            ("click_ref", "session_ref", "email_sha256", "phone_sha256", "match_due_at", "match_failures"),
        ),
        (
            TECHNICAL,
            (
                *("id", "correlation_id", "gateway", "endpoint", "product_id", "subscription_id"),
                *("amount", "currency", "buyer_ip", "buyer_device"),
            ),
        ),
    )

    def search_text(self, row: Conversion) -> str:
        return row.order_id

    def get_panels(self, request: HttpRequest, row: Any) -> list[Panel]:
        own = [table for table in (_items(row), _children(row), _milestones(row)) if table.rows]
        return [*own, *super().get_panels(request, row)]


def _items(order: Conversion) -> Table:
    return Table(
        title=_("Items"),
        headers=(_("product"), _("product id"), _("quantity"), _("price")),
        rows=[
            (
                item["name"],
                item["product_id"],
                item["quantity"],
                written(Decimal(item["price"]) if item["price"] else None, order.currency),
            )
            for item in order.items
        ],
    )


def _children(order: Conversion) -> Table:
    """What the gateway sells as orders of their own: order bumps and upsells."""
    rows = Conversion.objects.filter(
        tenant=order.tenant_id, gateway=order.gateway, parent_order_id=order.order_id
    ).order_by("pk")
    return Table(
        title=_("Orders that are part of this one"),
        headers=(_("order"), _("status"), _("amount"), _("product"), _("occurred at")),
        rows=[
            (
                row_link(row, row.order_id),
                badge(row.status, row.get_status_display(), colour=STATUS_COLOURS.get(row.status, "")),
                money(row),
                row.product_name,
                moment(row.occurred_at),
            )
            for row in rows[:ROWS_SHOWN]
        ],
    )


def _milestones(order: Conversion) -> Table:
    """The oldest first; times are ISO 8601 in UTC, so they sort as texts."""
    return Table(
        title=_("First times"),
        headers=(_("what happened"), _("at (UTC)")),
        rows=[
            (KIND_TEXTS.get(kind, kind), at[:19].replace("T", " "))
            for kind, at in sorted(order.milestones.items(), key=lambda item: item[1])
        ],
    )

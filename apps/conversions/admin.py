"""Deliveries, the quarantine and conversions."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from apps.conversions.models import Conversion, Delivery, Outcome, Quarantine
from apps.conversions.services import MAX_MATCH_FAILURES, request_replay
from apps.core.admin import (
    TECHNICAL,
    AutocompleteFilter,
    Colours,
    Lookup,
    Table,
    act_on_each,
    add_panel,
    badge,
    column,
    list_link,
    moment,
    row_link,
    word_filter,
)
from apps.core.admin.columns import EMPTY
from apps.core.admin.panels import ROWS_SHOWN
from apps.core.errors import NotPossible
from apps.funnels.admin import gateway_filter
from apps.gateways.registry import ADAPTERS
from apps.tenants.admin import ALL_TENANTS, TENANT_FILTER, OwnedRecordAdmin, by_email, by_phone, under

OUTCOME_COLOURS: dict[str, str] = {
    Outcome.RECORDED: "success",
    Outcome.UNKNOWN: "warning",
    Outcome.QUARANTINED: "danger",
}
STATUS_COLOURS: dict[str, str] = {
    "approved": "success",
    "pending": "info",
    "disputed": "warning",
    "partially_refunded": "warning",
    "refunded": "danger",
    "charged_back": "danger",
}
MATCHING_FILTER = word_filter(
    _("matching"),
    "matching",
    {
        "set-aside": (_("set aside after failures"), Q(match_failures__gte=MAX_MATCH_FAILURES)),
        "due": (_("due now"), Q(match_due_at__lte=Now())),
    },
)


def by_order(path: str = "") -> Lookup:
    """The gateway's order id, whose index leads with tenant and gateway."""
    leading = {under(path, "tenant__in"): ALL_TENANTS, under(path, "gateway__in"): tuple(ADAPTERS)}
    return Lookup(under(path, "order_id"), leading=leading)


def deliveries_of(order: Conversion) -> QuerySet[Delivery]:
    rows: QuerySet[Delivery] = Delivery.objects.filter(
        tenant=order.tenant_id, gateway=order.gateway, order_id=order.order_id
    )
    return rows


def conversion_of(delivery: Delivery) -> Conversion | None:
    if not delivery.order_id:
        return None
    order: Conversion | None = Conversion.objects.filter(
        tenant=delivery.tenant_id, gateway=delivery.gateway, order_id=delivery.order_id
    ).first()
    return order


def _written(amount: Decimal | None, currency: str) -> str:
    """Two decimals, or three where the third says something, as the reader's language writes numbers."""
    if amount is None:
        return EMPTY
    places = 2 if amount == amount.quantize(Decimal("0.01")) else 3
    return f"{number_format(amount, places)} {currency}"


@column(_("amount"))
def money(order: Conversion) -> str:
    return _written(order.amount, order.currency)


@column(_("refunded"))
def refunded(order: Conversion) -> str:
    return _written(order.refunded_amount, order.currency)


@column(_("order"))
def order_page(delivery: Delivery) -> str:
    return row_link(conversion_of(delivery), delivery.order_id)


@column(_("gateway"))
def delivered_by(kept: Quarantine) -> str:
    return kept.delivery.gateway


@column(_("received at"))
def delivered_at(kept: Quarantine) -> str:
    return moment(kept.delivery.received_at)


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


@admin.register(Quarantine)
class QuarantineAdmin(OwnedRecordAdmin):
    """Authentic deliveries that could not be read. Their bytes stay encrypted: only where reading stopped is shown."""

    list_display = ("path", "expected", "found", "state", "tenant", delivered_by, delivered_at, "due_at", "attempts")
    list_select_related = ("tenant", "delivery")
    list_filter = (TENANT_FILTER, "state", gateway_filter("delivery"))
    lookups = (Lookup("path"),)
    search_help_text = _("the path where reading stopped, or the whole name of the tenant")
    colours: ClassVar[Colours] = {"state": {Quarantine.State.WAITING: "warning", Quarantine.State.REPLAYED: "success"}}
    actions = ("read_again",)
    page_actions = ("read_again",)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    def search_text(self, row: Quarantine) -> str:
        return row.path

    @admin.action(description=_("Read again"), permissions=["replay"])
    def read_again(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> None:
        act_on_each(self, request, queryset, _read_again, done=_("Will be read again"))


def _read_again(kept: Quarantine) -> None:
    if not request_replay(Quarantine.objects.filter(pk=kept.pk)):
        raise NotPossible(_("It has been read already."))


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
    layout = (
        (
            None,
            (
                *("order_id", "status", money, refunded, "product_name", "payment_method"),
                *("tenant", "funnel", "is_renewal", "is_test"),
            ),
        ),
        (_("When"), ("occurred_at", "approved_at", "received_at", "changed_at")),
        (
            _("What matching goes by"),
            ("click_ref", "session_ref", "email_sha256", "phone_sha256", "match_due_at", "match_failures"),
        ),
        (
            TECHNICAL,
            ("id", "correlation_id", "gateway", "endpoint", "product_id", "subscription_id", "amount", "currency"),
        ),
    )

    def search_text(self, row: Conversion) -> str:
        return row.order_id


@add_panel(Conversion, shows=Delivery)
def show_deliveries(order: Conversion) -> Table:
    rows = deliveries_of(order).order_by("-pk")[:ROWS_SHOWN]
    return Table(
        title=_("Deliveries of this order"),
        headers=(_("received at"), _("gateway's word"), _("kind"), _("outcome")),
        rows=[_delivery_cells(row) for row in rows],
        more=list_link(Delivery, _("All deliveries with this order id"), q=order.order_id),
    )


def _delivery_cells(row: Delivery) -> Sequence[Any]:
    outcome = badge(row.outcome, row.get_outcome_display(), colour=OUTCOME_COLOURS.get(Outcome(row.outcome), ""))
    return row_link(row, moment(row.received_at)), row.vendor_event, row.kind, outcome


@add_panel(Delivery, shows=Quarantine)
def show_quarantine(delivery: Delivery) -> Table:
    kept = Quarantine.objects.filter(delivery=delivery)
    return Table(
        title=_("Quarantine"),
        headers=(_("path"), _("expected"), _("found"), _("state")),
        rows=[(row_link(row, row.path), row.expected, row.found, row.get_state_display()) for row in kept],
    )

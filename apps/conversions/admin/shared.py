"""What the pages of deliveries and orders share."""

from collections.abc import Mapping
from decimal import Decimal

from django.utils.formats import number_format

from apps.conversions.models import Conversion, Outcome
from apps.core.admin import Lookup
from apps.core.admin.columns import EMPTY
from apps.gateways.registry import ADAPTERS
from apps.tenants.admin import ALL_TENANTS, under

OUTCOME_COLOURS: Mapping[str, str] = {
    Outcome.RECORDED: "success",
    Outcome.UNKNOWN: "warning",
    Outcome.UNCONFIRMED: "info",
    Outcome.QUARANTINED: "danger",
}
STATUS_COLOURS: Mapping[str, str] = {
    "approved": "success",
    "pending": "info",
    "disputed": "warning",
    "partially_refunded": "warning",
    "refunded": "danger",
    "charged_back": "danger",
}


def by_order(path: str = "") -> Lookup:
    """The gateway's order id, whose index leads with tenant and gateway."""
    leading = {under(path, "tenant__in"): ALL_TENANTS, under(path, "gateway__in"): tuple(ADAPTERS)}
    return Lookup(under(path, "order_id"), leading=leading)


def find_order(tenant_id: object, gateway: str, order_id: str) -> Conversion | None:
    """None also where the id is empty."""
    if not order_id:
        return None
    order: Conversion | None = Conversion.objects.filter(tenant=tenant_id, gateway=gateway, order_id=order_id).first()
    return order


def written(amount: Decimal | None, currency: str) -> str:
    """Two decimals, or three where the third says something, as the reader's language writes numbers."""
    if amount is None:
        return EMPTY
    places = 2 if amount == amount.quantize(Decimal("0.01")) else 3
    return f"{number_format(amount, places)} {currency}".rstrip()

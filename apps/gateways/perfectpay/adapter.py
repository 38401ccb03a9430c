"""PerfectPay's dialect."""

from datetime import UTC

from apps.gateways.base import Adapter
from apps.gateways.events import SALES, GatewayEvent, Kind
from apps.gateways.payload import Payload
from apps.gateways.perfectpay import tables
from apps.gateways.perfectpay.api import PerfectPayApi
from apps.gateways.perfectpay.buyer import read_buyer
from apps.gateways.perfectpay.sale import read_currency, read_items, read_method, read_parent
from apps.gateways.perfectpay.shares import Shares, read_shares
from apps.gateways.signatures import BodyToken
from apps.gateways.tracking import keep_tracking


class PerfectPayAdapter(Adapter):
    """PerfectPay. The token is in every body and proves nothing about the rest of it."""

    slug = "perfectpay"
    label = "PerfectPay"
    verifier = BodyToken("token")
    secret_label = "Token"  # noqa: S105
    event_paths = ("sale_status_enum",)
    event_types = tables.EVENT_TYPES
    click_id_field = "src"
    tell_tales = ("sale_status_enum",)
    free_paths = ("metadata",)
    api = PerfectPayApi()

    def kind_of(self, word: str, payload: Payload) -> Kind:
        """The number decides, unless the key beside it says something else: then nobody knows."""
        key, kind = tables.STATUSES.get(word, ("", Kind.UNKNOWN))
        if kind is Kind.UNKNOWN or (payload.maybe_text("sale_status_enum_key") or key) != key:
            return Kind.UNKNOWN
        return _sale_kind(payload) if kind is Kind.APPROVED else kind

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        currency = read_currency(payload)
        # Of a refund the sources do not tell whether its entries are the sale's.
        shares = read_shares(payload, currency) if kind in SALES else Shares()
        return GatewayEvent(
            kind=kind,
            vendor_event=word,
            order_id=payload.identifier("code"),
            occurred_at=payload.maybe_local_time(*tables.TIMES.get(kind, ()), zone=UTC),
            amount=payload.money("sale_amount"),
            currency=currency,
            buyer=read_buyer(payload.at("customer")),
            buyer_ip=payload.maybe_text("customer.ip"),
            buyer_agent=payload.strings("customer").get("user_agent"),
            tracking=keep_tracking(payload.strings("metadata")),
            product_id=payload.maybe_identifier("product.code"),
            product_name=payload.maybe_text("product.name"),
            offer_id=payload.maybe_identifier("plan.code"),
            payment_method=read_method(payload),
            installments=payload.maybe_integer("installments"),
            items=read_items(payload),
            net_amount=shares.net_amount,
            gateway_fee=shares.gateway_fee,
            producer_commission=shares.producer_commission,
            parent_order_id=read_parent(payload),
            subscription_id=payload.maybe_identifier("subscription.code"),
            recurrence=payload.maybe_integer("subscription.charges_made"),
        )


def _sale_kind(payload: Payload) -> Kind:
    kind = tables.SALE_KINDS.get(payload.maybe_text("subscription.status_event"), Kind.UNKNOWN)
    if kind is Kind.APPROVED and (payload.maybe_integer("subscription.charges_made") or 1) > 1:
        return Kind.RENEWED
    return kind

"""Hotmart's dialect."""

from datetime import datetime

from apps.gateways.base import Adapter
from apps.gateways.events import SALES, GatewayEvent, Kind
from apps.gateways.hotmart import tables
from apps.gateways.hotmart.api import HotmartApi
from apps.gateways.hotmart.buyer import read_buyer
from apps.gateways.hotmart.order import read_items, read_method, read_shares
from apps.gateways.payload import Payload
from apps.gateways.signatures import SharedToken
from apps.gateways.tracking import keep_tracking


class HotmartAdapter(Adapter):
    """Hotmart, webhooks 2.0.0 and 1.0.0. The token is the account's and proves nothing about the body."""

    slug = "hotmart"
    label = "Hotmart"
    verifier = SharedToken(header="x-hotmart-hottok", body_field="hottok")
    secret_label = "Hottok"  # noqa: S105
    event_paths = ("event", "status")
    event_types = tables.EVENT_TYPES
    click_id_field = "sck"
    tell_tales = tables.TELL_TALES
    version_path = "version"
    delivery_id_path = "id"
    api = HotmartApi()

    def kind_of(self, word: str, payload: Payload) -> Kind:
        kind = super().kind_of(word, payload)
        is_renewal = kind is Kind.APPROVED and (payload.maybe_integer(*tables.RECURRENCE) or 1) > 1
        return Kind.RENEWED if is_renewal else kind

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        order = tables.ORDER_BY_KIND.get(kind, tables.ORDER)
        is_priced = kind not in tables.WITHOUT_PRICE
        amount = payload.money(*tables.PRICE) if is_priced else None
        currency = payload.currency(*tables.CURRENCY) if is_priced else None
        shares = read_shares(payload, currency)
        must, may = payload.identifier, payload.maybe_identifier
        return GatewayEvent(
            kind=kind,
            vendor_event=word,
            delivery_id=self.delivery_id(payload),
            order_id=must(*order) if order else None,
            occurred_at=_occurred_at(payload, kind),
            amount=amount,
            currency=currency,
            buyer=read_buyer(payload),
            buyer_ip=payload.maybe_text(*tables.BUYER_IP),
            tracking=_read_tracking(payload),
            product_id=(must if kind is Kind.ABANDONED_CHECKOUT else may)(*tables.PRODUCT),
            product_name=payload.maybe_text(*tables.PRODUCT_NAME),
            offer_id=may(*tables.OFFER),
            payment_method=read_method(payload),
            installments=payload.maybe_integer(*tables.INSTALLMENTS),
            items=read_items(payload, amount),
            gateway_fee=shares.get(tables.GATEWAY),
            producer_commission=shares.get(tables.PRODUCER),
            affiliate_commission=shares.get(tables.AFFILIATE),
            is_test=any(payload.maybe_text(path) in signs for path, signs in tables.TEST_SIGNS),
            parent_order_id=may(tables.PARENT_ORDER),
            subscription_id=(must if kind is Kind.SUBSCRIPTION_CANCELLED else may)(*tables.SUBSCRIPTION),
            recurrence=payload.maybe_integer(*tables.RECURRENCE),
        )


def _occurred_at(payload: Payload, kind: Kind) -> datetime | None:
    """A refund repeats the `approved_date` of its sale: only a sale's moment is found there."""
    sold_at = payload.maybe_epoch_ms(tables.SOLD_AT) or payload.maybe_instant(tables.SOLD_AT_VERSION_1)
    return (sold_at if kind in SALES else None) or payload.maybe_epoch_ms("creation_date")


def _read_tracking(payload: Payload) -> dict[str, str]:
    form = payload.strings("")
    flat = {name: form[name] for name in tables.TRACKING_VERSION_1 if name in form}
    return keep_tracking(payload.strings("data.purchase.origin") or flat)

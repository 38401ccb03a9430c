"""Hotmart's dialect."""

from datetime import datetime

from apps.gateways.base import Adapter
from apps.gateways.events import SALES, GatewayEvent, Kind
from apps.gateways.hotmart import tables
from apps.gateways.hotmart.buyer import read_buyer
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
    delivery_id_path = "id"

    def kind_of(self, word: str, payload: Payload) -> Kind:
        kind = super().kind_of(word, payload)
        if kind is Kind.APPROVED and (payload.maybe_integer(tables.RECURRENCE) or 1) > 1:
            return Kind.RENEWED
        return kind

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        order = tables.ORDER_BY_KIND.get(kind, tables.ORDER)
        read_money, read_currency = payload.maybe_money, payload.maybe_currency
        if kind in SALES:
            read_money, read_currency = payload.money, payload.currency
        return GatewayEvent(
            kind=kind,
            vendor_event=word,
            delivery_id=self.delivery_id(payload),
            order_id=payload.identifier(*order) if order else None,
            occurred_at=_occurred_at(payload, kind),
            amount=read_money(*tables.PRICE),
            currency=read_currency(*tables.CURRENCY),
            buyer=read_buyer(payload),
            buyer_ip=payload.maybe_text("data.buyer_ip"),
            tracking=_read_tracking(payload),
            product_id=payload.maybe_identifier(*tables.PRODUCT),
            product_name=payload.maybe_text("data.product.name", "prod_name"),
            offer_id=payload.maybe_identifier(*tables.OFFER),
            payment_method=_read_method(payload),
            installments=payload.maybe_integer(*tables.INSTALLMENTS),
            is_test=any(payload.maybe_identifier(path) == product for path, product in tables.TEST_PRODUCTS),
            parent_order_id=payload.maybe_identifier(tables.PARENT_ORDER),
            subscription_id=payload.maybe_identifier(*tables.SUBSCRIPTION),
            recurrence=payload.maybe_integer(tables.RECURRENCE),
        )


def _occurred_at(payload: Payload, kind: Kind) -> datetime | None:
    """A refund repeats the `approved_date` of its sale: only a sale's moment is found there."""
    sold_at = None
    if kind in SALES:
        sold_at = payload.maybe_epoch_ms(tables.SOLD_AT) or payload.maybe_instant(tables.SOLD_AT_VERSION_1)
    return sold_at or payload.maybe_epoch_ms("creation_date")


def _read_tracking(payload: Payload) -> dict[str, str]:
    form = payload.strings("")
    return keep_tracking(
        payload.strings("data.purchase.origin")
        or {name: form[name] for name in tables.TRACKING_VERSION_1 if name in form}
    )


def _read_method(payload: Payload) -> str | None:
    method = payload.maybe_text(*tables.METHOD)
    return tables.PAYMENT_METHODS.get(method.lower(), "other") if method else None

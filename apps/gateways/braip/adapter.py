"""Braip's dialect."""

from apps.gateways.base import Adapter
from apps.gateways.braip import tables
from apps.gateways.braip.api import BraipApi
from apps.gateways.braip.buyer import read_buyer
from apps.gateways.braip.details import read_items, read_shares
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.payload import Payload
from apps.gateways.signatures import BodyToken
from apps.gateways.tracking import keep_tracking


class BraipAdapter(Adapter):
    """Braip. The key is the account's, travels in every body and proves nothing about the rest of it."""

    slug = "braip"
    label = "Braip"
    verifier = BodyToken("basic_authentication")
    secret_label = "Chave única"  # noqa: S105
    event_paths = (tables.SUBSCRIPTION_STATUS, tables.TYPE)
    event_types = tables.EVENT_TYPES
    click_id_field = "sck"
    tell_tales = ("basic_authentication",)
    free_paths = ("meta", "subs_meta")
    api = BraipApi()

    def kind_of(self, word: str, payload: Payload) -> Kind:
        """A transaction beside a subscription's code makes it the message of a sale."""
        has_transaction = payload.has(tables.TRANSACTION) or payload.has(tables.STATUS)
        if payload.has(tables.SUBSCRIPTION_STATUS) and not has_transaction:
            return tables.SUBSCRIPTIONS.get(word, Kind.UNKNOWN)
        name = payload.identifier(tables.TYPE)
        if name in tables.SALE_TYPES:
            return tables.STATUS_CODES.get(payload.identifier(tables.STATUS), Kind.UNKNOWN)
        return tables.OTHER_TYPES.get(name, Kind.UNKNOWN)

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        has_money = kind not in tables.MONEYLESS
        order = tables.ORDER_BY_KIND.get(kind, tables.TRANSACTION)
        read_subscription = payload.identifier if kind in tables.OF_SUBSCRIPTIONS else payload.maybe_identifier
        times = (tables.SOLD_AT, tables.CHANGED_AT) if kind is Kind.APPROVED else (tables.CHANGED_AT,)
        shares = read_shares(payload)
        return GatewayEvent(
            kind=kind,
            vendor_event=word,
            order_id=payload.identifier(order) if order else None,
            occurred_at=payload.maybe_local_time(*times),
            amount=payload.minor_units(tables.PRICE) if has_money else None,
            currency=payload.currency("currency") if has_money else None,
            buyer=read_buyer(payload),
            tracking=keep_tracking(payload.strings("meta")),
            product_id=payload.maybe_identifier("product_key"),
            product_name=payload.maybe_text("product_name"),
            offer_id=payload.maybe_identifier("plan_key"),
            payment_method=_read_method(payload),
            installments=payload.maybe_integer("trans_installments"),
            items=read_items(payload),
            net_amount=shares.own,
            gateway_fee=shares.gateway,
            producer_commission=shares.producer,
            affiliate_commission=shares.affiliates,
            is_test=_is_test(payload),
            parent_order_id=payload.maybe_identifier("parent_sale") if payload.maybe_flag("is_upsell") else None,
            subscription_id=read_subscription(tables.SUBSCRIPTION),
        )


def _read_method(payload: Payload) -> str | None:
    code = payload.maybe_identifier("trans_payment")
    return tables.PAYMENT_METHODS.get(code, "other") if code else None


def _is_test(payload: Payload) -> bool:
    signs = [pattern.fullmatch(payload.maybe_text(path) or "") for path, pattern in tables.TEST_SIGNS]
    return sum(sign is not None for sign in signs) > 1

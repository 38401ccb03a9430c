"""Appmax's dialect."""

from apps.gateways.appmax import tables
from apps.gateways.appmax.api import AppmaxApi
from apps.gateways.appmax.buyer import read_buyer, read_tracking
from apps.gateways.appmax.items import read_items
from apps.gateways.base import Adapter
from apps.gateways.events import SALES, GatewayEvent, Kind
from apps.gateways.payload import Payload
from apps.gateways.signatures import SecretUrl


class AppmaxAdapter(Adapter):
    """Appmax. Nothing in a message proves its sender: with credentials, api.py asks Appmax itself."""

    slug = "appmax"
    label = "Appmax"
    verifier = SecretUrl(parameter="token")
    secret_label = "Token"  # noqa: S105
    event_paths = ("event",)
    event_types = tables.EVENT_TYPES
    click_id_field = "utm_content"
    tell_tales = tables.TELL_TALES
    free_paths = ("data.meta",)
    api = AppmaxApi()

    def kind_of(self, word: str, payload: Payload) -> Kind:
        return super().kind_of(tables.event_of(word), payload)

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        read = _read_customer if kind in tables.OF_CUSTOMERS else _read_order
        return read(payload.at("data"), kind, tables.plain_word(word))


def _read_customer(data: Payload, kind: Kind, word: str) -> GatewayEvent:
    customer = data.identifier(*tables.CUSTOMER_ID)
    return GatewayEvent(
        kind=kind,
        vendor_event=word,
        order_id=None if kind is Kind.SUBSCRIPTION_CANCELLED else tables.CUSTOMER_ORDER.format(customer),
        buyer=read_buyer(data),
        tracking=read_tracking(data),
        is_test=customer == tables.TEST_CUSTOMER,
        subscription_id=data.maybe_identifier("subscription.id", "subscription_id"),
    )


def _read_order(data: Payload, kind: Kind, word: str) -> GatewayEvent:
    order_id = data.identifier("order_id", "id")
    prefix = "order_" if data.has("order_id") else ""
    is_test = order_id in tables.TEST_ORDERS
    # A test in a model without amounts tells none. Of a real order, that waits until the order is asked for.
    money = data.maybe_money if is_test and not data.has(f"{prefix}total_products") else data.money
    items = read_items(data)
    method = data.maybe_text(f"{prefix}payment_type")
    times = () if tables.event_of(word) == tables.UP_SOLD else tables.TIMES.get(kind, ())
    return GatewayEvent(
        kind=kind,
        vendor_event=word,
        order_id=order_id,
        occurred_at=data.maybe_local_time(*(prefix + name for name in times)),
        amount=money(f"{prefix}total"),
        # A partial refund of nothing, as tests have it, does not tell how much went back.
        refunded_amount=(money(f"{prefix}total_refunded") or None) if kind is Kind.PARTIALLY_REFUNDED else None,
        currency="BRL",
        buyer=read_buyer(data),
        tracking=read_tracking(data),
        product_id=items[0].product_id if items else None,
        product_name=(items[0].name or None) if items else None,
        offer_id=next((offer for bundle in data.items("bundles") if (offer := bundle.maybe_identifier("id"))), None),
        payment_method=tables.PAYMENT_METHODS.get(method, "other") if method else None,
        installments=data.maybe_integer(f"{prefix}installments"),
        items=items,
        net_amount=data.maybe_money(f"{prefix}partner_total") if kind in SALES else None,
        affiliate_commission=data.maybe_money(f"{prefix}partner_affiliate_total") if kind in SALES else None,
        is_test=is_test,
        parent_order_id=data.maybe_identifier(f"{prefix}upsell_order_id"),
    )

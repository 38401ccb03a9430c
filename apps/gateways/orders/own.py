"""Orders in the hub's own schema, which docs/orders-api.md defines: snake case, decimal amounts, zoned times.

Strict on what decides an order's state, as every shop that sends this wrote it for the hub: nothing has a default.
"""

from apps.core.identity import Person
from apps.gateways.events import GatewayEvent, Item, Kind
from apps.gateways.orders import tables
from apps.gateways.payload import Payload
from apps.gateways.tracking import keep_tracking

REFUNDS = frozenset({Kind.PARTIALLY_REFUNDED, Kind.REFUNDED})


def read_order(payload: Payload, kind: Kind, word: str) -> GatewayEvent:
    if kind is Kind.SUBSCRIPTION_CANCELLED:
        return _read_cancelled_subscription(payload, kind, word)
    # PHP writes an empty object as an empty list: such a line is none.
    items = [item for item in payload.items("items") if item.has("")]
    first = items[0] if items else Payload({})
    return GatewayEvent(
        kind=kind,
        vendor_event=word,
        order_id=payload.identifier("order_id"),
        occurred_at=payload.maybe_instant("occurred_at"),
        amount=payload.money("amount"),
        refunded_amount=payload.money("refunded_amount") if kind in REFUNDS else None,
        currency=payload.currency("currency"),
        is_test=payload.flag("test"),
        buyer=_read_buyer(payload.at("buyer")),
        buyer_ip=payload.maybe_text("buyer.ip"),
        tracking=keep_tracking(payload.strings("tracking")),
        product_id=first.maybe_identifier("product_id"),
        product_name=first.maybe_text("name"),
        payment_method=_read_method(payload),
        installments=payload.maybe_integer("payment.installments"),
        items=tuple(_read_item(item) for item in items),
        net_amount=payload.maybe_money("fees.net"),
        gateway_fee=payload.maybe_money("fees.gateway"),
        producer_commission=payload.maybe_money("fees.producer"),
        affiliate_commission=payload.maybe_money("fees.affiliate"),
        parent_order_id=payload.maybe_identifier("parent_order_id"),
        subscription_id=payload.maybe_identifier("subscription_id"),
    )


def _read_cancelled_subscription(payload: Payload, kind: Kind, word: str) -> GatewayEvent:
    """It touches no order, so an order's id and amount are not even looked at."""
    return GatewayEvent(
        kind=kind,
        vendor_event=word,
        occurred_at=payload.maybe_instant("occurred_at"),
        is_test=payload.flag("test"),
        buyer=_read_buyer(payload.at("buyer")),
        tracking=keep_tracking(payload.strings("tracking")),
        subscription_id=payload.identifier("subscription_id"),
    )


def _read_buyer(buyer: Payload) -> Person:
    country = buyer.maybe_text("country")
    return Person(
        email=buyer.maybe_text("email"),
        phone=buyer.maybe_text("phone"),
        phone_country=country or "BR",
        full_name=buyer.maybe_text("name"),
        city=buyer.maybe_text("city"),
        state=buyer.maybe_text("state"),
        postal_code=buyer.maybe_text("postal_code"),
        country=country,
    )


def _read_item(item: Payload) -> Item:
    quantity = item.maybe_integer("quantity")
    return Item(
        product_id=item.maybe_identifier("product_id") or "",
        name=item.maybe_text("name") or "",
        quantity=1 if quantity is None else quantity,
        price=item.maybe_money("price"),
    )


def _read_method(payload: Payload) -> str | None:
    method = payload.maybe_text("payment.method")
    return tables.OWN_METHODS.get(method, "other") if method else None

"""What one delivery says of an order, without personal data: the unit that is stored and folded. Pure."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypedDict

import msgspec

from apps.core.identity import HashedIdentity, hash_person
from apps.gateways.events import GatewayEvent, Item, Kind

PLACEHOLDER_BEFORE = datetime(2018, 1, 1, tzinfo=UTC)
# More than any mistaken time zone.
PLACEHOLDER_AHEAD = timedelta(days=1)


class OrderItem(TypedDict):
    """One line of an order, JSON-ready; `price` is a decimal text, or None."""

    product_id: str
    name: str
    quantity: int
    price: str | None


@dataclass(frozen=True, slots=True)
class OrderFact:
    """One statement about one order. `occurred_at` is aware UTC and never later than its receipt.

    Amounts have three decimals, as the database keeps them: no currency has more.
    """

    kind: Kind
    occurred_at: datetime
    amount: Decimal | None = None
    refunded_amount: Decimal | None = None
    currency: str = ""
    identity: HashedIdentity = field(default_factory=dict)
    tracking: dict[str, str] = field(default_factory=dict)
    product_id: str = ""
    product_name: str = ""
    offer_id: str = ""
    payment_method: str = ""
    installments: int | None = None
    items: list[OrderItem] = field(default_factory=list)
    net_amount: Decimal | None = None
    gateway_fee: Decimal | None = None
    producer_commission: Decimal | None = None
    affiliate_commission: Decimal | None = None
    parent_order_id: str = ""
    subscription_id: str = ""
    is_test: bool = False

    def to_json(self) -> dict[str, Any]:
        """A JSON object with text amounts and times; empty members are left out."""
        members: dict[str, Any] = msgspec.to_builtins(self)
        return {
            name: value for name, value in members.items() if value is not False and value not in (None, "", {}, [])
        }

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> "OrderFact":
        return msgspec.convert(members, cls)


def read_fact(event: GatewayEvent, received_at: datetime) -> OrderFact:
    """The event with its buyer hashed. A time that the gateway did not give, or that lies ahead, is the receipt's.

    Dashboards' test buttons date their messages days ahead or years ago: such an event is a test, whatever it says.
    """
    stated = event.occurred_at or received_at
    return OrderFact(
        kind=event.kind,
        occurred_at=min(stated, received_at).astimezone(UTC),
        amount=_to_thousandth(event.amount),
        refunded_amount=_to_thousandth(event.refunded_amount),
        currency=event.currency or "",
        identity=hash_person(event.buyer),
        tracking=dict(event.tracking),
        product_id=event.product_id or "",
        product_name=event.product_name or "",
        offer_id=event.offer_id or "",
        payment_method=event.payment_method or "",
        installments=event.installments,
        items=[_item(item) for item in event.items],
        net_amount=_to_thousandth(event.net_amount),
        gateway_fee=_to_thousandth(event.gateway_fee),
        producer_commission=_to_thousandth(event.producer_commission),
        affiliate_commission=_to_thousandth(event.affiliate_commission),
        parent_order_id=event.parent_order_id or "",
        subscription_id=event.subscription_id or "",
        is_test=event.is_test or stated < PLACEHOLDER_BEFORE or stated > received_at + PLACEHOLDER_AHEAD,
    )


def _item(item: Item) -> OrderItem:
    price = _to_thousandth(item.price)
    return {
        "product_id": item.product_id,
        "name": item.name,
        "quantity": item.quantity,
        "price": None if price is None else str(price),
    }


def _to_thousandth(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(Decimal("0.001"))


def fingerprint(event: GatewayEvent, fact: OrderFact) -> str:
    """The same for every repeat of a delivery, also of one that names no time of its own: the receipt has no part."""
    stated = event.occurred_at.isoformat() if event.occurred_at else ""
    said = replace(fact, is_test=event.is_test).to_json() | {"occurred_at": stated}
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()

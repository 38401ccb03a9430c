"""What one delivery says of an order, people hashed but for the buyer's address: what is stored and folded. Pure."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address, ip_network
from typing import Any, TypedDict

import msgspec

from apps.core.devices import device_family
from apps.core.identity import HashedIdentity, hash_person
from apps.gateways.events import GatewayEvent, Item, Kind

PLACEHOLDER_BEFORE = datetime(2018, 1, 1, tzinfo=UTC)
# More than any mistaken time zone.
PLACEHOLDER_AHEAD = timedelta(days=1)
_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))


class OrderItem(TypedDict):
    """One line of an order, JSON-ready; `price` is a decimal text, or None."""

    product_id: str
    name: str
    quantity: int
    price: str | None


@dataclass(frozen=True, slots=True)
class OrderFact:
    """One statement about one order. `occurred_at` is aware UTC and never later than its receipt.

    Amounts have three decimals, as the database keeps them: no currency has more. `buyer_ip` is in clear, to be
    compared with those of visits; `buyer_device` is a family (core/devices.py); each is "" when unknown.
    """

    kind: Kind
    occurred_at: datetime
    amount: Decimal | None = None
    refunded_amount: Decimal | None = None
    currency: str = ""
    identity: HashedIdentity = field(default_factory=dict)
    buyer_ip: str = field(default="", repr=False)
    buyer_device: str = ""
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
        buyer_ip=_canonical_ip(event.buyer_ip or ""),
        buyer_device=device_family(event.buyer_agent or ""),
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


def _canonical_ip(text: str) -> str:
    """One text for each address, IPv4 mapped into IPv6 being IPv4; "" for what no buyer on the internet can have.

    Python's `is_global` would also refuse the ranges of documentation, where the buyers of demo and tests live.
    """
    try:
        # What follows % names an interface of the machine that wrote it; PostgreSQL takes none.
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return ""
    address = getattr(address, "ipv4_mapped", None) or address
    is_local = address.is_loopback or address.is_link_local or any(address in network for network in _PRIVATE)
    return "" if is_local or address.is_unspecified or address.is_multicast else address.compressed


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

"""What one delivery says of an order, without personal data: the unit that is stored and folded. Pure."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from apps.core.identity import HashedIdentity, hash_person
from apps.gateways.events import GatewayEvent, Kind


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
    parent_order_id: str = ""
    subscription_id: str = ""
    is_test: bool = False

    def to_json(self) -> dict[str, Any]:
        """A JSON object with text amounts and times; empty members are left out."""
        members: dict[str, Any] = msgspec.to_builtins(self)
        return {name: value for name, value in members.items() if value is not False and value not in (None, "", {})}

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> "OrderFact":
        return msgspec.convert(members, cls)


def read_fact(event: GatewayEvent, received_at: datetime) -> OrderFact:
    """The event with its buyer hashed. A time that the gateway did not give, or that lies ahead, is the receipt's."""
    return OrderFact(
        kind=event.kind,
        occurred_at=min(event.occurred_at or received_at, received_at).astimezone(UTC),
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
        parent_order_id=event.parent_order_id or "",
        subscription_id=event.subscription_id or "",
        is_test=event.is_test,
    )


def _to_thousandth(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(Decimal("0.001"))


def fingerprint(event: GatewayEvent, fact: OrderFact) -> str:
    """The same for every repeat of a delivery, also of one that names no time of its own."""
    said = fact.to_json() | {"occurred_at": event.occurred_at.isoformat() if event.occurred_at else ""}
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()

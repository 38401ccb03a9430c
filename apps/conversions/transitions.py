"""The state of an order as a pure function of the set of facts known about it.

`fold` looks at facts in an order of its own and ignores repeats, so any order of arrival and any number of repeats
end in the same state; each fact but a dispute that was won can only raise the status (docs/adr/0004).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

import msgspec

from apps.conversions.facts import OrderFact, OrderItem
from apps.core.identity import HashedIdentity
from apps.core.ids import find_carried_ids
from apps.gateways.events import Kind

T = TypeVar("T")


class Status(StrEnum):
    """An order's status, lowest rank first: a later member is never undone by an earlier one."""

    ABANDONED = "abandoned"
    PENDING = "pending"
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    APPROVED = "approved"
    PARTIALLY_REFUNDED = "partially_refunded"
    DISPUTED = "disputed"
    REFUNDED = "refunded"
    CHARGED_BACK = "charged_back"


RANK = {status: rank for rank, status in enumerate(Status)}
# Kinds that are not here (completed, subscription news, unknown words) say nothing of an order's status.
STATUS_OF: Mapping[Kind, Status] = {
    Kind.ABANDONED_CHECKOUT: Status.ABANDONED,
    Kind.PAYMENT_PENDING: Status.PENDING,
    Kind.TRIAL_STARTED: Status.PENDING,
    Kind.REFUSED: Status.REFUSED,
    Kind.EXPIRED: Status.EXPIRED,
    Kind.CANCELLED: Status.CANCELLED,
    Kind.APPROVED: Status.APPROVED,
    Kind.RENEWED: Status.APPROVED,
    Kind.DISPUTE_WON: Status.APPROVED,
    Kind.PARTIALLY_REFUNDED: Status.PARTIALLY_REFUNDED,
    Kind.DISPUTED: Status.DISPUTED,
    Kind.REFUNDED: Status.REFUNDED,
    Kind.CHARGED_BACK: Status.CHARGED_BACK,
}
_SALES = frozenset({Kind.APPROVED, Kind.RENEWED})
_DISPUTES = frozenset({Kind.DISPUTED, Kind.CHARGED_BACK})
# What these call the amount is the disputed sum, which need not be the order's.
_UNPRICED = _DISPUTES | {Kind.DISPUTE_WON}
# Statuses of a sale whose money went back, or may: nothing that still waits is sent for them.
REVERSED = frozenset({Status.REFUNDED, Status.CHARGED_BACK, Status.DISPUTED})


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order as known now. `approved_at` is set once money was confirmed, whatever happened later.

    `amount` is the latest approved amount (else the latest named, but never a dispute's); `refunded_amount` the
    highest named. `milestones` maps each kind that was reported to its first time, in ISO 8601. An order is a test if
    its sale is; before there is one, if anything said of it is. `buyer_ip` is None when unknown.
    """

    status: Status
    occurred_at: datetime
    approved_at: datetime | None
    amount: Decimal | None
    refunded_amount: Decimal
    currency: str
    identity: HashedIdentity
    buyer_ip: str | None = field(repr=False)
    buyer_device: str
    tracking: dict[str, str]
    click_ref: str
    session_ref: str
    product_id: str
    product_name: str
    offer_id: str
    payment_method: str
    installments: int | None
    items: list[OrderItem]
    net_amount: Decimal | None
    gateway_fee: Decimal | None
    producer_commission: Decimal | None
    affiliate_commission: Decimal | None
    parent_order_id: str
    subscription_id: str
    milestones: dict[str, str]
    is_renewal: bool
    is_test: bool


def shapes_order(kind: Kind) -> bool:
    return kind in STATUS_OF


def fold(facts: Iterable[OrderFact]) -> OrderState:
    """The state after all `facts`, at least one of which shapes an order."""
    known = [fact for fact in facts if shapes_order(fact.kind)]
    if len(known) > 1:
        known.sort(key=_canonical)
    sales = [fact for fact in known if fact.kind in _SALES]
    best_first = [*reversed(sales), *(fact for fact in reversed(known) if fact.kind not in _SALES)]
    priced = next((fact for fact in best_first if fact.amount is not None and fact.kind not in _UNPRICED), None)
    amount = priced.amount if priced else None
    refunded = _refunded(known, amount)
    tracking = _first_values(fact.tracking for fact in best_first)
    click_ref, session_ref = find_carried_ids([tracking[name] for name in sorted(tracking)])
    return OrderState(
        status=_status(known, refunded),
        occurred_at=sales[0].occurred_at if sales else known[-1].occurred_at,
        approved_at=sales[0].occurred_at if sales else None,
        amount=amount,
        refunded_amount=refunded,
        currency=priced.currency if priced else _first_text(best_first, "currency"),
        identity=_first_values(fact.identity for fact in best_first),
        buyer_ip=_first_text(best_first, "buyer_ip") or None,
        buyer_device=_first_text(best_first, "buyer_device"),
        tracking=tracking,
        click_ref=click_ref or "",
        session_ref=session_ref or "",
        product_id=_first_text(best_first, "product_id"),
        product_name=_first_text(best_first, "product_name"),
        offer_id=_first_text(best_first, "offer_id"),
        payment_method=_first_text(best_first, "payment_method"),
        installments=_first_known(fact.installments for fact in best_first),
        items=next((fact.items for fact in best_first if fact.items), []),
        net_amount=_first_known(fact.net_amount for fact in best_first),
        gateway_fee=_first_known(fact.gateway_fee for fact in best_first),
        producer_commission=_first_known(fact.producer_commission for fact in best_first),
        affiliate_commission=_first_known(fact.affiliate_commission for fact in best_first),
        parent_order_id=_first_text(best_first, "parent_order_id"),
        subscription_id=_first_text(best_first, "subscription_id"),
        milestones=_first_times(known),
        is_renewal=bool(sales) and sales[0].kind is Kind.RENEWED,
        is_test=any(fact.is_test for fact in sales or known),
    )


def _canonical(fact: OrderFact) -> tuple[datetime, int, bytes]:
    """Equal for equal facts only, and blind to the order of a dict's keys, which the database does not keep."""
    return fact.occurred_at, RANK[STATUS_OF[fact.kind]], msgspec.json.encode(fact, order="deterministic")


def _status(known: list[OrderFact], refunded: Decimal) -> Status:
    """The highest that stands. A refund of the smallest amount ever approved is the whole: no later sale undoes it."""
    won_at = max((fact.occurred_at for fact in known if fact.kind is Kind.DISPUTE_WON), default=None)
    standing = {
        STATUS_OF[fact.kind] for fact in known if not (won_at and fact.kind in _DISPUTES and fact.occurred_at <= won_at)
    }
    prices = [fact.amount for fact in known if fact.kind in _SALES and fact.amount]
    if Status.PARTIALLY_REFUNDED in standing and prices and refunded >= min(prices):
        standing.add(Status.REFUNDED)
    return max(standing, key=RANK.__getitem__)


def _refunded(known: list[OrderFact], amount: Decimal | None) -> Decimal:
    """Gateways name the cumulative sum, or nothing at all when everything went back."""
    named = [fact.refunded_amount for fact in known if fact.refunded_amount is not None]
    whole = [amount or Decimal(0) for fact in known if fact.kind is Kind.REFUNDED and fact.refunded_amount is None]
    return max([*named, *whole], default=Decimal(0))


def _first_values(sources: Iterable[Mapping[str, T]]) -> dict[str, T]:
    values: dict[str, T] = {}
    for source in sources:
        for name, value in source.items():
            values.setdefault(name, value)
    return values


def _first_times(known: list[OrderFact]) -> dict[str, str]:
    """In ISO 8601, as JSON keeps them; `known` is in the order of time."""
    return {fact.kind.value: fact.occurred_at.isoformat() for fact in reversed(known)}


def _first_known(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)


def _first_text(facts: list[OrderFact], name: str) -> str:
    return next((text for fact in facts if (text := getattr(fact, name))), "")

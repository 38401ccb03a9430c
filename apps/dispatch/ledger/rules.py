"""What the ledger must hold, whatever the database says. Pure.

Each approved order stands in one bucket per destination of its funnel, so the buckets of a destination add up to what
its funnel sold: in orders, and in money of each currency, to the cent.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Bucket(StrEnum):
    """Where an order can stand at a destination; MISSING is where none may be."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    WAITING = "waiting"
    PARKED = "parked"
    BLOCKED = "blocked"
    EXCLUDED = "excluded"
    DEAD = "dead"
    EXPIRED = "expired"
    MISSING = "missing"


BUCKETS = tuple(bucket for bucket in Bucket if bucket is not Bucket.MISSING)
"""The eight that a ledger has."""


_KNOWN = frozenset(bucket.value for bucket in Bucket)


def bucket_of(word: str) -> Bucket:
    """A word that nobody taught the ledger is no bucket: its orders are missing, and somebody will look."""
    return Bucket(word) if word in _KNOWN else Bucket.MISSING


@dataclass(frozen=True, slots=True)
class Sum:
    """Orders, and their money in one currency; `currency` is "" where the gateway never named an amount."""

    currency: str
    orders: int
    amount: Decimal
    refunded_amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class BucketSum:
    """What one destination has in one bucket."""

    destination_id: uuid.UUID
    funnel_id: uuid.UUID
    bucket: Bucket
    sum: Sum


@dataclass(frozen=True, slots=True)
class FunnelSum:
    """What one funnel sold, counted without looking at any send."""

    funnel_id: uuid.UUID
    sum: Sum


@dataclass(frozen=True, slots=True)
class Imbalance:
    """A destination whose buckets hold other money, or another number of orders, than its funnel sold."""

    destination_id: uuid.UUID
    currency: str
    sold: Sum
    held: Sum

    @property
    def orders(self) -> int:
        """How many are not accounted for; below zero, how many are counted twice."""
        return self.sold.orders - self.held.orders

    @property
    def amount(self) -> Decimal:
        return self.sold.amount - self.held.amount


@dataclass(frozen=True, slots=True)
class Ledger:
    """One look at a tenant's orders. `sold` are the totals by funnel."""

    buckets: Sequence[BucketSum]
    sold: Sequence[FunnelSum]

    @property
    def totals(self) -> list[Sum]:
        """All funnels together, by currency."""
        return add_up(line.sum for line in self.sold)

    @property
    def missing_orders(self) -> int:
        return sum(line.sum.orders for line in self.buckets if line.bucket is Bucket.MISSING)

    @property
    def imbalances(self) -> list[Imbalance]:
        return find_imbalances(self.buckets, self.sold)

    @property
    def is_balanced(self) -> bool:
        return not self.imbalances


def add_up(sums: Iterable[Sum]) -> list[Sum]:
    """One for each currency, in the order of their codes."""
    by_currency: dict[str, list[Sum]] = defaultdict(list)
    for item in sums:
        by_currency[item.currency].append(item)
    return [
        Sum(
            currency,
            sum(item.orders for item in items),
            sum((item.amount for item in items), Decimal(0)),
            sum((item.refunded_amount for item in items), Decimal(0)),
        )
        for currency, items in sorted(by_currency.items())
    ]


def find_imbalances(buckets: Iterable[BucketSum], sold: Iterable[FunnelSum]) -> list[Imbalance]:
    """Of every destination that has any order; one whose buckets miss a whole currency is found too."""
    held: dict[uuid.UUID, list[Sum]] = defaultdict(list)
    funnel_of: dict[uuid.UUID, uuid.UUID] = {}
    for line in buckets:
        funnel_of[line.destination_id] = line.funnel_id
        if line.bucket is not Bucket.MISSING:
            held[line.destination_id].append(line.sum)
    sold_by: dict[uuid.UUID, list[Sum]] = defaultdict(list)
    for total in sold:
        sold_by[total.funnel_id].append(total.sum)
    return [
        found
        for destination, funnel in sorted(funnel_of.items())
        for found in _compare(destination, _by_currency(sold_by[funnel]), _by_currency(held[destination]))
    ]


def _by_currency(sums: Iterable[Sum]) -> Mapping[str, Sum]:
    return {item.currency: item for item in add_up(sums)}


def _compare(destination: uuid.UUID, sold: Mapping[str, Sum], held: Mapping[str, Sum]) -> list[Imbalance]:
    pairs = [
        (currency, sold.get(currency, Sum(currency, 0, Decimal(0))), held.get(currency, Sum(currency, 0, Decimal(0))))
        for currency in sorted({*sold, *held})
    ]
    return [Imbalance(destination, currency, whole, parts) for currency, whole, parts in pairs if whole != parts]

"""Reads of the ledger: sums in one statement and one snapshot, orders a page at a time."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from apps.dispatch.ledger import sql
from apps.dispatch.ledger.errors import TooMuchToAddUp
from apps.dispatch.ledger.rules import Bucket, BucketSum, FunnelSum, Ledger, Sum, bucket_of

# What somebody who looks at it waits.
MAX_SECONDS = 10.0
# Memory for the hashes of some 300,000 orders: on disk they cost half as long again.
_LIMITS = "SELECT set_config('statement_timeout', %s, true), set_config('work_mem', '64MB', true)"
NAMED = 20
"""So many of the missing orders are named where a sentence or an alarm does so."""
Key = tuple[int, uuid.UUID]  # of an order at a destination


@dataclass(frozen=True, slots=True)
class Scope:
    """Which orders: those approved from `since` up to but without `until`; `keys` are primary keys, both included."""

    tenant_id: uuid.UUID | None = None
    funnel_id: uuid.UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    keys: tuple[int, int] | None = None

    @property
    def values(self) -> dict[str, Any]:
        first, last = self.keys or (None, None)
        named = {
            "tenant_id": self.tenant_id,
            "funnel_id": self.funnel_id,
            "since": self.since,
            "until": self.until,
            "first": first,
            "last": last,
        }
        return {name: value for name, value in named.items() if value is not None}

    @property
    def conditions(self) -> list[str]:
        return [_CONDITIONS[name] for name in self.values]

    @property
    def of_tenant(self) -> str:
        return "%(tenant_id)s" if self.tenant_id else ""


_CONDITIONS = {
    "tenant_id": "c.tenant_id = %(tenant_id)s",
    "funnel_id": "c.funnel_id = %(funnel_id)s",
    "since": "c.approved_at >= %(since)s",
    "until": "c.approved_at < %(until)s",
    "first": "c.id >= %(first)s",
    "last": "c.id <= %(last)s",
}


class Placed(NamedTuple):
    """An order where it stands at one destination, and why: `reason` is a stable word. Without an event no event_id."""

    conversion_id: int
    destination_id: uuid.UUID
    tenant_id: uuid.UUID
    funnel_id: uuid.UUID
    order_id: str
    gateway: str
    approved_at: datetime
    currency: str
    amount: Decimal
    refunded_amount: Decimal
    event_id: str
    bucket: Bucket
    reason: str

    @property
    def key(self) -> Key:
        return self.conversion_id, self.destination_id


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which places: of one bucket, of one destination, or both; on which side of `key`, the newest orders first."""

    bucket: Bucket | None = None
    destination_id: uuid.UUID | None = None
    key: Key | None = None
    is_backward: bool = False
    limit: int = 50
    values: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        pk, destination = self.key or (None, None)
        named = {
            "bucket": self.bucket,
            "destination_id": self.destination_id,
            "key": pk,
            "key_destination": destination,
            "limit": self.limit,
        }
        object.__setattr__(self, "values", {name: value for name, value in named.items() if value is not None})

    @property
    def beyond(self) -> str:
        side = ">" if self.is_backward else "<"
        asked = {
            "bucket": "bucket = %(bucket)s",
            "destination_id": "destination_id = %(destination_id)s",
            "key": f"(id, destination_id) {side} (%(key)s, %(key_destination)s)",
        }
        return " AND ".join(text for name, text in asked.items() if name in self.values) or "true"

    @property
    def order(self) -> str:
        return "id, destination_id" if self.is_backward else "id DESC, destination_id DESC"


def read_ledger(scope: Scope) -> Ledger:
    """Where every approved order of the scope stands, and what its funnels sold; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql.add_up(scope.conditions, scope.of_tenant), scope.values)
        rows = cursor.fetchall()
    buckets = [
        BucketSum(destination, funnel, bucket_of(word), Sum(currency, *sums))
        for destination, funnel, word, currency, *sums in rows
        if destination
    ]
    sold = [FunnelSum(funnel, Sum(currency, *sums)) for place, funnel, _, currency, *sums in rows if place is None]
    return Ledger(buckets, sold)


def read_places(scope: Scope, wanted: Wanted) -> list[Placed]:
    """In the order that `wanted` asks for."""
    statement = sql.list_orders(scope.conditions, scope.of_tenant, beyond=wanted.beyond, order=wanted.order)
    with connection.cursor() as cursor:
        cursor.execute(statement, scope.values | wanted.values)
        rows = [Placed(*row) for row in cursor.fetchall()]
    return [row._replace(bucket=bucket_of(row.bucket)) for row in rows]


def find_missing(scope: Scope, limit: int = NAMED) -> Sequence[Placed]:
    """Orders that no bucket holds, the newest first."""
    return read_places(scope, Wanted(bucket=Bucket.MISSING, limit=limit))


@contextmanager
def while_somebody_waits() -> Iterator[None]:
    """Statements within raise TooMuchToAddUp after MAX_SECONDS each. Not within another transaction: the limit is this
    one's.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_LIMITS, [str(int(1000 * MAX_SECONDS))])
        try:
            yield
        except OperationalError as error:
            if isinstance(error.__cause__, QueryCanceled):
                raise TooMuchToAddUp from error
            raise

"""A gateway's word against ours: which orders it sold that we lack, which we have and it does not, what differs."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from apps.conversions.transitions import REVERSED, Status
from apps.core.db import tighten
from apps.dispatch.ledger.export import Export, ExportedOrder, Unreadable
from apps.dispatch.ledger.export_words import Standing
from apps.dispatch.ledger.rules import Sum, add_up

_ID_CHUNK = 10_000
_COLUMNS = "order_id, amount, currency, status, approved_at, is_test"
_BY_ID = f"""SELECT {_COLUMNS} FROM conversions_conversion
    WHERE tenant_id = %s AND gateway = %s AND order_id = ANY(%s)"""  # noqa: S608 - constants
_BY_TIME = f"""SELECT {_COLUMNS} FROM conversions_conversion
    WHERE tenant_id = %s AND gateway = %s AND NOT is_test AND approved_at >= %s AND approved_at < %s
    ORDER BY approved_at, id"""  # noqa: S608 - constants
_TOTALS = tighten("""SELECT CASE WHEN amount IS NULL THEN '' ELSE currency END, count(*), sum(coalesce(amount, 0)),
        sum(refunded_amount) FROM conversions_conversion
    WHERE tenant_id = %(tenant_id)s AND gateway = %(gateway)s AND NOT is_test AND approved_at IS NOT NULL
        AND approved_at >= coalesce(%(since)s::timestamptz, '-infinity')
        AND approved_at < coalesce(%(until)s::timestamptz, 'infinity')
    GROUP BY 1""")


class OurOrder(NamedTuple):
    """An order as the hub knows it."""

    order_id: str
    amount: Decimal | None
    currency: str
    status: str
    approved_at: datetime | None
    is_test: bool

    @property
    def standing(self) -> Standing:
        if self.approved_at is None or self.is_test:
            return Standing.OPEN
        if self.status == Status.DISPUTED:
            return Standing.DISPUTED
        return Standing.REVERSED if self.status in REVERSED else Standing.PAID

    @property
    def word(self) -> str:
        return "test" if self.is_test else self.status


@dataclass(frozen=True, slots=True)
class Named:
    """An order that one side lacks. `reason` is a word of words.MISSING_HERE, or "" for what only we have."""

    order_id: str
    amount: Decimal
    currency: str
    reason: str = ""
    status: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Differing:
    """One thing that the two say differently of one order: `what` is amount, currency or status."""

    order_id: str
    line: int
    what: str
    theirs: str
    ours: str


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` up to but without `until`; None where nothing was told of one."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """`both` adds up our amounts of the orders that both sides know as sold. Without a `period` nothing is extra."""

    gateway: str
    period: Period
    both: Sequence[Sum]
    missing: Sequence[Named]
    extra: Sequence[Named]
    differing: Sequence[Differing]
    unreadable: Sequence[Unreadable]

    @property
    def is_equal(self) -> bool:
        return not (self.missing or self.extra or self.differing or self.unreadable)


@dataclass(frozen=True, slots=True)
class TotalCompared:
    """One currency's sums, theirs and ours."""

    currency: str
    theirs: Sum
    ours: Sum

    @property
    def is_equal(self) -> bool:
        return (self.theirs.orders, self.theirs.amount) == (self.ours.orders, self.ours.amount)


def reconcile(tenant_id: uuid.UUID, gateway: str, export: Export, period: Period) -> Reconciliation:
    """What is missing here is looked for whenever it was; extra is only what was approved within the period.

    Where the caller names no period, it lasts from the first to the last approval of the orders that both sides know:
    an export does not say of which days it is.
    """
    ours = _find_by_id(tenant_id, gateway, [order.order_id for order in export.orders])
    shared = [
        mine for order in export.orders if _is_sale(order) and (mine := ours.get(order.order_id)) and _is_sale(mine)
    ]
    period = _fill(period, shared)
    return Reconciliation(
        gateway=gateway,
        period=period,
        both=add_up(Sum(mine.currency, 1, mine.amount or Decimal(0)) for mine in shared),
        missing=[named for order in export.orders if (named := _why_missing(order, ours.get(order.order_id)))],
        extra=_find_extra(tenant_id, gateway, period, {order.order_id for order in export.orders}),
        differing=[
            item
            for order in export.orders
            if (mine := ours.get(order.order_id)) and _is_sale(mine)
            for item in _differ(order, mine)
        ],
        unreadable=export.unreadable,
    )


def compare_totals(
    tenant_id: uuid.UUID, gateway: str, theirs: Iterable[Sum], since: datetime | None, until: datetime | None
) -> list[TotalCompared]:
    """By currency. Tests of the gateway are no sales."""
    asked: dict[str, uuid.UUID | str | datetime | None] = {
        "tenant_id": tenant_id,
        "gateway": gateway,
        "since": since,
        "until": until,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, asked)
        ours = {row[0]: Sum(*row) for row in cursor.fetchall()}
    told = {item.currency: item for item in add_up(theirs)}
    return [
        TotalCompared(code, told.get(code, Sum(code, 0, Decimal(0))), ours.get(code, Sum(code, 0, Decimal(0))))
        for code in sorted({*told, *ours})
    ]


def _is_sale(order: ExportedOrder | OurOrder) -> bool:
    return order.standing is not Standing.OPEN


def _fill(period: Period, shared: Sequence[OurOrder]) -> Period:
    times = [mine.approved_at for mine in shared if mine.approved_at]
    if period.since or period.until or not times:
        return period
    return Period(min(times), max(times) + timedelta(microseconds=1))


def _why_missing(order: ExportedOrder, mine: OurOrder | None) -> Named | None:
    if not _is_sale(order) or (mine and _is_sale(mine)):
        return None
    reason, status = ("not_paid", mine.word) if mine else ("unknown", "")
    return Named(order.order_id, order.amount, order.currency, reason, status, order.line)


def _differ(order: ExportedOrder, mine: OurOrder) -> list[Differing]:
    pairs = {"amount": (_text(order.amount), _text(mine.amount)), "currency": (order.currency, mine.currency)}
    if not order.currency:
        del pairs["currency"]
    if Standing.DISPUTED not in (order.standing, mine.standing) and order.standing is not mine.standing:
        pairs["status"] = (order.standing.value, mine.word)
    return [
        Differing(order.order_id, order.line, what, theirs, ours)
        for what, (theirs, ours) in pairs.items()
        if theirs != ours
    ]


def _text(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:.3f}"


def _find_by_id(tenant_id: uuid.UUID, gateway: str, order_ids: Sequence[str]) -> Mapping[str, OurOrder]:
    found: dict[str, OurOrder] = {}
    with connection.cursor() as cursor:
        for start in range(0, len(order_ids), _ID_CHUNK):
            cursor.execute(_BY_ID, [tenant_id, gateway, list(order_ids[start : start + _ID_CHUNK])])
            found |= {row[0]: OurOrder(*row) for row in cursor.fetchall()}
    return found


def _find_extra(tenant_id: uuid.UUID, gateway: str, period: Period, theirs: set[str]) -> list[Named]:
    if not (period.since or period.until):
        return []
    since, until = period.since or "-infinity", period.until or "infinity"
    with connection.cursor() as cursor:
        cursor.execute(_BY_TIME, [tenant_id, gateway, since, until])
        rows = [OurOrder(*row) for row in cursor.fetchall()]
    return [
        Named(mine.order_id, mine.amount or Decimal(0), mine.currency, status=mine.status)
        for mine in rows
        if mine.order_id not in theirs
    ]

"""Is every order in exactly one bucket? Asked all the time of the newest orders, once a day of all of them.

By ranges of the orders' keys, so that no statement grows with the table.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db import connection, transaction

from apps.core.log import get_logger
from apps.core.metrics import keep_gauges
from apps.dispatch.ledger.queries import NAMED, Placed, Scope, find_missing, read_ledger
from apps.dispatch.ledger.rules import Imbalance

CHUNK = 20_000
# What a webhook sends wrong shows within seconds; the older orders are for the daily check.
RECENT = 20_000
GAUGE = "ledger_missing_orders"
_KEPT_S = {"recent": 3600, "all": 2 * 86400}
PARTS = tuple(_KEPT_S)
"""The parts that the gauge has."""
_ENDS = "SELECT min(id), max(id) FROM conversions_conversion"
_ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtextextended('ledger', 0))"
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Unbalanced:
    """A destination whose books do not close in one currency, and the first of the orders that no bucket holds."""

    destination_id: uuid.UUID
    currency: str
    orders: int
    amount: Decimal
    named: Sequence[Placed]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check looked at, and what it found."""

    orders: int
    unbalanced: Sequence[Unbalanced]

    @property
    def missing(self) -> int:
        """Orders that no bucket holds, or that two do, once for each destination; at least one where money differs."""
        return sum(max(abs(found.orders), 1) for found in self.unbalanced)


def check_ledger(tenant_id: uuid.UUID | None = None, *, whole: bool = False) -> Checked:
    """Of one tenant or of all; the newest orders only, unless the `whole` ledger is asked for."""
    orders = 0
    found: dict[tuple[uuid.UUID, str], Unbalanced] = {}
    for keys in _ranges(tenant_id, whole=whole):
        scope = Scope(tenant_id=tenant_id, keys=keys)
        ledger = read_ledger(scope)
        orders += sum(total.orders for total in ledger.totals)
        named = find_missing(scope) if ledger.imbalances else ()
        for item in ledger.imbalances:
            _add(found, item, named)
    return Checked(orders, [found[key] for key in sorted(found)])


@transaction.atomic
def watch_ledger(*, whole: bool = False) -> int:
    """Check, and raise the alarm in the log and the metrics; what is missing. 0 if somebody else is at it."""
    with connection.cursor() as cursor:
        cursor.execute(_ONE_AT_A_TIME)
        (is_alone,) = cursor.fetchone()
    if not is_alone:
        return 0
    checked = check_ledger(whole=whole)
    scope = "all" if whole else "recent"
    keep_gauges(GAUGE, [({"scope": scope}, float(checked.missing))], seconds=_KEPT_S[scope], part=scope)
    for found in checked.unbalanced:
        log.error(
            "ledger.missing",
            destination_id=str(found.destination_id),
            count=found.orders,
            conversion_id=found.named[0].conversion_id if found.named else None,
        )
    return checked.missing


def _ranges(tenant_id: uuid.UUID | None, *, whole: bool) -> Iterator[tuple[int, int]]:
    """Primary keys, both ends included, that hold the orders to look at."""
    with connection.cursor() as cursor:
        cursor.execute(_ENDS + (" WHERE tenant_id = %s" if tenant_id else ""), [tenant_id] if tenant_id else [])
        oldest, newest = cursor.fetchone()
    if newest is None:
        return
    for start in range(oldest if whole else max(oldest, newest - RECENT + 1), newest + 1, CHUNK):
        yield start, min(start + CHUNK - 1, newest)


def _add(found: dict[tuple[uuid.UUID, str], Unbalanced], item: Imbalance, named: Sequence[Placed]) -> None:
    own = [place for place in named if (place.destination_id, place.currency) == (item.destination_id, item.currency)]
    key = item.destination_id, item.currency
    before = found.get(key, Unbalanced(*key, 0, Decimal(0), ()))
    found[key] = replace(
        before,
        orders=before.orders + item.orders,
        amount=before.amount + item.amount,
        named=[*before.named, *own][:NAMED],
    )

"""Money that will be too old for its platform within hours, and what keeps it: said before it is lost.

Only sales count, and only those whose send waits: an order that is told, or never will be, risks nothing.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction

from apps.core.db import tighten
from apps.core.log import get_logger
from apps.core.metrics import keep_gauges

HORIZONS = (6, 24, 48)
"""Hours; what expires within 6 is among what expires within 24."""
GAUGE = "money_at_risk"
_GAUGE_S = 3600
_ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtextextended('money at risk', 0))"
_SUMS = ", ".join(
    f"count(*) FILTER (WHERE {within}), coalesce(sum(amount) FILTER (WHERE {within}), 0)"
    for within in (f"deadline <= statement_timestamp() + interval '{hours} hours'" for hours in HORIZONS)
)
# What keeps it: what its platform said of it, unless nothing at all is sent there.
_WHY = """CASE WHEN s.status = 'parked' THEN s.reason WHEN b.state <> 'closed' THEN 'breaker_open'
    WHEN b.paused_until > statement_timestamp() THEN 'paused' ELSE coalesce(nullif(s.reason, ''), s.status) END"""
_FIND = f"""
SELECT tenant_id, destination_id, currency, reason, min(deadline), {_SUMS} FROM (
    SELECT s.tenant_id, s.destination_id, s.deadline, {_WHY} AS reason, coalesce(c.amount, 0) AS amount,
        CASE WHEN c.amount IS NULL THEN '' ELSE c.currency END AS currency
    FROM dispatch_send s JOIN dispatch_capievent e ON e.id = s.event_id
    JOIN conversions_conversion c ON c.id = e.conversion_id
    LEFT JOIN dispatch_breaker b ON b.destination_id = s.destination_id
    WHERE s.status IN ('pending', 'retrying', 'parked') AND s.rank = 0
        AND s.deadline <= statement_timestamp() + interval '{HORIZONS[-1]} hours' {{of_tenant}} OFFSET 0) at_risk
GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - constants
log = get_logger(__name__)


class Kept(NamedTuple):
    """What one reason keeps; `within` has (orders, amount) for each of HORIZONS."""

    reason: str
    earliest_deadline: datetime
    within: Mapping[int, tuple[int, Decimal]]


@dataclass(frozen=True, slots=True)
class Risk:
    """What expires at one destination within `hours`, in one currency; the reason with the most money comes first."""

    tenant_id: uuid.UUID
    destination_id: uuid.UUID
    currency: str
    hours: int
    orders: int
    amount: Decimal
    earliest_deadline: datetime
    reasons: Sequence[tuple[str, int, Decimal]]


def find_risks(tenant_id: uuid.UUID | None = None) -> list[Risk]:
    """Of one tenant or of all, the earliest deadline first; horizons within which nothing expires are left out."""
    values = {"tenant_id": tenant_id} if tenant_id else {}
    of_tenant = "AND s.tenant_id = %(tenant_id)s" if tenant_id else ""
    with connection.cursor() as cursor:
        cursor.execute(tighten(_FIND.format(of_tenant=of_tenant)), values)
        rows = cursor.fetchall()
    kept: dict[tuple[uuid.UUID, uuid.UUID, str], list[Kept]] = defaultdict(list)
    for tenant, destination, currency, reason, earliest, *sums in rows:
        within = dict(zip(HORIZONS, zip(sums[::2], sums[1::2], strict=True), strict=True))
        kept[tenant, destination, currency].append(Kept(reason, earliest, within))
    risks = [risk for key, found in kept.items() for hours in HORIZONS if (risk := _add_up(key, found, hours))]
    return sorted(risks, key=lambda risk: (risk.earliest_deadline, str(risk.destination_id), risk.currency, risk.hours))


def nearest(risks: Iterable[Risk]) -> list[Risk]:
    """Of each destination and currency the shortest horizon within which anything expires."""
    first: dict[tuple[uuid.UUID, str], Risk] = {}
    for risk in sorted(risks, key=lambda risk: risk.hours):
        first.setdefault((risk.destination_id, risk.currency), risk)
    return sorted(first.values(), key=lambda risk: risk.earliest_deadline)


@transaction.atomic
def watch_risks() -> int:
    """Raise the alarm in the log and the metrics; how many destinations and currencies. 0 if somebody else is at it."""
    with connection.cursor() as cursor:
        cursor.execute(_ONE_AT_A_TIME)
        (is_alone,) = cursor.fetchone()
    if not is_alone:
        return 0
    risks = find_risks()
    sums: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for risk in risks:
        sums[risk.currency, risk.hours] += risk.amount
    keep_gauges(
        GAUGE,
        [({"currency": currency, "hours": str(hours)}, float(total)) for (currency, hours), total in sums.items()],
        seconds=_GAUGE_S,
    )
    alarms = nearest(risks)
    for risk in alarms:
        log.error(
            "money.at_risk",
            tenant_id=str(risk.tenant_id),
            destination_id=str(risk.destination_id),
            reason=risk.reasons[0][0],
            count=risk.orders,
            what=f"{risk.amount:.2f} {risk.currency} within {risk.hours} h",
        )
    return len(alarms)


def _add_up(key: tuple[uuid.UUID, uuid.UUID, str], kept: Sequence[Kept], hours: int) -> Risk | None:
    reasons = [(item.reason, *item.within[hours]) for item in kept if item.within[hours][0]]
    if not reasons:
        return None
    return Risk(
        *key,
        hours=hours,
        orders=sum(orders for _reason, orders, _amount in reasons),
        amount=sum((amount for _reason, _orders, amount in reasons), Decimal(0)),
        earliest_deadline=min(item.earliest_deadline for item in kept if item.within[hours][0]),
        reasons=sorted(reasons, key=lambda item: (-item[2], item[0])),
    )

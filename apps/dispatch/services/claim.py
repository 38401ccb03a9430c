"""Take what is due at one destination: a batch that nobody else has, for as long as its lease lasts.

Purchases first, then what must be sent soonest, then what is worth most. A send whose lease lapsed belonged to a worker
that died; it is taken over, and one that kills its workers is soon alone in its request, and after five times dead.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models.functions import Now

from apps.core.db import database_now
from apps.dispatch.breaker import Admission
from apps.dispatch.fate import LEASE, STRIKES, Tried, lapse, largest_company
from apps.dispatch.models import Batch, Send, SendStatus
from apps.dispatch.probing import LOOKED_AT, choose_probe
from apps.dispatch.services.admission import Gate, enter
from apps.dispatch.services.park import park_waiting
from apps.dispatch.services.targets import Route, choose_route, config_of, top_of
from apps.funnels.models import Destination
from apps.funnels.selectors import FunnelConfig

_NEXT = """
SELECT s.id, s.status, s.attempts, s.failures, s.strikes, s.is_unsure, s.status = 'sending' AND b.size = 1,
    s.status = 'sending' AND EXISTS (SELECT FROM dispatch_attempt a WHERE a.send_id = s.id AND a.batch_id = s.batch_id)
FROM dispatch_send s LEFT JOIN dispatch_batch b ON b.id = s.batch_id
WHERE s.destination_id = %s AND s.status IN ('pending', 'retrying', 'sending') AND s.due_at <= statement_timestamp()
ORDER BY s.rank, s.deadline, s.value DESC LIMIT %s FOR UPDATE OF s SKIP LOCKED
"""
_LEASE = """
UPDATE dispatch_send AS s SET status = 'sending', batch_id = %s, attempts = s.attempts + 1, failures = c.failures,
    strikes = c.strikes, is_unsure = c.is_unsure, due_at = statement_timestamp() + make_interval(secs => %s),
    first_attempt_at = coalesce(s.first_attempt_at, statement_timestamp()), changed_at = statement_timestamp()
FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::bool[]) AS c (id, failures, strikes, is_unsure)
WHERE s.id = c.id
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """A batch of sends that are ours until it lapses, and where they go. `leaves_more`: others are due there, too."""

    destination: Destination
    config: FunnelConfig
    route: Route
    gate: Gate
    batch: Batch
    send_ids: Sequence[int]
    leaves_more: bool


class _Due(NamedTuple):
    """One row of _NEXT. The last two speak of a former lease that nobody settled."""

    id: int
    status: str
    attempts: int
    failures: int
    strikes: int
    is_unsure: bool
    was_alone: bool
    was_posted: bool

    @property
    def tried(self) -> Tried:
        tried = Tried(self.failures, self.strikes, is_unsure=self.is_unsure)
        if self.status != SendStatus.SENDING:
            return tried
        return lapse(tried, was_alone=self.was_alone, was_posted=self.was_posted)


@transaction.atomic
def claim(destination_id: uuid.UUID) -> Lease | None:
    """The next batch of this destination; None when nothing is due there, or nothing may be sent now."""
    destination = Destination.objects.get(pk=destination_id)
    config = config_of(destination)
    now, top = database_now(), top_of(destination)
    route = choose_route(destination, config, now)
    gate = enter(destination, route.target.host, top, now)
    if gate.own.parked_reason:
        park_waiting(destination_id, gate.own.parked_reason)
    if not gate.admission.events:
        return None
    found = _find_due(destination_id, gate.admission)
    due = _choose_probe(found) if gate.admission.is_probe else _choose_company(found, gate.admission.events, top)
    _bury([row for row in due if row.tried.strikes >= STRIKES])
    living = [row for row in due if row.tried.strikes < STRIKES]
    if not living:
        return None
    batch = _lease(living, gate, route, now)
    leaves_more = len(found) > len(due) or len(due) == gate.admission.events
    return Lease(destination, config, route, gate, batch, [row.id for row in living], leaves_more)


def _find_due(destination_id: uuid.UUID, admission: Admission) -> list[_Due]:
    """Locked."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [destination_id, LOOKED_AT if admission.is_probe else admission.events])
        return [_Due(*row) for row in cursor.fetchall()]


def _choose_probe(rows: Sequence[_Due]) -> list[_Due]:
    return [choose_probe(rows, lambda row: row.attempts, lambda row: row.tried.is_unsure)] if rows else []


def _choose_company(rows: Sequence[_Due], limit: int, top: int) -> list[_Due]:
    """As many as fit with the one of them that failed most often."""
    company: list[_Due] = []
    room = limit
    for row in rows:
        room = min(room, largest_company(row.tried.failures, top))
        if len(company) >= room:
            break
        company.append(row)
    return company


def _lease(rows: Sequence[_Due], gate: Gate, route: Route, now: datetime) -> Batch:
    batch: Batch = Batch.objects.create(
        tenant_id=gate.own.tenant_id,
        destination_id=gate.own.destination_id,
        size=len(rows),
        is_probe=gate.admission.is_probe,
        started_at=now,
        lease_until=now + LEASE,
        url_host=route.target.host,
        api_version=route.target.api_version,
    )
    tried = [row.tried for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            _LEASE,
            [
                *(batch.pk, LEASE.total_seconds(), [row.id for row in rows], [it.failures for it in tried]),
                *([it.strikes for it in tried], [it.is_unsure for it in tried]),
            ],
        )
    return batch


def _bury(rows: Sequence[_Due]) -> None:
    """What kills every worker that takes it."""
    if rows:
        Send.objects.filter(pk__in=[row.id for row in rows]).update(
            status=SendStatus.DEAD,
            reason="worker_died",
            strikes=STRIKES,
            is_unsure=True,
            batch=None,
            settled_at=Now(),
            changed_at=Now(),
        )

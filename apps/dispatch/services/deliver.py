"""Deliver what is due at one destination: claim a batch, save its attempts, one request, settle.

No transaction is open during the request. A claim is a lease, and only whoever holds it settles: a worker that dies is
replaced when it lapses, and one that comes back late changes nothing. Only the database's clock decides.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
from django.db import connection, transaction
from django.db.models.functions import Now

from apps.core.db import release_connection
from apps.core.log import correlated
from apps.dispatch.canary import is_doubted
from apps.dispatch.fate import LEASE
from apps.dispatch.halving import halve
from apps.dispatch.models import Batch
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.services.canary import weigh_version
from apps.dispatch.services.claim import Lease, claim
from apps.dispatch.services.prepare import Item, prepare, stop_refused
from apps.dispatch.services.settle import put_back, record_outcome, settle
from apps.dispatch.services.targets import Route
from apps.dispatch.verdict import NextStep, Outcome, Verdict

_HAND_OVER = """
UPDATE dispatch_send SET batch_id = %s, attempts = attempts + 1, changed_at = statement_timestamp(),
    due_at = statement_timestamp() + make_interval(secs => %s)
WHERE id = ANY(%s) AND batch_id = %s AND status = 'sending' RETURNING id, attempts
"""
_RENEW = """
UPDATE dispatch_send SET due_at = statement_timestamp() + make_interval(secs => %s)
WHERE id = ANY(%s) AND batch_id = ANY(%s) AND status = 'sending'
"""
# As one document: psycopg would escape each event anew to put it into an array.
_SAVE_ATTEMPTS = """
INSERT INTO dispatch_attempt (tenant_id, batch_id, send_id, number, request)
SELECT %s, %s, send, number, request FROM jsonb_to_recordset(%s::jsonb) AS a (send bigint, number int, request jsonb)
"""
RENEW_AFTER_S = 20.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """How many sends were looked at: 0 where nothing is due, or nothing may be sent now. `has_more`: look again."""

    rows: int = 0
    has_more: bool = False


def deliver_due(destination_id: uuid.UUID) -> Delivered:
    """Claim and deliver one batch."""
    lease = claim(destination_id)
    if lease is None:
        return Delivered()
    delivery = _Delivery(lease)
    items = prepare(lease)
    if delivery.send(lease.batch, items):
        untried = halve(items, delivery.send_part)
        put_back(delivery.holder, delivery.mark(untried))
    return Delivered(len(lease.send_ids), lease.leaves_more)


class _Delivery:
    """One lease and the requests that it comes to; `holder` says which batch holds each send, by its key."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.route = lease.route
        self.holder: dict[int, Batch] = dict.fromkeys(lease.send_ids, lease.batch)
        self._renewed_at = time.monotonic()
        self._may_have_arrived = False

    def mark(self, items: Sequence[Item]) -> list[Item]:
        """With what became known of all of them during this delivery."""
        if not self._may_have_arrived:
            return list(items)
        return [replace(item, tried=replace(item.tried, is_unsure=True)) for item in items]

    def send(self, batch: Batch, items: Sequence[Item]) -> bool:
        """Post `items` and settle them; true if they were refused as a whole, and must be taken apart."""
        _save_attempts(batch, items)
        posted = stop_refused(batch, items, self.lease.config)
        if not posted:
            Batch.objects.filter(pk=batch.pk).delete()
            return False
        release_connection()
        with correlated(posted[0].send.correlation_id if len(posted) == 1 else "", batch_id=batch.pk):
            reply = PLATFORMS[self.lease.destination.platform].post(self.route.target, [item.event for item in posted])
            other = self.route.fallback
            if other and is_doubted(reply.verdict.outcome, is_canary=self.route.is_canary):
                record_outcome(batch, reply)
                return self._ask_other_version(other, batch, posted, reply.verdict)
            if reply.verdict.next_step is NextStep.SPLIT_BATCH and len(posted) > 1:
                record_outcome(batch, reply)
                return True
            settle(self.lease, batch, self.mark(posted), reply)
        return False

    def _ask_other_version(self, other: Route, refused: Batch, items: Sequence[Item], verdict: Verdict) -> bool:
        """Once more with the version that is not in doubt, which all that is left of this lease goes with, too."""
        self.route = other
        self._may_have_arrived |= verdict.outcome is Outcome.AMBIGUOUS
        must_split = self.send_part(items)
        weigh_version(self.lease, refused, verdict)
        return must_split

    def send_part(self, items: Sequence[Item]) -> bool:
        """A part of a refused request, in a request of its own."""
        self._renew()
        parent = self.holder[items[0].send.id]
        with transaction.atomic():
            batch = _new_part(parent, len(items), self.route.target.api_version)
            held = _hand_over(items, parent, batch)
        self.holder |= dict.fromkeys((item.send.id for item in held), batch)
        return self.send(batch, held)

    def _renew(self) -> None:
        """Many parts may take longer than one request: those that wait for their turn are kept."""
        if time.monotonic() - self._renewed_at < RENEW_AFTER_S:
            return
        self._renewed_at = time.monotonic()
        with connection.cursor() as cursor:
            batches = {batch.pk for batch in self.holder.values()}
            cursor.execute(_RENEW, [LEASE.total_seconds(), list(self.holder), list(batches)])


def _save_attempts(batch: Batch, items: Sequence[Item]) -> None:
    """Before the request: a crash leaves them behind, and whoever takes over knows that it may have arrived."""
    rows = [{"send": item.send.id, "number": item.send.attempts, "request": item.event} for item in items]
    with connection.cursor() as cursor:
        cursor.execute(_SAVE_ATTEMPTS, [batch.tenant_id, batch.pk, msgspec.json.encode(rows).decode()])
    if len(items) != batch.size:
        Batch.objects.filter(pk=batch.pk).update(size=len(items))


def _new_part(parent: Batch, size: int, api_version: str) -> Batch:
    part: Batch = Batch.objects.create(
        tenant_id=parent.tenant_id,
        destination_id=parent.destination_id,
        parent=parent,
        size=size,
        started_at=Now(),
        lease_until=Now() + LEASE,
        url_host=parent.url_host,
        is_probe=parent.is_probe,
        api_version=api_version,
    )
    return part


def _hand_over(items: Sequence[Item], parent: Batch, batch: Batch) -> list[Item]:
    """From the refused request to the part; those that were still held, with their claims counted anew."""
    with connection.cursor() as cursor:
        cursor.execute(_HAND_OVER, [batch.pk, LEASE.total_seconds(), [item.send.id for item in items], parent.pk])
        claims = dict(cursor.fetchall())
    held = [item for item in items if item.send.id in claims]
    return [replace(item, send=replace(item.send, attempts=claims[item.send.id])) for item in held]

"""Write what came of a request: the batch, the breakers, and each send as fate.py decides, if it is still ours."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from random import random

from django.db import connection, transaction
from django.db.models.functions import Now

from apps.core.db import database_now
from apps.core.log import get_logger
from apps.dispatch.consent import WITHDRAWN
from apps.dispatch.fate import Fate, Place, Request, decide
from apps.dispatch.models import Batch
from apps.dispatch.platform import Reply
from apps.dispatch.services.admission import note_outcome
from apps.dispatch.services.claim import Lease
from apps.dispatch.services.park import park
from apps.dispatch.services.prepare import Item
from apps.dispatch.services.targets import top_of
from apps.dispatch.verdict import Outcome
from apps.dispatch.words import find_words

MAX_RESPONSE = 4000
_PARKING = frozenset({Outcome.TOKEN, Outcome.PERMISSION, Outcome.VERSION})
_GOES_ON = frozenset({Place.RETRYING, Place.PARKED})
_SETTLE = """
UPDATE dispatch_send AS s SET status = f.place, reason = f.reason, failures = f.failures, strikes = f.strikes,
    repairs = f.repairs::jsonb, is_unsure = f.is_unsure, due_at = coalesce(f.due_at, s.due_at), batch_id = NULL,
    settled_at = CASE WHEN f.place IN ('retrying', 'parked') THEN NULL ELSE statement_timestamp() END,
    changed_at = statement_timestamp()
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::int[], %s::int[], %s::text[], %s::bool[], %s::timestamptz[])
    AS f (id, place, reason, failures, strikes, repairs, is_unsure, due_at)
WHERE s.id = f.id AND s.batch_id = %s AND s.status = 'sending'
"""
log = get_logger(__name__)


@transaction.atomic
def settle(lease: Lease, batch: Batch, items: Sequence[Item], reply: Reply) -> None:
    """Write the outcome of one request; what a send came to only while `batch` still holds it."""
    now, verdict = database_now(), reply.verdict
    record_outcome(batch, reply)
    request = Request(is_alone=len(items) == 1, was_well=lease.gate.was_well, is_probe=batch.is_probe)
    fates = {item.send.id: _fate_of(item, reply, request, now) for item in items}
    write_fates(batch, fates | _withdrawn(items, fates))
    note_outcome(lease.gate, verdict, top_of(lease.destination), now)
    if verdict.outcome in _PARKING:
        park(lease.gate.own, verdict, lease.destination.token_saved_at, now)
    log.info("dispatch.settled", batch_id=batch.pk, rows=len(items), outcome=verdict.outcome.value, code=verdict.code)


def record_outcome(batch: Batch, reply: Reply) -> None:
    verdict = reply.verdict
    Batch.objects.filter(pk=batch.pk).update(
        finished_at=Now(),
        outcome=verdict.outcome,
        http_status=reply.http_status,
        code=verdict.code,
        subcode=verdict.subcode,
        trace_id=(verdict.fbtrace_id or "")[:100],
        next_step=verdict.next_step,
        response=reply.body.replace("\x00", "")[:MAX_RESPONSE],  # PostgreSQL's text holds no NUL
        elapsed_ms=reply.elapsed_ms,
    )


def put_back(batch_of: Mapping[int, Batch], items: Iterable[Item]) -> None:
    """Let go of what was not tried in the end: it comes back in smaller requests."""
    now = database_now()
    for item in items:
        failed = replace(item.tried, failures=item.tried.failures + 1)
        write_fates(batch_of[item.send.id], {item.send.id: Fate(Place.RETRYING, "too_many_refused", failed, now)})


def write_fates(batch: Batch, fates: Mapping[int, Fate]) -> None:
    rows = list(fates.items())
    with connection.cursor() as cursor:
        cursor.execute(
            _SETTLE,
            [
                [pk for pk, _ in rows],
                [fate.place.value for _, fate in rows],
                [fate.reason for _, fate in rows],
                [fate.tried.failures for _, fate in rows],
                [fate.tried.strikes for _, fate in rows],
                [json.dumps(fate.tried.repairs) for _, fate in rows],
                [fate.tried.is_unsure for _, fate in rows],
                [fate.due_at for _, fate in rows],
                batch.pk,
            ],
        )
        if cursor.rowcount < len(rows):
            log.warning("dispatch.lease_lost", batch_id=batch.pk, rows=len(rows) - cursor.rowcount)


def _fate_of(item: Item, reply: Reply, request: Request, now: datetime) -> Fate:
    event_id = item.send.facts.event_id
    if reply.verdict.outcome is Outcome.ACCEPTED and event_id in reply.refused:
        return Fate(Place.DEAD, reply.refused[event_id][:60], item.tried)
    is_foreign = not item.tried.is_unsure  # else the copy that it had is our own, whose answer was lost
    if reply.verdict.outcome is Outcome.ACCEPTED and event_id in reply.duplicates and is_foreign:
        return Fate(Place.DUPLICATE, "known_to_the_platform", item.tried)
    return decide(item.tried, reply.verdict, request, now, random())  # noqa: S311 - spreads retries, guards nothing


def _withdrawn(items: Sequence[Item], fates: Mapping[int, Fate]) -> dict[int, Fate]:
    """Of those that would be tried again, whose person has refused meanwhile."""
    going_on = [item for item in items if fates[item.send.id].place in _GOES_ON]
    words = find_words(item.send.question for item in going_on)
    return {
        item.send.id: Fate(Place.BLOCKED, WITHDRAWN, fates[item.send.id].tried)
        for item in going_on
        if words[item.send.question].answer is False
    }

"""Reads of the outbox."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Case, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Now

from apps.dispatch.consent import Word, moment_of_event
from apps.dispatch.models import CapiEvent, PlatformBreaker, Send, SendStatus
from apps.dispatch.registry import host_at
from apps.dispatch.subjects import find_question, heard_at
from apps.dispatch.words import find_words

_URGENCY = Case(
    *(When(status=status, then=Value(rank)) for rank, status in enumerate(SendStatus)),
    output_field=IntegerField(),
)

# Of one statement's two looks the first takes the locks; what was claimed since the statement began is not locked.
_FIND_TOLD = """
WITH event AS MATERIALIZED (
    SELECT id, conversion_id, stage FROM dispatch_capievent WHERE conversion_id = ANY(%s)
), untold AS MATERIALIZED (
    SELECT s.id FROM event JOIN dispatch_send s ON s.event_id = event.id WHERE s.attempts = 0
    FOR UPDATE OF s SKIP LOCKED
)
SELECT DISTINCT event.conversion_id FROM event JOIN dispatch_send s ON s.event_id = event.id
WHERE s.id NOT IN (SELECT id FROM untold) AND (event.stage = 'sale' OR event.conversion_id IN (
    SELECT conversion_id FROM matching_match WHERE conversion_id = ANY(%s) AND is_used))
"""

# The index knows which destinations have anything to send; from one to the next it takes one step each.
_FIND_DUE = """
WITH RECURSIVE lane AS (
    (SELECT destination_id FROM dispatch_send WHERE status IN ('pending', 'retrying', 'sending')
     ORDER BY destination_id LIMIT 1)
    UNION ALL
    SELECT (SELECT s.destination_id FROM dispatch_send s WHERE s.status IN ('pending', 'retrying', 'sending')
            AND s.destination_id > lane.destination_id ORDER BY s.destination_id LIMIT 1)
    FROM lane WHERE lane.destination_id IS NOT NULL
)
SELECT d.id, d.platform, d.base_url, coalesce(b.state <> 'closed' OR b.failures > 0, false)
FROM lane JOIN funnels_destination d ON d.id = lane.destination_id
LEFT JOIN dispatch_breaker b ON b.destination_id = d.id
WHERE (b.state IS NULL OR b.state = 'closed' OR b.retry_at <= statement_timestamp())
    AND (b.paused_until IS NULL OR b.paused_until <= statement_timestamp())
    AND EXISTS (SELECT FROM dispatch_send s WHERE s.destination_id = d.id
        AND s.status IN ('pending', 'retrying', 'sending') AND s.due_at <= statement_timestamp())
    AND coalesce(b.width, 2) > (SELECT count(*) FROM dispatch_batch q WHERE q.tenant_id = d.tenant_id
        AND q.destination_id = d.id AND q.finished_at IS NULL AND q.lease_until > statement_timestamp())
ORDER BY d.id
"""


def find_told(conversion_ids: Collection[int]) -> set[int]:
    """Those of whose sale, or of whose click, a platform has heard or may be about to hear: a send of theirs was
    claimed, or somebody holds it now. What was told earlier of an order without a click binds its sale to nothing.

    The sends of the others are held until the caller's transaction ends, so that nobody tells of a match that is being
    decided anew. The caller holds the conversions, so that nobody plans further sends.
    """
    if not conversion_ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_FIND_TOLD, [list(conversion_ids)] * 2)
        return {pk for (pk,) in cursor.fetchall()}


def events_with_status() -> QuerySet[Any]:
    """Events annotated with `status`: their most urgent send's, in the order of SendStatus."""
    most_urgent = Send.objects.filter(event=OuterRef("pk")).order_by(_URGENCY).values("status")[:1]
    return CapiEvent.objects.annotate(status=Subquery(most_urgent))


def consent_of(event: CapiEvent) -> dict[str, Word]:
    """What its person had said by the time of the event (`as_of_event`), and by now (`now`)."""
    now = find_question(event)
    then = replace(now, until=moment_of_event(event.event_time, heard_at(event), event.created_at))
    words = find_words([then, now])
    return {"as_of_event": words[then], "now": words[now]}


@dataclass(frozen=True, slots=True)
class DueDestinations:
    """Destinations with something to send now. `doubtful` failed last time: nobody else should wait behind them."""

    well: list[uuid.UUID]
    doubtful: list[uuid.UUID]


def find_due_destinations() -> DueDestinations:
    """One look-up in the index for each destination that has anything to send; those that must wait are left out."""
    waiting = _waiting_hosts()
    with connection.cursor() as cursor:
        cursor.execute(_FIND_DUE)
        rows = [_DueRow(*row) for row in cursor.fetchall()]
    passing = [row for row in rows if (row.platform, host_at(row.platform, row.base_url)) not in waiting]
    return DueDestinations(
        well=[row.destination_id for row in passing if not row.is_doubtful],
        doubtful=[row.destination_id for row in passing if row.is_doubtful],
    )


def due_destinations() -> list[uuid.UUID]:
    found = find_due_destinations()
    return found.well + found.doubtful


class _DueRow(NamedTuple):
    destination_id: uuid.UUID
    platform: str
    base_url: str
    is_doubtful: bool


def _waiting_hosts() -> set[tuple[str, str]]:
    now = Now()
    waiting = ~Q(state=PlatformBreaker.State.CLOSED) & Q(retry_at__gt=now) | Q(paused_until__gt=now)
    return set(PlatformBreaker.objects.filter(waiting).values_list("platform", "host"))

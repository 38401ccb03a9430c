"""Reads of the outbox."""

import uuid
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from django.db import connection
from django.db.models import Case, Exists, IntegerField, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Now

from apps.dispatch.consent import Word, moment_of_event
from apps.dispatch.models import LIVE_STATUSES, CapiEvent, Send, SendStatus
from apps.dispatch.subjects import find_subject, heard_at
from apps.dispatch.words import find_words
from apps.funnels.models import Destination

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
    now = find_subject(event).question
    then = replace(now, until=moment_of_event(event.event_time, heard_at(event), event.created_at))
    words = find_words([then, now])
    return {"as_of_event": words[then], "now": words[now]}


def due_destinations() -> list[uuid.UUID]:
    """Destinations with at least one send due now; one index look-up a destination."""
    due = Send.objects.filter(destination=OuterRef("pk"), status__in=LIVE_STATUSES, due_at__lte=Now())
    return list(Destination.objects.filter(Exists(due)).values_list("pk", flat=True))

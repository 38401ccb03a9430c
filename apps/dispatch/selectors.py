"""Reads of the outbox."""

import uuid
from dataclasses import replace
from typing import Any

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

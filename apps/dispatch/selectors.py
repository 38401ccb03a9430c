"""Reads of the outbox."""

import uuid
from typing import Any

from django.db.models import Case, Exists, IntegerField, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Now

from apps.dispatch.models import LIVE_STATUSES, CapiEvent, Send, SendStatus
from apps.funnels.models import Destination

_URGENCY = Case(
    *(When(status=status, then=Value(rank)) for rank, status in enumerate(SendStatus)),
    output_field=IntegerField(),
)


def events_with_status() -> QuerySet[Any]:
    """Events annotated with `status`: their most urgent send's, in the order of SendStatus."""
    most_urgent = Send.objects.filter(event=OuterRef("pk")).order_by(_URGENCY).values("status")[:1]
    return CapiEvent.objects.annotate(status=Subquery(most_urgent))


def due_destinations() -> list[uuid.UUID]:
    """Destinations with at least one send due now; one index look-up a destination."""
    due = Send.objects.filter(destination=OuterRef("pk"), status__in=LIVE_STATUSES, due_at__lte=Now())
    return list(Destination.objects.filter(Exists(due)).values_list("pk", flat=True))

"""Reads that span stages: orders and events as the REST API shows them."""

from typing import Any

from django.db.models import Prefetch, QuerySet

from apps.conversions.models import Conversion
from apps.dispatch.models import Send
from apps.dispatch.selectors import events_with_status
from apps.matching.selectors import history


def list_conversions(order_id: str | None) -> QuerySet[Conversion]:
    """Conversions with their match, what was decided about it, and events; three statements a page."""
    rows: QuerySet[Conversion] = Conversion.objects.select_related("match__click")
    rows = rows.prefetch_related(Prefetch("capi_events", queryset=events_with_status()), history("match__reviews"))
    return rows.filter(order_id=order_id) if order_id else rows


def list_events(order_id: str | None, session_id: str | None, status: str | None) -> QuerySet[Any]:
    rows = events_with_status().select_related("conversion", "page_event__session")
    rows = rows.prefetch_related(Prefetch("sends", queryset=_sends()))
    if order_id:
        rows = rows.filter(conversion__order_id=order_id)
    if session_id:
        rows = rows.filter(page_event__session__public_id=session_id)
    return rows.filter(status=status) if status else rows


def events_in_detail() -> QuerySet[Any]:
    """Events with all that happened to them, for one at a time."""
    order = Prefetch("conversion", queryset=list_conversions(order_id=None))
    return (
        events_with_status()
        .select_related("page_event__session")
        .prefetch_related(order, Prefetch("sends", queryset=_sends().prefetch_related("tries__batch")))
    )


def _sends() -> QuerySet[Send]:
    sends: QuerySet[Send] = Send.objects.select_related("destination").order_by("pk")
    return sends

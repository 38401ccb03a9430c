"""The rows behind dead letters, one queue at a time: found by their indexes, however many there are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Any, Self
from uuid import UUID

from django.db.models import QuerySet

from apps.conversions.models import Conversion, Quarantine
from apps.conversions.services import MAX_MATCH_FAILURES
from apps.dispatch.letters.filters import Condition, Filters, Queue
from apps.dispatch.models import Send
from apps.funnels.models import Destination

CHUNK = 500
_UNREAD = (
    *("destination__access_token", "event__conversion__identity", "event__conversion__tracking"),
    *("event__conversion__items", "event__conversion__milestones", "event__page_event__data"),
)


class Merged:
    """Rows of several queries as one list in the order of their keys.

    Each query is read by its own index, and only as far as it is shown; one query for all of them would have to sort
    every dead letter of the tenant. It has what a paginator needs of a queryset.
    """

    def __init__(self, parts: Sequence[QuerySet[Any]], is_newest_first: bool = True) -> None:
        self._is_newest_first = is_newest_first
        self._parts = [part.order_by("-pk" if is_newest_first else "pk") for part in parts]

    def order_by(self, *names: str) -> Self:
        """By the key alone: "-id" or "id"."""
        return type(self)(self._parts, names[0].startswith("-"))

    def filter(self, **conditions: Any) -> Self:
        return type(self)([part.filter(**conditions) for part in self._parts], self._is_newest_first)

    def lock(self) -> Self:
        return type(self)([part.select_for_update(of=("self",)) for part in self._parts], self._is_newest_first)

    def count(self) -> int:
        return sum(part.order_by().count() for part in self._parts)

    @property
    def parts(self) -> Sequence[QuerySet[Any]]:
        return self._parts

    def __getitem__(self, page: slice) -> list[Any]:
        rows = [row for part in self._parts for row in part[: page.stop]]
        return sorted(rows, key=lambda row: row.pk, reverse=self._is_newest_first)[page]

    def in_chunks(self) -> Iterator[list[Any]]:
        """All rows, by and by; none is read twice."""
        walks = (self._walk(part) for part in self._parts)
        rows = merge(*walks, key=lambda row: row.pk, reverse=self._is_newest_first)
        while chunk := list(islice(rows, CHUNK)):
            yield chunk

    def _walk(self, part: QuerySet[Any]) -> Iterator[Any]:
        beyond = "pk__lt" if self._is_newest_first else "pk__gt"
        rows = list(part[:CHUNK])
        while rows:
            yield from rows
            rows = list(part.filter(**{beyond: rows[-1].pk})[:CHUNK])


def find_rows(filters: Filters, tenant_id: UUID) -> Merged:
    """Newest first."""
    return Merged(_FINDERS[filters.queue](filters, tenant_id))


def _find_sends(filters: Filters, tenant_id: UUID) -> list[QuerySet[Any]]:
    rows: QuerySet[Send] = Send.objects.filter(tenant=tenant_id)
    related = rows.select_related("destination", "event__funnel", "event__conversion", "event__page_event__session")
    rows = related.defer(*_UNREAD)
    rows = rows.filter(**_present(reason=filters.reason, settled_at__gte=filters.since, settled_at__lte=filters.until))
    rows = rows.filter(**_present(value__gte=filters.min_value, value__lte=filters.max_value))
    if filters.ids:
        rows = rows.filter(event__event_id__in=filters.ids)
    if filters.sends:
        rows = rows.filter(pk__in=filters.sends)
    if filters.destination or filters.funnel or filters.platform:
        rows = rows.filter(destination__in=_find_destinations(filters, tenant_id))
    return [rows.filter(status=status) for status in ([filters.status] if filters.status else Condition)]


def _find_destinations(filters: Filters, tenant_id: UUID) -> list[UUID]:
    """Few, and known by key they narrow the index of sends without a join."""
    named = _present(pk=filters.destination, funnel=filters.funnel, platform=filters.platform)
    return list(Destination.objects.filter(tenant=tenant_id, **named).values_list("pk", flat=True))


def _find_unmatched(filters: Filters, tenant_id: UUID) -> list[QuerySet[Any]]:
    rows: QuerySet[Conversion] = Conversion.objects.filter(tenant=tenant_id, match_failures__gte=MAX_MATCH_FAILURES)
    rows = rows.filter(**_present(amount__gte=filters.min_value, amount__lte=filters.max_value))
    rows = rows.filter(**_present(funnel=filters.funnel, changed_at__gte=filters.since, changed_at__lte=filters.until))
    if filters.reason not in ("", MATCHING_FAILED):
        return [rows.none()]
    return [_named(rows, filters).select_related("funnel").defer("identity", "tracking", "items", "milestones")]


def _find_quarantined(filters: Filters, tenant_id: UUID) -> list[QuerySet[Any]]:
    rows: QuerySet[Quarantine] = Quarantine.objects.filter(tenant=tenant_id, state=Quarantine.State.WAITING)
    times = _present(delivery__received_at__gte=filters.since, delivery__received_at__lte=filters.until)
    rows = rows.filter(**times, **_present(delivery__endpoint__funnel=filters.funnel, delivery__outcome=filters.reason))
    if filters.min_value is not None or filters.max_value is not None:
        return [rows.none()]  # nobody knows what it is worth
    secrets = (f"delivery__endpoint__{name}" for name in ("secret", "previous_secret", "credentials"))
    return [_named(rows, filters).select_related("delivery__endpoint__funnel").defer("body", *secrets)]


def _named(rows: QuerySet[Any], filters: Filters) -> QuerySet[Any]:
    keys = [int(text) for text in filters.ids if text.isascii() and text.isdecimal() and len(text) < 19]
    return rows.filter(pk__in=keys) if filters.ids else rows


def _present(**conditions: Any) -> dict[str, Any]:
    return {name: value for name, value in conditions.items() if value not in (None, "")}


MATCHING_FAILED = "matching_failed"
"""The one reason of the dead letters of matching."""
_FINDERS: Mapping[Queue, Callable[[Filters, UUID], list[QuerySet[Any]]]] = {
    Queue.DISPATCH: _find_sends,
    Queue.MATCH: _find_unmatched,
    Queue.INGEST: _find_quarantined,
}

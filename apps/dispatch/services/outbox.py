"""Into the outbox: events that are still lacking, and a send of each to every published destination."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.utils import timezone

from apps.dispatch.backoff import deadline
from apps.dispatch.consent import may_set_out, moment_of_event
from apps.dispatch.models import CapiEvent, Rank, Send, SendStatus
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.subjects import find_questions, heard_at
from apps.dispatch.words import find_words
from apps.funnels.selectors import DestinationConfig, FunnelConfig

Key = tuple[uuid.UUID, str]  # of an event: tenant, event id


def write_events(
    planned: Sequence[CapiEvent],
    configs: Mapping[uuid.UUID, FunnelConfig],
    rank: Rank,
    *,
    excluded: Mapping[str, str],
) -> set[uuid.UUID]:
    """The destinations that got any. `excluded` has the reasons of those that are never sent, by event id.

    Idempotent: both rows are unique, so planning again, or twice at once, adds nothing. Of two events with one id the
    first counts.
    """
    if not planned:
        return set()
    CapiEvent.objects.bulk_create(planned, ignore_conflicts=True)
    by_key: dict[Key, CapiEvent] = {}
    for event in planned:
        by_key.setdefault(_key(event), event)
    rows = CapiEvent.objects.filter(event_id__in=[event.event_id for event in planned])
    stored = {_key(row): row.pk for row in rows if _is_same(row, by_key.get(_key(row)))}
    permitted = _permitted(list(by_key.values()), configs)
    sends = [
        _new_send(event, stored[key], destination, rank, excluded.get(key[1], ""), is_permitted=key in permitted)
        for key, event in by_key.items()
        if key in stored
        for destination in configs[event.funnel_id].destinations
    ]
    Send.objects.bulk_create(sends, ignore_conflicts=True)
    return {send.destination_id for send in sends}


def _key(event: CapiEvent) -> Key:
    return event.tenant_id, event.event_id


def _is_same(row: CapiEvent, event: CapiEvent | None) -> bool:
    """Whether the stored row is this event, and not another that had its id before."""
    return event is not None and (row.conversion_id, row.page_event_id) == (event.conversion_id, event.page_event_id)


def _permitted(events: Sequence[CapiEvent], configs: Mapping[uuid.UUID, FunnelConfig]) -> set[Key]:
    """Those whose people had not refused by the time of the event and do not now."""
    planned_at = timezone.now()
    asked = [
        (event, replace(now, until=moment_of_event(event.event_time, heard_at(event), planned_at)), now)
        for event, now in zip(events, find_questions(events), strict=True)
    ]
    words = find_words(question for _event, *questions in asked for question in questions)
    return {
        _key(event)
        for event, then, now in asked
        if may_set_out(words[then], words[now], configs[event.funnel_id].unknown_consent)
    }


def _new_send(
    event: CapiEvent,
    event_pk: int,
    destination: DestinationConfig,
    rank: Rank,
    why_excluded: str,
    *,
    is_permitted: bool,
) -> Send:
    latest = deadline(event.event_time)
    status, reason = _first_status(destination, why_excluded, latest, is_permitted=is_permitted)
    return Send(
        tenant_id=event.tenant_id,
        event_id=event_pk,
        destination_id=destination.id,
        status=status,
        reason=reason,
        rank=rank,
        deadline=latest,
        due_at=timezone.now(),
        changed_at=timezone.now(),
    )


def _first_status(
    destination: DestinationConfig, why_excluded: str, latest: datetime, *, is_permitted: bool
) -> tuple[SendStatus, str]:
    if why_excluded:
        return SendStatus.EXCLUDED, why_excluded
    if destination.platform not in PLATFORMS:
        return SendStatus.PARKED, "platform_not_available"
    if latest <= timezone.now():
        return SendStatus.EXPIRED, "too_old"
    if not is_permitted:
        return SendStatus.BLOCKED, "consent"
    return SendStatus.PENDING, ""

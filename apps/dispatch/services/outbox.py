"""Into the outbox: events that are still lacking, and a send of each to every published destination."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from apps.dispatch.backoff import deadline
from apps.dispatch.consent import PERMITTED, ConsentReason, moment_of_event, reason_to_set_out
from apps.dispatch.models import CapiEvent, Rank, Send, SendStatus
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.subjects import find_questions, heard_at
from apps.dispatch.words import find_words
from apps.funnels.selectors import DestinationConfig, FunnelConfig

Key = tuple[uuid.UUID, str]  # of an event: tenant, event id
SALE = "sale"
"""The stage of an order at which it is paid."""
REVIEW = "review"
"""The reason of a send that waits for somebody to decide on its sale's match."""
# For the decision to take effect after its time has run out, and for a few tries before the platform takes it no more.
_GRACE = timedelta(minutes=10)
_MARGIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Known:
    """Of an event, what its sends begin with: why it is never sent, what its person said, until when it is reviewed."""

    why_excluded: str
    consent: ConsentReason
    review_until: datetime | None


def write_events(
    planned: Sequence[CapiEvent],
    configs: Mapping[uuid.UUID, FunnelConfig],
    *,
    excluded: Mapping[str, str],
    reviews: Mapping[str, datetime],
) -> set[uuid.UUID]:
    """The destinations that got any. By event id, `excluded` has the reasons of those that are never sent, `reviews`
    until when those wait whose sale's match is to be reviewed.

    Idempotent: both rows are unique, so planning again, or twice at once, adds nothing. Of two events with one id the
    first counts.
    """
    if not planned:
        return set()
    CapiEvent.objects.bulk_create(planned, ignore_conflicts=True)
    by_key: dict[Key, CapiEvent] = {}
    for event in planned:
        by_key.setdefault(key_of(event), event)
    rows = CapiEvent.objects.filter(event_id__in=[event.event_id for event in planned])
    stored = {key_of(row): row.pk for row in rows if _is_same(row, by_key.get(key_of(row)))}
    now = timezone.now()
    reasons = find_reasons([(event, now) for event in by_key.values()], configs)
    known = {key: _Known(excluded.get(key[1], ""), reasons[key], reviews.get(key[1])) for key in by_key}
    sends = [
        _new_send(event, stored[key], destination, known[key])
        for key, event in by_key.items()
        if key in stored
        for destination in configs[event.funnel_id].destinations
    ]
    Send.objects.bulk_create(sends, ignore_conflicts=True)
    return {send.destination_id for send in sends}


def key_of(event: CapiEvent) -> Key:
    return event.tenant_id, event.event_id


def _is_same(row: CapiEvent, event: CapiEvent | None) -> bool:
    """Whether the stored row is this event, and not another that had its id before."""
    return event is not None and (row.conversion_id, row.page_event_id) == (event.conversion_id, event.page_event_id)


def held_until(review_until: datetime, latest: datetime) -> datetime:
    """When a send goes out if nobody settles its sale's match; `latest` is its deadline."""
    return max(timezone.now(), min(review_until + _GRACE, latest - _MARGIN))


def find_reasons(
    planned: Sequence[tuple[CapiEvent, datetime]], configs: Mapping[uuid.UUID, FunnelConfig]
) -> dict[Key, ConsentReason]:
    """What each event's person had said by the time of the event and says now; beside each, when it was planned."""
    asked = [
        (event, replace(now, until=moment_of_event(event.event_time, heard_at(event), planned_at)), now)
        for (event, planned_at), now in zip(planned, find_questions([event for event, _ in planned]), strict=True)
    ]
    words = find_words(question for _event, *questions in asked for question in questions)
    return {
        key_of(event): reason_to_set_out(words[then], words[now], configs[event.funnel_id].unknown_consent)
        for event, then, now in asked
    }


def _new_send(
    event: CapiEvent,
    event_pk: int,
    destination: DestinationConfig,
    known: _Known,
) -> Send:
    now, latest = timezone.now(), _deadline_at(destination, event.event_time)
    status, reason = _first_status(destination, known, latest)
    until = known.review_until if reason == REVIEW else None
    return Send(
        tenant_id=event.tenant_id,
        event_id=event_pk,
        destination_id=destination.id,
        status=status,
        reason=reason,
        rank=_rank_of(event),
        value=_value_of(event),
        deadline=latest,
        due_at=held_until(until, latest) if until else now,
        changed_at=now,
    )


def _deadline_at(destination: DestinationConfig, event_time: datetime) -> datetime:
    limits = PLATFORMS[destination.platform].limits
    return deadline(event_time, limits.margin, limits.window)


def _rank_of(event: CapiEvent) -> Rank:
    if event.conversion is None:
        return Rank.PAGE
    return Rank.PURCHASE if event.stage == SALE else Rank.ORDER


def _value_of(event: CapiEvent) -> Decimal:
    """What decides between sends of one rank and deadline."""
    return (event.conversion.amount if event.conversion else None) or Decimal(0)


def _first_status(destination: DestinationConfig, known: _Known, latest: datetime) -> tuple[SendStatus, str]:
    """The proposed visitor may have said yes where nothing else is known, so a sale in review is not judged by that."""
    if known.why_excluded:
        return SendStatus.EXCLUDED, known.why_excluded
    if latest <= timezone.now():
        return SendStatus.EXPIRED, "too_old"
    if known.consent is ConsentReason.DENIED or (known.consent not in PERMITTED and not known.review_until):
        return SendStatus.BLOCKED, "consent"
    return SendStatus.PENDING, REVIEW if known.review_until else ""

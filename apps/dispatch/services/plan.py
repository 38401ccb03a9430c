"""Which events an order gives, and a send of each to every published destination."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils import timezone

from apps.clicks.models import Click
from apps.conversions.models import Conversion
from apps.dispatch.backoff import deadline
from apps.dispatch.consent import may_send
from apps.dispatch.event_id import make_event_id
from apps.dispatch.models import CapiEvent, Send, SendStatus
from apps.dispatch.registry import PLATFORMS
from apps.funnels.models import Rollout
from apps.funnels.selectors import DestinationConfig, FunnelConfig
from apps.matching.models import Match

PURCHASE = "Purchase"
RENEWAL = "Subscribe"


def event_name_of(conversion: Conversion) -> str | None:
    """What to tell the platforms of this order; None while no money was confirmed."""
    if conversion.approved_at is None:
        return None
    return RENEWAL if conversion.is_renewal else PURCHASE


def plan_events(
    conversions: Sequence[Conversion], matches: Mapping[int, Match], configs: Mapping[uuid.UUID, FunnelConfig]
) -> set[uuid.UUID]:
    """Write the events and sends that these conversions still lack; the destinations that got any.

    Idempotent: both rows are unique, so planning again, or twice at once, adds nothing.
    """
    planned = [event for row in conversions if (event := _new_event(row))]
    if not planned:
        return set()
    CapiEvent.objects.bulk_create(planned, ignore_conflicts=True)
    consents = _consents(matches)
    by_key = {(event.tenant_id, event.event_id): event for event in planned}
    events = CapiEvent.objects.filter(event_id__in=[event.event_id for event in planned])
    stored = {
        (event.tenant_id, event.event_id): event.pk for event in events if (event.tenant_id, event.event_id) in by_key
    }
    sends = [
        _new_send(stored[key], event, destination, configs[event.funnel_id], consents.get(event.conversion_id))
        for key, event in by_key.items()
        for destination in configs[event.funnel_id].destinations
    ]
    Send.objects.bulk_create(sends, ignore_conflicts=True)
    return {send.destination_id for send in sends}


def _new_event(row: Conversion) -> CapiEvent | None:
    name = event_name_of(row)
    if name is None or row.approved_at is None:
        return None
    return CapiEvent(
        tenant_id=row.tenant_id,
        event_id=make_event_id(str(row.tenant_id), row.gateway, row.order_id, name),
        event_name=name,
        conversion=row,
        funnel_id=row.funnel_id,
        event_time=row.approved_at,
        correlation_id=row.correlation_id,
    )


def _consents(matches: Mapping[int, Match]) -> dict[int, bool | None]:
    """The visitor's latest word on ads by conversion id; absent without a click."""
    clicks = [match.click_id for match in matches.values() if match.click_id]
    by_click = dict(Click.objects.filter(pk__in=clicks).values_list("pk", "session__consent_ads"))
    return {match.conversion_id: by_click.get(match.click_id) for match in matches.values() if match.click_id}


def _new_send(
    event_pk: int,
    event: CapiEvent,
    destination: DestinationConfig,
    config: FunnelConfig,
    consent: bool | None,
) -> Send:
    latest = deadline(event.event_time)
    status, reason = _first_status(event.conversion, destination, config, latest, consent)
    return Send(
        tenant_id=event.tenant_id,
        event_id=event_pk,
        destination_id=destination.id,
        status=status,
        reason=reason,
        deadline=latest,
        due_at=timezone.now(),
        changed_at=timezone.now(),
    )


def _first_status(
    conversion: Conversion,
    destination: DestinationConfig,
    config: FunnelConfig,
    latest: datetime,
    consent: bool | None,
) -> tuple[SendStatus, str]:
    if conversion.is_test:
        return SendStatus.EXCLUDED, "gateway_test"
    if conversion.endpoint.rollout == Rollout.SHADOW:
        return SendStatus.EXCLUDED, "shadow"
    if destination.platform not in PLATFORMS:
        return SendStatus.PARKED, "platform_not_available"
    if latest <= timezone.now():
        return SendStatus.EXPIRED, "too_old"
    if not may_send(consent, config.unknown_consent):
        return SendStatus.BLOCKED, "consent"
    return SendStatus.PENDING, ""

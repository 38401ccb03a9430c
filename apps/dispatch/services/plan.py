"""Which events an order gives, and a send of each to every published destination."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter

from django.utils import timezone

from apps.conversions.models import Conversion
from apps.dispatch.backoff import deadline
from apps.dispatch.consent import may_set_out, moment_of_event
from apps.dispatch.event_id import make_event_id
from apps.dispatch.models import CapiEvent, Send, SendStatus
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.words import Question, find_words
from apps.funnels.event_names import event_name_of
from apps.funnels.models import Rollout
from apps.funnels.rollout import is_live
from apps.funnels.selectors import DestinationConfig, FunnelConfig
from apps.gateways.events import SALES, Kind

SALE = "sale"


def plan_events(conversions: Sequence[Conversion], configs: Mapping[uuid.UUID, FunnelConfig]) -> set[uuid.UUID]:
    """Write the events and sends that these conversions still lack; the destinations that got any.

    Idempotent: both rows are unique, so planning again, or twice at once, adds nothing.
    """
    planned = [event for row in conversions for event in _new_events(row, configs[row.funnel_id])]
    if not planned:
        return set()
    CapiEvent.objects.bulk_create(planned, ignore_conflicts=True)
    by_key = {(event.tenant_id, event.event_id): event for event in reversed(planned)}
    events = CapiEvent.objects.filter(event_id__in=[event.event_id for event in planned])
    stored = {
        (event.tenant_id, event.event_id): event.pk for event in events if (event.tenant_id, event.event_id) in by_key
    }
    permitted = _permitted(by_key.values(), configs)
    sends = [
        _new_send(stored[key], event, destination, configs[event.funnel_id], key in permitted)
        for key, event in by_key.items()
        if key in stored
        for destination in configs[event.funnel_id].destinations
    ]
    Send.objects.bulk_create(sends, ignore_conflicts=True)
    return {send.destination_id for send in sends}


def _new_events(row: Conversion, config: FunnelConfig) -> list[CapiEvent]:
    """One for each stage the order has been through that this funnel gives a name, first things first.

    Of stages that share a name the first is told: an order and a name are one event.
    """
    happened = sorted(_stages(row), key=itemgetter(2))
    named = [(stage, event_name_of(kind, config.event_names), moment) for stage, kind, moment in happened]
    return [
        CapiEvent(
            tenant_id=row.tenant_id,
            event_id=make_event_id(str(row.tenant_id), row.gateway, row.order_id, name),
            event_name=name,
            stage=stage,
            conversion=row,
            funnel_id=row.funnel_id,
            event_time=moment,
            correlation_id=row.correlation_id,
        )
        for stage, name, moment in named
        if name
    ]


def _stages(row: Conversion) -> Iterator[tuple[str, Kind, datetime]]:
    """(stage, what happened, when). A first payment and a renewal are the same stage: no order is sold twice."""
    if row.approved_at:
        yield SALE, Kind.RENEWED if row.is_renewal else Kind.APPROVED, row.approved_at
    for word, moment in row.milestones.items():
        if word not in SALES:
            yield word, Kind(word), datetime.fromisoformat(moment)


def _permitted(events: Collection[CapiEvent], configs: Mapping[uuid.UUID, FunnelConfig]) -> set[tuple[uuid.UUID, str]]:
    """(tenant, event id) of those whose buyers had not refused by the time of the event and do not now."""
    planned_at = timezone.now()
    asked = [
        (
            event,
            Question(event.conversion_id, moment_of_event(event.event_time, event.conversion.received_at, planned_at)),
            Question(event.conversion_id),
        )
        for event in events
    ]
    words = find_words(question for _event, *questions in asked for question in questions)
    return {
        (event.tenant_id, event.event_id)
        for event, then, now in asked
        if may_set_out(words[then], words[now], configs[event.funnel_id].unknown_consent)
    }


def _new_send(
    event_pk: int,
    event: CapiEvent,
    destination: DestinationConfig,
    config: FunnelConfig,
    is_permitted: bool,
) -> Send:
    latest = deadline(event.event_time)
    status, reason = _first_status(event.conversion, destination, config, latest, is_permitted)
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
    is_permitted: bool,
) -> tuple[SendStatus, str]:
    if conversion.is_test:
        return SendStatus.EXCLUDED, "gateway_test"
    if not _is_live(conversion):
        return SendStatus.EXCLUDED, "shadow"
    if conversion.parent_order_id and config.child_orders == "exclude":
        return SendStatus.EXCLUDED, "part_of_another_order"
    if destination.platform not in PLATFORMS:
        return SendStatus.PARKED, "platform_not_available"
    if latest <= timezone.now():
        return SendStatus.EXPIRED, "too_old"
    if not is_permitted:
        return SendStatus.BLOCKED, "consent"
    return SendStatus.PENDING, ""


def _is_live(conversion: Conversion) -> bool:
    endpoint = conversion.endpoint
    if endpoint.rollout != Rollout.LIVE:
        return False
    return is_live(str(endpoint.pk), conversion.order_id, endpoint.live_percent)

"""From what a gateway reported to rows: buyers hashed, times clamped to the receipt."""

from collections.abc import Sequence
from datetime import datetime

from apps.conversions.facts import fingerprint, read_fact
from apps.conversions.models import Quarantine
from apps.conversions.services import NewDelivery
from apps.funnels.selectors import LiveEndpoint, credentials_of
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.pipeline.keeping import UNKNOWN_WORD


def new_deliveries(
    endpoint: LiveEndpoint, events: Sequence[GatewayEvent], *, received_at: datetime, correlation_id: str
) -> list[NewDelivery]:
    return [_new_delivery(endpoint, event, received_at, correlation_id) for event in events]


def endpoint_of(kept: Quarantine) -> LiveEndpoint:
    """Without secrets: the signature was checked when it came, and may be stale now. Raises InvalidToken."""
    delivery = kept.delivery
    return LiveEndpoint(
        id=delivery.endpoint_id,
        tenant_id=delivery.tenant_id,
        funnel_id=delivery.endpoint.funnel_id,
        gateway=delivery.gateway,
        secrets=(),
        credentials=credentials_of(delivery.endpoint),
    )


def request_of(kept: Quarantine) -> WebhookRequest:
    """Raises InvalidToken."""
    return WebhookRequest(kept.body, {"content-type": kept.content_type})


def read_kept(kept: Quarantine, request: WebhookRequest) -> list[NewDelivery]:
    """As if it were read when it arrived. Raises PayloadError, also for a word that is still unknown."""
    events = ADAPTERS[kept.delivery.gateway].parse(request)
    if any(event.kind is Kind.UNKNOWN for event in events):
        raise UNKNOWN_WORD
    return new_deliveries(
        endpoint_of(kept),
        events,
        received_at=kept.delivery.received_at,
        correlation_id=kept.delivery.correlation_id,
    )


def _new_delivery(
    endpoint: LiveEndpoint, event: GatewayEvent, received_at: datetime, correlation_id: str
) -> NewDelivery:
    fact = read_fact(event, received_at) if event.order_id else None
    return NewDelivery(
        tenant_id=endpoint.tenant_id,
        funnel_id=endpoint.funnel_id,
        endpoint_id=endpoint.id,
        gateway=endpoint.gateway,
        received_at=received_at,
        correlation_id=correlation_id,
        kind=event.kind,
        vendor_event=event.vendor_event[:200],
        order_id=event.order_id or "",
        fingerprint=fingerprint(event, fact) if fact else "",
        fact=fact,
    )

"""What happens to a webhook between its bytes and the answer: verify, parse, hash, one commit.

`receive` knows no HTTP framework: it is given a WebhookRequest and raises HubError for every answer that is not 202.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.conf import settings
from django.db import DataError, Error
from django.utils.translation import gettext as _

from apps.conversions.facts import fingerprint, read_fact
from apps.conversions.models import Outcome
from apps.conversions.services import NewDelivery, UnreadableDelivery, quarantine_delivery, record_deliveries
from apps.core.errors import NotAuthentic, NotFound, Overloaded, TooLarge, Unreadable
from apps.core.log import current_request_id, get_logger
from apps.core.metrics import count
from apps.funnels.selectors import LiveEndpoint, find_endpoint, remembered_endpoint
from apps.gateways.base import Adapter
from apps.gateways.errors import PayloadError, SignatureError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.registry import get_adapter
from apps.gateways.request import WebhookRequest

UNSTORABLE = PayloadError("body", "values that a database can hold", "others")
UNKNOWN_WORD = PayloadError("event", "a word that the adapter knows", "another word")
log = get_logger(__name__)


def receive(gateway: str, key: str, request: WebhookRequest) -> str:
    """Store one webhook; the outcome's word once it is durable. Raises HubError for everything that is not stored."""
    try:
        return _receive(gateway, key, request)
    except Error as error:
        log.error("webhook.not_stored", gateway=gateway, error_type=type(error).__name__)
        raise Overloaded(_("Nothing was stored. Send the webhook again in a few seconds.")) from error


def _receive(gateway: str, key: str, request: WebhookRequest) -> str:
    adapter = get_adapter(gateway)
    endpoint = find_endpoint(gateway, key) if adapter else None
    if adapter is None or endpoint is None:
        raise NotFound(_("No endpoint has this address. Copy the webhook address from the funnel's page again."))
    _check_size(request)
    _authenticate(adapter, endpoint, request)
    try:
        return _store(endpoint, request, adapter.parse(request))
    except PayloadError as error:
        return _quarantine(endpoint, request, error)
    except DataError:
        return _quarantine(endpoint, request, UNSTORABLE)


def read_ordinary(gateway: str, key: str, request: WebhookRequest, correlation_id: str) -> list[NewDelivery] | None:
    """What an authentic, readable, known webhook of a remembered endpoint says; None for every other.

    It asks no server anything, so an event loop may call it; None means: use `receive`, which says what is wrong.
    """
    adapter, endpoint = get_adapter(gateway), remembered_endpoint(gateway, key)
    if adapter is None or endpoint is None or not 0 < len(request.body) <= settings.MAX_BODY_BYTES:
        return None
    now = datetime.now(UTC)
    try:
        adapter.verify(request, endpoint.secrets, now)
        events = adapter.parse(request)
    except (SignatureError, PayloadError):
        return None
    if not events or any(event.kind is Kind.UNKNOWN for event in events):
        return None
    return new_deliveries(endpoint, events, received_at=now, correlation_id=correlation_id)


def _check_size(request: WebhookRequest) -> None:
    if not request.body:
        raise Unreadable(_("The body is empty. Send the webhook's body with its Content-Length."))
    if len(request.body) > settings.MAX_BODY_BYTES:
        raise TooLarge(
            _("The body may have %(limit)d bytes at most. Send a smaller one.") % {"limit": settings.MAX_BODY_BYTES}
        )


def _authenticate(adapter: Adapter, endpoint: LiveEndpoint, request: WebhookRequest) -> None:
    try:
        adapter.verify(request, endpoint.secrets, datetime.now(UTC))
    except SignatureError as error:
        count("webhooks_refused_total", gateway=adapter.slug, reason=error.reason)
        log.warning("webhook.refused", gateway=adapter.slug, endpoint_id=str(endpoint.id), reason=error.reason)
        raise NotAuthentic(
            _(
                "The webhook's secret or signature does not fit this endpoint. "
                "Compare the secret in the gateway's settings."
            )
        ) from error


def _store(endpoint: LiveEndpoint, request: WebhookRequest, events: Sequence[GatewayEvent]) -> str:
    """Record what is known; a word that is not may be a renamed sale, so its bytes are kept to be read again."""
    known = [event for event in events if event.kind is not Kind.UNKNOWN]
    deliveries = new_deliveries(endpoint, known, received_at=datetime.now(UTC), correlation_id=current_request_id())
    if deliveries:
        record_deliveries(deliveries)
    for event in events:
        if event.kind is Kind.UNKNOWN:
            _keep(endpoint, request, UNKNOWN_WORD, event.vendor_event[:200])
            count("webhooks_unknown_total", gateway=endpoint.gateway)
            log.warning("webhook.unknown_word", gateway=endpoint.gateway, endpoint_id=str(endpoint.id))
    outcomes = [delivery.outcome.value for delivery in deliveries] or [Outcome.UNKNOWN.value for _event in events]
    return outcomes[0] if outcomes else Outcome.IGNORED.value


def new_deliveries(
    endpoint: LiveEndpoint, events: Sequence[GatewayEvent], *, received_at: datetime, correlation_id: str
) -> list[NewDelivery]:
    """The gateway's events as rows to be stored: buyers hashed, times clamped to the receipt."""
    return [_new_delivery(endpoint, event, received_at, correlation_id) for event in events]


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


def _quarantine(endpoint: LiveEndpoint, request: WebhookRequest, error: PayloadError) -> str:
    _keep(endpoint, request, error)
    count("webhooks_quarantined_total", gateway=endpoint.gateway)
    log.error("webhook.quarantined", gateway=endpoint.gateway, endpoint_id=str(endpoint.id))
    return Outcome.QUARANTINED.value


def _keep(endpoint: LiveEndpoint, request: WebhookRequest, error: PayloadError, unknown_word: str = "") -> None:
    quarantine_delivery(
        UnreadableDelivery(
            tenant_id=endpoint.tenant_id,
            endpoint_id=endpoint.id,
            gateway=endpoint.gateway,
            correlation_id=current_request_id(),
            body=request.body,
            content_type=request.headers.get("content-type", ""),
            path=error.path,
            expected=error.expected,
            found=error.found,
            unknown_word=unknown_word,
        )
    )

"""What happens to a webhook between its bytes and the answer: verify, parse, hash, one commit.

`receive` knows no HTTP framework: it is given a WebhookRequest and raises HubError for every answer that is not 202.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import DataError, Error
from django.utils.translation import gettext as _

from apps.conversions.models import Outcome
from apps.conversions.services import NewDelivery, record_deliveries
from apps.core.errors import NotAuthentic, NotFound, Overloaded, TooLarge, Unreadable
from apps.core.log import current_request_id, get_logger
from apps.core.metrics import count
from apps.funnels.models import Trial
from apps.funnels.selectors import LiveEndpoint, find_endpoint, remembered_endpoint
from apps.gateways.base import Adapter
from apps.gateways.errors import PayloadError, SignatureError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.recognise import likely_gateway
from apps.gateways.registry import CANDIDATES, get_adapter
from apps.gateways.request import WebhookRequest
from apps.pipeline.confirming import needs_confirmation
from apps.pipeline.drift import find_drift, keep_notices
from apps.pipeline.keeping import UNSTORABLE, blame_gateway, keep_unknown_word, keep_unreadable, keep_until_confirmed
from apps.pipeline.reading import new_deliveries
from apps.pipeline.trial import try_candidate

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a stored webhook; `detail` tells its sender of a likely mistake."""

    outcome: str
    detail: str = ""


def receive(gateway: str, key: str, request: WebhookRequest) -> Receipt:
    """Store one webhook and say so once it is durable. Raises HubError for everything that is not stored."""
    try:
        return _receive(gateway, key, request)
    except Error as error:
        log.error("webhook.not_stored", gateway=gateway, error_type=type(error).__name__)
        raise Overloaded(_("Nothing was stored. Send the webhook again in a few seconds.")) from error


def _receive(gateway: str, key: str, request: WebhookRequest) -> Receipt:
    adapter = get_adapter(gateway)
    endpoint = find_endpoint(gateway, key) if adapter else None
    if adapter is None or endpoint is None:
        raise NotFound(_("No endpoint has this address. Copy the webhook address from the funnel's page again."))
    _check_size(request)
    _authenticate(adapter, endpoint, request)
    if needs_confirmation(adapter, endpoint, request):
        return Receipt(keep_until_confirmed(adapter, endpoint, request))
    try:
        return Receipt(_store(adapter, endpoint, request, _read(adapter, endpoint, request)))
    except PayloadError as error:
        return Receipt(keep_unreadable(adapter, endpoint, request, error), _hint(adapter, request))
    except DataError:
        return Receipt(keep_unreadable(adapter, endpoint, request, UNSTORABLE))


def read_ordinary(gateway: str, key: str, request: WebhookRequest, correlation_id: str) -> list[NewDelivery] | None:
    """What an authentic, readable, known webhook of a remembered endpoint says; None for every other.

    It asks no server anything, so an event loop may call it; None means: use `receive`, which says what is wrong.
    """
    adapter, endpoint = get_adapter(gateway), remembered_endpoint(gateway, key)
    if adapter is None or endpoint is None or not 0 < len(request.body) <= settings.MAX_BODY_BYTES:
        return None
    if endpoint.candidate is not Trial.OFF or endpoint.credentials:
        return None
    now = datetime.now(UTC)
    try:
        adapter.verify(request, endpoint.secrets, now)
        events = adapter.parse(request)
    except (SignatureError, PayloadError):
        return None
    if not events or any(event.kind is Kind.UNKNOWN for event in events) or find_drift(adapter, endpoint, request):
        return None
    return new_deliveries(endpoint, events, received_at=now, correlation_id=correlation_id)


def _read(adapter: Adapter, endpoint: LiveEndpoint, request: WebhookRequest) -> list[GatewayEvent]:
    """The events that count: the adapter's, or those of its next version where this endpoint goes by that."""
    candidate = CANDIDATES.get(adapter.slug)
    if candidate is None or endpoint.candidate is Trial.OFF:
        return adapter.parse(request)
    trial = try_candidate(candidate, adapter, endpoint, request)
    return trial if endpoint.candidate is Trial.LIVE and trial else adapter.parse(request)


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
            _hint(adapter, request)
            or _(
                "The webhook's secret or signature does not fit this endpoint. "
                "Compare the secret in the gateway's settings."
            )
        ) from error


def _store(adapter: Adapter, endpoint: LiveEndpoint, request: WebhookRequest, events: Sequence[GatewayEvent]) -> str:
    """Record what is known, keep what is not, and note what is new. Raises PayloadError for another gateway's body."""
    foreign = blame_gateway(adapter, request) if any(event.kind is Kind.UNKNOWN for event in events) else None
    if foreign:
        raise foreign
    known = [event for event in events if event.kind is not Kind.UNKNOWN]
    deliveries = new_deliveries(endpoint, known, received_at=datetime.now(UTC), correlation_id=current_request_id())
    if deliveries:
        record_deliveries(deliveries)
    for event in events:
        if event.kind is Kind.UNKNOWN:
            keep_unknown_word(adapter, endpoint, request, event.vendor_event)
    keep_notices(endpoint, find_drift(adapter, endpoint, request))
    outcomes = [delivery.outcome.value for delivery in deliveries] or [Outcome.UNKNOWN.value for _event in events]
    return outcomes[0] if outcomes else Outcome.IGNORED.value


def _hint(adapter: Adapter, request: WebhookRequest) -> str:
    """For the seller who pasted this address into another gateway's pages."""
    likely = likely_gateway(request)
    if likely is None or likely.slug == adapter.slug:
        return ""
    return _(
        "This looks like a webhook of %(likely)s, and the address is that of an endpoint for %(gateway)s. "
        "Use the address of the funnel's %(likely)s endpoint in %(likely)s."
    ) % {"likely": likely.label, "gateway": adapter.label}

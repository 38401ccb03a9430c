"""Authentic webhooks that cannot be used as they are: kept encrypted, with what is odd about them."""

from apps.conversions.models import Outcome, Quarantine
from apps.conversions.services import UnreadableDelivery, quarantine_delivery
from apps.core.log import current_request_id, get_logger
from apps.core.metrics import count
from apps.funnels.selectors import LiveEndpoint
from apps.gateways.base import Adapter
from apps.gateways.contract import Difference, contract_of
from apps.gateways.errors import PayloadError
from apps.gateways.recognise import likely_gateway
from apps.gateways.redaction import hide_secrets
from apps.gateways.request import WebhookRequest
from apps.gateways.signatures import travels_in_body

UNSTORABLE = PayloadError("body", "values that a database can hold", "others")
UNKNOWN_WORD = PayloadError("event", "a word that the adapter knows", "another word")
UNDECIPHERABLE = PayloadError("body", "bytes encrypted under a key of HUBTRACK_SECRET_KEYS", "bytes of another key")
UNCONFIRMED = PayloadError("body", "an order that the gateway's own API confirms", "not asked yet")
log = get_logger(__name__)


def keep_unreadable(adapter: Adapter, endpoint: LiveEndpoint, request: WebhookRequest, error: PayloadError) -> str:
    """Keep what could not be read; the outcome's word."""
    _keep(adapter, endpoint, request, blame_gateway(adapter, request) or error)
    count("webhooks_quarantined_total", gateway=endpoint.gateway)
    log.error("webhook.quarantined", gateway=endpoint.gateway, endpoint_id=str(endpoint.id))
    return Outcome.QUARANTINED.value


def keep_unknown_word(adapter: Adapter, endpoint: LiveEndpoint, request: WebhookRequest, word: str) -> None:
    """A word that is not known may be a renamed sale, so its bytes are kept to be read again."""
    _keep(adapter, endpoint, request, UNKNOWN_WORD, word=word)
    count("webhooks_unknown_total", gateway=endpoint.gateway)
    log.warning("webhook.unknown_word", gateway=endpoint.gateway, endpoint_id=str(endpoint.id))


def keep_until_confirmed(adapter: Adapter, endpoint: LiveEndpoint, request: WebhookRequest) -> str:
    """Nobody signs this gateway's webhooks, but its API can be asked: the ingest lane does, before it is believed."""
    _keep(adapter, endpoint, request, UNCONFIRMED, state=Quarantine.State.UNCONFIRMED)
    return Outcome.UNCONFIRMED.value


def describe_differences(adapter: Adapter, request: WebhookRequest, word: str = "") -> list[Difference]:
    """Where the first message departs from the gateway's known contract; empty when it cannot be decoded at all."""
    try:
        message = adapter.messages(request)[0]
        known = word or message.maybe_identifier(*adapter.event_paths) or ""
    except PayloadError:
        return []
    return contract_of(adapter).differences(message.value, known)


def blame_gateway(adapter: Adapter, request: WebhookRequest) -> PayloadError | None:
    """What is wrong with a body that looks like another gateway's."""
    likely = likely_gateway(request)
    if likely is None or likely.slug == adapter.slug:
        return None
    return PayloadError("body", f"a webhook of {adapter.label}", f"what looks like one of {likely.label}")


def _keep(
    adapter: Adapter,
    endpoint: LiveEndpoint,
    request: WebhookRequest,
    error: PayloadError,
    *,
    word: str = "",
    state: Quarantine.State = Quarantine.State.WAITING,
) -> None:
    differences = [] if state is Quarantine.State.UNCONFIRMED else describe_differences(adapter, request, word)
    content_type = request.headers.get("content-type", "")
    # A secret that travels elsewhere is never looked for: a short one could stand in an order's id by chance.
    secrets = endpoint.secrets if travels_in_body(adapter.verifier) else ()
    quarantine_delivery(
        UnreadableDelivery(
            tenant_id=endpoint.tenant_id,
            endpoint_id=endpoint.id,
            gateway=endpoint.gateway,
            correlation_id=current_request_id(),
            body=hide_secrets(request.body, secrets, content_type),
            content_type=content_type,
            path=error.path,
            expected=error.expected,
            found=error.found,
            differences=differences,
            unknown_word=word[:200],
            state=state,
        )
    )

"""Every gateway of the registry as a sender: its fixtures, signed with this secret or that."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from apps.conversions.transitions import shapes_order
from apps.gateways.events import Kind
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.gateways.signatures import Strength
from tests.gateways.samples import Sample, samples_of
from tests.worlds import SECRETS, Answer, World, post_raw

GATEWAYS = tuple(ADAPTERS)
SIGNING = tuple(slug for slug, adapter in ADAPTERS.items() if adapter.verifier.strength is not Strength.NONE)
IN_THE_BODY = tuple(slug for slug in SIGNING if ADAPTERS[slug].verifier.strength is Strength.BODY)


def sale_of(gateway: str) -> Sample:
    """The first fixture of a gateway that is one real sale and nothing else."""
    return next(
        sample
        for sample in samples_of(ADAPTERS[gateway])
        if [(event["kind"], event.get("is_test")) for event in sample.expected] == [(Kind.APPROVED, None)]
    )


def sign(gateway: str, request: WebhookRequest, secret: str, moment: datetime | None = None) -> WebhookRequest:
    return ADAPTERS[gateway].verifier.sign(request, secret, moment or datetime.now(UTC))


def send(world: World, gateway: str, request: WebhookRequest, *, key: str = "") -> Answer:
    """Post a request as it is to this world's endpoint for `gateway`."""
    query = f"?{urlencode(request.query, errors='surrogatepass')}" if request.query else ""
    path = f"/api/v1/webhooks/{gateway}/{key or world.endpoint_key(gateway)}{query}"
    return post_raw(path, request.body, dict(request.headers))


def send_signed(world: World, gateway: str, request: WebhookRequest) -> Answer:
    return send(world, gateway, sign(gateway, request, SECRETS[gateway]))


def outcome_of(sample: Sample) -> str:
    """What a fixture's delivery is answered with."""
    kind = Kind(sample.expected[0]["kind"])
    return "recorded" if shapes_order(kind) else "ignored"

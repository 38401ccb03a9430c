"""Ask the gateway itself before an unsigned webhook is believed, where the customer gave credentials for its API."""

from datetime import timedelta

from django.db import DataError, transaction

from apps.conversions.models import Quarantine
from apps.conversions.services import (
    NewDelivery,
    claim_unconfirmed,
    hold_unconfirmed,
    keep_quarantined,
    postpone_confirmation,
    settle_replay,
)
from apps.core.crypto import InvalidToken
from apps.core.log import get_logger
from apps.funnels.credentials import converse
from apps.funnels.selectors import LiveEndpoint
from apps.gateways.api import ConfirmingApi
from apps.gateways.base import Adapter
from apps.gateways.errors import PayloadError
from apps.gateways.leaves import write_json
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.pipeline.keeping import UNDECIPHERABLE, UNSTORABLE
from apps.pipeline.reading import endpoint_of, read_kept, request_of

LEASE = timedelta(minutes=2)
# About a day in all.
WAITS = (timedelta(seconds=15), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=3))
MAX_ATTEMPTS = 12
NOT_CONFIRMED = PayloadError("body", "an order that the gateway's own API confirms", "no answer from it")
log = get_logger(__name__)


def needs_confirmation(adapter: Adapter, endpoint: LiveEndpoint, request: WebhookRequest) -> bool:
    """Whether an order must be asked for. What cannot be read is not: the quarantine is for that."""
    api = adapter.api
    if not endpoint.credentials or not isinstance(api, ConfirmingApi):
        return False
    try:
        return any(api.order_to_confirm(payload) for payload in request.payloads())
    except PayloadError:
        return False


def confirm_next() -> bool:
    """Ask for the order of the delivery that has waited longest; False when none waits."""
    kept = claim_unconfirmed(LEASE)
    if kept is None:
        return False
    told: list[NewDelivery] | PayloadError | None
    try:
        told = _read_confirmed(kept)
    except PayloadError as error:
        log.warning("webhook.not_confirmed", gateway=kept.delivery.gateway)
        told = error
    except InvalidToken:
        told = UNDECIPHERABLE
    _settle(kept, told)
    return True


def _read_confirmed(kept: Quarantine) -> list[NewDelivery] | PayloadError | None:
    """What the gateway's API bears out; None when it gave no answer.

    Where the credentials are gone by now, nobody is asked: the endpoint believes what it is sent again.
    """
    adapter, endpoint, request = ADAPTERS[kept.delivery.gateway], endpoint_of(kept), request_of(kept)
    if needs_confirmation(adapter, endpoint, request):
        messages = _confirm_messages(adapter, endpoint, request)
        if messages is None:
            return None
        request = request.with_body(write_json(messages))
    return read_kept(kept, request)


def _confirm_messages(adapter: Adapter, endpoint: LiveEndpoint, request: WebhookRequest) -> list[object] | None:
    """Each message that makes a claim of an order, as the API confirms it; None when one got no answer."""
    api, messages = adapter.api, list[object]()
    if not isinstance(api, ConfirmingApi):
        return None
    for payload in request.payloads():
        order_id = api.order_to_confirm(payload)
        if order_id is None:
            messages.append(payload.value)
            continue
        order = converse(adapter.slug, api, api.fetch_order(endpoint.credentials, order_id))
        if order is None:
            return None
        messages.append(api.confirmed(payload, order))
    return messages


@transaction.atomic
def _settle(kept: Quarantine, told: list[NewDelivery] | PayloadError | None) -> None:
    """Does nothing when another worker was faster, because this one took longer than its lease."""
    if not hold_unconfirmed(kept):
        return
    if told is None:
        _ask_later(kept)
        return
    problem = told if isinstance(told, PayloadError) else _record(kept, told)
    if problem:
        keep_quarantined(kept, path=problem.path, expected=problem.expected, found=problem.found)


def _record(kept: Quarantine, deliveries: list[NewDelivery]) -> PayloadError | None:
    try:
        with transaction.atomic():
            settle_replay(kept, deliveries)
    except DataError:
        return UNSTORABLE
    return None


def _ask_later(kept: Quarantine) -> None:
    if kept.attempts + 1 >= MAX_ATTEMPTS:
        keep_quarantined(kept, path=NOT_CONFIRMED.path, expected=NOT_CONFIRMED.expected, found=NOT_CONFIRMED.found)
        return
    postpone_confirmation(kept, WAITS[min(kept.attempts, len(WAITS) - 1)])

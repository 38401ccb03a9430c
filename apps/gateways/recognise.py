"""Whose body is this? For the seller who pasted one gateway's address into another."""

from apps.gateways.base import Adapter
from apps.gateways.errors import PayloadError
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest


def likely_gateway(request: WebhookRequest) -> Adapter | None:
    """The one gateway whose bodies look like this; None when none does, or more than one."""
    try:
        payload = request.payloads()[0]
    except PayloadError:
        return None
    similar = [adapter for adapter in ADAPTERS.values() if adapter.recognises(payload)]
    return similar[0] if len(similar) == 1 else None

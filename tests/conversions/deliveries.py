"""Deliveries of a world's Hotmart endpoint, and what the database then holds."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.conversions.facts import OrderFact
from apps.conversions.models import Conversion, Delivery
from apps.conversions.services import NewDelivery, record_deliveries
from apps.conversions.transitions import OrderState
from apps.funnels.selectors import LiveEndpoint, find_endpoint
from apps.gateways.events import Kind
from apps.tenants.scoping import unscoped
from tests.conversions.facts import NOON
from tests.worlds import World

RECEIVED = NOON + timedelta(hours=6)
STATE = sorted(OrderState.__slots__)


def endpoint_of(world: World) -> LiveEndpoint:
    found = find_endpoint("hotmart", world.endpoint_key())
    assert found is not None
    return found


def delivery(
    endpoint: LiveEndpoint,
    said: OrderFact | None,
    *,
    order_id: str = "HP1",
    kind: Kind | None = None,
    received_at: datetime = RECEIVED,
    correlation_id: str = "request-0001",
) -> NewDelivery:
    return NewDelivery(
        tenant_id=endpoint.tenant_id,
        funnel_id=endpoint.funnel_id,
        endpoint_id=endpoint.id,
        gateway=endpoint.gateway,
        received_at=received_at,
        correlation_id=correlation_id,
        kind=kind or (said.kind if said else Kind.UNKNOWN),
        vendor_event="PURCHASE_APPROVED",
        order_id=order_id if said else "",
        fingerprint=_digest(said) if said else "",
        fact=said,
    )


def _digest(said: OrderFact) -> str:
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()


def record(endpoint: LiveEndpoint, *facts: OrderFact, order_id: str = "HP1") -> None:
    record_deliveries([delivery(endpoint, said, order_id=order_id) for said in facts])


def conversion(order_id: str = "HP1", **conditions: Any) -> Conversion:
    with unscoped():
        found: Conversion = Conversion.objects.get(order_id=order_id, **conditions)
    return found


def state_of(row: Conversion) -> OrderState:
    return OrderState(**{name: getattr(row, name) for name in STATE})


def count_rows() -> tuple[int, int]:
    """(deliveries, conversions) of everybody."""
    with unscoped():
        return Delivery.objects.count(), Conversion.objects.count()


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements run within, without those that only begin and end transactions."""
    ran: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield ran
    control = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
    ran.extend(_texts(captured.captured_queries, control))


def _texts(queries: Sequence[dict[str, str]], control: tuple[str, ...]) -> Iterator[str]:
    return (query["sql"] for query in queries if not query["sql"].startswith(control))

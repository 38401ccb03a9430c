"""The hot path behind every webhook: one statement for any number of deliveries of new orders, three more when some of
the orders are already known.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection, transaction

from apps.conversions.facts import OrderFact
from apps.conversions.models import Outcome
from apps.conversions.sql import INSERT_DELIVERIES, LOCK_CONVERSIONS, READ_FACTS, UPDATE_CONVERSIONS
from apps.conversions.transitions import OrderState, fold, shapes_order
from apps.gateways.events import Kind

OrderKey = tuple[uuid.UUID, str, str]


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """An authentic, readable delivery, hashed. `fact` is None when it tells of no order."""

    tenant_id: uuid.UUID
    funnel_id: uuid.UUID
    endpoint_id: uuid.UUID
    gateway: str
    received_at: datetime
    correlation_id: str
    kind: Kind
    vendor_event: str
    order_id: str
    fingerprint: str
    fact: OrderFact | None

    @property
    def order_key(self) -> OrderKey | None:
        """(tenant, gateway, order id) when this delivery shapes an order."""
        return (self.tenant_id, self.gateway, self.order_id) if self.fact and shapes_order(self.kind) else None

    @property
    def outcome(self) -> Outcome:
        if self.order_key:
            return Outcome.RECORDED
        return Outcome.UNKNOWN if self.kind is Kind.UNKNOWN else Outcome.IGNORED


@transaction.atomic
def record_deliveries(batch: Sequence[NewDelivery]) -> None:
    """Store all of `batch` and fold it into its conversions, in one transaction.

    Rows are written in the order of their keys, so two batches with the same orders cannot deadlock.
    """
    by_order: dict[OrderKey, list[NewDelivery]] = defaultdict(list)
    for delivery in batch:
        if delivery.order_key:
            by_order[delivery.order_key].append(delivery)
    orders = [_new_order(by_order[key]) for key in sorted(by_order, key=str)]
    rows = [_delivery_row(delivery) for delivery in batch]
    with connection.cursor() as cursor:
        cursor.execute(INSERT_DELIVERIES, [_encode(rows), _encode(orders)])
        created = {(tenant_id, gateway, order_id) for tenant_id, gateway, order_id in cursor.fetchall()}
    known = sorted(by_order.keys() - created, key=str)
    if known:
        _fold_again(known)


def _fold_again(keys: Sequence[OrderKey]) -> None:
    """Recompute conversions from all their deliveries. The row lock comes first, so no delivery is left out."""
    wanted = _encode([dict(zip(("tenant_id", "gateway", "order_id"), map(str, key), strict=True)) for key in keys])
    with connection.cursor() as cursor:
        cursor.execute(LOCK_CONVERSIONS, [wanted])
        ids: dict[OrderKey, int] = {(row[1], row[2], row[3]): row[0] for row in cursor.fetchall()}
        cursor.execute(READ_FACTS, [wanted])
        facts: dict[OrderKey, list[OrderFact]] = defaultdict(list)
        for tenant_id, gateway, order_id, fact in cursor.fetchall():
            facts[tenant_id, gateway, order_id].append(OrderFact.from_json(msgspec.json.decode(fact)))
        states = [{"id": pk, **_columns(fold(facts[key]))} for key, pk in ids.items()]
        cursor.execute(UPDATE_CONVERSIONS, [_encode(states)])


def _new_order(deliveries: list[NewDelivery]) -> dict[str, Any]:
    first = deliveries[0]
    return {
        "tenant_id": first.tenant_id,
        "funnel_id": first.funnel_id,
        "endpoint_id": first.endpoint_id,
        "gateway": first.gateway,
        "order_id": first.order_id,
        "received_at": first.received_at,
        "correlation_id": first.correlation_id,
        **_columns(fold(_said_first(deliveries))),
    }


def _said_first(deliveries: list[NewDelivery]) -> list[OrderFact]:
    """The fact of each delivery, of repeats the first's: the same choice as READ_FACTS makes."""
    facts = {delivery.fingerprint: delivery.fact for delivery in reversed(deliveries)}
    return [fact for fact in facts.values() if fact]


def _columns(state: OrderState) -> dict[str, Any]:
    """The conversion's columns that follow from its facts."""
    columns: dict[str, Any] = msgspec.to_builtins(state)
    columns["email_sha256"] = next(iter(state.identity.get("em", [])), "")
    columns["phone_sha256"] = next(iter(state.identity.get("ph", [])), "")
    return columns


def _delivery_row(delivery: NewDelivery) -> dict[str, Any]:
    return {
        "tenant_id": delivery.tenant_id,
        "endpoint_id": delivery.endpoint_id,
        "gateway": delivery.gateway,
        "received_at": delivery.received_at,
        "outcome": delivery.outcome.value,
        "kind": delivery.kind.value,
        "vendor_event": delivery.vendor_event,
        "order_id": delivery.order_id,
        "fingerprint": delivery.fingerprint,
        "fact": delivery.fact.to_json() if delivery.fact else None,
        "correlation_id": delivery.correlation_id,
    }


def _encode(rows: Iterable[Mapping[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()

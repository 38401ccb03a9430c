"""Use-cases of deliveries and conversions: the only writers of both.

`record_deliveries` is the hot path behind every webhook: one statement for any number of deliveries of new orders,
three more when some of the orders are already known.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from apps.conversions.facts import OrderFact
from apps.conversions.models import Conversion, Delivery, Outcome, Quarantine
from apps.conversions.sql import INSERT_DELIVERIES, LOCK_CONVERSIONS, READ_FACTS, UPDATE_CONVERSIONS
from apps.conversions.transitions import OrderState, fold, shapes_order
from apps.gateways.events import Kind
from apps.tenants.scoping import tenant_scope

OrderKey = tuple[uuid.UUID, str, str]
MAX_MATCH_FAILURES = 5


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


@dataclass(frozen=True, slots=True, repr=False)
class UnreadableDelivery:
    """An authentic delivery that could not be read, and where reading stopped.

    `unknown_word` is set when everything could be read but the gateway's word for what happened.
    """

    tenant_id: uuid.UUID
    endpoint_id: uuid.UUID
    gateway: str
    correlation_id: str
    body: bytes
    content_type: str
    path: str
    expected: str
    found: str
    unknown_word: str = ""


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


def quarantine_delivery(unreadable: UnreadableDelivery) -> Quarantine:
    """Keep what could not be read, encrypted; a repeat of the same bytes is kept too, as its own delivery."""
    with transaction.atomic(), tenant_scope(unreadable.tenant_id):
        delivery: Delivery = Delivery.objects.create(
            endpoint_id=unreadable.endpoint_id,
            gateway=unreadable.gateway,
            outcome=Outcome.UNKNOWN if unreadable.unknown_word else Outcome.QUARANTINED,
            kind=Kind.UNKNOWN,
            vendor_event=unreadable.unknown_word,
            correlation_id=unreadable.correlation_id,
        )
        kept: Quarantine = Quarantine.objects.create(
            delivery=delivery,
            body=unreadable.body,
            content_type=unreadable.content_type[:200],
            path=unreadable.path[:300],
            expected=unreadable.expected[:200],
            found=unreadable.found[:200],
        )
    return kept


def request_replay(rows: QuerySet[Quarantine]) -> int:
    """Have the ingest lane read these again; how many will be."""
    return rows.filter(state=Quarantine.State.WAITING).update(due_at=Now())


def claim_quarantined() -> Quarantine | None:
    """The row that has been due longest, locked until the caller's transaction ends; passes over what others hold.

    Nothing encrypted is loaded: a key that is gone shows when `body` is read, and stops no other row.
    """
    due = Quarantine.objects.select_related("delivery__endpoint").filter(due_at__lte=Now()).order_by("due_at")
    rows = due.defer("body", "delivery__endpoint__secret", "delivery__endpoint__previous_secret")
    claimed: Quarantine | None = rows.select_for_update(skip_locked=True, of=("self",)).first()
    return claimed


def settle_replay(kept: Quarantine, deliveries: Sequence[NewDelivery]) -> None:
    """The quarantined delivery could be read: record what it says under its own receipt."""
    record_deliveries(deliveries)
    kept.state, kept.resolved_at, kept.due_at = Quarantine.State.REPLAYED, timezone.now(), None
    kept.attempts += 1
    kept.save(update_fields=["state", "resolved_at", "due_at", "attempts"])


def keep_quarantined(kept: Quarantine, *, path: str, expected: str, found: str) -> None:
    """It still cannot be read: remember where reading stopped this time, and wait."""
    kept.path, kept.expected, kept.found = path[:300], expected[:200], found[:200]
    kept.attempts, kept.due_at = kept.attempts + 1, None
    kept.save(update_fields=["path", "expected", "found", "attempts", "due_at"])


def claim_for_matching(limit: int) -> list[Conversion]:
    """Conversions that changed since they were matched, locked until the caller's transaction ends."""
    due = Conversion.objects.select_related("endpoint").filter(match_due_at__lte=Now()).order_by("match_due_at")
    rows = due.defer("endpoint__secret", "endpoint__previous_secret")
    return list(rows.select_for_update(skip_locked=True, of=("self",))[:limit])


def settle_matching(conversions: Sequence[Conversion]) -> None:
    Conversion.objects.filter(pk__in=[row.pk for row in conversions]).update(match_due_at=None, match_failures=0)


def postpone_matching(conversions: Sequence[Conversion], delay: timedelta) -> None:
    """Look again later: the funnel is not published yet."""
    Conversion.objects.filter(pk__in=[row.pk for row in conversions]).update(match_due_at=Now() + delay)


def fail_matching(conversion: Conversion) -> None:
    """Matching this one raised: try again ever later; after five failures it waits for support."""
    failures = conversion.match_failures + 1
    again = None if failures >= MAX_MATCH_FAILURES else timezone.now() + timedelta(seconds=4**failures)
    Conversion.objects.filter(pk=conversion.pk).update(match_failures=failures, match_due_at=again)

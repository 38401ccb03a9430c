"""Reads of deliveries, the quarantine and the comparisons of adapters."""

import uuid
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from apps.conversions.models import AdapterComparison, Conversion, Quarantine

ORDERS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Money:
    """What the two readings make of the same deliveries, in one currency."""

    currency: str
    current: Decimal
    candidate: Decimal


@dataclass(frozen=True, slots=True)
class OrderTotal:
    """What an endpoint has recorded: orders and their amounts by status and currency."""

    status: str
    currency: str
    orders: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class RolloutReport:
    """What an endpoint recorded, and how a candidate adapter reads what the one in use reads.

    `fields` counts the differences by member, most frequent first; `orders` holds the newest that differ.
    """

    recorded: list[OrderTotal]
    compared: int
    different: int
    fields: dict[str, int] = field(default_factory=dict)
    money: list[Money] = field(default_factory=list)
    orders: list[AdapterComparison] = field(default_factory=list)


def list_quarantined(state: str | None, gateway: str | None) -> QuerySet[Quarantine]:
    rows: QuerySet[Quarantine] = Quarantine.objects.select_related("delivery").defer("body")
    rows = rows.filter(state=state) if state else rows
    return rows.filter(delivery__gateway=gateway) if gateway else rows


def report_rollout(endpoint_id: uuid.UUID) -> RolloutReport:
    compared = AdapterComparison.objects.filter(endpoint=endpoint_id)
    different = compared.exclude(differences=[])
    counts = compared.aggregate(compared=Count("pk"), different=Count("pk", filter=~Q(differences=[])))
    fields = Counter(item["field"] for found in different.values_list("differences", flat=True) for item in found)
    return RolloutReport(
        recorded=_recorded(endpoint_id),
        compared=counts["compared"],
        different=counts["different"],
        fields=dict(fields.most_common()),
        money=[Money(*row) for row in _sums(compared)],
        orders=list(different.order_by("-pk")[:ORDERS_SHOWN]),
    )


def _recorded(endpoint_id: uuid.UUID) -> list[OrderTotal]:
    rows = Conversion.objects.filter(endpoint=endpoint_id).order_by("status", "currency")
    counted = rows.values_list("status", "currency").annotate(orders=Count("pk"))
    return [OrderTotal(*row) for row in counted.annotate(total=Coalesce(Sum("amount"), Decimal(0)))]


def _sums(compared: QuerySet[AdapterComparison]) -> QuerySet[AdapterComparison, tuple[str, Decimal, Decimal]]:
    rows = compared.exclude(currency="").order_by("currency").values_list("currency")
    return rows.annotate(
        current_total=Coalesce(Sum("amount"), Decimal(0)),
        candidate_total=Coalesce(Sum("candidate_amount"), Decimal(0)),
    )

"""How many dead letters there are, of how much money, since when: by queue, reason and destination."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from apps.dispatch.explanations import explain
from apps.dispatch.letters.filters import Filters, Queue
from apps.dispatch.letters.rows import MATCHING_FAILED, find_rows
from apps.dispatch.models import Rank
from apps.funnels.models import Destination


@dataclass(frozen=True, slots=True)
class Pile:
    """Letters that share queue, reason and destination. `money` is by currency, and of sales only: what else is told of
    an order adds nothing to it."""

    queue: Queue
    reason: str
    destination: Destination | None
    count: int = 0
    money: Mapping[str, Decimal] = field(default_factory=dict)
    oldest: datetime | None = None

    @property
    def sentence(self) -> str:
        return explain(self.reason).sentence

    @property
    def next_step(self) -> str:
        return explain(self.reason).next_step


def summarise(filters: Filters, tenant_id: UUID) -> list[Pile]:
    """The piles of one queue, the largest first; one statement, and one for the names of destinations."""
    find = {Queue.DISPATCH: _sum_sends, Queue.MATCH: _sum_unmatched, Queue.INGEST: _sum_quarantined}[filters.queue]
    piles: dict[tuple[str, UUID | None], Pile] = {}
    for row in find(filters, tenant_id):
        _add(piles, filters.queue, row)
    names = Destination.objects.defer("access_token").in_bulk([pk for _reason, pk in piles if pk])
    named = [replace(pile, destination=names.get(pk) if pk else None) for (_, pk), pile in piles.items()]
    return sorted(named, key=lambda pile: (-pile.count, pile.reason, str(pile.destination)))


def _add(piles: dict[tuple[str, UUID | None], Pile], queue: Queue, row: Mapping[str, Any]) -> None:
    key = (row["why"], row.get("destination_id"))
    pile = piles.get(key) or Pile(queue, row["why"], None)
    money = dict(pile.money)
    if row["amount"]:
        currency = row["paid_in"] or ""
        money[currency] = money.get(currency, Decimal(0)) + row["amount"]
    oldest = min(row["oldest"], pile.oldest or row["oldest"])
    piles[key] = replace(pile, count=pile.count + row["letters"], money=money, oldest=oldest)


def _sum_sends(filters: Filters, tenant_id: UUID) -> Sequence[Mapping[str, Any]]:
    rows = _plain(filters, tenant_id).values(
        "destination_id", why=F("reason"), paid_in=F("event__conversion__currency")
    )
    summed = rows.annotate(
        amount=Sum("value", filter=Q(rank=Rank.PURCHASE)),
        letters=Count("pk"),
        oldest=Min(Coalesce("settled_at", "changed_at")),
    )
    return list(summed)


def _plain(filters: Filters, tenant_id: UUID) -> QuerySet[Any]:
    """Of all conditions at once: what is counted needs no order."""
    whole = reduce(or_, find_rows(filters, tenant_id).parts)
    return whole.select_related(None).defer(None).order_by()


def _sum_unmatched(filters: Filters, tenant_id: UUID) -> Sequence[Mapping[str, Any]]:
    rows = _plain(filters, tenant_id).values(paid_in=F("currency"))
    counted = rows.annotate(total=Sum("amount"), letters=Count("pk"), oldest=Min("changed_at"))
    return [{**row, "amount": row["total"], "why": MATCHING_FAILED} for row in counted]


def _sum_quarantined(filters: Filters, tenant_id: UUID) -> Sequence[Mapping[str, Any]]:
    rows = _plain(filters, tenant_id).values(why=F("delivery__outcome"))
    counted = rows.annotate(letters=Count("pk"), oldest=Min("delivery__received_at"))
    return [{**row, "amount": None, "paid_in": ""} for row in counted]

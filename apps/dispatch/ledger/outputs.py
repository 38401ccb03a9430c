"""The JSON of the ledger, of money at risk and of a reconciliation."""

from collections.abc import Iterable, Sequence
from typing import Any

from rest_framework import serializers

from apps.core.api import MoneyText
from apps.dispatch.ledger.queries import Placed
from apps.dispatch.ledger.reconcile import Differing, Named, Reconciliation, TotalCompared
from apps.dispatch.ledger.risk import Risk
from apps.dispatch.ledger.rules import BUCKETS, Bucket, BucketSum, Ledger, Sum
from apps.dispatch.ledger.words import MISSING_HERE, UNREADABLE, explain_place

LISTED = 1000
"""So many orders are named in an answer, of each kind; all of them are counted."""


class LedgerSumOutput(serializers.Serializer[Sum]):
    """Orders and their money in one currency; "" for orders whose amount no webhook ever named."""

    currency = serializers.CharField(allow_blank=True)
    orders = serializers.IntegerField()
    amount = MoneyText()


class BucketOutput(serializers.Serializer[BucketSum]):
    """What one destination has in one bucket; `refunded_amount` is what of it went back to the buyers."""

    destination_id = serializers.UUIDField()
    bucket = serializers.ChoiceField(choices=[bucket.value for bucket in BUCKETS])
    currency = serializers.CharField(source="sum.currency", allow_blank=True)
    orders = serializers.IntegerField(source="sum.orders")
    amount = MoneyText(source="sum.amount")
    refunded_amount = MoneyText(source="sum.refunded_amount")


class PlacedOutput(serializers.Serializer[Any]):
    """An order where it stands at one destination, why, and what to do next. `event_id` is null where it has none."""

    order_id = serializers.CharField()
    gateway = serializers.CharField()
    destination_id = serializers.UUIDField()
    bucket = serializers.ChoiceField(choices=[bucket.value for bucket in Bucket])
    approved_at = serializers.DateTimeField()
    amount = MoneyText()
    refunded_amount = MoneyText()
    currency = serializers.CharField(allow_blank=True)
    reason = serializers.CharField()
    sentence = serializers.SerializerMethodField()
    next_step = serializers.SerializerMethodField()
    event_id = serializers.SerializerMethodField(allow_null=True)

    def get_sentence(self, place: Placed) -> str:
        return explain_place(place.reason).sentence

    def get_next_step(self, place: Placed) -> str:
        return explain_place(place.reason).next_step

    def get_event_id(self, place: Placed) -> str | None:
        return place.event_id or None


class LedgerOutput(serializers.Serializer[Any]):
    """Where every approved order stands, once for each destination of its funnel.

    `totals` are what the funnels sold, counted without looking at what was sent. `balanced` says that each
    destination's buckets add up to its funnel's totals; where they do not, `missing` names some of the orders.
    """

    buckets = BucketOutput(many=True)
    totals = LedgerSumOutput(many=True)
    balanced = serializers.BooleanField()
    missing = PlacedOutput(many=True, required=False)


class PlacesOutput(serializers.Serializer[Any]):
    """A page of orders, the newest first."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = PlacedOutput(many=True)


class RiskReasonOutput(serializers.Serializer[Any]):
    """What keeps how much of it, and what to do about that."""

    reason = serializers.CharField()
    sentence = serializers.CharField()
    next_step = serializers.CharField()
    orders = serializers.IntegerField()
    amount = MoneyText()


class RiskOutput(serializers.Serializer[Risk]):
    """What is too old for the platform within `hours` (6, 24, 48; each holds the ones before) unless it is sent."""

    destination_id = serializers.UUIDField()
    currency = serializers.CharField(allow_blank=True)
    hours = serializers.IntegerField()
    orders = serializers.IntegerField()
    amount = MoneyText()
    earliest_deadline = serializers.DateTimeField()
    reasons = RiskReasonOutput(many=True)


class RisksOutput(serializers.Serializer[Any]):
    """The earliest deadline first; nothing at risk is an empty list."""

    at_risk = RiskOutput(many=True)


class NamedOrderOutput(serializers.Serializer[Named]):
    """An order that one side lacks; `line` of the file, where it stood there. `status` is ours, where we know it."""

    order_id = serializers.CharField()
    amount = MoneyText()
    currency = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    sentence = serializers.SerializerMethodField()
    status = serializers.CharField(allow_blank=True)
    line = serializers.IntegerField(allow_null=True)

    def get_sentence(self, named: Named) -> str:
        return str(MISSING_HERE.get(named.reason, ""))


class DifferingOutput(serializers.Serializer[Differing]):
    """One thing that the two sides say differently of an order."""

    order_id = serializers.CharField()
    line = serializers.IntegerField()
    what = serializers.ChoiceField(choices=["amount", "currency", "status"])
    theirs = serializers.CharField()
    ours = serializers.CharField()


class UnreadableOutput(serializers.Serializer[Any]):
    """A line that says nothing, and why."""

    line = serializers.IntegerField()
    why = serializers.CharField()
    sentence = serializers.SerializerMethodField()

    def get_sentence(self, item: Any) -> str:
        return str(UNREADABLE[item.why])


class _Listed(serializers.Serializer[Any]):
    """How many there are, and the first of them."""

    count = serializers.IntegerField()


class NamedList(_Listed):
    """Orders that one side lacks."""

    results = NamedOrderOutput(many=True)


class DifferingList(_Listed):
    """What the two sides say differently."""

    results = DifferingOutput(many=True)


class UnreadableList(_Listed):
    """Lines that say nothing."""

    results = UnreadableOutput(many=True)


class ReconciliationOutput(serializers.Serializer[Any]):
    """An export against the hub's orders. `equal` says that nothing differs, nothing is missing and all could be read.

    `extra` are the hub's orders approved from `since` up to but without `until` that the export lacks. Where none was
    asked for, that is from the first to the last of the orders in both.
    """

    gateway = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    equal = serializers.BooleanField()
    both = LedgerSumOutput(many=True)
    missing = NamedList()
    extra = NamedList()
    differing = DifferingList()
    unreadable = UnreadableList()


class TotalOutput(serializers.Serializer[TotalCompared]):
    """One currency on both sides."""

    currency = serializers.CharField(allow_blank=True)
    theirs = LedgerSumOutput()
    ours = LedgerSumOutput()
    equal = serializers.BooleanField(source="is_equal")


class TotalsOutput(serializers.Serializer[Any]):
    """A gateway's sums against the hub's."""

    gateway = serializers.CharField()
    equal = serializers.BooleanField()
    totals = TotalOutput(many=True)


def show_ledger(ledger: Ledger, missing: Sequence[Placed]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "buckets": [line for line in ledger.buckets if line.bucket is not Bucket.MISSING],
        "totals": ledger.totals,
        "balanced": ledger.is_balanced,
    }
    return dict(LedgerOutput(body if ledger.is_balanced else {**body, "missing": missing}).data)


def show_risks(risks: Iterable[Risk]) -> dict[str, Any]:
    rows = [{**_members(risk), "reasons": [_reason(*reason) for reason in risk.reasons]} for risk in risks]
    return dict(RisksOutput({"at_risk": rows}).data)


def show_reconciliation(found: Reconciliation) -> dict[str, Any]:
    body = {
        "gateway": found.gateway,
        "since": found.period.since,
        "until": found.period.until,
        "equal": found.is_equal,
        "both": found.both,
        **{
            name: {"count": len(rows), "results": rows[:LISTED]}
            for name in ("missing", "extra", "differing", "unreadable")
            for rows in (getattr(found, name),)
        },
    }
    return dict(ReconciliationOutput(body).data)


def show_totals(gateway: str, compared: Sequence[TotalCompared]) -> dict[str, Any]:
    body = {"gateway": gateway, "equal": all(item.is_equal for item in compared), "totals": compared}
    return dict(TotalsOutput(body).data)


def _members(risk: Risk) -> dict[str, Any]:
    names = ("destination_id", "currency", "hours", "orders", "amount", "earliest_deadline")
    return {name: getattr(risk, name) for name in names}


def _reason(reason: str, orders: int, amount: Any) -> dict[str, Any]:
    return {"reason": reason, **explain_place(reason)._asdict(), "orders": orders, "amount": amount}

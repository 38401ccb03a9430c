"""REST of what could not be read, of what gateways changed, and of how far an endpoint's rollout is."""

import uuid
from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.conversions.models import AdapterComparison, DriftNotice, Quarantine
from apps.conversions.selectors import RolloutReport, list_quarantined, report_rollout
from apps.conversions.services import read_again, read_alike_again
from apps.core.errors import BadInput
from apps.funnels.models import Endpoint, RolloutChange
from apps.gateways.registry import ADAPTERS

_GATEWAY = OpenApiParameter("gateway", str, enum=sorted(ADAPTERS))
_STATE = OpenApiParameter("state", str, enum=Quarantine.State.values)


class DifferenceOutput(serializers.Serializer[Any]):
    """One place where a body departs from the known contract; types, never values."""

    path = serializers.CharField()
    expected = serializers.CharField()
    found = serializers.CharField()


class QuarantineOutput(serializers.ModelSerializer[Quarantine]):
    """A genuine delivery that was not used as it is, and why. Its body never leaves."""

    gateway = serializers.CharField(source="delivery.gateway")
    received_at = serializers.DateTimeField(source="delivery.received_at")
    outcome = serializers.CharField(source="delivery.outcome")
    vendor_event = serializers.CharField(source="delivery.vendor_event")
    correlation_id = serializers.CharField(source="delivery.correlation_id")
    differences = DifferenceOutput(many=True)

    class Meta:
        model = Quarantine
        fields = (
            *("id", "gateway", "received_at", "outcome", "vendor_event", "state"),
            *("path", "expected", "found", "differences", "attempts", "due_at", "resolved_at", "correlation_id"),
        )


class ReplayRequest(serializers.Serializer[Any]):
    """`alike`: also everything that waits for the same reason."""

    alike = serializers.BooleanField(default=False)


class ReplayRequested(serializers.Serializer[Any]):
    """How many will be read again, within seconds."""

    requested = serializers.IntegerField()


class DriftOutput(serializers.ModelSerializer[DriftNotice]):
    """A field that no contract knows. Nothing was lost."""

    class Meta:
        model = DriftNotice
        fields = ("id", "gateway", "version", "path", "first_seen_at", "last_seen_at")


def _known(request: Request, name: str, words: list[str]) -> str | None:
    word = request.query_params.get(name)
    if word and word not in words:
        raise BadInput(_("Use one of the known words."), fields={name: _("one of: ") + ", ".join(words)})
    return word


@extend_schema(tags=["quarantine"], parameters=[_STATE, _GATEWAY])
class QuarantineList(ListAPIView[Quarantine]):
    """What could not be read, newest first."""

    serializer_class = QuarantineOutput

    def get_queryset(self) -> QuerySet[Quarantine]:
        state = _known(self.request, "state", Quarantine.State.values)
        return list_quarantined(state, _known(self.request, "gateway", sorted(ADAPTERS)))


@extend_schema(tags=["quarantine"])
class QuarantineView(RetrieveAPIView[Quarantine]):
    """One of them."""

    serializer_class = QuarantineOutput

    def get_queryset(self) -> QuerySet[Quarantine]:
        return list_quarantined(None, None)


@extend_schema(tags=["quarantine"])
class QuarantineReplay(APIView):
    """Have it read again, after a fix: it alone, or all that wait for the same reason. 409 when none waits."""

    @extend_schema(request=ReplayRequest, responses={202: ReplayRequested})
    def post(self, request: Request, pk: int) -> Response:
        kept = get_object_or_404(list_quarantined(None, None), pk=pk)
        body = ReplayRequest(data=request.data)
        body.is_valid(raise_exception=True)
        requested = len(read_alike_again(kept)) if body.validated_data["alike"] else read_again(kept)
        return Response({"requested": requested}, status=202)


@extend_schema(tags=["quarantine"], parameters=[_GATEWAY])
class DriftList(ListAPIView[DriftNotice]):
    """Fields that gateways began to send, newest first."""

    serializer_class = DriftOutput

    def get_queryset(self) -> QuerySet[DriftNotice]:
        gateway = _known(self.request, "gateway", sorted(ADAPTERS))
        rows: QuerySet[DriftNotice] = DriftNotice.objects.all()
        return rows.filter(gateway=gateway) if gateway else rows


class ReadingDifference(serializers.Serializer[Any]):
    """One member of an order as both adapters read it; hashes in place of personal data."""

    field = serializers.CharField()
    current = serializers.CharField(allow_blank=True)
    candidate = serializers.CharField(allow_blank=True)


class ComparisonOutput(serializers.ModelSerializer[AdapterComparison]):
    """An order that the two adapters read differently."""

    differences = ReadingDifference(many=True)

    class Meta:
        model = AdapterComparison
        fields = (
            *("order_id", "received_at", "version", "candidate"),
            *("currency", "amount", "candidate_amount", "differences"),
        )


class MoneyOutput(serializers.Serializer[Any]):
    """The sum over all compared deliveries, by each reading."""

    currency = serializers.CharField()
    current = serializers.DecimalField(18, 3)
    candidate = serializers.DecimalField(18, 3)


class OrderTotalOutput(serializers.Serializer[Any]):
    """Orders recorded by this endpoint, live or not."""

    status = serializers.CharField()
    currency = serializers.CharField()
    orders = serializers.IntegerField()
    amount = serializers.DecimalField(18, 3)


class RolloutChangeOutput(serializers.ModelSerializer[RolloutChange]):
    """Who switched what: {"rollout": ["shadow", "live"]}."""

    class Meta:
        model = RolloutChange
        fields = ("changed_at", "actor", "changes")


class RolloutOutput(serializers.Serializer[Any]):
    """How far an endpoint's deliveries go, who decided it, and what the adapter on trial would change."""

    rollout = serializers.CharField()
    live_percent = serializers.IntegerField()
    candidate = serializers.CharField()
    changes = RolloutChangeOutput(many=True)
    recorded = OrderTotalOutput(many=True)
    compared = serializers.IntegerField()
    different = serializers.IntegerField()
    fields_differing = serializers.DictField(child=serializers.IntegerField())
    money = MoneyOutput(many=True)
    orders = ComparisonOutput(many=True)


@extend_schema(tags=["endpoints"], responses=RolloutOutput)
class RolloutView(APIView):
    """The rollout of one endpoint, as a report."""

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        endpoint = get_object_or_404(Endpoint.objects.defer("secret", "previous_secret", "credentials"), pk=pk)
        return Response(RolloutOutput(_describe(endpoint, report_rollout(endpoint.pk))).data)


def _describe(endpoint: Endpoint, report: RolloutReport) -> dict[str, Any]:
    return {
        "rollout": endpoint.rollout,
        "live_percent": endpoint.live_percent,
        "candidate": endpoint.candidate,
        "changes": endpoint.rollout_changes.order_by("-pk"),
        "recorded": [asdict(total) for total in report.recorded],
        "compared": report.compared,
        "different": report.different,
        "fields_differing": report.fields,
        "money": [asdict(sums) for sums in report.money],
        "orders": report.orders,
    }

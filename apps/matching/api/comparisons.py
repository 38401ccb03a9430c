"""REST of comparisons: start one, see how far it is, and read which sales a draft would decide otherwise."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import BadInput
from apps.funnels.models import Funnel
from apps.matching.comparing import differing_settings, read_sums
from apps.matching.differences import explain_difference
from apps.matching.models import Comparison, Difference
from apps.matching.services import start_comparison
from apps.matching.services.compare import MAX_DAYS
from apps.tenants.authentication import actor_of

_KIND = OpenApiParameter("kind", str, enum=Difference.Kind.values, description="Only what changes in this way.")


class ComparisonRequest(serializers.Serializer[Any]):
    """How many days back the sales to compare reach."""

    days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS, default=30)


class SettingDifference(serializers.Serializer[Any]):
    """A matching setting that the draft has changed."""

    name = serializers.CharField()
    running = serializers.JSONField()
    draft = serializers.JSONField()


class SumOutput(serializers.Serializer[Any]):
    """A comparing.Sum: `kind` is compared, for all that was looked at, or one of those of a difference."""

    kind = serializers.CharField()
    currency = serializers.CharField(allow_blank=True)
    sales = serializers.IntegerField()
    amount = serializers.DecimalField(18, 3)


class DraftComparisonOutput(serializers.ModelSerializer[Comparison]):
    """A comparison, finished or under way; `summary` adds up as it goes, `settings` are those that differ."""

    funnel_id = serializers.UUIDField()
    state = serializers.CharField()
    percent = serializers.IntegerField()
    settings = serializers.SerializerMethodField()
    summary = serializers.SerializerMethodField()

    class Meta:
        model = Comparison
        fields = (
            *("id", "funnel_id", "days", "begins_at", "ends_at", "state", "total", "done", "percent"),
            *("settings", "summary", "created_at", "finished_at"),
        )

    @extend_schema_field(SettingDifference(many=True))
    def get_settings(self, comparison: Comparison) -> Any:
        return SettingDifference(differing_settings(comparison.running, comparison.draft), many=True).data

    @extend_schema_field(SumOutput(many=True))
    def get_summary(self, comparison: Comparison) -> Any:
        return SumOutput(read_sums(comparison.summary), many=True).data


class OutcomeOutput(serializers.Serializer[Any]):
    """What is decided of a sale. In review, `click_id` is what a person would be asked about."""

    decision = serializers.CharField()
    rule = serializers.CharField(allow_blank=True)
    confidence = serializers.FloatField()
    click_id = serializers.CharField(allow_blank=True)


class DraftDifferenceOutput(serializers.ModelSerializer[Difference]):
    """A sale that the draft decides otherwise: by what runs, by the draft, and both in a sentence."""

    order_id = serializers.CharField(source="conversion.order_id")
    kind = serializers.CharField()
    before = OutcomeOutput()
    after = OutcomeOutput()
    explanation = serializers.SerializerMethodField()

    class Meta:
        model = Difference
        fields = ("order_id", "kind", "amount", "currency", "before", "after", "explanation")

    def get_explanation(self, difference: Difference) -> str:
        return explain_difference(difference)


@extend_schema(tags=["comparisons"])
class ComparisonStart(APIView):
    """Compare a funnel's draft with what runs, over the sales of the past. 409 when nothing runs yet, or while
    another comparison of the funnel is under way."""

    @extend_schema(request=ComparisonRequest, responses={202: DraftComparisonOutput})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        funnel = get_object_or_404(Funnel.objects.all(), pk=pk)
        body = ComparisonRequest(data=request.data)
        body.is_valid(raise_exception=True)
        started = start_comparison(funnel, body.validated_data["days"], actor_of(request))
        return Response(DraftComparisonOutput(started).data, status=202)


@extend_schema(tags=["comparisons"])
class ComparisonView(APIView):
    """How far it is, and what it found so far."""

    @extend_schema(responses=DraftComparisonOutput)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        return Response(DraftComparisonOutput(get_object_or_404(Comparison.objects.all(), pk=pk)).data)


@extend_schema(tags=["comparisons"], parameters=[_KIND])
class DifferenceList(ListAPIView[Difference]):
    """The sales that the draft decides otherwise, those compared last first."""

    serializer_class = DraftDifferenceOutput

    def get_queryset(self) -> QuerySet[Difference]:
        comparison = get_object_or_404(Comparison.objects.all(), pk=self.kwargs["pk"])
        rows: QuerySet[Difference] = Difference.objects.filter(comparison=comparison).select_related("conversion")
        kind = self._kind()
        return rows.filter(kind=kind) if kind else rows

    def _kind(self) -> str:
        kind = self.request.query_params.get("kind", "")
        if kind and kind not in Difference.Kind.values:
            words = ", ".join(Difference.Kind.values)
            raise BadInput(_("Use one of the known words."), fields={"kind": _("one of: ") + words})
        return kind

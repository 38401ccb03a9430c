"""REST of measured confidence, of fitted weights, and of which weights a funnel's draft uses."""

import uuid
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.api import Pages
from apps.funnels.models import Funnel
from apps.funnels.selectors import FunnelConfig
from apps.matching.grade_words import caveat, explain_fit, explain_proposal
from apps.matching.models import FittedWeights
from apps.matching.services import fit_weights, measure_confidence, use_weights
from apps.matching.weights import PRODUCT
from apps.tenants.authentication import actor_of
from apps.tenants.scoping import current_tenant_id


class FitRequest(serializers.Serializer[Any]):
    """Fit to the sales of the last `days`."""

    days = serializers.IntegerField(min_value=1, max_value=365, default=90)


class ConfidenceQuery(FitRequest):
    """Sales of the last `days`, graded by `weights`; empty for the product's own."""

    weights = serializers.CharField(max_length=40, default="", allow_blank=True)


class ShareOutput(serializers.Serializer[Any]):
    """`hits` of `of`, with the 95 % interval in which the true share may lie. `value` is null of nothing."""

    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField()
    high = serializers.FloatField()
    hits = serializers.IntegerField()
    of = serializers.IntegerField()


class BinOutput(serializers.Serializer[Any]):
    """Sales of like score: what was claimed of them on average, and the share that was right."""

    low = serializers.FloatField()
    high = serializers.FloatField()
    claimed = serializers.FloatField()
    right = ShareOutput()


class GradeOutput(serializers.Serializer[Any]):
    """What the weights are worth on sales whose click is known, their ids hidden.

    `undecided` of the `sales` have no click left to choose. `precision` is of those that would be matched by
    themselves, `matched` the share of these; both by the thresholds that the sales were decided by.
    `proposed_threshold` is the lowest from which on at least 99 % are right even by the interval's lower end; null
    where the sales do not show that much.
    """

    weights = serializers.CharField()
    sales = serializers.IntegerField()
    undecided = serializers.IntegerField()
    precision = ShareOutput()
    matched = ShareOutput()
    calibration_error = serializers.FloatField(allow_null=True)
    auto_thresholds = serializers.ListField(child=serializers.FloatField())
    proposed_threshold = serializers.FloatField(allow_null=True)
    bins = BinOutput(many=True)


class ConfidenceOutput(GradeOutput):
    """The grade, what the proposal means, and what is to be kept in mind when reading both."""

    proposal = serializers.CharField()
    caveat = serializers.CharField()


class TierOutput(serializers.Serializer[Any]):
    """What one kind of tie between click and sale was fitted on, and what came of it."""

    tier = serializers.CharField()
    rows = serializers.IntegerField()
    right = serializers.IntegerField()
    is_fitted = serializers.BooleanField()
    kept = serializers.ListField(child=serializers.CharField())
    dropped = serializers.ListField(child=serializers.CharField())
    explanation = serializers.SerializerMethodField()

    def get_explanation(self, fit: dict[str, Any]) -> str:
        return explain_fit(fit)


class FitReportOutput(serializers.Serializer[Any]):
    """Fitted on the older sales; both sets graded on the newer ones, which fitting has not seen."""

    days = serializers.IntegerField()
    fitted_on = serializers.IntegerField()
    reported_on = serializers.IntegerField()
    tiers = TierOutput(many=True)
    product = GradeOutput()
    fitted = GradeOutput()


class WeightsOutput(serializers.ModelSerializer[FittedWeights]):
    """A set of weights in log-odds, by tier and signal. It never changes."""

    weights = serializers.JSONField()
    report = FitReportOutput()

    class Meta:
        model = FittedWeights
        fields = ("name", "created_at", "actor", "weights", "report")


class ProductWeightsOutput(serializers.Serializer[Any]):
    """The product's own set, which runs wherever a funnel names no other."""

    name = serializers.CharField()
    weights = serializers.JSONField()


class WeightsListOutput(serializers.Serializer[Any]):
    """The product's own, and a page of those fitted to this account, the newest first."""

    product = ProductWeightsOutput()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = WeightsOutput(many=True)


class WeightsChoice(serializers.Serializer[Any]):
    """The name of a set; empty for the product's own."""

    name = serializers.CharField(max_length=40, allow_blank=True)


class FunnelWeightsOutput(serializers.Serializer[Any]):
    """Which set the draft names, and which one runs; empty is the product's own, null where nothing is published."""

    name = serializers.CharField(source="weight_set")
    running = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_running(self, funnel: Funnel) -> str | None:
        return FunnelConfig.from_json(funnel.published.config).weight_set if funnel.published else None


@extend_schema(tags=["matching"])
class ConfidenceView(APIView):
    """How far a score can be believed, measured on this account's own sales."""

    @extend_schema(parameters=[ConfidenceQuery], responses=ConfidenceOutput)
    def get(self, request: Request) -> Response:
        query = ConfidenceQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = measure_confidence(current_tenant_id(), **query.validated_data)
        return Response(
            ConfidenceOutput({**found.to_json(), "proposal": explain_proposal(found), "caveat": caveat()}).data
        )


@extend_schema(tags=["matching"])
class WeightsView(APIView):
    """The sets of weights that a funnel may name, and the fitting of another one."""

    @extend_schema(responses=WeightsListOutput)
    def get(self, request: Request) -> Response:
        pages = Pages()
        rows = pages.paginate_queryset(FittedWeights.objects.all(), request, self) or []
        own = {"name": PRODUCT.name, "weights": PRODUCT.to_json()}
        page = pages.get_paginated_response(WeightsOutput(rows, many=True).data).data
        return Response({"product": own, **page})

    @extend_schema(request=FitRequest, responses={201: WeightsOutput})
    def post(self, request: Request) -> Response:
        """409 when too few answers are known. Nothing runs with the set before a funnel that names it is published."""
        body = FitRequest(data=request.data)
        body.is_valid(raise_exception=True)
        kept = fit_weights(current_tenant_id(), body.validated_data["days"], actor_of(request))
        return Response(WeightsOutput(kept).data, status=201)


@extend_schema(tags=["funnels"])
class FunnelWeightsView(APIView):
    """Which weights a funnel's draft scores with; publishing makes them run."""

    @extend_schema(request=WeightsChoice, responses=FunnelWeightsOutput)
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        funnel = get_object_or_404(Funnel.objects.select_related("published"), pk=pk)
        body = WeightsChoice(data=request.data)
        body.is_valid(raise_exception=True)
        changed = use_weights(funnel, body.validated_data["name"], actor_of(request))
        return Response(FunnelWeightsOutput(changed).data)

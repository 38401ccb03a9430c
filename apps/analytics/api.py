"""REST of the read models."""

import uuid
from datetime import timedelta
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.analytics.explanations import (
    SIGNAL_NAMES,
    STAGE_NAMES,
    advise,
    explain_cause,
    explain_empty_funnel,
    explain_empty_stage,
)
from apps.analytics.quality import Cause, CauseFound, Grade, Signal, Stage, StageQuality, Worth, assess
from apps.analytics.selectors import Period, count_signals
from apps.core.errors import BadInput
from apps.funnels.models import Funnel
from apps.tenants.scoping import current_tenant_id

# Two periods are read for each answer, and a statement has seconds.
MAX_DAYS, DEFAULT_DAYS = 30, 7


class SignalOutput(serializers.Serializer[Any]):
    """One signal: `having` of those that could have it. Shares from 0 to 1; `change` is a difference of shares."""

    signal = serializers.ChoiceField(choices=[signal.value for signal in Signal])
    name = serializers.SerializerMethodField()
    having = serializers.IntegerField()
    of = serializers.IntegerField()
    share = serializers.FloatField()
    share_before = serializers.FloatField(allow_null=True)
    change = serializers.FloatField(allow_null=True)
    grade = serializers.ChoiceField(choices=[grade.value for grade in Grade])
    worth = serializers.ChoiceField(choices=[worth.value for worth in Worth])

    def get_name(self, quality: Any) -> str:
        return str(SIGNAL_NAMES[quality.signal])


class StageOutput(serializers.Serializer[Any]):
    """One stage of the funnel; `explanation` is there when nothing else is."""

    stage = serializers.ChoiceField(choices=[stage.value for stage in Stage])
    name = serializers.SerializerMethodField()
    total = serializers.IntegerField()
    total_before = serializers.IntegerField()
    explanation = serializers.SerializerMethodField()
    signals = SignalOutput(many=True)

    def get_name(self, quality: StageQuality) -> str:
        return str(STAGE_NAMES[quality.stage])

    def get_explanation(self, quality: StageQuality) -> str:
        return explain_empty_stage(quality)


class CauseOutput(serializers.Serializer[Any]):
    """Why signals are lost. `example` is a click id, of sales an order id."""

    cause = serializers.ChoiceField(choices=[cause.value for cause in Cause])
    stage = serializers.ChoiceField(choices=[stage.value for stage in Stage])
    count = serializers.IntegerField()
    of = serializers.IntegerField()
    example = serializers.CharField()
    sentence = serializers.SerializerMethodField()
    next_step = serializers.SerializerMethodField()

    def get_sentence(self, found: CauseFound) -> str:
        return explain_cause(found)

    def get_next_step(self, found: CauseFound) -> str:
        return advise(found.cause)


class SignalQualityOutput(serializers.Serializer[Any]):
    """Signal quality of one funnel in one period, against the period of the same length before it."""

    funnel_id = serializers.UUIDField()
    days = serializers.IntegerField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    explanation = serializers.CharField(allow_blank=True)
    stages = StageOutput(many=True)
    causes = CauseOutput(many=True)


_DAYS = OpenApiParameter("days", int, description=f"1 to {MAX_DAYS}; {DEFAULT_DAYS} unless told.")


def _read_days(request: Request) -> int:
    text = request.query_params.get("days", str(DEFAULT_DAYS))
    if text.isascii() and text.isdecimal() and len(text) <= 2 and 1 <= int(text) <= MAX_DAYS:
        return int(text)
    raise BadInput(
        _("Correct the fields named in `errors` and send it again."),
        fields={"days": _("a whole number from 1 to %(limit)d") % {"limit": MAX_DAYS}},
    )


@extend_schema(tags=["funnels"], parameters=[_DAYS], responses=SignalQualityOutput)
class SignalsView(APIView):
    """Which signals arrive at each stage of a funnel, and why the others do not. Tests and machines are left out.

    503 `too_much_to_count` when that takes more than ten seconds: ask for fewer days.
    """

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        days = _read_days(request)
        funnel = get_object_or_404(Funnel.objects.only("id"), pk=pk)
        until = timezone.now()
        period = Period(since=until - timedelta(days=days), until=until)
        quality = assess(*count_signals(current_tenant_id(), funnel.pk, period))
        body = {
            "funnel_id": funnel.pk,
            "days": days,
            "since": period.since,
            "until": period.until,
            "explanation": explain_empty_funnel(quality.stages),
            "stages": quality.stages,
            "causes": quality.causes,
        }
        return Response(SignalQualityOutput(body).data)

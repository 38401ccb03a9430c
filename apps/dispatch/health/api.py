"""REST of how destinations do: sending, waiting or parked, and why; what waits; whether the token is good."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import Pages
from apps.dispatch.breaker import State
from apps.dispatch.health.selectors import Health, Standing, describe_health
from apps.dispatch.models import TokenCheck
from apps.dispatch.tokens.sentences import explain_token
from apps.funnels.models import Destination, Platform


class TokenOutput(serializers.Serializer[Any]):
    """What is known of the token. Of `expires_at` and `data_access_expires_at` the earlier one ends it; null where it
    never ends, or nobody knows: `state` tells which. `checked_at` is null until the platform was asked."""

    state = serializers.ChoiceField(choices=TokenCheck.State.values)
    expires_at = serializers.DateTimeField(allow_null=True)
    data_access_expires_at = serializers.DateTimeField(allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    renewed_at = serializers.DateTimeField(allow_null=True)
    scopes = serializers.ListField(child=serializers.CharField())
    problem = serializers.CharField()
    sentence = serializers.CharField()


class BreakerOutput(serializers.Serializer[Any]):
    """What decides how much is sent at once: `width` requests of `allowance` events."""

    state = serializers.ChoiceField(choices=[state.value for state in State])
    failures = serializers.IntegerField()
    width = serializers.IntegerField()
    allowance = serializers.IntegerField()
    changed_at = serializers.DateTimeField()


class BacklogOutput(serializers.Serializer[Any]):
    """Sends that are not settled. At most 10,000 of each are counted; `has_more` says that there are more."""

    waiting = serializers.IntegerField()
    parked = serializers.IntegerField()
    has_more = serializers.BooleanField()
    earliest_deadline = serializers.DateTimeField(allow_null=True)


class CanaryOutput(serializers.Serializer[Any]):
    """The version on trial and its share of the requests; `is_given_up` once it failed where the other did not."""

    version = serializers.CharField()
    percent = serializers.IntegerField()
    is_given_up = serializers.BooleanField()


class DestinationHealthOutput(serializers.Serializer[Any]):
    """`until` is the end of a pause, or the time of the next try; `parked_since` of a destination that waits for
    somebody. `reason` is a stable word, `sentence` and `next_step` say it in the reader's language."""

    id = serializers.UUIDField(source="destination.pk")
    funnel_id = serializers.UUIDField(source="destination.funnel_id")
    platform = serializers.ChoiceField(choices=Platform.choices, source="destination.platform")
    pixel_id = serializers.CharField(source="destination.pixel_id")
    standing = serializers.ChoiceField(choices=[standing.value for standing in Standing])
    until = serializers.DateTimeField(allow_null=True)
    parked_since = serializers.SerializerMethodField()
    reason = serializers.CharField()
    sentence = serializers.CharField(source="words.sentence")
    next_step = serializers.CharField(source="words.next_step")
    backlog = BacklogOutput()
    breaker = serializers.SerializerMethodField()
    api_version = serializers.CharField(source="target.api_version")
    canary = serializers.SerializerMethodField()
    token_saved_at = serializers.DateTimeField(source="destination.token_saved_at")
    token = serializers.SerializerMethodField()

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_parked_since(self, health: Health) -> Any:
        return health.own and health.own.parked_at

    @extend_schema_field(BreakerOutput(allow_null=True))
    def get_breaker(self, health: Health) -> Any:
        return BreakerOutput(health.own).data if health.own else None

    @extend_schema_field(CanaryOutput(allow_null=True))
    def get_canary(self, health: Health) -> Any:
        if not health.canary_version:
            return None
        is_given_up = health.own is not None and health.own.refused_version == health.canary_version
        return {"version": health.canary_version, "percent": health.canary_percent, "is_given_up": is_given_up}

    @extend_schema_field(TokenOutput)
    def get_token(self, health: Health) -> Any:
        check = health.token or TokenCheck(state=TokenCheck.State.UNKNOWN)
        return TokenOutput(
            {
                "state": check.state,
                "expires_at": check.expires_at,
                "data_access_expires_at": check.data_access_expires_at,
                "checked_at": check.checked_at,
                "renewed_at": check.refreshed_at,
                "scopes": check.scopes,
                "problem": check.problem,
                "sentence": explain_token(health.token, health.destination.platform),
            }
        ).data


def _destinations() -> "QuerySet[Destination]":
    rows: QuerySet[Destination] = Destination.objects.select_related("breaker", "token_check")
    return rows


@extend_schema(tags=["destinations"])
class DestinationHealthList(GenericAPIView[Any]):
    """Every destination of the account, newest first."""

    serializer_class = DestinationHealthOutput

    class pagination_class(Pages):  # noqa: N801 - DRF's name
        """By creation: ids of destinations are random."""

        ordering = ("-created_at", "-id")  # type: ignore[assignment]

    @extend_schema(operation_id="destinations_health_list", responses=DestinationHealthOutput(many=True))
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(_destinations()) or []
        return self.get_paginated_response(DestinationHealthOutput(describe_health(page), many=True).data)


@extend_schema(tags=["destinations"])
class DestinationHealthView(GenericAPIView[Any]):
    """One destination."""

    serializer_class = DestinationHealthOutput

    @extend_schema(operation_id="destinations_health_retrieve", responses=DestinationHealthOutput)
    def get(self, request: Request, pk: str) -> Response:
        row = get_object_or_404(_destinations(), pk=pk)
        return Response(DestinationHealthOutput(describe_health([row])[0]).data)

"""REST of funnels (DESIGN section 8). Secrets and tokens go in and never come out."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core.api import Pages
from apps.funnels.models import Destination, Endpoint, Funnel, Platform, UnknownConsent
from apps.funnels.selectors import draft_config
from apps.funnels.services import create_funnel, publish_funnel, update_funnel
from apps.gateways.registry import get_adapter


def _require(values: dict[str, Any], *names: str) -> dict[str, Any]:
    """A PATCH makes every nested field optional for DRF; an item of a list is still whole or nothing."""
    missing = {name: _("This field is required.") for name in names if name not in values}
    if missing:
        raise serializers.ValidationError(missing)
    return values


class EndpointInput(serializers.Serializer[Any]):
    """A gateway and the secret that authenticates its webhooks."""

    gateway = serializers.CharField(max_length=20)
    secret = serializers.CharField(max_length=500)

    def validate_gateway(self, slug: str) -> str:
        if get_adapter(slug) is None:
            raise serializers.ValidationError(_("This gateway is not supported. See the list in the documentation."))
        return slug

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _require(attrs, "gateway", "secret")


class DestinationInput(serializers.Serializer[Any]):
    """A pixel or dataset; the token is needed when it is new."""

    platform = serializers.ChoiceField(choices=Platform.choices)
    pixel_id = serializers.RegexField(r"^[A-Za-z0-9_-]{1,64}$")
    access_token = serializers.CharField(max_length=2000, required=False)
    test_event_code = serializers.CharField(max_length=40, required=False, allow_blank=True)
    api_version = serializers.RegexField(r"^v\d{1,3}\.\d{1,2}$", required=False, allow_blank=True)
    base_url = serializers.URLField(max_length=500, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _require(attrs, "platform", "pixel_id")


class FunnelInput(serializers.Serializer[Any]):
    """A funnel's draft, whole or in part."""

    name = serializers.CharField(max_length=150)
    landing_url = serializers.URLField(max_length=2000, required=False, allow_blank=True)
    attribution_window_days = serializers.IntegerField(min_value=1, max_value=90, required=False)
    unknown_consent = serializers.ChoiceField(choices=UnknownConsent.choices, required=False)
    endpoints = EndpointInput(many=True, required=False)
    destinations = DestinationInput(many=True, required=False)


class EndpointOutput(serializers.ModelSerializer[Endpoint]):
    """The address to paste into the gateway."""

    webhook_url = serializers.SerializerMethodField()

    class Meta:
        model = Endpoint
        fields = ("id", "gateway", "rollout", "webhook_url")

    @extend_schema_field(serializers.URLField())
    def get_webhook_url(self, endpoint: Endpoint) -> str:
        return f"{settings.PUBLIC_URL}/api/v1/webhooks/{endpoint.gateway}/{endpoint.key}"


class DestinationOutput(serializers.ModelSerializer[Destination]):
    """A destination without its token."""

    class Meta:
        model = Destination
        fields = (
            "id",
            "platform",
            "pixel_id",
            "test_event_code",
            "api_version",
            "base_url",
            "token_saved_at",
        )


class FunnelOutput(serializers.ModelSerializer[Funnel]):
    """A funnel's draft; `status` says whether any version runs, `unpublished_changes` whether the draft differs."""

    endpoints = EndpointOutput(many=True)
    destinations = DestinationOutput(many=True)
    status = serializers.SerializerMethodField()
    unpublished_changes = serializers.SerializerMethodField()

    class Meta:
        model = Funnel
        fields = (
            "id",
            "name",
            "public_key",
            "status",
            "unpublished_changes",
            "landing_url",
            "attribution_window_days",
            "unknown_consent",
            "endpoints",
            "destinations",
            "created_at",
            "updated_at",
        )

    @extend_schema_field(serializers.ChoiceField(choices=["draft", "published"]))
    def get_status(self, funnel: Funnel) -> str:
        return "published" if funnel.published_id else "draft"

    def get_unpublished_changes(self, funnel: Funnel) -> bool:
        return funnel.published is None or funnel.published.config != draft_config(funnel).to_json()


@extend_schema(tags=["funnels"])
class FunnelViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[Funnel]):
    """Funnels of the caller's account."""

    serializer_class = FunnelOutput
    lookup_value_converter = "uuid"

    class pagination_class(Pages):  # noqa: N801 - DRF's name
        """Newest first by creation: funnel ids are random."""

        ordering = ("-created_at", "-id")  # type: ignore[assignment]

    def get_queryset(self) -> QuerySet[Funnel]:
        rows: QuerySet[Funnel] = Funnel.objects.select_related("published")
        return rows.prefetch_related("endpoints", "destinations")

    @extend_schema(request=FunnelInput, responses={201: FunnelOutput})
    def create(self, request: Request) -> Response:
        body = FunnelInput(data=request.data)
        body.is_valid(raise_exception=True)
        return self._answer(create_funnel(body.validated_data), status.HTTP_201_CREATED)

    @extend_schema(request=FunnelInput, responses=FunnelOutput)
    def partial_update(self, request: Request, pk: str) -> Response:
        funnel = self.get_object()
        body = FunnelInput(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        return self._answer(update_funnel(funnel, body.validated_data))

    @extend_schema(request=None, responses=FunnelOutput)
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, pk: str) -> Response:
        funnel = self.get_object()
        publish_funnel(funnel)
        return self._answer(funnel)

    def _answer(self, funnel: Funnel, code: int = status.HTTP_200_OK) -> Response:
        fresh = self.get_queryset().get(pk=funnel.pk)
        return Response(FunnelOutput(fresh).data, status=code)

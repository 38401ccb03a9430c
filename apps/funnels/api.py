"""REST of funnels (DESIGN section 8). Secrets and tokens go in and never come out."""

from typing import Any

from django.conf import settings
from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from apps.core.api import Pages
from apps.funnels.credentials import check_credentials
from apps.funnels.event_names import DEFAULT_NAMES, claims_a_sale, event_name_of, is_known_kind, is_usable_name
from apps.funnels.models import (
    ChildOrders,
    Destination,
    Endpoint,
    Funnel,
    PageEvents,
    Platform,
    Rollout,
    Trial,
    UnknownConsent,
)
from apps.funnels.selectors import has_unpublished_changes
from apps.funnels.services import create_funnel, publish_funnel, update_funnel
from apps.gateways.api import Finding
from apps.gateways.registry import get_adapter
from apps.gateways.signatures import Strength
from apps.tenants.authentication import actor_of


def _require(values: dict[str, Any], *names: str) -> dict[str, Any]:
    """A PATCH makes every nested field optional for DRF; an item of a list is still whole or nothing."""
    missing = {name: _("This field is required.") for name in names if name not in values}
    if missing:
        raise serializers.ValidationError(missing)
    return values


class EndpointInput(serializers.Serializer[Any]):
    """A gateway and the secret that authenticates its webhooks."""

    gateway = serializers.CharField(max_length=20)
    secret = serializers.CharField(max_length=500, required=False)
    credentials = serializers.DictField(child=serializers.CharField(max_length=2000), required=False)
    rollout = serializers.ChoiceField(choices=Rollout.choices, required=False)
    live_percent = serializers.IntegerField(min_value=0, max_value=100, required=False)
    candidate = serializers.ChoiceField(choices=Trial.choices, required=False)

    def validate_gateway(self, slug: str) -> str:
        if get_adapter(slug) is None:
            raise serializers.ValidationError(_("This gateway is not supported. See the list in the documentation."))
        return slug

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        _require(attrs, "gateway")
        adapter = get_adapter(attrs["gateway"])
        is_signed = adapter is not None and adapter.verifier.strength is not Strength.NONE
        if is_signed and (len(attrs) == 1 or not self.root.partial):
            _require(attrs, "secret")
        known = {field.name for field in adapter.api.fields} if adapter and adapter.api else set()
        unknown = {
            name: _("This gateway has no such credential.") for name in attrs.get("credentials", {}).keys() - known
        }
        if unknown:
            raise serializers.ValidationError({"credentials": unknown})
        return attrs


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
    event_names = serializers.DictField(child=serializers.CharField(max_length=40, allow_blank=True), required=False)
    child_orders = serializers.ChoiceField(choices=ChildOrders.choices, required=False)
    page_events = serializers.ChoiceField(choices=PageEvents.choices, required=False)
    endpoints = EndpointInput(many=True, required=False)
    destinations = DestinationInput(many=True, required=False)

    def validate_event_names(self, names: dict[str, str]) -> dict[str, str]:
        problems = {kind: problem for kind, name in names.items() if (problem := _problem_of(kind, name))}
        if problems:
            raise serializers.ValidationError(problems)
        return names


def _problem_of(kind: str, name: str) -> StrPromise | None:
    if not is_known_kind(kind):
        return _("Nothing of this name happens to an order. See the list in the documentation.")
    if not is_usable_name(name):
        return _("Use letters, digits and _, starting with a letter; or nothing, to send no event.")
    if claims_a_sale(kind, name):
        return _("Purchase and Subscribe are for confirmed payments only.")
    return None


class EndpointOutput(serializers.ModelSerializer[Endpoint]):
    """The address to paste into the gateway."""

    webhook_url = serializers.SerializerMethodField()
    has_credentials = serializers.SerializerMethodField()
    authentication = serializers.SerializerMethodField()

    class Meta:
        model = Endpoint
        fields = (
            *(
                "id",
                "gateway",
                "rollout",
                "live_percent",
                "candidate",
                "has_credentials",
                "authentication",
                "webhook_url",
            ),
        )

    @extend_schema_field(serializers.URLField())
    def get_webhook_url(self, endpoint: Endpoint) -> str:
        return f"{settings.PUBLIC_URL}/api/v1/webhooks/{endpoint.gateway}/{endpoint.key}"

    def get_has_credentials(self, endpoint: Endpoint) -> bool:
        return bool(endpoint.credentials)

    @extend_schema_field(serializers.ChoiceField(choices=[strength.value for strength in Strength]))
    def get_authentication(self, endpoint: Endpoint) -> str:
        adapter = get_adapter(endpoint.gateway)
        return adapter.verifier.strength.value if adapter else Strength.NONE.value


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
    event_names = serializers.SerializerMethodField()
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
            "event_names",
            "child_orders",
            "page_events",
            "endpoints",
            "destinations",
            "created_at",
            "updated_at",
        )

    @extend_schema_field(serializers.ChoiceField(choices=["draft", "published"]))
    def get_status(self, funnel: Funnel) -> str:
        return "published" if funnel.published_id else "draft"

    def get_unpublished_changes(self, funnel: Funnel) -> bool:
        return has_unpublished_changes(funnel)

    def get_event_names(self, funnel: Funnel) -> dict[str, str]:
        """Every kind with the name it has in this funnel, chosen or not."""
        return {kind.value: event_name_of(kind, funnel.event_names) for kind in DEFAULT_NAMES}


class CredentialsInput(serializers.Serializer[Any]):
    """Credentials for a gateway's own API."""

    gateway = serializers.CharField(max_length=20)
    credentials = serializers.DictField(child=serializers.CharField(max_length=2000))


class CredentialCheckOutput(serializers.Serializer[Any]):
    """`finding` is a stable word, `sentence` says it in the reader's language."""

    valid = serializers.BooleanField(source="is_valid")
    finding = serializers.ChoiceField(choices=[finding.value for finding in Finding])
    sentence = serializers.CharField()


@extend_schema(tags=["gateways"])
class CredentialCheckView(APIView):
    """Try credentials with the gateway itself; nothing is stored. 404 where a gateway has none."""

    @extend_schema(request=CredentialsInput, responses=CredentialCheckOutput)
    def post(self, request: Request) -> Response:
        body = CredentialsInput(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(CredentialCheckOutput(check_credentials(**body.validated_data)).data)


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
        parts = (("endpoints", Endpoint), ("destinations", Destination))
        return rows.prefetch_related(
            *(Prefetch(name, model.objects.order_by("created_at", "id")) for name, model in parts)
        )

    @extend_schema(request=FunnelInput, responses={201: FunnelOutput})
    def create(self, request: Request) -> Response:
        body = FunnelInput(data=request.data)
        body.is_valid(raise_exception=True)
        return self._answer(create_funnel(body.validated_data, actor_of(request)), status.HTTP_201_CREATED)

    @extend_schema(request=FunnelInput, responses=FunnelOutput)
    def partial_update(self, request: Request, pk: str) -> Response:
        funnel = self.get_object()
        body = FunnelInput(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        return self._answer(update_funnel(funnel, body.validated_data, actor_of(request)))

    @extend_schema(request=None, responses=FunnelOutput)
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, pk: str) -> Response:
        funnel = self.get_object()
        publish_funnel(funnel)
        return self._answer(funnel)

    def _answer(self, funnel: Funnel, code: int = status.HTTP_200_OK) -> Response:
        fresh = self.get_queryset().get(pk=funnel.pk)
        return Response(FunnelOutput(fresh).data, status=code)

"""What callers are told of funnels. Secrets and tokens are in none of it."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.funnels.event_names import DEFAULT_NAMES, event_name_of
from apps.funnels.models import Destination, Endpoint, Funnel
from apps.funnels.selectors import has_unpublished_changes
from apps.gateways.api import Finding
from apps.gateways.registry import get_adapter
from apps.gateways.signatures import Strength


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
            "canary_version",
            "canary_percent",
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
            "view_through_days",
            "attribution_model",
            "auto_threshold",
            "review_threshold",
            "uncertain_matches",
            "review_hours",
            "review_timeout",
            "weight_set",
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


class CredentialCheckOutput(serializers.Serializer[Any]):
    """`finding` is a stable word, `sentence` says it in the reader's language."""

    valid = serializers.BooleanField(source="is_valid")
    finding = serializers.ChoiceField(choices=[finding.value for finding in Finding])
    sentence = serializers.CharField()

"""What callers send of funnels. Everything is checked by name before any of it is stored."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise
from rest_framework import serializers

from apps.funnels.event_names import claims_a_sale, is_known_kind, is_usable_name
from apps.funnels.models import (
    AttributionModel,
    ChildOrders,
    PageEvents,
    Platform,
    ReviewTimeout,
    Rollout,
    Trial,
    UncertainMatches,
    UnknownConsent,
)
from apps.gateways.registry import get_adapter
from apps.gateways.signatures import Strength

_API_VERSION = r"^v\d{1,3}\.\d{1,2}$"


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
    api_version = serializers.RegexField(_API_VERSION, required=False, allow_blank=True)
    base_url = serializers.URLField(max_length=500, required=False, allow_blank=True)
    canary_version = serializers.RegexField(_API_VERSION, required=False, allow_blank=True)
    canary_percent = serializers.IntegerField(min_value=0, max_value=100, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _require(attrs, "platform", "pixel_id")


class ConfidenceField(serializers.FloatField):
    """A JSON number from 0.5 to 1. DRF would also take true and "nan", and fail on an integer of 400 digits."""

    lowest, highest = 0.5, 1.0
    default_error_messages: ClassVar = {"confidence": _("Use a number from 0.5 to 1.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=self.lowest, max_value=self.highest, **options)

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float) or not self.lowest <= data <= self.highest:
            self.fail("confidence")
        return float(data)


class FunnelInput(serializers.Serializer[Any]):
    """A funnel's draft, whole or in part."""

    name = serializers.CharField(max_length=150)
    landing_url = serializers.URLField(max_length=2000, required=False, allow_blank=True)
    attribution_window_days = serializers.IntegerField(min_value=1, max_value=90, required=False)
    unknown_consent = serializers.ChoiceField(choices=UnknownConsent.choices, required=False)
    event_names = serializers.DictField(child=serializers.CharField(max_length=40, allow_blank=True), required=False)
    child_orders = serializers.ChoiceField(choices=ChildOrders.choices, required=False)
    page_events = serializers.ChoiceField(choices=PageEvents.choices, required=False)
    view_through_days = serializers.IntegerField(min_value=0, max_value=7, required=False)
    attribution_model = serializers.ChoiceField(choices=AttributionModel.choices, required=False)
    auto_threshold = ConfidenceField(required=False)
    review_threshold = ConfidenceField(required=False)
    uncertain_matches = serializers.ChoiceField(choices=UncertainMatches.choices, required=False)
    review_hours = serializers.IntegerField(min_value=1, max_value=144, required=False)
    review_timeout = serializers.ChoiceField(choices=ReviewTimeout.choices, required=False)
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


class CredentialsInput(serializers.Serializer[Any]):
    """Credentials for a gateway's own API."""

    gateway = serializers.CharField(max_length=20)
    credentials = serializers.DictField(child=serializers.CharField(max_length=2000))

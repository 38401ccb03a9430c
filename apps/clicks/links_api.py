"""REST of redirect links, and the builder of the UTM parameters to put behind them."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from apps.clicks.link_services import create_link, update_link
from apps.clicks.links import MAX_DESTINATION, merge_parameters
from apps.clicks.models import TrackingLink
from apps.clicks.utm import Style, compose_utm, fill_macros, read_parameters, read_utm, unknown_macros

_PARAMETER = r"^[A-Za-z0-9_-]{1,40}$"


class LinkInput(serializers.Serializer[Any]):
    """A link; `chosen_host` repeats the destination's host where that is neither the funnel's nor a checkout's."""

    funnel = serializers.UUIDField()
    destination = serializers.CharField(max_length=MAX_DESTINATION)
    chosen_host = serializers.CharField(max_length=253, required=False, allow_blank=True)
    name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    is_active = serializers.BooleanField(required=False)


class LinkChange(LinkInput):
    """The same in part; a link stays in its funnel."""

    funnel = None  # type: ignore[assignment]


class LinkOutput(serializers.ModelSerializer[TrackingLink]):
    """A link and the address to put into the ad."""

    url = serializers.SerializerMethodField()

    class Meta:
        model = TrackingLink
        fields = ("id", "key", "url", "funnel", "name", "destination", "is_active", "created_at")

    @extend_schema_field(serializers.URLField())
    def get_url(self, link: TrackingLink) -> str:
        return f"{settings.PUBLIC_URL}/{link.key}"


@extend_schema(tags=["links"])
class LinkViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[TrackingLink]):
    """Redirect links of the caller's account. A change takes effect within two seconds."""

    serializer_class = LinkOutput
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[TrackingLink]:
        rows: QuerySet[TrackingLink] = TrackingLink.objects.select_related("funnel")
        return rows

    @extend_schema(request=LinkInput, responses={201: LinkOutput})
    def create(self, request: Request) -> Response:
        body = LinkInput(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(LinkOutput(create_link(body.validated_data)).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=LinkChange, responses=LinkOutput)
    def partial_update(self, request: Request, pk: str) -> Response:
        link = self.get_object()
        body = LinkChange(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        return Response(LinkOutput(update_link(link, body.validated_data)).data)


class UtmInput(serializers.Serializer[Any]):
    """`style` says what the parameters name; `parameters` adds to them, replaces one, or removes it by ""."""

    style = serializers.ChoiceField(choices=list(Style), default=Style.PACKED)  # type: ignore[assignment]
    source = serializers.CharField(max_length=100, default="facebook")  # type: ignore[assignment]
    url = serializers.URLField(max_length=MAX_DESTINATION, required=False)
    parameters = serializers.DictField(
        child=serializers.CharField(max_length=512, allow_blank=True), required=False, default=dict
    )

    def validate_parameters(self, parameters: dict[str, str]) -> dict[str, str]:
        names = serializers.RegexField(_PARAMETER)
        for name, value in parameters.items():
            names.run_validation(name)
            if strange := unknown_macros(value):
                raise serializers.ValidationError(
                    {name: _("Meta fills in no %(macro)s. See the list in the documentation.") % {"macro": strange[0]}}
                )
        return parameters


class NamedOutput(serializers.Serializer[Any]):
    """A campaign, ad set or ad."""

    id = serializers.CharField()
    name = serializers.CharField()


class ReadUtmOutput(serializers.Serializer[Any]):
    """What the hub will read out of the parameters once Meta has filled them in."""

    source = serializers.CharField()  # type: ignore[assignment]
    campaign = NamedOutput()
    adset = NamedOutput()
    ad = NamedOutput()
    placement = serializers.CharField()


class UtmOutput(serializers.Serializer[Any]):
    """What to paste into Meta's "URL parameters", the whole address where one was given, and an example filled in."""

    url_parameters = serializers.CharField()
    url = serializers.CharField()
    example = serializers.CharField()
    reads_as = ReadUtmOutput()


@extend_schema(tags=["links"])
class UtmView(APIView):
    """Write the UTM parameters of an ad; nothing is stored."""

    @extend_schema(request=UtmInput, responses=UtmOutput)
    def post(self, request: Request) -> Response:
        body = UtmInput(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        parameters = compose_utm(Style(asked["style"]), source=asked["source"], extra=asked["parameters"])
        example = fill_macros(parameters)
        url = merge_parameters(asked["url"], parameters) if "url" in asked else ""
        answer = {
            "url_parameters": parameters,
            "url": url,
            "example": example,
            "reads_as": asdict(read_utm(read_parameters(example))),
        }
        return Response(UtmOutput(answer).data)

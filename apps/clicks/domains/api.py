"""REST of tracking domains: the customer's hosts that lead to the hub."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.clicks.domains.rules import list_records
from apps.clicks.domains.services import add_domain, explain, remove_domain, verify_domain
from apps.clicks.middleware import own_hosts
from apps.clicks.models import TrackingDomain

_STATES = ("waiting", "proven", "missing")


class DomainInput(serializers.Serializer[Any]):
    """The host alone, such as track.yourstore.com."""

    host = serializers.CharField(max_length=500)


class RecordOutput(serializers.Serializer[Any]):
    """A record to put into the domain's DNS."""

    type = serializers.CharField()
    name = serializers.CharField()
    value = serializers.CharField()


class DomainOutput(serializers.ModelSerializer[TrackingDomain]):
    """A domain, the records that it needs, and `problem`: what was found instead and what to do, or ""."""

    status = serializers.SerializerMethodField()
    records = serializers.SerializerMethodField()
    problem = serializers.SerializerMethodField()
    script_url = serializers.SerializerMethodField()

    class Meta:
        model = TrackingDomain
        fields = ("id", "host", "status", "records", "script_url", "problem", "created_at", "checked_at", "proven_at")

    @extend_schema_field(serializers.ChoiceField(choices=_STATES))
    def get_status(self, domain: TrackingDomain) -> str:
        if domain.missing_since:
            return "missing"
        return "proven" if domain.proven_at else "waiting"

    @extend_schema_field(RecordOutput(many=True))
    def get_records(self, domain: TrackingDomain) -> list[dict[str, str]]:
        return list_records(domain.host, domain.token, own_hosts()[0])

    @extend_schema_field(serializers.CharField())
    def get_problem(self, domain: TrackingDomain) -> str:
        return explain(domain, self.context.get("finding"))

    @extend_schema_field(serializers.CharField())
    def get_script_url(self, domain: TrackingDomain) -> str:
        scheme = settings.PUBLIC_URL.partition(":")[0]
        return f"{scheme}://{domain.host}/t/PUBLIC_KEY.js"


@extend_schema(tags=["domains"])
class DomainViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[TrackingDomain]):
    """Tracking domains of the caller's account. What is proven or removed takes effect within two seconds."""

    serializer_class = DomainOutput
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[TrackingDomain]:
        rows: QuerySet[TrackingDomain] = TrackingDomain.objects.all()
        return rows

    @extend_schema(request=DomainInput, responses={201: DomainOutput})
    def create(self, request: Request) -> Response:
        body = DomainInput(data=request.data)
        body.is_valid(raise_exception=True)
        domain = add_domain(body.validated_data["host"])
        return Response(DomainOutput(domain).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        remove_domain(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=DomainOutput)
    @action(detail=True, methods=["post"])
    def verify(self, request: Request, pk: str) -> Response:
        """Ask the DNS now. 409 when another account has proven the same host."""
        domain = self.get_object()
        finding = verify_domain(domain)
        return Response(DomainOutput(domain, context={"finding": finding}).data)

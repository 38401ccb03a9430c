"""The addresses of funnels, and of credentials that are to be tried."""

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from apps.core.api import Pages
from apps.funnels.api.inputs import CredentialsInput, FunnelInput
from apps.funnels.api.outputs import CredentialCheckOutput, FunnelOutput
from apps.funnels.credentials import check_credentials
from apps.funnels.models import Destination, Endpoint, Funnel
from apps.funnels.services import create_funnel, update_funnel
from apps.tenants.authentication import actor_of


def select_funnels() -> QuerySet[Funnel]:
    """With all that FunnelOutput shows of them, in a constant number of statements."""
    rows: QuerySet[Funnel] = Funnel.objects.select_related("published")
    parts = (("endpoints", Endpoint), ("destinations", Destination))
    return rows.prefetch_related(*(Prefetch(name, model.objects.order_by("created_at", "id")) for name, model in parts))


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
    """Funnels of the caller's account. Publishing one is matching's, which looks at what would change first."""

    serializer_class = FunnelOutput
    lookup_value_converter = "uuid"

    class pagination_class(Pages):  # noqa: N801 - DRF's name
        """Newest first by creation: funnel ids are random."""

        ordering = ("-created_at", "-id")  # type: ignore[assignment]

    def get_queryset(self) -> QuerySet[Funnel]:
        return select_funnels()

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

    def _answer(self, funnel: Funnel, code: int = status.HTTP_200_OK) -> Response:
        return Response(FunnelOutput(select_funnels().get(pk=funnel.pk)).data, status=code)

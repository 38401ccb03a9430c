"""REST of replays: start one, see how far it is, end it."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.api import Pages
from apps.dispatch.letters.inputs import ReplayInput, read_wish
from apps.dispatch.letters.outputs import ReplayOutput
from apps.dispatch.models import Replay
from apps.dispatch.services.replays import cancel_replay, start_replay
from apps.tenants.authentication import actor_of
from apps.tenants.scoping import current_tenant_id


class _NewestReplays(Pages):
    ordering = "-created_at"


@extend_schema(tags=["dead letters"])
class ReplayStart(APIView):
    """Send dead letters again, by and by: some by id, or all that a filter finds. 409 when none of them is dead."""

    @extend_schema(request=ReplayInput, responses={202: ReplayOutput})
    def post(self, request: Request) -> Response:
        wish = read_wish(request.data, actor_of(request))
        return Response(ReplayOutput(start_replay(current_tenant_id(), wish)).data, status=202)


@extend_schema(tags=["dead letters"])
class ReplayList(ListAPIView[Replay]):
    """Replays, newest first."""

    serializer_class = ReplayOutput
    pagination_class = _NewestReplays

    def get_queryset(self) -> QuerySet[Replay]:
        rows: QuerySet[Replay] = Replay.objects.all()
        return rows


@extend_schema(tags=["dead letters"])
class ReplayProgress(APIView):
    """How far it is: what was let go, what was left alone and why, and when it will be done."""

    @extend_schema(responses=ReplayOutput)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        return Response(ReplayOutput(_get(pk)).data)


@extend_schema(tags=["dead letters"])
class ReplayCancel(APIView):
    """End it; what was let go stays so. 409 when it has ended already."""

    @extend_schema(request=None, responses=ReplayOutput)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        return Response(ReplayOutput(cancel_replay(_get(pk))).data)


def _get(pk: uuid.UUID) -> Any:
    return get_object_or_404(Replay.objects.all(), pk=pk)

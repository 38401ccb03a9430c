"""REST of publishing a funnel: the address is the funnels' own; what is published is compared with what runs first."""

import uuid
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.funnels.api import FunnelOutput, select_funnels
from apps.matching.services import publish_checked


class PublishRequest(serializers.Serializer[Any]):
    """`confirm`: publish although much of what is matched would change."""

    confirm = serializers.BooleanField(default=False)


@extend_schema(tags=["funnels"])
class PublishView(APIView):
    """Make a funnel's draft what runs."""

    @extend_schema(
        request=PublishRequest,
        responses={
            200: FunnelOutput,
            409: OpenApiResponse(description="Much of what is matched would change: confirm it, or compare first."),
        },
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        funnel = get_object_or_404(select_funnels(), pk=pk)
        body = PublishRequest(data=request.data)
        body.is_valid(raise_exception=True)
        publish_checked(funnel, confirmed=body.validated_data["confirm"])
        return Response(FunnelOutput(select_funnels().get(pk=pk)).data)

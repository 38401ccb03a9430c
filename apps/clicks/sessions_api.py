"""REST of a visit as it happens: who it is known to be by now, and what of it waits to be sent."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.clicks.buffer import latest_flush
from apps.clicks.models import Session
from apps.clicks.waiting import list_waiting


class WaitingOutput(serializers.Serializer[Any]):
    """A page event that waits in its session."""

    event_id = serializers.CharField()
    name = serializers.CharField()
    occurred_at = serializers.DateTimeField()


class SessionOutput(serializers.Serializer[Session]):
    """A visit. `known_by` names the kinds of hashes it has; `flush_by` is when what waits goes, if no more comes."""

    session_id = serializers.CharField(source="public_id")
    funnel_id = serializers.UUIDField()
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    consent_ads = serializers.BooleanField(allow_null=True)
    known_by = serializers.SerializerMethodField()
    waiting = serializers.SerializerMethodField()
    flush_by = serializers.SerializerMethodField()

    def get_known_by(self, session: Session) -> list[str]:
        return sorted(session.identity)

    @extend_schema_field(WaitingOutput(many=True))
    def get_waiting(self, session: Session) -> Any:
        return WaitingOutput(list_waiting(session), many=True).data

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_flush_by(self, session: Session) -> Any:
        return latest_flush(session)


@extend_schema(tags=["sessions"])
class SessionView(APIView):
    """One visit."""

    @extend_schema(responses=SessionOutput)
    def get(self, request: Request, session_id: str) -> Response:
        return Response(SessionOutput(get_object_or_404(Session.objects.all(), public_id=session_id)).data)

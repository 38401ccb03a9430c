"""REST of conversions, events and replay (DESIGN section 8)."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.conversions.models import Conversion
from apps.core.errors import BadInput
from apps.dispatch.models import CapiEvent, SendStatus
from apps.dispatch.services import replay_event
from apps.pipeline.selectors import events_in_detail, list_conversions, list_events
from apps.pipeline.serializers import ConversionOutput, EventDetail, EventOutput

_SESSION = OpenApiParameter("session_id", str, description="Events of what happened on pages in this session.")
_ORDER = OpenApiParameter("order_id", str, description="The gateway's order id.")
_STATUS = OpenApiParameter("status", str, enum=SendStatus.values)


def _query_text(request: Request, name: str) -> str | None:
    text = request.query_params.get(name)
    if text and "\x00" in text:
        raise BadInput(_("Remove the NUL character."), fields={name: _("not text")})
    return text


@extend_schema(tags=["conversions"], parameters=[_ORDER])
class ConversionList(ListAPIView[Conversion]):
    """Orders, newest first."""

    serializer_class = ConversionOutput

    def get_queryset(self) -> Any:
        return list_conversions(_query_text(self.request, "order_id"))


@extend_schema(tags=["events"], parameters=[_ORDER, _SESSION, _STATUS])
class EventList(ListAPIView[CapiEvent]):
    """Events, newest first."""

    serializer_class = EventOutput

    def get_queryset(self) -> Any:
        status = _query_text(self.request, "status")
        if status and status not in SendStatus.values:
            raise BadInput(
                _("Use one of the known statuses."),
                fields={"status": _("one of: ") + ", ".join(SendStatus.values)},
            )
        order_id, session_id = (_query_text(self.request, name) for name in ("order_id", "session_id"))
        return list_events(order_id, session_id, status)


@extend_schema(tags=["events"])
class EventView(RetrieveAPIView[CapiEvent]):
    """One event with its conversion, match evidence and attempts."""

    serializer_class = EventDetail
    lookup_field = "event_id"

    def get_queryset(self) -> Any:
        return events_in_detail()


@extend_schema(tags=["events"])
class ReplayView(APIView):
    """Send an event again that stands still: same event_id, due now. 409 when there is nothing to send again."""

    @extend_schema(request=None, responses={202: EventDetail})
    def post(self, request: Request, event_id: str) -> Response:
        event = get_object_or_404(CapiEvent.objects.all(), event_id=event_id)
        replay_event(event)
        return Response(EventDetail(events_in_detail().get(pk=event.pk)).data, status=202)

"""REST of matches: the queue of those that wait for a person, and what the person decides."""

from collections.abc import Callable, Collection

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import BadInput
from apps.matching.api.serializers import ChoiceRequest, MatchDetail, ReviewRequest
from apps.matching.models import Match, ReviewState
from apps.matching.rules import Decision
from apps.matching.selectors import list_matches
from apps.matching.services import accept_match, choose_click, reject_match
from apps.tenants.authentication import actor_of

_REVIEW = OpenApiParameter("review", str, enum=ReviewState.values, description="Where the review stands.")
_DECISION = OpenApiParameter("decision", str, enum=[word.value for word in Decision])
_ORDER = OpenApiParameter("order_id", str, description="The gateway's order id.")


def _word(request: Request, name: str, words: Collection[str]) -> str | None:
    word = request.query_params.get(name)
    if word and word not in words:
        raise BadInput(_("Use one of the known words."), fields={name: _("one of: ") + ", ".join(words)})
    return word


def _order_id(request: Request) -> str | None:
    text = request.query_params.get("order_id")
    if text and "\x00" in text:
        raise BadInput(_("Remove the NUL character."), fields={"order_id": _("not text")})
    return text


@extend_schema(tags=["matches"], parameters=[_REVIEW, _DECISION, _ORDER])
class MatchList(ListAPIView[Match]):
    """Matches, newest first; `review=pending_review` is the queue."""

    serializer_class = MatchDetail

    def get_queryset(self) -> QuerySet[Match]:
        return list_matches(
            review=_word(self.request, "review", ReviewState.values),
            decision=_word(self.request, "decision", [word.value for word in Decision]),
            order_id=_order_id(self.request),
        )


@extend_schema(tags=["matches"])
class MatchView(RetrieveAPIView[Match]):
    """One match with its evidence and what was decided about it."""

    serializer_class = MatchDetail

    def get_queryset(self) -> QuerySet[Match]:
        return list_matches()


def _settle(request: Request, pk: int, form: type[ReviewRequest], act: Callable[..., Match]) -> Response:
    match = get_object_or_404(Match.objects.all(), pk=pk)
    body = form(data=request.data)
    body.is_valid(raise_exception=True)
    act(match, actor=actor_of(request), **body.validated_data)
    return Response(MatchDetail(list_matches().get(pk=pk)).data)


@extend_schema(tags=["matches"])
class MatchAccept(APIView):
    """Use the proposed click: the sale is told with it within seconds. 409 when the match waits for nobody by now."""

    @extend_schema(request=ReviewRequest, responses=MatchDetail)
    def post(self, request: Request, pk: int) -> Response:
        return _settle(request, pk, ReviewRequest, accept_match)


@extend_schema(tags=["matches"])
class MatchReject(APIView):
    """Use no click: the sale is told without one. 409 as for accepting."""

    @extend_schema(request=ReviewRequest, responses=MatchDetail)
    def post(self, request: Request, pk: int) -> Response:
        return _settle(request, pk, ReviewRequest, reject_match)


@extend_schema(tags=["matches"])
class MatchChoose(APIView):
    """Use another of the clicks that the evidence names. 409 as for accepting, 422 for any other click."""

    @extend_schema(request=ChoiceRequest, responses=MatchDetail)
    def post(self, request: Request, pk: int) -> Response:
        return _settle(request, pk, ChoiceRequest, choose_click)

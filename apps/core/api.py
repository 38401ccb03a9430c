"""The REST base: problem-details errors, pages of the stable shape {next, previous, results}, and money as text."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, JsonResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import exceptions, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from apps.core.db import DATABASE_TROUBLE
from apps.core.errors import BadInput, HubError, NotFound, Overloaded, Unreadable
from apps.core.log import get_logger
from apps.core.problems import problem

log = get_logger(__name__)


class Pages(CursorPagination):
    """Newest first; stable while rows arrive. `page_size` up to 200."""

    ordering = "-id"
    page_size_query_param = "page_size"
    max_page_size = 200

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        """The page; a cursor that somebody wrote by hand is not found, whatever it holds."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, ValidationError) as error:
            raise NotFound(_("This page does not exist. Follow `next` and `previous` as they are.")) from error


@extend_schema_field(serializers.CharField(allow_null=True))
class MoneyText(serializers.Field[Decimal, Any, str | None, Any]):
    """A decimal string with two places, or three where the third says something; null where no amount is known."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: Decimal) -> str:
        return f"{value:.2f}" if value == value.quantize(Decimal("0.01")) else f"{value:.3f}"


class _RestError(HubError):
    """A DRF exception in our terms."""

    def __init__(self, error: exceptions.APIException) -> None:
        super().__init__(str(error.detail))
        self.status = error.status_code
        self.code = str(error.default_code)
        self.title = str(error.default_detail)


def _flatten(detail: Any, path: str = "") -> dict[str, str]:
    """One sentence a field, {"endpoints.0.secret": "..."}; what concerns the whole stands under its name, or `body`."""
    if isinstance(detail, dict):
        members = detail.items()
    elif isinstance(detail, list) and any(isinstance(item, dict) for item in detail):
        members = dict(enumerate(detail)).items()
    else:
        texts = detail if isinstance(detail, list) else [detail]
        return {path or "body": " ".join(map(str, texts))} if texts else {}
    found: dict[str, str] = {}
    for name, inner in members:
        own = path if name == api_settings.NON_FIELD_ERRORS_KEY else f"{path}.{name}".lstrip(".")
        found |= _flatten(inner, own)
    return found


def _as_hub_error(error: Exception) -> HubError | None:
    if isinstance(error, HubError):
        return error
    if isinstance(error, Http404):
        return NotFound(_("There is no such object in this account. Check its id."))
    if isinstance(error, PermissionDenied):
        return _RestError(exceptions.PermissionDenied())
    if isinstance(error, exceptions.ParseError | RecursionError):
        return Unreadable(_("The body is not valid JSON. Correct it and send it again."))
    if isinstance(error, exceptions.ValidationError):
        return BadInput(_("Correct the fields named in `errors` and send it again."), fields=_flatten(error.detail))
    if isinstance(error, ValidationError):
        return BadInput(_("Correct the fields named in `errors` and send it again."), fields=_flatten(error.messages))
    if isinstance(error, DATABASE_TROUBLE):
        log.error("api.database_trouble", error_type=type(error).__name__)
        return Overloaded(_("The database is away for a moment. Try again in a few seconds."))
    return _RestError(error) if isinstance(error, exceptions.APIException) else None


def answer_problem(error: Exception, context: dict[str, Any]) -> JsonResponse | None:
    """DRF's exception handler; None leaves a bug of ours to Django's 500 handler."""
    hub_error = _as_hub_error(error)
    if hub_error is None:
        return None
    response = problem(hub_error)
    challenge = getattr(error, "auth_header", None)
    if challenge:
        response["WWW-Authenticate"] = challenge
    return response

"""REST of the ledger (DESIGN section 8), of money at risk, and of what a gateway's own books say."""

from collections.abc import Mapping
from typing import IO, Any

from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiRequest, PolymorphicProxySerializer, extend_schema
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import BadInput, TooLarge
from apps.core.wsgi import body_limit
from apps.dispatch.ledger.export import MAX_LINES, NotAnExport, TooManyLines, read_export
from apps.dispatch.ledger.inputs import (
    TotalsInput,
    read_gateway,
    read_period,
    read_place,
    read_scope,
    read_sums,
)
from apps.dispatch.ledger.outputs import (
    LedgerOutput,
    PlacedOutput,
    PlacesOutput,
    ReconciliationOutput,
    RisksOutput,
    TotalsOutput,
    show_ledger,
    show_reconciliation,
    show_risks,
    show_totals,
)
from apps.dispatch.ledger.paging import read_page
from apps.dispatch.ledger.queries import (
    Key,
    Placed,
    Wanted,
    find_missing,
    read_ledger,
    read_places,
    while_somebody_waits,
)
from apps.dispatch.ledger.reconcile import Period, compare_totals, reconcile
from apps.dispatch.ledger.risk import find_risks
from apps.dispatch.ledger.rules import Bucket
from apps.tenants.scoping import current_tenant_id

_SINCE = OpenApiParameter("since", str, description="Orders approved from this day or time on (ISO 8601).")
_UNTIL = OpenApiParameter("until", str, description="And before this one.")
_FUNNEL = OpenApiParameter("funnel", OpenApiTypes.UUID, description="One funnel's orders only.")
_BUCKET = OpenApiParameter("bucket", str, enum=[bucket.value for bucket in Bucket], description="List its orders.")
_DESTINATION = OpenApiParameter("destination", OpenApiTypes.UUID, description="List the orders at this destination.")
_CURSOR = OpenApiParameter("cursor", str, description="As `next` and `previous` have it.")
_PAGE_SIZE = OpenApiParameter("page_size", int, description="Of a list: up to 200.")
_GATEWAY = OpenApiParameter("gateway", str, required=True)


class CsvParser(BaseParser):
    """{"export": the bytes as they are}: how they are to be read is for read_export to find out."""

    media_type = "text/csv"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, bytes]:
        limit = body_limit(reverse("reconcile"))
        body: bytes = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(_("The body may have %(limit)d bytes at most. Send a smaller one.") % {"limit": limit})
        return {"export": body}


class LedgerView(APIView):
    """Where every approved order stands. With `bucket` or `destination`, the orders themselves.

    503 `too_much_to_count` when that takes more than ten seconds: ask for fewer days.
    """

    @extend_schema(
        tags=["ledger"],
        parameters=[_SINCE, _UNTIL, _FUNNEL, _BUCKET, _DESTINATION, _CURSOR, _PAGE_SIZE],
        responses=PolymorphicProxySerializer(
            component_name="LedgerAnswer", serializers=[LedgerOutput, PlacesOutput], resource_type_field_name=None
        ),
    )
    def get(self, request: Request) -> Response:
        scope, (bucket, destination_id) = read_scope(request.query_params), read_place(request.query_params)

        def read(key: Key | None, is_backward: bool, limit: int) -> list[Placed]:
            return read_places(scope, Wanted(bucket, destination_id, key, is_backward, limit))

        with while_somebody_waits():
            if bucket or destination_id:
                return Response(read_page(request, read, lambda rows: PlacedOutput(rows, many=True).data))
            ledger = read_ledger(scope)
            return Response(show_ledger(ledger, [] if ledger.is_balanced else find_missing(scope)))


class RiskView(APIView):
    """What will be too old for its platform within 6, 24 and 48 hours unless what keeps it is mended."""

    @extend_schema(tags=["ledger"], responses=RisksOutput)
    def get(self, request: Request) -> Response:
        with while_somebody_waits():
            return Response(show_risks(find_risks(current_tenant_id())))


class ReconcileView(APIView):
    """A gateway's own books against the hub's: an export of its sales as CSV, or the sums of a report as JSON.

    Nothing is changed. An export has a header with an order id and an amount; currency and status where there are any.
    """

    parser_classes = (CsvParser, JSONParser)

    @extend_schema(
        tags=["ledger"],
        parameters=[_GATEWAY, _SINCE, _UNTIL],
        request={"text/csv": OpenApiRequest(OpenApiTypes.STR), "application/json": TotalsInput},
        responses=PolymorphicProxySerializer(
            component_name="Reconciled", serializers=[ReconciliationOutput, TotalsOutput], resource_type_field_name=None
        ),
    )
    def post(self, request: Request) -> Response:
        gateway, is_csv = read_gateway(request.query_params), request.content_type.startswith(CsvParser.media_type)
        if is_csv:
            since, until = read_period(request.query_params)
            given_file: Any = request.data  # empty where there is no body at all
            return Response(_reconcile(gateway, given_file.get("export", b""), Period(since, until)))
        given = TotalsInput(data=request.data)
        given.is_valid(raise_exception=True)
        since, until = read_period(given.validated_data)
        with while_somebody_waits():
            compared = compare_totals(
                current_tenant_id(), gateway, read_sums(given.validated_data["totals"]), since, until
            )
        return Response(show_totals(gateway, compared))


def _reconcile(gateway: str, body: bytes, period: Period) -> dict[str, Any]:
    try:
        export = read_export(body)
    except TooManyLines as error:
        raise TooLarge(
            _("The file may have %(limit)d lines at most. Export fewer days.") % {"limit": MAX_LINES}
        ) from error
    except NotAnExport as error:
        raise BadInput(
            _("This is no export of sales. Its header must name a column with the order id and one with the amount."),
            fields={"body": _("no header was found in the first 20 lines")},
        ) from error
    with while_somebody_waits():
        return show_reconciliation(reconcile(current_tenant_id(), gateway, export, period))

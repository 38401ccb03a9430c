"""REST of dead letters: look at them, add them up, take them home as CSV."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.utils import translation
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.csv_export import stream_csv
from apps.core.db import database_now
from apps.dispatch.letters.filters import Filters, Queue
from apps.dispatch.letters.inputs import FilterInput, read_filters
from apps.dispatch.letters.letters import describe
from apps.dispatch.letters.obstacles import find_obstacles
from apps.dispatch.letters.outputs import COLUMNS, LetterOutput, SummaryOutput, csv_cells, queue_sums
from apps.dispatch.letters.rows import Merged, find_rows
from apps.dispatch.letters.summary import summarise
from apps.tenants.scoping import current_tenant_id, tenant_scope


@extend_schema(tags=["dead letters"], parameters=[FilterInput], responses=LetterOutput(many=True))
class DeadLetterList(GenericAPIView[Any]):
    """What stands still in one queue until a person decides, newest first."""

    serializer_class = LetterOutput

    def get(self, request: Request) -> Response:
        filters = read_filters(request.query_params)
        rows = self.paginate_queryset(find_rows(filters, current_tenant_id())) or []  # type: ignore[arg-type]
        context = {"obstacles": find_obstacles(rows, database_now())}
        letters = describe(filters.queue, rows)
        return self.get_paginated_response(LetterOutput(letters, many=True, context=context).data)


@extend_schema(tags=["dead letters"])
class DeadLetterSummary(APIView):
    """How many there are, of how much money, since when: by queue, reason and destination."""

    @extend_schema(responses=SummaryOutput)
    def get(self, request: Request) -> Response:
        tenant = current_tenant_id()
        piles = [pile for queue in Queue for pile in summarise(Filters(queue=queue), tenant)]
        body = {"queues": queue_sums(piles, list(Queue)), "piles": piles}
        return Response(SummaryOutput(body).data)


@extend_schema(tags=["dead letters"], parameters=[FilterInput])
class DeadLetterExport(APIView):
    """All that match, as CSV in UTF-8, newest first. What looks like a formula gets an apostrophe before it."""

    @extend_schema(responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR)})
    def get(self, request: Request) -> StreamingHttpResponse:
        filters = read_filters(request.query_params)
        tenant = current_tenant_id()
        cells = _cells(filters.queue, find_rows(filters, tenant), tenant, translation.get_language())
        name = f"dead-letters-{filters.queue}.csv"
        return StreamingHttpResponse(
            stream_csv(COLUMNS, cells),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def _cells(queue: Queue, rows: Merged, tenant_id: UUID, language: str | None) -> Iterator[list[object]]:
    """Runs when the request is over as far as middleware is concerned: scope and language are entered anew."""
    for chunk in rows.in_chunks():
        with tenant_scope(tenant_id), translation.override(language):
            cells = [csv_cells(letter) for letter in describe(queue, chunk)]
        yield from cells

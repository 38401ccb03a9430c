"""Requests to the platforms with what came back, and attempts: each event's part in one."""

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from apps.conversions.admin import by_order
from apps.core.admin import (
    TECHNICAL,
    AutocompleteFilter,
    Colours,
    Document,
    Table,
    add_panel,
    column,
    moment,
    row_link,
    word_filter,
)
from apps.core.admin.panels import ROWS_SHOWN, Panel, json_document
from apps.dispatch.admin.shared import OUTCOME_COLOURS, by_event_id, outcome_badge
from apps.dispatch.models import Attempt, Batch
from apps.dispatch.verdict import Outcome
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin


def _outcome_filter(path: str) -> Any:
    words = {word.value: (word.value, Q(**{f"{path}outcome": word.value})) for word in Outcome}
    return word_filter(_("outcome"), "outcome", words)


@column(_("event"))
def event(attempt: Attempt) -> str:
    return row_link(attempt.send.event)


@column(_("destination"))
def destination(attempt: Attempt) -> str:
    return row_link(attempt.send.destination)


@column(_("request"))
def request_made(attempt: Attempt) -> str:
    return row_link(attempt.batch, f"#{attempt.batch_id}")


@column(_("outcome"))
def outcome(attempt: Attempt) -> str:
    return outcome_badge(attempt.batch)


@column(_("started at"))
def started_at(attempt: Attempt) -> str:
    return moment(attempt.batch.started_at)


@admin.register(Attempt)
class AttemptAdmin(OwnedRecordAdmin):
    """Each event's part in a request. No index orders them by tenant: they are found by event or order."""

    list_display = ("id", started_at, outcome, event, destination, request_made, "tenant", "number")
    list_select_related = ("batch", "send__event", "send__destination", "tenant")
    list_filter = (_outcome_filter("batch__"),)
    searches_tenants = False
    lookups = (by_event_id("send__event"), by_order("send__event__conversion"))
    search_help_text = _("event id or order id")
    layout = (
        (None, (outcome, event, destination, request_made, "send", "tenant", "number", started_at)),
        (TECHNICAL, ("id",)),
    )


@admin.register(Batch)
class BatchAdmin(OwnedRecordAdmin):
    """One request each, of one event or many, with what the platform answered."""

    list_display = (
        *("id", "started_at", "destination", "size", "outcome", "http_status", "code", "next_step"),
        *("tenant", "elapsed_ms"),
    )
    list_select_related = ("destination", "tenant")
    list_filter = (TENANT_FILTER, _outcome_filter(""), ("destination", AutocompleteFilter))
    colours: ClassVar[Colours] = {"outcome": OUTCOME_COLOURS}
    layout = (
        (None, ("outcome", "http_status", "code", "subcode", "next_step", "trace_id")),
        (_("What and where to"), ("size", "destination", "tenant", "url_host", "api_version", "is_probe", "parent")),
        (_("When"), ("elapsed_ms", "started_at", "finished_at", "lease_until")),
        (TECHNICAL, ("id",)),
    )

    def get_panels(self, request: HttpRequest, row: Any) -> list[Panel]:
        return [*super().get_panels(request, row), _answer(row.response)]


@add_panel(Batch, shows=Attempt)
def show_members(batch: Batch) -> Table:
    rows = Attempt.objects.filter(send__batch=batch, batch=batch).select_related("send__event")[:ROWS_SHOWN]
    return Table(
        title=_("Events in this request"),
        words=_("Those that have been in no later request."),
        headers=(_("attempt"), _("event")),
        rows=[(row_link(row, f"#{row.number}"), row_link(row.send.event)) for row in rows],
    )


def _answer(response: str) -> Document:
    """Pretty-printed when it is whole JSON; a cut or foreign answer as it came."""
    title: StrOrPromise = _("answer")
    try:
        return json_document(title, json.loads(response))
    except ValueError:
        return Document(title, response)

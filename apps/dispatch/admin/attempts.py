"""Attempts: one request each, with what was sent and what came back."""

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from apps.conversions.admin import by_order
from apps.core.admin import TECHNICAL, Colours, Document, column, row_link, word_filter
from apps.core.admin.panels import Panel, json_document
from apps.dispatch.admin.shared import OUTCOME_COLOURS, by_event_id
from apps.dispatch.models import Attempt
from apps.dispatch.verdict import Outcome
from apps.tenants.admin import OwnedRecordAdmin

OUTCOME_FILTER = word_filter(
    _("outcome"), "outcome", {word.value: (word.value, Q(outcome=word.value)) for word in Outcome}
)


@column(_("event"))
def event(attempt: Attempt) -> str:
    return row_link(attempt.send.event)


@column(_("destination"))
def destination(attempt: Attempt) -> str:
    return row_link(attempt.send.destination)


@admin.register(Attempt)
class AttemptAdmin(OwnedRecordAdmin):
    """Requests to the platforms. No index orders them by tenant: they are found by event or order."""

    list_display = (
        *("id", "started_at", "outcome", "http_status", "code", "next_step", event, destination),
        *("tenant", "number", "elapsed_ms"),
    )
    list_select_related = ("send__event", "send__destination", "tenant")
    list_filter = (OUTCOME_FILTER,)
    searches_tenants = False
    lookups = (by_event_id("send__event"), by_order("send__event__conversion"))
    search_help_text = _("event id or order id")
    colours: ClassVar[Colours] = {"outcome": OUTCOME_COLOURS}
    layout = (
        (None, ("outcome", "http_status", "code", "subcode", "next_step", "trace_id")),
        (_("What and where to"), (event, destination, "send", "tenant", "url_host", "api_version")),
        (_("When"), ("number", "elapsed_ms", "started_at", "finished_at")),
        (TECHNICAL, ("id",)),
    )

    def get_panels(self, request: HttpRequest, row: Any) -> list[Panel]:
        return [*super().get_panels(request, row), _answer(row.response)]


def _answer(response: str) -> Document:
    """Pretty-printed when it is whole JSON; a cut or foreign answer as it came."""
    title: StrOrPromise = _("answer")
    try:
        return json_document(title, json.loads(response))
    except ValueError:
        return Document(title, response)

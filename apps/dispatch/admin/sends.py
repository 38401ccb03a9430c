"""Sends: one event on its way to one destination."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _

from apps.conversions.admin import by_order
from apps.core.admin import TECHNICAL, AutocompleteFilter, Colours, Table, add_panel, column, row_link, word_filter
from apps.core.admin.panels import ROWS_SHOWN
from apps.dispatch.admin.ledger import ledger_urls
from apps.dispatch.admin.shared import STATUS_COLOURS, attempts_table, by_event_id, link_source
from apps.dispatch.models import LIVE_STATUSES, Attempt, Send
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin, by_email

DUE_FILTER = word_filter(_("due"), "due", {"now": (_("due now"), Q(status__in=LIVE_STATUSES, due_at__lte=Now()))})


@column(_("event"))
def event(send: Send) -> str:
    return row_link(send.event)


@column(_("order or visit"))
def source(send: Send) -> str:
    return link_source(send.event)


@admin.register(Send)
class SendAdmin(OwnedRecordAdmin):
    """Where an event stands at a destination, and why."""

    list_display = ("id", "status", "reason", event, source, "destination", "tenant", "due_at", "attempts")
    list_select_related = ("event__conversion", "event__page_event__session", "destination", "tenant")
    list_filter = (TENANT_FILTER, "status", DUE_FILTER, ("destination", AutocompleteFilter))
    lookups = (by_event_id("event"), by_order("event__conversion"), by_email("event__conversion"))
    search_help_text = _("event id, order id, e-mail, or the whole name of the tenant")
    colours: ClassVar[Colours] = {"status": STATUS_COLOURS}
    layout = (
        (None, ("status", "reason", event, source, "destination", "tenant", "attempts")),
        (
            _("When"),
            ("due_at", "deadline", "first_attempt_at", "settled_at", "changed_at"),
        ),
        (TECHNICAL, ("id", "rank", "value", "failures", "strikes", "is_unsure", "repairs")),
    )

    def get_urls(self) -> list[URLPattern]:
        """And the ledger's pages, which look at sends and have no rows of their own."""
        return [*ledger_urls(self.admin_site), *super().get_urls()]


@add_panel(Send, shows=Attempt)
def show_attempts(send: Send) -> Table:
    rows = Attempt.objects.filter(send=send).select_related("batch", "send__destination")
    return attempts_table(rows.order_by("pk")[:ROWS_SHOWN])

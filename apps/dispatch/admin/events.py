"""CAPI events: on their own pages, and on those of the conversion."""

from collections.abc import Mapping

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from apps.conversions.admin import by_order
from apps.conversions.models import Conversion
from apps.core.admin import (
    TECHNICAL,
    AutocompleteFilter,
    Column,
    Table,
    act_on_each,
    add_lookup,
    add_panel,
    column,
    moment,
    row_link,
    word_filter,
)
from apps.core.admin.columns import short_text
from apps.core.admin.panels import ROWS_SHOWN, Panel
from apps.dispatch.admin.shared import STATUS_COLOURS, attempts_table, by_event_id, link_source, status_badge
from apps.dispatch.models import Attempt, CapiEvent, Send, SendStatus
from apps.dispatch.selectors import events_with_status
from apps.dispatch.services import replay_event
from apps.dispatch.services.outbox import SALE
from apps.dispatch.story import load_for_story, tell_story
from apps.funnels.admin import KIND_TEXTS
from apps.funnels.event_names import DEFAULT_NAMES, PAGE_EVENT_NAMES
from apps.gateways.events import SALES
from apps.matching.admin.matches import show_match
from apps.matching.models import Match
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin, by_email, by_phone

# Of the hub's own names; a funnel may choose others, and the stage finds those too.
NAME_FILTER = word_filter(
    _("event"),
    "event",
    {
        name: (name, Q(event_name=name))
        for name in {**dict.fromkeys(filter(None, DEFAULT_NAMES.values())), **dict.fromkeys(PAGE_EVENT_NAMES.values())}
    },
)
STAGE_TEXTS: Mapping[str, StrOrPromise] = {
    SALE: _("sale"),
    **PAGE_EVENT_NAMES,
    **{kind: text for kind, text in KIND_TEXTS.items() if kind not in SALES},
}
STAGE_FILTER = word_filter(
    _("stage of the order"), "stage", {stage: (text, Q(stage=stage)) for stage, text in STAGE_TEXTS.items()}
)

add_lookup(Conversion, by_event_id("capi_events"))


@column(_("order or visit"))
def source(event: CapiEvent) -> str:
    return link_source(event)


@column(_("match"))
def match(event: CapiEvent) -> str:
    return row_link(getattr(event.conversion, "match", None))


@column(_("stage of the order"))
def stage(event: CapiEvent) -> str:
    return str(STAGE_TEXTS.get(event.stage, event.stage))


_STATUS_TEXTS = dict(SendStatus.choices)
event_status = Column(
    "status",
    _("status"),
    lambda event: (event.status or "", short_text(_STATUS_TEXTS.get(event.status, ""))),
    label={**dict.fromkeys(SendStatus.values, ""), "": "", **STATUS_COLOURS},
)


@admin.register(CapiEvent)
class CapiEventAdmin(OwnedRecordAdmin):
    """What is told to the ad platforms. A replay sends what stands still again, under the same event_id."""

    list_display = ("event_name", stage, event_status, source, "tenant", "funnel", "event_time", "created_at")
    list_select_related = ("conversion", "page_event__session", "tenant", "funnel")
    list_filter = (TENANT_FILTER, NAME_FILTER, STAGE_FILTER, ("funnel", AutocompleteFilter))
    lookups = (by_event_id(), by_order("conversion"), by_email("conversion"), by_phone("conversion"))
    search_help_text = _("event id, order id, e-mail, phone, or the whole name of the tenant")
    layout = (
        (None, ("event_name", stage, "event_id", source, match, "event_time", "tenant", "funnel", "created_at")),
        (TECHNICAL, ("id", "correlation_id", "conversion", "page_event")),
    )
    actions = ("replay",)
    page_actions = ("replay",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[CapiEvent]:
        return events_with_status().order_by(*self.ordering)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    def search_text(self, row: CapiEvent) -> str:
        return row.event_id

    @admin.action(description=_("Send again"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[CapiEvent]) -> None:
        act_on_each(self, request, queryset, replay_event, done=_("Due again now"))


@add_panel(CapiEvent, shows=Attempt)
def show_story(event: CapiEvent) -> Table:
    """What befell it, in sentences; how each request went is told in the attempts below."""
    return Table(
        title=_("Story"),
        headers=(_("at (UTC)"), _("what happened")),
        rows=[(moment(line.at), line.text) for line in tell_story(load_for_story(event.pk))],
    )


@add_panel(CapiEvent, shows=Match)
def show_match_of_event(event: CapiEvent) -> Panel:
    if event.conversion is None:
        return Table(title=_("Match"), words=_("It happened on a page: the visit is known."), headers=(), rows=())
    return show_match(event.conversion)


@add_panel(CapiEvent, shows=Send)
def show_sends(event: CapiEvent) -> Table:
    return _sends(_("Where it went"), Send.objects.filter(event=event))


@add_panel(CapiEvent, shows=Attempt)
def show_attempts(event: CapiEvent) -> Table:
    rows = Attempt.objects.filter(send__event=event).select_related("batch", "send__destination")
    return attempts_table(rows.order_by("pk")[:ROWS_SHOWN])


@add_panel(Conversion, shows=CapiEvent)
def show_events(order: Conversion) -> Table:
    return _sends(_("Events and where they went"), Send.objects.filter(event__conversion=order))


def _sends(title: StrOrPromise, sends: QuerySet[Send]) -> Table:
    rows = sends.select_related("event", "destination").order_by("pk")[:ROWS_SHOWN]
    return Table(
        title=title,
        headers=(
            *(_("event"), _("destination"), _("status"), _("reason"), _("attempts")),
            *(_("due at (UTC)"), _("send")),
        ),
        rows=[
            (
                row_link(row.event, row.event.event_name),
                row_link(row.destination),
                status_badge(row),
                row.reason,
                row.attempts,
                moment(row.due_at),
                row_link(row, f"#{row.pk}"),
            )
            for row in rows
        ],
    )

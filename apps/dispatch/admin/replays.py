"""Replays: how far each is, what was left alone and why, and a button that ends one."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.core.admin import TECHNICAL, Colours, Lookup, Table, act_on_each, column, moment
from apps.core.admin.panels import Panel
from apps.core.admin.search import as_uuid
from apps.dispatch.admin.dead_letter_parts import PAGE
from apps.dispatch.admin.dead_letters import DeadLetters
from apps.dispatch.letters.words import explain_obstacle
from apps.dispatch.models import Replay
from apps.dispatch.services.replays import cancel_replay, estimate_end, remaining
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin


@column(_("progress"))
def progress(replay: Replay) -> SafeString:
    looked_at = replay.total - remaining(replay)
    return format_html(
        '<progress class="align-middle w-24" max="100" value="{0}"></progress> {0} % ({1} / {2})',
        100 * looked_at // max(replay.total, 1),
        looked_at,
        replay.total,
    )


@column(_("left alone"))
def left_alone(replay: Replay) -> int:
    return sum(replay.skipped.values())


@column(_("done at about"))
def expected_end(replay: Replay) -> str:
    return moment(estimate_end(replay), " UTC")


@admin.register(Replay)
class ReplayAdmin(OwnedRecordAdmin):
    """Dead letters that somebody had sent again; and the page of the dead letters themselves."""

    list_display = ("created_at", "state", progress, "released", left_alone, "per_minute", "actor", "tenant")
    list_select_related = ("tenant",)
    list_filter = (TENANT_FILTER, "state")
    lookups = (Lookup("id", as_uuid),)
    search_help_text = _("the id, or the whole name of the tenant")
    ordering = ("-created_at",)
    colours: ClassVar[Colours] = {"state": {Replay.State.DONE: "success"}}
    never_shown = frozenset({"skipped"})
    layout = (
        (None, ("state", progress, "released", left_alone, "per_minute", expected_end, "actor", "tenant")),
        (TECHNICAL, ("created_at", "finished_at", "next_at", "total", "cursor", "id")),
    )
    actions = ("cancel",)
    page_actions = ("cancel",)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(DeadLetters(self).answer)
        return [path("dead-letters/", page, name=PAGE), *super().get_urls()]

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    @admin.action(description=_("Cancel"), permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Replay]) -> None:
        act_on_each(self, request, queryset, cancel_replay, done=_("Cancelled: nothing more of it is sent"))

    def get_panels(self, request: HttpRequest, row: Any) -> list[Panel]:
        return [_left_alone(row), *super().get_panels(request, row)]


def _left_alone(replay: Replay) -> Table:
    return Table(
        title=_("What was left alone, and why"),
        headers=(_("reason"), _("letters")),
        rows=[(explain_obstacle(word), count) for word, count in sorted(replay.skipped.items())],
    )

"""Breakers, what befell them, and what platforms said of tokens: looked at here, decided by the hub."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.core.admin import (
    TECHNICAL,
    AutocompleteFilter,
    Colours,
    Lookup,
    RecordAdmin,
    Table,
    act_on_each,
    add_panel,
    column,
    moment,
    row_link,
)
from apps.core.admin.panels import ROWS_SHOWN
from apps.core.admin.search import as_uuid
from apps.dispatch.explanations import explain
from apps.dispatch.models import Breaker, BreakerChange, PlatformBreaker, TokenCheck
from apps.dispatch.services.breakers import close_breaker
from apps.funnels.models import Destination
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin

_STATE_COLOURS: dict[str, str] = {
    Breaker.State.CLOSED: "success",
    Breaker.State.HALF_OPEN: "warning",
    Breaker.State.OPEN: "danger",
}
_TOKEN_COLOURS: dict[str, str] = {
    TokenCheck.State.INVALID: "danger",
    TokenCheck.State.EXPIRES: "warning",
    TokenCheck.State.NEVER: "success",
}


@column(_("parked because"))
def parked_because(row: Breaker) -> str:
    return explain(row.parked_reason).sentence if row.parked_reason else "-"


@column(_("reason"))
def why(row: Breaker | PlatformBreaker | BreakerChange) -> str:
    return explain(row.reason).sentence if row.reason else "-"


@admin.register(Breaker)
class BreakerAdmin(OwnedRecordAdmin):
    """Whether each destination is sent to. The button has it sent to again before the breaker would."""

    list_display = ("destination", "state", why, parked_because, "paused_until", "retry_at", "tenant", "changed_at")
    list_select_related = ("destination", "tenant")
    list_filter = (TENANT_FILTER, "state", ("destination", AutocompleteFilter))
    lookups = (Lookup("destination", as_uuid), Lookup("destination__pixel_id"))
    search_help_text = _("the destination's id or pixel, or the whole name of the tenant")
    colours: ClassVar[Colours] = {"state": _STATE_COLOURS}
    never_shown = frozenset({"token_digest"})
    layout = (
        (None, ("destination", "state", why, parked_because, "failures", "openings", "width", "allowance")),
        (_("When"), ("retry_at", "paused_until", "parked_at", "changed_at")),
        (TECHNICAL, ("id", "tenant", "reason", "parked_reason", "token_saved_at", "refused_version")),
    )
    actions = ("close",)
    page_actions = ("close",)

    def has_close_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    def search_text(self, row: Breaker) -> str:
        return str(row.destination_id)

    @admin.action(description=_("Close now"), permissions=["close"])
    def close(self, request: HttpRequest, queryset: QuerySet[Breaker]) -> None:
        act_on_each(self, request, queryset, close_breaker, done=_("Closed: it is sent to again"))


@admin.register(PlatformBreaker)
class PlatformBreakerAdmin(RecordAdmin):
    """Whether each platform is sent to at all."""

    list_display = ("platform", "host", "state", why, "paused_until", "retry_at", "changed_at")
    list_filter = ("state",)
    colours: ClassVar[Colours] = {"state": _STATE_COLOURS}
    layout = (
        (None, ("platform", "host", "state", why, "failures", "openings")),
        (_("When"), ("retry_at", "paused_until", "changed_at")),
        (TECHNICAL, ("id", "reason")),
    )


@admin.register(BreakerChange)
class BreakerChangeAdmin(RecordAdmin):
    """What befell the breakers, newest first. Without a destination it is a platform's."""

    list_display = ("at", "what", why, "destination", "platform", "host", "until")
    list_select_related = ("destination",)
    list_filter = (("destination", AutocompleteFilter),)
    lookups = (Lookup("destination", as_uuid),)
    search_help_text = _("the destination's id")
    layout = ((None, ("at", "what", why, "destination", "platform", "host", "until")), (TECHNICAL, ("id", "reason")))


@admin.register(TokenCheck)
class TokenCheckAdmin(OwnedRecordAdmin):
    """What the platforms said of each token when they were last asked."""

    list_display = ("destination", "state", "expires_at", "problem", "checked_at", "next_at", "tenant")
    list_select_related = ("destination", "tenant")
    list_filter = (TENANT_FILTER, "state")
    lookups = (Lookup("destination", as_uuid), Lookup("destination__pixel_id"))
    search_help_text = _("the destination's id or pixel, or the whole name of the tenant")
    colours: ClassVar[Colours] = {"state": _TOKEN_COLOURS}
    layout = (
        (None, ("destination", "state", "expires_at", "data_access_expires_at", "problem", "tenant")),
        (_("When"), ("checked_at", "next_at", "token_saved_at", "refreshed_at", "alarmed_at")),
        (TECHNICAL, ("id",)),
    )


@add_panel(Destination, shows=BreakerChange)
def show_changes(destination: Destination) -> Table:
    rows = BreakerChange.objects.filter(destination=destination).order_by("-at")[:ROWS_SHOWN]
    return Table(
        title=_("What befell its breaker"),
        headers=(_("at (UTC)"), _("what"), _("reason"), _("until")),
        rows=[(row_link(row, moment(row.at)), row.what, row.reason, moment(row.until)) for row in rows],
    )

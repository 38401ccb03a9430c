"""The quarantine: why each delivery waits; it is read again alone, or with all that wait for the same reason."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.conversions.models import Quarantine
from apps.conversions.services import read_again, read_alike_again
from apps.core.admin import TECHNICAL, Colours, Column, Lookup, Table, act_on_each, column, moment
from apps.core.admin.panels import Panel
from apps.funnels.admin import gateway_filter
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin


@column(_("gateway"))
def delivered_by(kept: Quarantine) -> str:
    return kept.delivery.gateway


@column(_("gateway's word"))
def delivered_word(kept: Quarantine) -> str:
    return kept.delivery.vendor_event


received_at = Column("received_at", _("received at"), lambda kept: moment(kept.delivery.received_at))
received_at_utc = Column("received_at", _("received at"), lambda kept: moment(kept.delivery.received_at, " UTC"))


@admin.register(Quarantine)
class QuarantineAdmin(OwnedRecordAdmin):
    """Authentic deliveries that could not be read. Their bytes stay encrypted: only what is odd about them is shown."""

    list_display = (
        *("path", "expected", "found", "state", delivered_by, delivered_word, "tenant", received_at),
        "due_at",
    )
    list_select_related = ("tenant", "delivery")
    list_filter = (TENANT_FILTER, "state", gateway_filter("delivery"))
    lookups = (Lookup("path"),)
    search_help_text = _("the path where reading stopped, or the whole name of the tenant")
    colours: ClassVar[Colours] = {
        "state": {
            Quarantine.State.WAITING: "warning",
            Quarantine.State.UNCONFIRMED: "info",
            Quarantine.State.REPLAYED: "success",
        }
    }
    never_shown = frozenset({"differences"})
    layout = (
        (None, ("path", "state", "expected", "found", delivered_by, delivered_word, "tenant", "delivery")),
        (_("When"), (received_at_utc, "due_at", "attempts", "resolved_at")),
        (TECHNICAL, ("id", "content_type")),
    )
    actions = ("read_again", "read_alike_again")
    page_actions = ("read_again", "read_alike_again")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Quarantine]:
        return super().get_queryset(request).defer("body")

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    def search_text(self, row: Quarantine) -> str:
        return row.path

    def get_panels(self, request: HttpRequest, row: Any) -> list[Panel]:
        return [_differences(row), *super().get_panels(request, row)]

    @admin.action(description=_("Read again"), permissions=["replay"])
    def read_again(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> None:
        act_on_each(self, request, queryset, read_again, done=_("Will be read again"))

    @admin.action(description=_("Read again all alike"), permissions=["replay"])
    def read_alike_again(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> None:
        """Also what waits for the same reason as a chosen one, which may have been read itself."""
        alike: set[int] = set()
        act_on_each(
            self,
            request,
            queryset.select_related("delivery"),
            lambda kept: alike.update(read_alike_again(kept)),
            done=_("Will be read again with all alike"),
        )
        if alike:
            messages.info(request, _("Deliveries that will be read again: %(count)d") % {"count": len(alike)})


def _differences(kept: Quarantine) -> Table:
    return Table(
        title=_("Differences from the known contract"),
        headers=(_("path"), _("expected"), _("found")),
        rows=[(item["path"], item["expected"], item["found"]) for item in kept.differences],
    )

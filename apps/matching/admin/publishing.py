"""The funnels' pages with what needs matching: publishing that asks first, and comparing a draft with what runs."""

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin import Table, act_on_each, add_panel, list_link, moment, row_link
from apps.core.admin.columns import list_address
from apps.core.errors import NotPossible
from apps.funnels.admin.funnels import FunnelAdmin
from apps.funnels.models import Funnel
from apps.matching.admin.comparisons import changes, progress, sums_table
from apps.matching.models import Comparison
from apps.matching.services import NeedsConfirmation, publish_checked, start_comparison
from apps.tenants.scoping import tenant_scope

COMPARED_DAYS = 30
_NEWEST = 10
_Asked = list[tuple[Funnel, NeedsConfirmation]]


class GuardedFunnelAdmin(FunnelAdmin):
    """Drafts, with the two buttons that make one run or try it."""

    actions = ("publish", "compare")
    page_actions = ("publish", "compare")

    @admin.action(description=_("Publish the draft"), permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Funnel]) -> TemplateResponse | None:
        """A draft that changes much of what is matched is published by the button of a page that says so."""
        asked: _Asked = []

        def publish_one(funnel: Funnel) -> None:
            try:
                with tenant_scope(funnel.tenant_id):
                    publish_checked(funnel, confirmed="confirmed" in request.POST)
            except NeedsConfirmation as error:
                asked.append((funnel, error))
                raise NotPossible(gettext("Not published yet: look at what would change, then confirm it.")) from error

        act_on_each(self, request, queryset, publish_one, done=_("Draft published"))
        return self._ask(request, asked) if asked else None

    def _ask(self, request: HttpRequest, asked: _Asked) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Publish although much of what is matched would change?"),
            "panels": [_what_changes(funnel, error) for funnel, error in asked],
            "rows": [funnel for funnel, _error in asked],
            "action": "publish",
            "confirm": _("Publish all the same"),
            "back": list_address(Funnel),
        }
        return TemplateResponse(request, "admin/support/confirm.html", context)

    @admin.action(description=_("Compare the draft with what runs"), permissions=["change"])
    def compare(self, request: HttpRequest, queryset: QuerySet[Funnel]) -> None:
        actor = request.user.get_username()

        def compare_one(funnel: Funnel) -> None:
            start_comparison(funnel, COMPARED_DAYS, actor)

        act_on_each(self, request, queryset, compare_one, done=_("Comparison started"))


admin.site.unregister(Funnel)
admin.site.register(Funnel, GuardedFunnelAdmin)


def _what_changes(funnel: Funnel, error: NeedsConfirmation) -> Table:
    words = gettext(
        "Of the sales of the last %(days)d days, or of their money, %(percent).1f %% would change. To see each of "
        "these sales first, compare the draft with what runs."
    )
    return sums_table(str(funnel), error.summary, words % {"days": error.days, "percent": error.changed_percent})


@add_panel(Funnel, shows=Comparison)
def show_comparisons(funnel: Funnel) -> Table:
    rows = Comparison.objects.filter(funnel=funnel).order_by("-created_at")[:_NEWEST]
    return Table(
        title=_("Comparisons of the draft with what ran"),
        headers=(_("started at"), _("days"), _("state"), _("progress"), _("sales that change")),
        rows=[_cells(row) for row in rows],
        more=list_link(Comparison, _("All comparisons of this funnel"), q=str(funnel.pk)),
    )


def _cells(row: Comparison) -> Sequence[object]:
    return row_link(row, moment(row.created_at)), row.days, row.get_state_display(), progress(row), changes(row)

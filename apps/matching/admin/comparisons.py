"""Comparisons of a draft with what runs: how far they are, what they add up to, and sale by sale."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from apps.conversions.admin import by_order
from apps.conversions.admin.shared import written
from apps.core.admin import (
    TECHNICAL,
    AutocompleteFilter,
    Colours,
    Lookup,
    Table,
    badge,
    column,
    list_link,
    moment,
    row_link,
)
from apps.core.admin.panels import Panel
from apps.core.admin.search import as_uuid
from apps.funnels.models import Funnel
from apps.matching.comparing import COMPARED, Summary, differing_settings, read_sums
from apps.matching.differences import describe_outcome
from apps.matching.models import Comparison, Difference
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin

ROWS_SHOWN = 20
_KINDS: dict[str, StrOrPromise] = {COMPARED: _("all that was compared"), **dict(Difference.Kind.choices)}
_KIND_COLOURS: dict[str, str] = {Difference.Kind.GAINED: "success", Difference.Kind.LOST: "danger"}


@column(_("progress"))
def progress(comparison: Comparison) -> SafeString:
    return format_html(
        '<progress class="align-middle w-24" max="100" value="{0}"></progress> {0} % ({1} / {2})',
        comparison.percent,
        comparison.done,
        comparison.total,
    )


@column(_("sales that change"))
def changes(comparison: Comparison) -> int:
    return sum(item.sales for item in read_sums(comparison.summary) if item.kind != COMPARED)


@column(_("amount"))
def money(difference: Difference) -> str:
    return written(difference.amount, difference.currency)


@column(_("what runs decides"))
def before(difference: Difference) -> str:
    return describe_outcome(difference.before)


@column(_("the draft decides"))
def after(difference: Difference) -> str:
    return describe_outcome(difference.after)


@column(_("comparison"))
def comparison_page(difference: Difference) -> SafeString | str:
    return row_link(difference.comparison, moment(difference.comparison.created_at))


@admin.register(Comparison)
class ComparisonAdmin(OwnedRecordAdmin):
    """What a draft would have made of the sales of some days; started from the funnel's page."""

    list_display = ("created_at", "funnel", "days", "state", progress, changes, "tenant")
    list_select_related = ("funnel", "tenant")
    list_filter = (TENANT_FILTER, "state")
    lookups = (Lookup("id", as_uuid), Lookup("funnel__id", as_uuid))
    search_help_text = _("the id, the funnel's id, or the whole name of the tenant")
    ordering = ("-created_at",)
    colours: ClassVar[Colours] = {
        "state": {Comparison.State.DONE: "success", Comparison.State.FAILED: "danger"},
    }
    never_shown = frozenset({"draft", "running", "summary"})
    layout = (
        (None, ("funnel", "tenant", "state", progress, "days", "begins_at", "ends_at", "actor")),
        (TECHNICAL, ("created_at", "finished_at", "total", "done", "cursor", "id")),
    )

    def get_panels(self, request: HttpRequest, row: Any) -> list[Panel]:
        totals = sums_table(_("What would change"), row.summary)
        return [_settings(row), totals, _differences(row), *super().get_panels(request, row)]


@admin.register(Difference)
class DifferenceAdmin(OwnedRecordAdmin):
    """One sale that a draft decides otherwise."""

    list_display = ("conversion", "kind", money, before, after, comparison_page, "tenant")
    list_select_related = ("conversion", "comparison", "tenant")
    list_filter = (TENANT_FILTER, "kind", ("comparison", AutocompleteFilter))
    lookups = (Lookup("comparison__id", as_uuid), by_order("conversion"))
    search_help_text = _("the comparison's id, the order id, or the whole name of the tenant")
    colours: ClassVar[Colours] = {"kind": _KIND_COLOURS}
    never_shown = frozenset({"before", "after"})
    layout = (
        (None, ("conversion", "kind", money, "comparison", before, after, "tenant")),
        (TECHNICAL, ("amount", "currency", "id")),
    )


def sums_table(title: StrOrPromise, summary: Summary, words: str = "") -> Table:
    return Table(
        title=title,
        words=words,
        headers=(_("what changes"), _("sales"), _("amount")),
        rows=[
            (
                badge(item.kind, _KINDS[item.kind], colour=_KIND_COLOURS.get(item.kind, "")),
                item.sales,
                written(item.amount, item.currency),
            )
            for item in read_sums(summary)
        ],
    )


def _settings(comparison: Comparison) -> Table:
    differing = differing_settings(comparison.running, comparison.draft)
    return Table(
        title=_("Settings that differ"),
        words="" if differing else _("None that decide which click is used: nothing can change."),
        headers=(_("setting"), _("what runs"), _("the draft")),
        rows=[_setting_cells(**item) for item in differing],
    )


def _setting_cells(name: str, running: Any, draft: Any) -> Sequence[Any]:
    field = Funnel._meta.get_field(name)
    words: dict[Any, StrOrPromise] = dict(getattr(field, "flatchoices", ()))
    shown = [words.get(value, value) for value in (running, draft)]
    return getattr(field, "verbose_name", name), *shown


def _differences(comparison: Comparison) -> Table:
    rows = Difference.objects.filter(comparison=comparison).select_related("conversion").order_by("-pk")[:ROWS_SHOWN]
    return Table(
        title=_("Sales that change"),
        headers=(_("order"), _("what changes"), _("amount"), _("what runs decides"), _("the draft decides")),
        rows=[
            (
                row_link(row.conversion, row.conversion.order_id),
                badge(row.kind, row.get_kind_display(), colour=_KIND_COLOURS.get(row.kind, "")),
                money(row),
                before(row),
                after(row),
            )
            for row in rows
        ],
        more=list_link(Difference, _("All of them"), q=str(comparison.pk)),
    )

"""How sure matching is, measured by tenant: a curve with its figures; and the weights that were fitted."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.admin import Lookup, Table, add_panel, column, list_link, moment, row_link
from apps.core.admin.panels import ROWS_SHOWN, Panel, may_view
from apps.matching.curve import Words, draw_curve
from apps.matching.grade_words import between, caveat, counted, explain_fit, explain_proposal, percent
from apps.matching.grading import Grade
from apps.matching.models import FittedWeights, Match
from apps.matching.services import measure_confidence
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin
from apps.tenants.models import Tenant

PERIODS = (90, 30, 365)
_PAGE = "matching_confidence"


@column(gettext_lazy("fitted on (sales)"))
def fitted_on(row: FittedWeights) -> int:
    return int(row.report["fitted_on"])


@admin.register(FittedWeights)
class FittedWeightsAdmin(OwnedRecordAdmin):
    """Weights fitted to a tenant's own sales, with how they did; and the page that measures these or the product's."""

    list_display = ("name", "tenant", fitted_on, "actor", "created_at")
    list_select_related = ("tenant",)
    list_filter = (TENANT_FILTER,)
    lookups = (Lookup("name"),)
    search_help_text = gettext_lazy("the name, or the whole name of the tenant")
    never_shown: ClassVar[frozenset[str]] = frozenset({"report"})

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.show_confidence)
        return [path("confidence/<uuid:tenant_id>/", page, name=_PAGE), *super().get_urls()]

    def get_panels(self, request: HttpRequest, row: Any) -> list[Panel]:
        return [_show_report(row.report), _show_tiers(row.report), *super().get_panels(request, row)]

    def show_confidence(self, request: HttpRequest, tenant_id: uuid.UUID) -> HttpResponse:
        """What is asked for wrongly is answered as if it had not been."""
        if not may_view(request.user, Match):
            raise PermissionDenied
        tenant = get_object_or_404(Tenant, pk=tenant_id)
        names = ["", *_fitted_names(tenant)]
        days = next((item for item in PERIODS if str(item) == request.GET.get("days")), PERIODS[0])
        name = next((item for item in names if item == request.GET.get("weights")), "")
        found = measure_confidence(tenant.pk, days, name)
        context = {
            **self.admin_site.each_context(request),
            "title": _("How sure are we?"),
            "tenant": row_link(tenant),
            "periods": [
                (_("%(days)d days") % {"days": item}, confidence_address(tenant, item, name), item == days)
                for item in sorted(PERIODS)
            ],
            "weights": [
                (item or _("the product's own"), confidence_address(tenant, days, item), item == name) for item in names
            ],
            "caveat": caveat(),
            "tables": [_summarise(found), _show_bins(found)],
            "curve": _draw(found),
        }
        return TemplateResponse(request, "admin/matching/confidence.html", context)


def confidence_address(tenant: Tenant, days: int, weights: str) -> str:
    query = urlencode({"days": str(days), "weights": weights})
    return f"{reverse(f'admin:{_PAGE}', args=[tenant.pk])}?{query}"


def _fitted_names(tenant: Tenant) -> Sequence[str]:
    rows = FittedWeights.objects.filter(tenant=tenant).order_by("-pk")[:ROWS_SHOWN]
    return list(rows.values_list("name", flat=True))


def _thresholds(found: Grade) -> str:
    return ", ".join(percent(item, 0) for item in found.auto_thresholds)


def _summarise(found: Grade) -> Table:
    used = _("matched by themselves, from %(thresholds)s on") % {"thresholds": _thresholds(found)}
    rows: list[tuple[str, str, str]] = [
        (_("sales whose click is known"), str(found.sales), ""),
        (_("of these, with no click left once the id is hidden"), str(found.undecided), ""),
        (used, counted(found.matched), between(found.matched)),
        (_("of these, right"), counted(found.precision), between(found.precision)),
        (_("calibration error"), percent(found.calibration_error), ""),
    ]
    return Table(
        title=_("In short"),
        words=_("Proposed confidence to match by itself: %(proposal)s") % {"proposal": explain_proposal(found)},
        headers=(_("what"), _("measured"), _("may be")),
        rows=rows if found.sales else (),
    )


def _show_bins(found: Grade) -> Table:
    return Table(
        title=_("The curve in figures"),
        headers=(_("claimed"), _("on average"), _("right"), _("may be")),
        rows=[
            (f"{item.low:.0%}-{item.high:.0%}", percent(item.claimed), counted(item.right), between(item.right))
            for item in found.bins
        ],
    )


def _draw(found: Grade) -> str:
    words = Words(
        title=_("Reliability curve"),
        description=_("What was right for each claimed confidence. The table beside it holds the same figures."),
        claimed=_("claimed confidence"),
        right=_("found right"),
        automatic=_("matches by itself: %(threshold)s") % {"threshold": _thresholds(found)},
        proposed=_("proposed: %(threshold)s") % {"threshold": percent(found.proposed_threshold, 0)},
    )
    return draw_curve(found.bins, found.auto_thresholds, found.proposed_threshold, words)


def _show_report(report: Mapping[str, Any]) -> Table:
    """Both sets on the newer sales, as kept when they were fitted."""
    graded = [(_("these weights"), report["fitted"]), (_("the product's own"), report["product"])]
    return Table(
        title=_("Beside the product's own weights"),
        words=_("Fitted on %(fitted_on)d sales and measured on %(reported_on)d newer ones.") % report,
        headers=(_("weights"), _("matched by themselves"), _("of these, right"), _("calibration error")),
        rows=[
            (
                name,
                percent(grade["matched"]["value"]),
                percent(grade["precision"]["value"]),
                percent(grade["calibration_error"]),
            )
            for name, grade in graded
        ],
    )


def _show_tiers(report: Mapping[str, Any]) -> Table:
    return Table(
        title=_("By kind of tie"),
        headers=(_("tie"), _("what came of it"), _("signals left out for their sign")),
        rows=[(fit["tier"], explain_fit(fit), ", ".join(fit["dropped"])) for fit in report["tiers"]],
    )


@add_panel(Tenant, shows=Match)
def show_measures(tenant: Tenant) -> Table:
    rows = FittedWeights.objects.filter(tenant=tenant).order_by("-pk")[:ROWS_SHOWN]
    return Table(
        title=_("Confidence of matching"),
        words=_measure_link(tenant),
        headers=(_("weights"), _("fitted on (sales)"), _("fitted at")),
        rows=[(row_link(row), fitted_on(row), moment(row.created_at)) for row in rows],
        more=list_link(FittedWeights, _("All weights of this tenant"), tenant__id__exact=str(tenant.pk)),
    )


def _measure_link(tenant: Tenant) -> SafeString:
    address = confidence_address(tenant, PERIODS[0], "")
    return format_html('<a class="text-link" href="{}">{}</a>', address, _("How sure are we? Measure it."))

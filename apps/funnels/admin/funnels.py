"""Funnels and what was published of them. A draft can be edited; what runs cannot."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.core.admin import AnyForm, Lookup, Table, add_panel, column, list_link, moment, row_link
from apps.core.admin.panels import ROWS_SHOWN
from apps.core.admin.search import as_uuid
from apps.funnels.admin.boxes import BoxesField
from apps.funnels.admin.shared import UndeletableAdmin
from apps.funnels.admin.words import KIND_TEXTS
from apps.funnels.event_names import DEFAULT_NAMES, NOTHING, claims_a_sale, event_name_of, is_usable_name
from apps.funnels.models import Funnel, FunnelVersion
from apps.funnels.selectors import has_unpublished_changes
from apps.funnels.services import threshold_problems
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin
from apps.tenants.models import Tenant

DASH = "-"
# What people and their keyboards make of it.
_DASHES = frozenset({DASH, "–", "—"})


class EventNamesField(BoxesField):
    """The platforms' name for each thing that happens to an order, as Funnel.event_names keeps it.

    An empty box is the default, which stands in it as a placeholder; a dash is nothing.
    """

    def __init__(self) -> None:
        boxes: dict[str, forms.Widget] = {
            kind.value: UnfoldAdminTextInputWidget(attrs={"placeholder": name or _("nothing")})
            for kind, name in DEFAULT_NAMES.items()
        }
        super().__init__(
            {kind.value: KIND_TEXTS[kind] for kind in DEFAULT_NAMES},
            boxes,
            label=capfirst(_("events by what happened")),
            help_text=_("An empty box means the name that stands in it; a dash tells the ad platforms nothing."),
        )

    def compress(self, data_list: Any) -> dict[str, str]:
        typed = super().compress(data_list)
        names = {kind: NOTHING if text in _DASHES else text for kind, text in typed.items()}
        problems = [
            f"{capfirst(KIND_TEXTS[kind])}: {problem}"
            for kind, name in names.items()
            if (problem := _problem_of(kind, name))
        ]
        if problems:
            raise ValidationError(problems)
        return names


def _problem_of(kind: str, name: str) -> StrPromise | None:
    if not is_usable_name(name):
        return _("Use at most 40 letters, digits and _, starting with a letter; or a dash, to send no event.")
    if claims_a_sale(kind, name):
        return _("Purchase and Subscribe are for confirmed payments only.")
    return None


class FunnelForm(AnyForm):
    """A funnel's draft."""

    event_names = EventNamesField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Mapping[str, str] = self.initial.get("event_names") or {}
        self.initial["event_names"] = {kind: name or DASH for kind, name in chosen.items()}

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = self.cleaned_data
        # What could not be read as a number is not here.
        if {"review_threshold", "auto_threshold"} <= values.keys():
            problems = threshold_problems(review=values["review_threshold"], auto=values["auto_threshold"])
            for name, problem in problems.items():
                self.add_error(name, problem)
        return values


@column(_("events by what happened"))
def event_names(funnel: Funnel) -> str:
    named = ((KIND_TEXTS[kind], event_name_of(kind, funnel.event_names) or DASH) for kind in DEFAULT_NAMES)
    return format_html_join("", "<div>{}: {}</div>", named)


@admin.register(Funnel)
class FunnelAdmin(UndeletableAdmin):
    """Drafts. What runs is the published version, so a change does nothing until it is published: matching adds the
    button, since it can tell what would change."""

    form = FunnelForm
    list_display = ("name", "tenant", "status", "public_key", "attribution_window_days", "updated_at")
    list_select_related = ("tenant",)
    list_filter = (
        TENANT_FILTER,
        "unknown_consent",
        "child_orders",
        "page_events",
        "attribution_model",
        "uncertain_matches",
    )
    lookups = (Lookup("public_key"), Lookup("id", as_uuid), Lookup("name__icontains"))
    search_help_text = _("a part of the name, the public key, the id, or the whole name of the tenant")
    ordering = ("-created_at",)
    autocomplete_fields = ("tenant",)
    once = ("tenant",)
    readonly_fields = ("id", "public_key", "status", "created_at", "updated_at")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("tenant", "name", "landing_url", "attribution_window_days", "unknown_consent", "child_orders"),
                    *("page_events", "event_names", "status", "public_key", "id", "created_at", "updated_at"),
                )
            },
        ),
        (
            _("Matching"),
            {
                "description": _(
                    "How a sale finds the ad click that brought it. The signs that the two share give each click a "
                    "confidence; a sale whose click is not sure enough can wait for you to decide."
                ),
                "fields": (
                    *("attribution_model", "auto_threshold", "review_threshold", "uncertain_matches"),
                    *("review_hours", "review_timeout", "view_through_days"),
                ),
            },
        ),
    )

    def fixed_field(self, name: Any) -> Any:
        return event_names if name == "event_names" else super().fixed_field(name)

    @admin.display(description=_("status"))
    def status(self, funnel: Funnel) -> str:
        return str(_("published") if funnel.published_id else _("draft"))

    def save_model(self, request: HttpRequest, obj: Funnel, form: Any, change: bool) -> None:
        if not change:
            obj.save()
            return
        self.save_changes(obj, form, "updated_at")
        if has_unpublished_changes(obj):
            messages.warning(request, _("The draft was saved. It takes effect when it is published."))


@column(_("version"))
def version_name(version: FunnelVersion) -> str:
    return f"v{version.number}"


@admin.register(FunnelVersion)
class FunnelVersionAdmin(OwnedRecordAdmin):
    """What ran, and from when."""

    list_display = (version_name, "funnel", "tenant", "published_at")
    list_select_related = ("funnel", "tenant")
    list_filter = (TENANT_FILTER,)
    lookups = (Lookup("funnel__id", as_uuid),)
    search_help_text = _("the funnel's id, or the whole name of the tenant")


@add_panel(Tenant, shows=Funnel)
def show_funnels(tenant: Tenant) -> Table:
    funnels = Funnel.objects.filter(tenant=tenant).order_by("-created_at")[:ROWS_SHOWN]
    return Table(
        title=_("Funnels"),
        headers=(_("name"), _("status"), _("changed")),
        rows=[
            (row_link(row), _("published") if row.published_id else _("draft"), moment(row.updated_at))
            for row in funnels
        ],
        more=list_link(Funnel, _("All funnels of this tenant"), tenant__id__exact=str(tenant.pk)),
    )


@add_panel(Funnel, shows=FunnelVersion)
def show_versions(funnel: Funnel) -> Table:
    versions = funnel.versions.order_by("-number")[:ROWS_SHOWN]
    return Table(
        title=_("Published versions"),
        headers=(_("version"), _("published at"), _("runs")),
        rows=[
            (
                row_link(row, f"v{row.number}"),
                moment(row.published_at),
                _("yes") if row.pk == funnel.published_id else "",
            )
            for row in versions
        ],
    )

"""The two kinds of pages: what people edit (SupportAdmin) and what only the hub writes (RecordAdmin)."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from django.contrib import admin
from django.db import models
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from apps.core.admin.columns import badge_field, list_address, list_column, page_field
from apps.core.admin.panels import Panel, json_document, panels_of
from apps.core.admin.search import Lookup, find_keys
from apps.core.admin.unfolded import UncountedPaginator, UnfoldAdmin
from apps.core.fields import EncryptedBytesField

TECHNICAL = _("Technical")
"""The title of the fields that support seldom needs."""

Colours = Mapping[str, Mapping[str, str]]
"""By field: its words and their colours, which are unfold's: success, warning, danger, info; "" for none."""


class SupportAdmin(UnfoldAdmin):
    """A page of the console.

    `lookups` are the ways to find a row, `colours` the colours of a field's words in lists, and `page_actions` the
    list's actions that a row's own page offers too.
    """

    lookups: ClassVar[Sequence[Lookup]] = ()
    colours: ClassVar[Colours] = {}
    page_actions: ClassVar[Sequence[str]] = ()

    # Without any Django shows no search box; what is found is up to `lookups`.
    search_fields: ClassVar[tuple[str, ...]] = ("pk",)
    list_per_page = 50
    list_filter_submit = True
    list_fullwidth = True
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    formfield_overrides: ClassVar = {models.URLField: {"assume_scheme": "https"}}
    change_form_outer_before_template = "admin/support/actions.html"
    change_form_outer_after_template = "admin/support/panels.html"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if not self.lookups or not text:
            return super().get_search_results(request, queryset, search_term)
        return self.find_rows(queryset, text), False

    def find_rows(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        return rows.filter(pk__in=find_keys(self.model, self.lookups, text))

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        return self._columns

    @cached_property
    def _columns(self) -> tuple[Any, ...]:
        """Made once: Django asks twice, and finds what can be sorted by comparing the answers."""
        return tuple(
            list_column(self.model, name, self.colours.get(name)) if isinstance(name, str) else name
            for name in self.list_display
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return [self.fixed_field(name) for name in super().get_readonly_fields(request, obj)]

    def fixed_field(self, name: Any) -> Any:
        """What shows the field `name` where it cannot be edited."""
        model: type[Model] = self.model
        return page_field(model, name)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """As declared, with each field that cannot be edited replaced by what shows it well."""
        fixed = self.get_readonly_fields(request, obj)
        is_locked = obj is not None and not self.has_change_permission(request, obj)

        def show(name: Any) -> Any:
            shown = self.fixed_field(name)
            return shown if is_locked or shown in fixed else name

        return [
            (title, {**options, "fields": [show(name) for name in options["fields"]]})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            context |= {
                "panels": self.get_panels(request, row),
                "page_actions": self._offered(request),
                "page_actions_address": list_address(self.model, q=self.search_text(row)),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_panels(self, request: HttpRequest, row: Model) -> list[Panel]:
        return panels_of(row, request.user)

    def search_text(self, row: Any) -> str:
        """What finds this row again in its list."""
        return str(row.pk)

    def _offered(self, request: HttpRequest) -> list[tuple[str, str]]:
        """(name, text) of what this user may do to the row on its page."""
        actions = self.get_actions(request)
        return [(name, action[2]) for name in self.page_actions if (action := actions.get(name))]


class RecordAdmin(SupportAdmin):
    """Rows that the hub alone writes: nothing can be added, changed or deleted, and nothing counts the whole table.

    `layout` is what a page shows, two to a line: (title, fields), the fields being names and Columns; without one it
    shows every field. JSON fields become documents below. `never_shown` are the fields that no page names, besides
    every encrypted one.
    """

    layout: ClassVar[Sequence[tuple[StrOrPromise | None, Sequence[Any]]]] = ()
    never_shown: ClassVar[frozenset[str]] = frozenset()

    paginator = UncountedPaginator
    ordering: ClassVar[tuple[str, ...]] = ("-pk",)
    sortable_by = ()
    list_disable_select_all = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def may_act(self, request: HttpRequest) -> bool:
        """Whether the user may set the hub to work on these rows: Django's change permission, used for nothing else."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fields = [field for field in self._readable() if not isinstance(field, models.JSONField)]
        names = [field.name for field in sorted(fields, key=lambda field: field.primary_key)]
        return [
            (title, {"fields": _in_pairs([self.fixed_field(name) for name in shown]), "classes": _folded(title)})
            for title, shown in self.layout or ((None, names),)
        ]

    def fixed_field(self, name: Any) -> Any:
        colours = self.colours.get(name) if isinstance(name, str) else None
        return badge_field(self.model, name, colours) if colours else super().fixed_field(name)

    def _readable(self) -> list["models.Field[Any, Any]"]:
        return [
            field
            for field in self.model._meta.concrete_fields
            if not isinstance(field, EncryptedBytesField) and field.name not in self.never_shown
        ]

    def get_panels(self, request: HttpRequest, row: Model) -> list[Panel]:
        documents = [
            json_document(field.verbose_name, getattr(row, field.name))
            for field in self._readable()
            if isinstance(field, models.JSONField)
        ]
        return [*super().get_panels(request, row), *documents]


def _in_pairs(fields: Sequence[Any]) -> list[Any]:
    return [fields[start : start + 2] for start in range(0, len(fields), 2)]


def _folded(title: StrOrPromise | None) -> list[str]:
    """Django's classes of a fieldset: what is technical starts folded."""
    return ["collapse"] if title is TECHNICAL else []

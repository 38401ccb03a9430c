"""Who switched which endpoint, and from what to what."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from apps.core.admin import TECHNICAL, AutocompleteFilter, Lookup, column
from apps.core.admin.columns import short_text
from apps.core.admin.search import as_uuid
from apps.funnels.admin.shared import gateway_filter
from apps.funnels.models import Endpoint, RolloutChange
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin

SWITCHED = {
    field.name: field
    for field in Endpoint._meta.concrete_fields
    if field.name in ("rollout", "live_percent", "candidate")
}
"""What says how far an endpoint's deliveries go; written by switch_endpoint alone."""


def switch_text(change: RolloutChange) -> str:
    """As a line of text: "rollout: shadow → live"."""
    return "; ".join(
        f"{_name_of(name)}: {_word_of(name, before)} → {_word_of(name, after)}"
        for name, (before, after) in change.changes.items()
    )


def _name_of(name: str) -> StrOrPromise:
    return SWITCHED[name].verbose_name if name in SWITCHED else name


def _word_of(name: str, value: Any) -> str:
    texts: dict[Any, StrOrPromise] = dict(SWITCHED[name].flatchoices) if name in SWITCHED else {}
    return short_text(texts.get(value, str(value)))


@column(_("changes"))
def switch(change: RolloutChange) -> str:
    return switch_text(change)


@admin.register(RolloutChange)
class RolloutChangeAdmin(OwnedRecordAdmin):
    """Every switch of an endpoint, by whatever way it was made."""

    list_display = ("changed_at", "endpoint", switch, "actor", "tenant")
    list_select_related = ("endpoint", "tenant")
    list_filter = (TENANT_FILTER, gateway_filter("endpoint"), ("endpoint", AutocompleteFilter))
    lookups = (Lookup("endpoint__id", as_uuid), Lookup("endpoint__key"))
    search_help_text = _("the endpoint's id, the key in its address, or the whole name of the tenant")
    never_shown = frozenset({"changes"})
    layout = ((None, ("endpoint", "tenant", switch, "actor", "changed_at")), (TECHNICAL, ("id",)))

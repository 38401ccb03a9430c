"""Pixels and datasets: a token goes in and never comes out."""

from typing import Any, ClassVar

from django.contrib import admin
from django.core.validators import RegexValidator
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.core.admin import Lookup, Table, add_panel, moment, row_link
from apps.core.admin.search import as_uuid
from apps.funnels.admin.shared import SecretForm, UndeletableAdmin
from apps.funnels.models import Destination, Funnel
from apps.funnels.services import address_problem, replace_token
from apps.tenants.admin import TENANT_FILTER

_API_VERSION = RegexValidator(r"^v\d{1,3}\.\d{1,2}\Z", _("Write it as v26.0."))


class DestinationForm(SecretForm):
    """A pixel or dataset, its ids written as the platforms write them."""

    secret_label = _("New access token")
    patterns: ClassVar = {
        "pixel_id": RegexValidator(r"^[\w-]{1,64}\Z", _("Letters, digits, _ and - only.")),
        "api_version": _API_VERSION,
        "canary_version": _API_VERSION,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.patterns.keys() & self.fields.keys():
            self.fields[name].validators.append(self.patterns[name])

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = self.cleaned_data
        # What could not be read as an address is not here.
        if "base_url" in values:
            problem = address_problem(values.get("platform", self.instance.platform), values["base_url"])
            if problem:
                self.add_error("base_url", problem)
        return values


@admin.register(Destination)
class DestinationAdmin(UndeletableAdmin):
    """Pixels and datasets. A new token works at once and releases what was parked; the rest waits to be published."""

    form = DestinationForm
    list_display = ("pixel_id", "platform", "funnel", "tenant", "token_saved_at", "test_event_code", "api_version")
    list_select_related = ("funnel", "tenant")
    list_filter = (TENANT_FILTER, "platform")
    lookups = (Lookup("pixel_id"), Lookup("id", as_uuid), Lookup("funnel__id", as_uuid))
    search_help_text = _("the pixel's id, the id, the funnel's id, or the whole name of the tenant")
    ordering = ("-created_at",)
    autocomplete_fields = ("funnel",)
    once = ("funnel", "platform", "pixel_id")
    entered = frozenset({"new_secret"})
    readonly_fields = ("tenant", "token_saved_at", "created_at")
    fields = (
        *("funnel", "tenant", "platform", "pixel_id", "new_secret", "token_saved_at"),
        *("test_event_code", "api_version", "base_url", "canary_version", "canary_percent", "created_at"),
    )

    def save_model(self, request: HttpRequest, obj: Destination, form: Any, change: bool) -> None:
        token = form.cleaned_data["new_secret"]
        if not change:
            obj.tenant_id, obj.access_token = obj.funnel.tenant_id, token
            obj.save()
            return
        self.save_changes(obj, form)
        if token:
            replace_token(obj, token)


@add_panel(Funnel, shows=Destination)
def show_destinations(funnel: Funnel) -> Table:
    return Table(
        title=_("Destinations"),
        headers=(_("destination"), _("platform"), _("token saved at")),
        rows=[
            (row_link(row, row.pixel_id), row.get_platform_display(), moment(row.token_saved_at))
            for row in funnel.destinations.all()
        ],
    )

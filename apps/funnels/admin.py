"""Funnels, endpoints and destinations: the draft can be edited; secrets and tokens go in and never come out."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget

from apps.core.admin import (
    AnyForm,
    Lookup,
    Table,
    act_on_each,
    add_panel,
    column,
    list_link,
    moment,
    row_link,
    word_filter,
)
from apps.core.admin.panels import ROWS_SHOWN
from apps.core.admin.search import as_uuid
from apps.funnels.models import Destination, Endpoint, Funnel, FunnelVersion
from apps.funnels.selectors import draft_config
from apps.funnels.services import publish_funnel, replace_secret, replace_token
from apps.gateways.registry import ADAPTERS
from apps.tenants.admin import TENANT_FILTER, OwnedAdmin, OwnedRecordAdmin, under
from apps.tenants.models import Tenant
from apps.tenants.scoping import tenant_scope


def gateway_filter(path: str = "") -> type[SimpleListFilter]:
    """The gateways we speak with, by name: a big table is never asked which ones it holds."""
    gateways = {slug: (slug, Q(**{under(path, "gateway"): slug})) for slug in ADAPTERS}
    return word_filter(_("gateway"), "gateway", gateways)


class _Undeletable(OwnedAdmin):
    """Orders and events point here, so nothing is deleted; `once` names what is chosen when the row is made."""

    once: ClassVar[Sequence[str]] = ()

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fixed = super().get_readonly_fields(request, obj)
        return [*fixed, *(self.fixed_field(name) for name in self.once)] if obj else fixed

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_changes(self, row: Model, form: AnyForm, *also: str) -> None:
        """Write only what was changed: the hub may have written the rest since the page was read."""
        own = {field.name for field in row._meta.concrete_fields}
        changed = own.intersection(form.changed_data)
        if changed:
            row.save(update_fields=[*changed, *also])


@admin.register(Funnel)
class FunnelAdmin(_Undeletable):
    """Drafts. What runs is the published version, so a change does nothing until it is published."""

    list_display = ("name", "tenant", "status", "public_key", "attribution_window_days", "updated_at")
    list_select_related = ("tenant",)
    list_filter = (TENANT_FILTER, "unknown_consent")
    lookups = (Lookup("public_key"), Lookup("id", as_uuid), Lookup("name__icontains"))
    search_help_text = _("a part of the name, the public key, the id, or the whole name of the tenant")
    ordering = ("-created_at",)
    autocomplete_fields = ("tenant",)
    once = ("tenant",)
    readonly_fields = ("id", "public_key", "status", "created_at", "updated_at")
    fields = (
        *("tenant", "name", "landing_url", "attribution_window_days", "unknown_consent"),
        *("status", "public_key", "id", "created_at", "updated_at"),
    )
    actions = ("publish",)
    page_actions = ("publish",)

    @admin.display(description=_("status"))
    def status(self, funnel: Funnel) -> str:
        return str(_("published") if funnel.published_id else _("draft"))

    @admin.action(description=_("Publish the draft"), permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Funnel]) -> None:
        act_on_each(self, request, queryset, _publish, done=_("Draft published"))

    def save_model(self, request: HttpRequest, obj: Funnel, form: Any, change: bool) -> None:
        if not change:
            obj.save()
            return
        self.save_changes(obj, form, "updated_at")
        if obj.published is None or obj.published.config != draft_config(obj).to_json():
            messages.warning(request, _("The draft was saved. It takes effect when it is published."))


def _publish(funnel: Funnel) -> None:
    with tenant_scope(funnel.tenant_id):
        publish_funnel(funnel)


class _SecretForm(AnyForm):
    """Takes a secret and never gives one back: `new_secret` is always rendered empty.

    These forms have no Meta: Django's admin adds it when a page is asked for, within the scope that a funnel needs.
    """

    secret_label: ClassVar[StrOrPromise] = _("New secret")
    new_secret = forms.CharField(
        required=False,
        max_length=2000,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("Empty keeps the one in use. It is never shown."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_secret"].label = self.secret_label

    def clean_new_secret(self) -> str:
        secret = str(self.cleaned_data["new_secret"]).strip()
        if not secret and self.instance._state.adding:
            raise ValidationError(_("A new one needs it."))
        return secret


class EndpointForm(_SecretForm):
    """An endpoint of a gateway that we speak with."""

    gateway = forms.ChoiceField(choices=[(slug, slug) for slug in ADAPTERS], widget=UnfoldAdminSelectWidget)


@admin.register(Endpoint)
class EndpointAdmin(_Undeletable):
    """Where gateways post. A new secret works at once and the one before it stays valid."""

    form = EndpointForm
    list_display = ("id", "gateway", "funnel", "tenant", "rollout", "created_at")
    list_select_related = ("funnel", "tenant")
    list_filter = (TENANT_FILTER, gateway_filter(), "rollout")
    lookups = (Lookup("key"), Lookup("id", as_uuid), Lookup("funnel__id", as_uuid))
    search_help_text = _("the key in the address, the id, the funnel's id, or the whole name of the tenant")
    ordering = ("-created_at",)
    autocomplete_fields = ("funnel",)
    once = ("funnel", "gateway")
    readonly_fields = ("tenant", "address", "created_at")
    fields = ("funnel", "tenant", "gateway", "rollout", "new_secret", "address", "created_at")

    @admin.display(description=_("address"))
    def address(self, endpoint: Endpoint) -> str:
        return f"{settings.PUBLIC_URL}/api/v1/webhooks/{endpoint.gateway}/{endpoint.key}"

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:
        secret = form.cleaned_data["new_secret"]
        if not change:
            obj.tenant_id, obj.secret = obj.funnel.tenant_id, secret
            obj.save()
            return
        self.save_changes(obj, form)
        if secret:
            replace_secret(obj, secret)


class DestinationForm(_SecretForm):
    """A pixel or dataset, its ids written as the platforms write them."""

    secret_label = _("New access token")
    patterns: ClassVar = {
        "pixel_id": RegexValidator(r"^[\w-]{1,64}\Z", _("Letters, digits, _ and - only.")),
        "api_version": RegexValidator(r"^v\d{1,3}\.\d{1,2}\Z", _("Write it as v26.0.")),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.patterns.keys() & self.fields.keys():
            self.fields[name].validators.append(self.patterns[name])


@admin.register(Destination)
class DestinationAdmin(_Undeletable):
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
    readonly_fields = ("tenant", "token_saved_at", "created_at")
    fields = (
        *("funnel", "tenant", "platform", "pixel_id", "new_secret", "token_saved_at"),
        *("test_event_code", "api_version", "base_url", "created_at"),
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


@add_panel(Funnel, shows=Endpoint)
def show_endpoints(funnel: Funnel) -> Table:
    return Table(
        title=_("Webhook endpoints"),
        headers=(_("endpoint"), _("gateway"), _("rollout")),
        rows=[(row_link(row), row.gateway, row.get_rollout_display()) for row in funnel.endpoints.all()],
    )


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

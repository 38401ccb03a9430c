"""Webhook endpoints: how far their deliveries go, and the secrets and credentials that never come out again."""

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from apps.core.admin import Colours, Lookup, Table, add_panel, column, list_link, moment, row_link
from apps.core.admin.columns import EMPTY
from apps.core.admin.panels import ROWS_SHOWN
from apps.core.admin.search import as_uuid
from apps.core.errors import NotFound
from apps.funnels.admin.boxes import BoxesField
from apps.funnels.admin.shared import SecretForm, UndeletableAdmin, gateway_filter, password_box
from apps.funnels.admin.switches import SWITCHED, switch_text
from apps.funnels.admin.words import strength_badge, strength_of
from apps.funnels.credentials import check_credentials
from apps.funnels.models import Endpoint, Funnel, Rollout, RolloutChange, Trial
from apps.funnels.selectors import credentials_of
from apps.funnels.services import replace_credentials, replace_secret, switch_endpoint
from apps.gateways.api import Field
from apps.gateways.registry import ADAPTERS, CANDIDATES, get_adapter
from apps.gateways.signatures import Strength
from apps.tenants.admin import TENANT_FILTER

# Each may keep its gateway's API waiting for some seconds.
MAX_CHECKS = 10


def _credentials_asked(gateway: str) -> tuple[Field, ...]:
    """What the gateway's own API needs; nothing where there is none."""
    adapter = get_adapter(gateway)
    return adapter.api.fields if adapter and adapter.api else ()


def _credentials_field(asked: tuple[Field, ...]) -> BoxesField:
    return BoxesField(
        {field.name: field.label for field in asked},
        {field.name: password_box() for field in asked},
        label=_("New credentials"),
        help_text=_("For the gateway's own API. An empty box keeps the one in use. They are never shown."),
    )


class EndpointForm(SecretForm):
    """An endpoint of a gateway that we speak with. Credentials are for one that exists: its gateway names them."""

    gateway = forms.ChoiceField(choices=[(slug, slug) for slug in ADAPTERS], widget=UnfoldAdminSelectWidget)
    new_credentials = _credentials_field(())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_credentials"] = _credentials_field(_credentials_asked(self.instance.gateway))
        for name in SWITCHED.keys() & self.fields.keys():
            # What the page showed tells what was changed on it: somebody may have switched the endpoint since.
            self.fields[name].show_hidden_initial = True
        if strength_of(self.instance.gateway) is Strength.NONE:
            self.fields["new_secret"].help_text = _("This gateway signs nothing, so none is needed.")

    def needs_secret(self) -> bool:
        return super().needs_secret() and strength_of(self._gateway()) is not Strength.NONE

    def clean_candidate(self) -> str:
        candidate = str(self.cleaned_data["candidate"])
        if candidate != Trial.OFF and self._gateway() not in CANDIDATES:
            raise ValidationError(_("There is no next version of this gateway's adapter to try."))
        return candidate

    def _gateway(self) -> str:
        return str(self.cleaned_data.get("gateway") or self.instance.gateway)


@column(_("live, percent of the orders"))
def live_percent(endpoint: Endpoint) -> str:
    return f"{endpoint.live_percent} %"


@admin.register(Endpoint)
class EndpointAdmin(UndeletableAdmin):
    """Where gateways post. A new secret works at once and the one before it stays valid; every switch is kept."""

    form = EndpointForm
    list_display = ("id", "gateway", "funnel", "tenant", "rollout", live_percent, "candidate", "created_at")
    list_select_related = ("funnel", "tenant")
    list_filter = (TENANT_FILTER, gateway_filter(), "rollout", "candidate")
    lookups = (Lookup("key"), Lookup("id", as_uuid), Lookup("funnel__id", as_uuid))
    search_help_text = _("the key in the address, the id, the funnel's id, or the whole name of the tenant")
    colours: ClassVar[Colours] = {
        "rollout": {Rollout.LIVE: "success", Rollout.SHADOW: "warning"},
        "candidate": {Trial.LIVE: "success", Trial.SHADOW: "warning"},
    }
    ordering = ("-created_at",)
    autocomplete_fields = ("funnel",)
    once = ("funnel", "gateway")
    entered = frozenset({"new_secret", "new_credentials"})
    # No field here may be named `credentials`: Django would show the column of that name, in clear.
    readonly_fields = ("tenant", "authentication", "has_credentials", "address", "created_at")
    fields = (
        *("funnel", "tenant", "gateway", "authentication", "rollout", "live_percent", "candidate"),
        *("new_secret", "has_credentials", "new_credentials", "address", "created_at"),
    )
    actions = ("check_credentials",)
    page_actions = ("check_credentials",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        has_any = isinstance(obj, Endpoint) and _credentials_asked(obj.gateway)
        unused = () if has_any else ("has_credentials", "new_credentials")
        return [name for name in super().get_fields(request, obj) if name not in unused]

    @admin.display(description=_("authentication"))
    def authentication(self, endpoint: Endpoint) -> str:
        return strength_badge(endpoint.gateway)

    @admin.display(description=_("credentials"))
    def has_credentials(self, endpoint: Endpoint) -> str:
        return str(_("saved") if endpoint.credentials else _("none"))

    @admin.display(description=_("address"))
    def address(self, endpoint: Endpoint) -> str:
        """A new endpoint's key is drawn when it is saved."""
        if endpoint._state.adding:
            return EMPTY
        return f"{settings.PUBLIC_URL}/api/v1/webhooks/{endpoint.gateway}/{endpoint.key}"

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:
        values = form.cleaned_data
        switches = {name: values[name] for name in SWITCHED if name in form.changed_data}
        if not change:
            _make(obj, values["new_secret"])
        elif values["new_secret"]:
            replace_secret(obj, values["new_secret"])
        if switches:
            switch_endpoint(obj, switches, actor=request.user.get_username())
        if values["new_credentials"]:
            replace_credentials(obj, {**credentials_of(obj), **values["new_credentials"]})

    @admin.action(description=_("Check credentials"), permissions=["change"])
    def check_credentials(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        chosen = list(queryset[: MAX_CHECKS + 1])
        if len(chosen) > MAX_CHECKS:
            too_many = _("Nothing was done: select at most %(limit)d rows at a time.") % {"limit": MAX_CHECKS}
            messages.error(request, too_many)
            return
        for endpoint in chosen:
            self._check(request, endpoint)

    def _check(self, request: HttpRequest, endpoint: Endpoint) -> None:
        try:
            check = check_credentials(endpoint.gateway, credentials_of(endpoint))
        except NotFound as error:
            messages.warning(request, f"{endpoint}: {error.detail}")
            return
        level = messages.SUCCESS if check.is_valid else messages.WARNING
        messages.add_message(request, level, f"{endpoint}: {check.sentence}")
        self.log_change(request, endpoint, str(_("Credentials checked")))


def _make(endpoint: Endpoint, secret: str) -> None:
    """Save a new one as the service makes it; how far it goes is switched afterwards, so that this is kept too."""
    for name, field in SWITCHED.items():
        setattr(endpoint, name, field.get_default())
    endpoint.tenant_id, endpoint.secret = endpoint.funnel.tenant_id, secret
    endpoint.save()


@add_panel(Funnel, shows=Endpoint)
def show_endpoints(funnel: Funnel) -> Table:
    return Table(
        title=_("Webhook endpoints"),
        headers=(_("endpoint"), _("gateway"), _("authentication"), _("rollout"), _("live, percent of the orders")),
        rows=[
            (
                row_link(row),
                row.gateway,
                strength_badge(row.gateway),
                row.get_rollout_display(),
                live_percent(row),
            )
            for row in funnel.endpoints.all()
        ],
    )


@add_panel(Endpoint, shows=RolloutChange)
def show_switches(endpoint: Endpoint) -> Table:
    rows = endpoint.rollout_changes.order_by("-pk")[:ROWS_SHOWN]
    return Table(
        title=_("Last switches"),
        headers=(_("changed at"), _("by"), _("changes")),
        rows=[(row_link(row, moment(row.changed_at)), row.actor, switch_text(row)) for row in rows],
        more=list_link(RolloutChange, _("All switches of this endpoint"), endpoint__id__exact=str(endpoint.pk)),
    )

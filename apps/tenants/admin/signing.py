"""The console's page of signing keys: by whom, since when, and a way to revoke one. The secret is on no page."""

from collections.abc import Sequence
from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.core.admin import Lookup, Table, act_on_each, add_panel, moment, row_link
from apps.core.admin.panels import ROWS_SHOWN
from apps.core.errors import NotPossible
from apps.tenants.admin.owned import TENANT_FILTER, OwnedRecordAdmin
from apps.tenants.models import SigningKey, Tenant
from apps.tenants.services import revoke_signing_key


@admin.register(SigningKey)
class SigningKeyAdmin(OwnedRecordAdmin):
    """Keys by their id. A customer makes them over the API, which shows the secret once."""

    list_display = ("key_id", "name", "tenant", "may_send_clear", "created_at", "last_used_at", "revoked_at")
    list_select_related = ("tenant",)
    list_filter = (TENANT_FILTER,)
    lookups: ClassVar[Sequence[Lookup]] = (Lookup("key_id"),)
    search_help_text = _("the key id, or the whole name of the tenant")
    actions = ("revoke",)
    page_actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    def search_text(self, row: SigningKey) -> str:
        return row.key_id

    @admin.action(description=_("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[SigningKey]) -> None:
        act_on_each(self, request, queryset, _revoke, done=_("Signing key revoked"))


def _revoke(key: SigningKey) -> None:
    if key.revoked_at:
        raise NotPossible(_("It was revoked before."))
    revoke_signing_key(key)


@add_panel(Tenant, shows=SigningKey)
def show_signing_keys(tenant: Tenant) -> Table:
    keys = SigningKey.objects.filter(tenant=tenant).order_by("-pk")[:ROWS_SHOWN]
    return Table(
        title=_("Signing keys"),
        headers=(_("key id"), _("name"), _("last used at"), _("revoked at")),
        rows=[(row_link(row), row.name, moment(row.last_used_at), moment(row.revoked_at)) for row in keys],
    )

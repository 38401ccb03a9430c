"""Tenants, their members and their API keys."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.core.admin import Lookup, SupportAdmin, Table, act_on_each, add_panel, moment, row_link
from apps.core.admin.panels import ROWS_SHOWN
from apps.core.errors import NotPossible
from apps.tenants.admin.owned import TENANT_FILTER, OwnedAdmin, OwnedRecordAdmin
from apps.tenants.models import ApiKey, Member, Tenant, User
from apps.tenants.services import revoke_api_key


@admin.register(Tenant)
class TenantAdmin(SupportAdmin):
    """Customer accounts. `manage.py create_tenant` makes them, with their owner and first key; none is deleted here."""

    list_display = ("name", "id", "created_at")
    search_fields = ("name", "id__exact")
    search_help_text = _("a part of the name, or the whole id")
    ordering = ("-created_at",)
    fields = ("name", "id", "created_at")
    readonly_fields = ("id", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Member)
class MemberAdmin(OwnedAdmin):
    """Who may do what in which tenant."""

    list_display = ("user_email", "tenant", "role", "created_at")
    list_select_related = ("user", "tenant")
    list_filter = (TENANT_FILTER, "role")
    lookups: ClassVar[Sequence[Lookup]] = (Lookup("user__email", str.lower),)
    search_help_text = _("the whole e-mail, or the whole name of the tenant")
    ordering = ("-pk",)
    autocomplete_fields = ("tenant", "user")
    fields = ("tenant", "user", "role")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fixed = super().get_readonly_fields(request, obj)
        return [*fixed, *(self.fixed_field(name) for name in ("tenant", "user"))] if obj else fixed

    @admin.display(description=_("e-mail"))
    def user_email(self, member: Member) -> str:
        return member.user.email


@admin.register(ApiKey)
class ApiKeyAdmin(OwnedRecordAdmin):
    """Keys by their prefix: the rest was shown once and is kept as a digest only."""

    list_display = ("prefix", "name", "tenant", "created_at", "last_used_at", "revoked_at")
    list_select_related = ("tenant",)
    list_filter = (TENANT_FILTER,)
    lookups: ClassVar[Sequence[Lookup]] = (Lookup("prefix"),)
    search_help_text = _("the prefix, or the whole name of the tenant")
    never_shown = frozenset({"digest"})
    actions = ("revoke",)
    page_actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    def search_text(self, row: ApiKey) -> str:
        return row.prefix

    @admin.action(description=_("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        act_on_each(self, request, queryset, _revoke, done=_("API key revoked"))


def _revoke(key: ApiKey) -> None:
    if key.revoked_at:
        raise NotPossible(_("It was revoked before."))
    revoke_api_key(key)


@add_panel(Tenant, shows=Member)
def show_members(tenant: Tenant) -> Table:
    members = Member.objects.filter(tenant=tenant).select_related("user").order_by("pk")[:ROWS_SHOWN]
    return Table(
        title=_("Members"),
        headers=(_("e-mail"), _("role"), _("since")),
        rows=[(row_link(row, row.user.email), row.get_role_display(), moment(row.created_at)) for row in members],
    )


@add_panel(Tenant, shows=ApiKey)
def show_keys(tenant: Tenant) -> Table:
    keys = ApiKey.objects.filter(tenant=tenant).order_by("-pk")[:ROWS_SHOWN]
    return Table(
        title=_("API keys"),
        headers=(_("prefix"), _("name"), _("last used at"), _("revoked at")),
        rows=[(row_link(row), row.name, moment(row.last_used_at), moment(row.revoked_at)) for row in keys],
    )


@add_panel(User, shows=Member)
def show_memberships(user: User) -> Table:
    members = Member.objects.filter(user=user).select_related("tenant").order_by("pk")[:ROWS_SHOWN]
    return Table(
        title=_("Member of"),
        headers=(_("tenant"), _("role")),
        rows=[(row_link(row.tenant), row.get_role_display()) for row in members],
    )

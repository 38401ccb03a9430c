"""Pages of tenant-owned rows. Most of their indexes lead with the tenant, so a search in all tenants names them all."""

from typing import Any, ClassVar

from django.db.models import QuerySet

from apps.core.admin import AutocompleteFilter, Lookup, RecordAdmin, SupportAdmin
from apps.core.admin.search import MAX_HITS
from apps.core.identity import hash_email, hash_phone
from apps.tenants.models import Tenant

TENANT_FILTER = ("tenant", AutocompleteFilter)
ALL_TENANTS = Tenant.objects.values("pk")


def under(path: str, name: str) -> str:
    """The lookup of column `name` on the row that `path` leads to; an empty path is the row itself."""
    return f"{path}__{name}" if path else name


def by_email(path: str = "") -> Lookup:
    """An e-mail in clear is hashed and forgotten; a hash is taken as it is."""
    return Lookup(under(path, "email_sha256"), hash_email, {under(path, "tenant__in"): ALL_TENANTS})


def by_phone(path: str = "") -> Lookup:
    return Lookup(under(path, "phone_sha256"), hash_phone, {under(path, "tenant__in"): ALL_TENANTS})


class _ByTenantName:
    """Falls back on the rows of the tenant whose whole name was typed, where an index can order them by tenant."""

    searches_tenants: ClassVar[bool] = True

    def find_rows(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        found: QuerySet[Any] = super().find_rows(rows, text)  # type: ignore[misc]
        if not self.searches_tenants or found.exists():
            return found
        named = Tenant.objects.filter(name__iexact=text).values_list("pk", flat=True)[:MAX_HITS]
        return rows.filter(tenant__in=list(named))


class OwnedAdmin(_ByTenantName, SupportAdmin):
    """What people edit for a tenant. The tenant is chosen once, when the row is made."""


class OwnedRecordAdmin(_ByTenantName, RecordAdmin):
    """What the hub writes for a tenant."""

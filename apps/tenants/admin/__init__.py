"""The console's pages of accounts, and the base of every page of tenant-owned rows."""

from apps.tenants.admin import accounts, people, signing
from apps.tenants.admin.owned import (
    ALL_TENANTS,
    TENANT_FILTER,
    OwnedAdmin,
    OwnedRecordAdmin,
    by_email,
    by_phone,
    under,
)

__all__ = [
    "ALL_TENANTS",
    "TENANT_FILTER",
    "OwnedAdmin",
    "OwnedRecordAdmin",
    "accounts",
    "by_email",
    "by_phone",
    "people",
    "signing",
    "under",
]

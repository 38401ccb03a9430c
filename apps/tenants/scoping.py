"""The tenant scope: a query on tenant-owned rows outside a scope raises, so a forgotten filter is an error, not a leak.

`tenant_scope(id)` filters every manager to one tenant; `unscoped()` is for workers, admin and commands that serve all.
"""

import contextlib
import uuid
from collections.abc import Iterator
from contextvars import ContextVar, Token
from enum import Enum
from typing import Any, TypeVar

from django.db import models


class Everyone(Enum):
    """The scope of code that serves all tenants on purpose."""

    ALL = "all"


Scope = uuid.UUID | Everyone | None
_scope: ContextVar[Scope] = ContextVar("tenant_scope", default=None)
M = TypeVar("M", bound=models.Model)


class ScopeError(RuntimeError):
    """A tenant-owned query ran outside a tenant scope: a bug of the caller."""


@contextlib.contextmanager
def tenant_scope(tenant_id: uuid.UUID) -> Iterator[None]:
    with _entered(tenant_id):
        yield


@contextlib.contextmanager
def unscoped() -> Iterator[None]:
    with _entered(Everyone.ALL):
        yield


def enter_scope(tenant_id: uuid.UUID) -> None:
    """For authentication, which has no block to wrap: the scope lasts until `fresh_scope` ends."""
    _scope.set(tenant_id)


@contextlib.contextmanager
def fresh_scope() -> Iterator[None]:
    """No scope within, whatever was entered before; and nothing entered within survives it."""
    with _entered(None):
        yield


@contextlib.contextmanager
def _entered(scope: Scope) -> Iterator[None]:
    token: Token[Scope] = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


def current_tenant_id() -> uuid.UUID:
    """The one tenant in scope; raises ScopeError when there is none or all of them."""
    scope = _scope.get()
    if not isinstance(scope, uuid.UUID):
        raise ScopeError("This needs the scope of one tenant: wrap it in tenant_scope(tenant_id).")
    return scope


class ScopedManager(models.Manager[M]):
    """The default manager of tenant-owned models."""

    def get_queryset(self) -> models.QuerySet[M]:
        scope = _scope.get()
        if scope is None:
            raise ScopeError(
                f"{self.model.__name__} was queried outside a tenant scope: "
                "wrap it in tenant_scope(tenant_id) or unscoped()."
            )
        rows = super().get_queryset()
        return rows if scope is Everyone.ALL else rows.filter(tenant_id=scope)

    def create(self, **values: Any) -> M:
        """Like Django's, with the tenant of the scope when none is named."""
        if not {"tenant", "tenant_id"} & values.keys():
            values["tenant_id"] = current_tenant_id()
        return super().create(**values)

"""What the pages of funnels share: rows that stay for ever, and forms that take a secret and never give one back."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import ValidationError
from django.db.models import Model, Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise
from unfold.widgets import UnfoldAdminPasswordWidget

from apps.core.admin import AnyForm, word_filter
from apps.gateways.registry import ADAPTERS
from apps.tenants.admin import OwnedAdmin, under


def gateway_filter(path: str = "") -> type[SimpleListFilter]:
    """The gateways we speak with, by name: a big table is never asked which ones it holds."""
    gateways = {slug: (slug, Q(**{under(path, "gateway"): slug})) for slug in ADAPTERS}
    return word_filter(_("gateway"), "gateway", gateways)


def password_box() -> forms.Widget:
    """Always rendered empty, whatever was typed into it."""
    widget: forms.Widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    return widget


class UndeletableAdmin(OwnedAdmin):
    """Orders and events point here, so nothing is deleted.

    `once` names what is chosen when the row is made, `entered` what is typed in and never shown.
    """

    once: ClassVar[Sequence[str]] = ()
    entered: ClassVar[frozenset[str]] = frozenset()

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        names = [*super().get_fields(request, obj)]
        is_locked = obj is not None and not self.has_change_permission(request, obj)
        return [name for name in names if not (is_locked and name in self.entered)]

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


class SecretForm(AnyForm):
    """Takes a secret and never gives one back: `new_secret` is always rendered empty.

    These forms have no Meta: Django's admin adds it when a page is asked for, within the scope that a funnel needs.
    """

    secret_label: ClassVar[StrOrPromise] = _("New secret")
    new_secret = forms.CharField(
        required=False,
        max_length=2000,
        widget=password_box(),
        help_text=_("Empty keeps the one in use. It is never shown."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_secret"].label = self.secret_label

    def needs_secret(self) -> bool:
        return bool(self.instance._state.adding)

    def clean_new_secret(self) -> str:
        secret = str(self.cleaned_data["new_secret"]).strip()
        if not secret and self.needs_secret():
            raise ValidationError(_("A new one needs it."))
        return secret

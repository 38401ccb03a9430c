"""Users, who log in by e-mail, and what groups of them may do."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth import admin as auth
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserCreationForm

from apps.core.admin import AnyForm, RecordAdmin, SupportAdmin
from apps.tenants.models import User

# Whoever sets these can make anybody anything, so only a superuser may.
_POWERS = ("is_staff", "is_superuser", "groups", "user_permissions")


class _EmailIsLogin(AnyForm):
    """Logins are kept in lower case."""

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class UserForm(_EmailIsLogin):
    """A user without the password, which has its own page."""

    class Meta:
        model = User
        fields = ("email", "name")


class NewUserForm(_EmailIsLogin, UserCreationForm):  # type: ignore[misc]
    """A new user with a first password."""

    class Meta:
        model = User
        fields = ("email", "name")
        field_classes: ClassVar[dict[str, Any]] = {}


@admin.register(User)
class UserAdmin(auth.UserAdmin, SupportAdmin):  # type: ignore[type-arg]
    """People. They are deactivated, never deleted: the audit trail names them."""

    form = UserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "name", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email", "name")
    search_help_text = _("a part of the e-mail or name")
    ordering = ("email",)
    readonly_fields = ("password_page", "last_login", "created_at")
    fieldsets = (
        (None, {"fields": ("email", "name", "is_active", "password_page", "created_at", "last_login")}),
        (_("What this user may do"), {"fields": _POWERS}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "password1", "password2")}),)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Staff with the permission may change customers' users; only a superuser may change staff."""
        is_ours = isinstance(obj, User) and (obj.is_staff or obj.is_superuser)
        allowed = super().has_change_permission(request, obj)
        return allowed and (not is_ours or self._is_superuser(request))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fixed = list(super().get_readonly_fields(request, obj))
        return fixed if self._is_superuser(request) else [*fixed, *_POWERS]

    def _is_superuser(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and request.user.is_superuser

    @admin.display(description=_("password"))
    def password_page(self, user: User) -> SafeString:
        address = reverse("admin:auth_user_password_change", args=[user.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', address, _("Set another password"))


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(auth.GroupAdmin, SupportAdmin):
    """Named sets of permissions."""


@admin.register(Permission)
class PermissionAdmin(RecordAdmin):
    """What can be permitted: made by migrations."""

    list_display = ("codename", "name", "content_type")
    list_select_related = ("content_type",)
    search_fields = ("codename", "name")
    search_help_text = _("a part of the code or name")
    ordering = ("content_type__app_label", "codename")

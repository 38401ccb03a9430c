"""The audit trail: who did what in this console."""

from collections.abc import Sequence
from typing import ClassVar

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.utils.translation import gettext_lazy as _

from apps.core.admin.columns import column
from apps.core.admin.filters import AutocompleteFilter
from apps.core.admin.pages import RecordAdmin
from apps.core.admin.search import Lookup


@column(_("what was done"))
def message(entry: LogEntry) -> str:
    return entry.get_change_message() or entry.get_action_flag_display()


@admin.register(LogEntry)
class AuditAdmin(RecordAdmin):
    """Django's log of additions, changes, deletions and actions."""

    list_display = ("action_time", "user_email", "content_type", "object_repr", message)
    list_select_related = ("user", "content_type")
    list_filter = (("user", AutocompleteFilter), "action_flag")
    lookups: ClassVar[Sequence[Lookup]] = (Lookup("object_id"), Lookup("user__email"))
    search_help_text = _("the id of what was changed, or the whole e-mail of who did it")
    layout = ((None, ("action_time", "user_email", "content_type", "object_id", "object_repr", message)),)

    @admin.display(description=_("user"))
    def user_email(self, entry: LogEntry) -> str:
        return str(entry.user.get_username())

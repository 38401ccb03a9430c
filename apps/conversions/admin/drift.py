"""Fields that gateways began to send and that no contract knows."""

from datetime import timedelta

from django.contrib import admin
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.conversions.models import DriftNotice
from apps.core.admin import Lookup, word_filter
from apps.funnels.admin import gateway_filter
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin

NEW_FOR = timedelta(days=7)
IS_NEW = Q(first_seen_at__gte=Now() - NEW_FOR)


@admin.register(DriftNotice)
class DriftNoticeAdmin(OwnedRecordAdmin):
    """Names only: a new field's values stay in the bodies, and nothing is lost without it."""

    list_display = ("path", "gateway", "version", "tenant", "first_seen_at", "last_seen_at")
    list_select_related = ("tenant",)
    list_filter = (
        *(TENANT_FILTER, gateway_filter()),
        word_filter(_("first seen"), "first_seen", {"new": (_("in the last 7 days"), IS_NEW)}),
    )
    lookups = (Lookup("path"),)
    search_help_text = _("the field's whole path, or the whole name of the tenant")

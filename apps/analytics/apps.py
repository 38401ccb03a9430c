"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AnalyticsConfig(AppConfig):
    """What the stored clicks, orders and matches tell together."""

    name = "apps.analytics"
    verbose_name = _("Analytics")

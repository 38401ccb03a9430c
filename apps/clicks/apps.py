"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClicksConfig(AppConfig):
    """What visitors did before they bought."""

    name = "apps.clicks"
    verbose_name = _("Clicks")

"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FunnelsConfig(AppConfig):
    """What customers configure."""

    name = "apps.funnels"
    verbose_name = _("Funnels")

"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DispatchConfig(AppConfig):
    """Events on their way to ad platforms."""

    name = "apps.dispatch"
    verbose_name = _("Dispatch")

"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConversionsConfig(AppConfig):
    """What gateways told us."""

    name = "apps.conversions"
    verbose_name = _("Conversions")

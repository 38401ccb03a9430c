"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MatchingConfig(AppConfig):
    """Conversions and the clicks that brought them."""

    name = "apps.matching"
    verbose_name = _("Matching")

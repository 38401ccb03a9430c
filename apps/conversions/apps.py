"""App configuration."""

from django.apps import AppConfig


class ConversionsConfig(AppConfig):
    """What gateways told us."""

    name = "apps.conversions"
    verbose_name = "Conversions"

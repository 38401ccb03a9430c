"""App configuration."""

from django.apps import AppConfig


class FunnelsConfig(AppConfig):
    """What customers configure."""

    name = "apps.funnels"
    verbose_name = "Funnels"

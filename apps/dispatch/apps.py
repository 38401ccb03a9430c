"""App configuration."""

from django.apps import AppConfig


class DispatchConfig(AppConfig):
    """Events on their way to ad platforms."""

    name = "apps.dispatch"
    verbose_name = "Dispatch"

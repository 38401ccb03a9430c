"""App configuration."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """Health and metrics."""

    name = "apps.monitoring"

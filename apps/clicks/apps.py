"""App configuration."""

from django.apps import AppConfig


class ClicksConfig(AppConfig):
    """What visitors did before they bought."""

    name = "apps.clicks"
    verbose_name = "Clicks"

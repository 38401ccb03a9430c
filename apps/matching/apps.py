"""App configuration."""

from django.apps import AppConfig


class MatchingConfig(AppConfig):
    """Conversions and the clicks that brought them."""

    name = "apps.matching"
    verbose_name = "Matching"

"""App configuration."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Who uses the hub."""

    name = "apps.tenants"
    verbose_name = "Tenants"

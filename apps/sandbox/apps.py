"""App configuration."""

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """The stand-in platform; served by a process of its own, at the root of its own port."""

    name = "apps.sandbox"
    verbose_name = "Sandbox"

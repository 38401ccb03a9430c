"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SandboxConfig(AppConfig):
    """The stand-in platform; served by a process of its own, at the root of its own port."""

    name = "apps.sandbox"
    verbose_name = _("Sandbox")

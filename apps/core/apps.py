"""App configuration: system checks of the kernel."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Registers the checks of `apps.core.checks`."""

    name = "apps.core"

    def ready(self) -> None:
        from apps.core import checks  # noqa: F401

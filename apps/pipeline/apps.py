"""App configuration."""

from django.apps import AppConfig


class PipelineConfig(AppConfig):
    """The flow."""

    name = "apps.pipeline"

"""Gauges of what the platforms will stop taking: tokens by state, and days until versions in use end."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from apps.core.db import database_now
from apps.dispatch.tokens.selectors import count_tokens
from apps.dispatch.versions.selectors import find_versions_in_use


def collect_tokens() -> Iterator[Metric]:
    tokens = GaugeMetricFamily("hubtrack_tokens", "Destinations, by the state of their token", labels=["state"])
    for state, destinations in count_tokens().items():
        tokens.add_metric([state], float(destinations))
    yield tokens


def collect_versions() -> Iterator[Metric]:
    """Only versions whose end is announced; a negative number is one that has ended."""
    labels = ["platform", "version"]
    left = GaugeMetricFamily("hubtrack_api_version_days_left", "Days until a version in use ends", labels=labels)
    now = database_now()
    for use in find_versions_in_use(now):
        days = use.days_left(now)
        if days is not None:
            left.add_metric([use.platform, use.version], float(days))
    yield left

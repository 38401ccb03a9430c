"""The Prometheus page: queue depths from the database, counters from Redis. No label holds a client's text."""

from collections.abc import Iterator

from django.db import connection
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from apps.core.metrics import read_counters
from apps.core.redis import RedisError

_WAITING = """
    SELECT 'match', count(*), coalesce(extract(epoch FROM now() - min(match_due_at)), 0)
    FROM conversions_conversion WHERE match_due_at <= now()
    UNION ALL
    SELECT 'dispatch', count(*), coalesce(extract(epoch FROM now() - min(due_at)), 0)
    FROM dispatch_send WHERE status IN ('pending', 'retrying', 'sending') AND due_at <= now()
    UNION ALL
    SELECT 'quarantine', count(*), 0 FROM conversions_quarantine WHERE state = 'waiting'
"""


class HubCollector:
    """Reads everything anew for each scrape."""

    def collect(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily("hubtrack_lane_due", "Rows that are due, by lane", labels=["lane"])
        age = GaugeMetricFamily("hubtrack_lane_oldest_seconds", "Age of the oldest due row", labels=["lane"])
        with connection.cursor() as cursor:
            cursor.execute(_WAITING)
            for lane, rows, seconds in cursor.fetchall():
                depth.add_metric([lane], float(rows))
                age.add_metric([lane], float(seconds))
        yield from (depth, age)
        yield from _counters()


def _counters() -> Iterator[Metric]:
    try:
        counters = read_counters()
    except RedisError:
        return
    families: dict[str, CounterMetricFamily] = {}
    for (name, labels), total in sorted(counters.items()):
        names = [label for label, _ in labels]
        family = families.setdefault(name, CounterMetricFamily(f"hubtrack_{name}", name, labels=names))
        family.add_metric([value for _, value in labels], float(total))
    yield from families.values()


def render() -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(HubCollector())
    return generate_latest(registry)

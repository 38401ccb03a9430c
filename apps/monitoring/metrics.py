"""The Prometheus page: queue depths from the database, counters from Redis. No label holds a client's text."""

from collections.abc import Iterator

from django.db import connection
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from apps.core.metrics import read_counters
from apps.core.redis import RedisError
from apps.monitoring.ledger import collect_ledger
from apps.monitoring.tokens import collect_tokens, collect_versions

_WAITING = """
    SELECT 'match', count(*), coalesce(extract(epoch FROM now() - min(match_due_at)), 0)
    FROM conversions_conversion WHERE match_due_at <= now()
    UNION ALL
    SELECT 'dispatch', count(*), coalesce(extract(epoch FROM now() - min(due_at)), 0)
    FROM dispatch_send WHERE status IN ('pending', 'retrying', 'sending') AND due_at <= now()
    UNION ALL
    SELECT 'quarantine', count(*), coalesce(extract(epoch FROM now() - min(due_at)), 0)
    FROM conversions_quarantine WHERE due_at <= now()
"""
_QUARANTINE = """
    SELECT d.gateway, q.state, count(*), extract(epoch FROM now() - min(d.received_at))
    FROM conversions_quarantine q JOIN conversions_delivery d ON d.id = q.delivery_id
    WHERE q.state <> 'replayed' GROUP BY d.gateway, q.state
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
        yield from _quarantine()
        yield from collect_tokens()
        yield from collect_versions()
        yield from collect_ledger()
        yield from _counters()


def _quarantine() -> Iterator[Metric]:
    """What somebody must look at: any row in the state waiting is a sale that is not counted yet."""
    labels = ["gateway", "state"]
    depth = GaugeMetricFamily("hubtrack_quarantine", "Deliveries that wait, by gateway and state", labels=labels)
    age = GaugeMetricFamily("hubtrack_quarantine_oldest_seconds", "Age of the oldest of them", labels=labels)
    with connection.cursor() as cursor:
        cursor.execute(_QUARANTINE)
        for gateway, state, rows, seconds in cursor.fetchall():
            depth.add_metric([gateway, state], float(rows))
            age.add_metric([gateway, state], float(seconds))
    yield from (depth, age)


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

"""Gauges of the ledger: orders that no bucket holds, and money that is about to be too old for its platform."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from apps.core.metrics import Labels, read_gauges
from apps.core.redis import RedisError
from apps.dispatch.ledger import check, risk

_MISSING = "Orders that no bucket of the ledger holds, by how much was looked at; 0 is the only good value"
_AT_RISK = "Money that expires within so many hours unless what keeps it is mended"


def collect_ledger() -> Iterator[Metric]:
    """What the periodic checks found last. Without Redis, or without a check for long, there is no value."""
    try:
        missing, at_risk = read_gauges(check.GAUGE, *check.PARTS), read_gauges(risk.GAUGE)
    except RedisError:
        return
    yield _family(check.GAUGE, _MISSING, ["scope"], missing)
    yield _family(risk.GAUGE, _AT_RISK, ["currency", "hours"], at_risk)


def _family(name: str, help_text: str, labels: list[str], values: Mapping[Labels, float]) -> Metric:
    family = GaugeMetricFamily(f"hubtrack_{name}", help_text, labels=labels)
    for pairs, value in sorted(values.items()):
        family.add_metric([text for _label, text in pairs], value)
    return family

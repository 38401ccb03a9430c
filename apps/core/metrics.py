"""Counters shared by all processes, kept in Redis and shown at /metrics; a lost Redis resets them, as a restart would.

A series is a name plus labels; labels are words of ours (gateway, reason), never a client's text.
"""

from typing import cast

from apps.core.log import get_logger
from apps.core.redis import RedisError, get_redis

_KEY = "hubtrack:metrics"
log = get_logger(__name__)


def count(name: str, amount: int = 1, **labels: str) -> None:
    """Add to a counter; a Redis that is gone costs the count, never the caller's work."""
    series = name + "".join(f"|{key}={labels[key]}" for key in sorted(labels))
    try:
        get_redis().hincrby(_KEY, series, amount)
    except RedisError:
        log.warning("metrics.count_lost", code=name)


def read_counters() -> dict[tuple[str, tuple[tuple[str, str], ...]], int]:
    """All counters: {(name, ((label, value), ...)): total}."""
    counters = {}
    stored = cast(dict[bytes, bytes], get_redis().hgetall(_KEY))
    for series, total in stored.items():
        name, *labels = series.decode().split("|")
        pairs = tuple((key, value) for key, _, value in (label.partition("=") for label in labels))
        counters[name, pairs] = int(total)
    return counters

"""Counters and gauges shared by all processes, kept in Redis and shown at /metrics; a lost Redis resets them, as a
restart would.

A series is a name plus labels; labels are words of ours (gateway, reason), never a client's text.
"""

from collections.abc import Iterable, Mapping
from typing import cast

from apps.core.log import get_logger
from apps.core.redis import RedisError, get_redis

_KEY = "hubtrack:metrics"
_GAUGES = "hubtrack:gauges"
_Field = bytes | bytearray | memoryview | str | int | float
Labels = tuple[tuple[str, str], ...]
log = get_logger(__name__)


def count(name: str, amount: int = 1, **labels: str) -> None:
    """Add to a counter; a Redis that is gone costs the count, never the caller's work."""
    series = name + "".join(f"|{key}={labels[key]}" for key in sorted(labels))
    try:
        get_redis().hincrby(_KEY, series, amount)
    except RedisError:
        log.warning("metrics.count_lost", code=name)


def read_counters() -> dict[tuple[str, Labels], int]:
    """All counters: {(name, ((label, value), ...)): total}."""
    counters = {}
    stored = cast(dict[bytes, bytes], get_redis().hgetall(_KEY))
    for series, total in stored.items():
        name, *labels = series.decode().split("|")
        pairs = tuple((key, value) for key, _, value in (label.partition("=") for label in labels))
        counters[name, pairs] = int(total)
    return counters


def keep_gauges(name: str, values: Iterable[tuple[Mapping[str, str], float]], *, seconds: int, part: str = "") -> None:
    """What a periodic task measured, in place of what it had measured of this `part` before.

    After `seconds` without news there is no value any more: a task that died must not look like calm.
    """
    series: dict[_Field, _Field] = {
        "|".join(f"{key}={labels[key]}" for key in sorted(labels)): value for labels, value in values
    }
    key = f"{_GAUGES}:{name}:{part}"
    try:
        with get_redis().pipeline() as pipeline:
            pipeline.delete(key)
            if series:
                pipeline.hset(key, mapping=series)
                pipeline.expire(key, seconds)
            pipeline.execute()
    except RedisError:
        log.warning("metrics.gauges_lost", code=name)


def read_gauges(name: str, *parts: str) -> dict[Labels, float]:
    """{((label, value), ...): value} of these parts; raises RedisError."""
    gauges = {}
    for part in parts or ("",):
        stored = cast(dict[bytes, bytes], get_redis().hgetall(f"{_GAUGES}:{name}:{part}"))
        for series, value in stored.items():
            pairs = (label.partition("=") for label in series.decode().split("|") if label)
            gauges[tuple((key, text) for key, _, text in pairs)] = float(value)
    return gauges

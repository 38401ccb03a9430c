"""The Redis connection. Nothing in Redis may be missed when it is gone: callers handle RedisError."""

from functools import lru_cache

import redis
from django.conf import settings

RedisError = redis.RedisError


@lru_cache(maxsize=1)
def get_redis() -> "redis.Redis":
    """One client a process, with timeouts short enough that a frozen Redis costs a fraction of a second."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        health_check_interval=15,
        protocol=2,
    )

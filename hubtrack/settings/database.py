"""PostgreSQL and Redis. Timeouts are short: a slow database must become a 503, never a hung webhook."""

from typing import Any

from hubtrack.env import env

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **env.db_url("DATABASE_URL", default="postgres://hubtrack@127.0.0.1:5432/hubtrack"),
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 0,
        # A dead pooled connection costs one 503; checking each before use would make everybody wait after an outage.
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {
            "pool": {
                "min_size": 1,
                "max_size": env.int("DATABASE_POOL_SIZE", default=12),
                "timeout": 3,
                "reconnect_timeout": 1,
            },
            "connect_timeout": 3,
            "server_side_binding": True,
            "prepare_threshold": 5,
            "options": "-c statement_timeout=15s -c lock_timeout=5s "
            "-c idle_in_transaction_session_timeout=30s -c timezone=UTC",
        },
    }
}

REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")

"""The engine. Broker messages are wake-ups only, so every setting favours fast recovery over keeping messages.

The values come from fault tests on Redis and SQS; docs/adr/0001 says why the database is the queue.
"""

from typing import Any

from kombu import Exchange, Queue

from hubtrack.env import env
from hubtrack.settings.database import REDIS_URL

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = not CELERY_BROKER_URL.startswith("sqs")
CELERY_TIMEZONE = "UTC"
QUEUES = ("ingest-events", "match-events", "capi-dispatch")
CELERY_TASK_DEFAULT_QUEUE = QUEUES[0]
CELERY_TASK_QUEUES = [Queue(name, Exchange(name), routing_key=name) for name in QUEUES]
CELERY_TASK_ROUTES = {
    "apps.pipeline.tasks.drain_matches": {"queue": "match-events"},
    "apps.pipeline.tasks.drain_destination": {"queue": "capi-dispatch"},
}

_REDIS_TRANSPORT: dict[str, Any] = {
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 5,
    "retry_on_timeout": False,
    "max_connections": 64,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
    "global_keyprefix": "hub:",
}
CELERY_BROKER_TRANSPORT_OPTIONS = _REDIS_TRANSPORT if CELERY_BROKER_URL.startswith("redis") else {}

CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "check-domains": {"task": "apps.pipeline.tasks.check_domains", "schedule": 86400.0},
    "purge-event-receipts": {"task": "apps.pipeline.tasks.purge_event_receipts", "schedule": 86400.0},
    "purge-sandbox": {"task": "apps.pipeline.tasks.purge_sandbox", "schedule": 3600.0},
    "purge-web-sessions": {"task": "apps.pipeline.tasks.purge_web_sessions", "schedule": 86400.0},
}
DJANGO_CELERY_BEAT_TZ_AWARE = True

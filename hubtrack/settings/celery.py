"""The engine. Broker messages are wake-ups only, so every setting favours fast recovery over keeping messages.

What depends on the broker is in `brokers`; docs/adr/0001 says why the database is the queue.
"""

from typing import Any

from hubtrack.env import env
from hubtrack.settings.brokers import QUEUES, plan_broker
from hubtrack.settings.database import REDIS_URL

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=REDIS_URL)
_broker = plan_broker(CELERY_BROKER_URL, sqs_queue_url_prefix=env.str("SQS_QUEUE_URL_PREFIX", default=""))
CELERY_BROKER_TRANSPORT = _broker.transport
CELERY_BROKER_TRANSPORT_OPTIONS = _broker.transport_options
CELERY_BROKER_USE_SSL = _broker.use_ssl
CELERY_BROKER_HEARTBEAT = _broker.heartbeat_s
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = _broker.has_remote_control
CELERY_WORKER_CONSUMER = "hubtrack.consumer:Consumer"
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = QUEUES[0]
CELERY_TASK_QUEUES = _broker.queues
CELERY_TASK_ROUTES = {
    "apps.pipeline.tasks.drain_matches": {"queue": "match-events"},
    "apps.pipeline.tasks.drain_destination": {"queue": "capi-dispatch"},
}

CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"


def _every(seconds: int, task: str) -> dict[str, Any]:
    """What no worker took in time waits for its next turn; a task that kills its worker does not come back for ever."""
    return {
        "task": f"apps.pipeline.tasks.{task}",
        "schedule": float(seconds),
        "options": {"expire_seconds": min(seconds, 3600)},
    }


CELERY_BEAT_SCHEDULE = {
    "check-domains": _every(86_400, "check_domains"),
    "purge-event-receipts": _every(86_400, "purge_event_receipts"),
    "purge-sandbox": _every(3_600, "purge_sandbox"),
    "purge-web-sessions": _every(86_400, "purge_web_sessions"),
    "watch-money": _every(600, "watch_money"),
    "watch-tokens": _every(60, "watch_tokens"),
    "watch-versions": _every(86_400, "watch_versions"),
    "watch-whole-ledger": _every(86_400, "watch_whole_ledger"),
}
DJANGO_CELERY_BEAT_TZ_AWARE = True

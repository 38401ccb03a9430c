"""What each kind of broker is told; the scheme of its URL alone decides. Pure: reads no environment, calls nobody.

Messages are wake-ups only (docs/adr/0001), so every value favours fast recovery over keeping messages, and none lets a
call to the broker last longer than seconds. docs/brokers.md says why each is as it is.
"""

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from kombu import Exchange, Queue, binding

QUEUES = ("ingest-events", "match-events", "capi-dispatch")
# The fifth delivery that nobody acknowledges is the last. SQS is told the same by the operator (docs/brokers.md).
MAX_DELIVERIES = 5
_SQS_REGION = re.compile(r"https://(?:[\w-]+\.)*sqs\.([a-z0-9-]+)\.")


@dataclass(frozen=True, slots=True)
class Broker:
    """Celery's settings as far as they depend on the broker.

    `transport` replaces the class that the scheme stands for. `use_ssl` is False or the options of TLS.
    `heartbeat_s` is what a worker and the broker promise each other (RabbitMQ only; 0: nothing).
    """

    queues: list[Queue]
    transport_options: Mapping[str, Any]
    transport: str | None = None
    use_ssl: dict[str, Any] | bool = False
    has_remote_control: bool = True
    heartbeat_s: int = 0


def dead_letter_name(queue: str) -> str:
    return f"{queue}-dlq"


def plan_broker(url: str, *, sqs_queue_url_prefix: str = "") -> Broker:
    """Everything that the broker at `url` needs. Raises `ImproperlyConfigured`."""
    scheme = url.partition("://")[0]
    plan = _PLANS.get(scheme)
    if plan is None:
        raise ImproperlyConfigured(
            f"CELERY_BROKER_URL begins with {scheme!r}, which is no broker that hubtrack speaks with: "
            f"use {', '.join(f'{name}://' for name in _PLANS)} (docs/brokers.md)."
        )
    return plan(scheme, sqs_queue_url_prefix)


_REDIS_OPTIONS: Mapping[str, Any] = {
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
_RABBITMQ_OPTIONS: Mapping[str, Any] = {
    # Without it, a broker that refuses or loses a wake-up says nothing.
    "confirm_publish": True,
    # A broker that has stopped reading (its memory alarm) would hold the relay for ever.
    "read_timeout": 5,
    "write_timeout": 5,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
_DEAD_LETTERS = Exchange("hubtrack.dead-letters", type="headers")
# Wake-ups expire by the thousand while workers are down, and an expired one is no dead letter.
_DEADLY_REASONS = ("rejected", "delivery_limit")
_DEAD_LETTERS_KEPT_MS = 14 * 86_400_000


class QueueWithDeadLetters(Queue):
    """A RabbitMQ queue that never exists without its dead-letter queue: whoever declares one declares both."""

    def declare(self, nowait: bool = False, channel: Any = None) -> str | None:
        _dead_letter_queue(self.name).declare(nowait=nowait, channel=channel or self.channel)
        return super().declare(nowait=nowait, channel=channel)


def _plan_redis(scheme: str, _prefix: str) -> Broker:
    return Broker(
        queues=[Queue(name, Exchange(name), routing_key=name) for name in QUEUES],
        transport_options=_REDIS_OPTIONS,
        use_ssl={"ssl_cert_reqs": ssl.CERT_REQUIRED} if scheme == "rediss" else False,
    )


def _plan_sqs(_scheme: str, prefix: str) -> Broker:
    if not prefix.startswith(("https://", "http://")):
        raise ImproperlyConfigured(
            "SQS_QUEUE_URL_PREFIX must be what the addresses of your queues have in common, for example "
            "https://sqs.us-east-1.amazonaws.com/123456789012/hubtrack- for a queue "
            f"hubtrack-{QUEUES[0]} (docs/brokers.md)."
        )
    region = _SQS_REGION.match(prefix)
    return Broker(
        queues=[Queue(name, Exchange(name), routing_key=name) for name in QUEUES],
        transport_options={
            "predefined_queues": {name: {"url": prefix + name} for name in QUEUES},
            "region": region[1] if region else None,
            "is_secure": prefix.startswith("https://"),
            # kombu ends any receiving call after 20 seconds, and with it would go what arrived in that moment.
            "wait_time_seconds": 10,
            # Between two empty looks: an SQS that refuses at once would be asked without a pause.
            "polling_interval": 0.5,
            "client-config": {"connect_timeout": 2, "read_timeout": 5, "retries": {"total_max_attempts": 2}},
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.1,
            "interval_max": 0.1,
        },
        transport="hubtrack.sqs:Transport",
        has_remote_control=False,
    )


def _plan_rabbitmq(scheme: str, _prefix: str) -> Broker:
    return Broker(
        queues=[_quorum_queue(name) for name in QUEUES],
        transport_options=_RABBITMQ_OPTIONS,
        use_ssl={"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None} if scheme == "amqps" else False,
        heartbeat_s=20,
    )


def _quorum_queue(name: str) -> Queue:
    return QueueWithDeadLetters(
        name,
        Exchange(name),
        routing_key=name,
        queue_arguments={
            "x-queue-type": "quorum",
            "x-delivery-limit": MAX_DELIVERIES - 1,
            "x-dead-letter-exchange": _DEAD_LETTERS.name,
        },
    )


def _dead_letter_queue(queue: str) -> Queue:
    """Takes from the common exchange what came from `queue` for a reason that somebody must look at."""
    return Queue(
        dead_letter_name(queue),
        bindings=[
            binding(
                _DEAD_LETTERS,
                arguments={
                    "x-match": "all-with-x",
                    "x-first-death-queue": queue,
                    "x-first-death-reason": reason,
                },
            )
            for reason in _DEADLY_REASONS
        ],
        queue_arguments={"x-queue-type": "quorum", "x-message-ttl": _DEAD_LETTERS_KEPT_MS},
    )


_PLANS: Mapping[str, Callable[[str, str], Broker]] = {
    "redis": _plan_redis,
    "rediss": _plan_redis,
    "sqs": _plan_sqs,
    "amqp": _plan_rabbitmq,
    "amqps": _plan_rabbitmq,
}

"""One cheap question to each server the hub stands on."""

from collections.abc import Callable

from celery import current_app
from django.db import Error, connection
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as BrokerError

from apps.core.redis import RedisError, get_redis


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_redis() -> None:
    get_redis().ping()


def _ask_broker() -> None:
    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, timeout=2)


PROBES: dict[str, Callable[[], None]] = {
    "database": _ask_database,
    "redis": _ask_redis,
    "broker": _ask_broker,
}


def check_servers() -> dict[str, bool]:
    """Which of the servers answers: {"database": True, ...}."""
    return {name: _answers(ask) for name, ask in PROBES.items()}


def _answers(ask: Callable[[], None]) -> bool:
    try:
        ask()
    except (Error, RedisError, KombuError, BrokerError, OSError):
        return False
    return True

"""`manage.py relay`: wake the lanes that have due work, about twice a second. Stateless; any number may run."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections

from apps.core.log import get_logger
from apps.pipeline.tasks import wake_due_lanes

PERIOD_S = 0.5
RECOVERY_S = 2.0
log = get_logger(__name__)


class Command(BaseCommand):
    """Ends on SIGTERM or SIGINT after its current turn."""

    help = "Wake the lanes that have due work, until told to stop."

    def handle(self, *args: Any, **options: Any) -> None:
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        log.info("relay.started")
        while not stopped.wait(_turn()):
            pass


def _turn() -> float:
    """Seconds to wait before the next turn."""
    try:
        wake_due_lanes()
    except Error as error:
        log.warning("relay.database_gone", error_type=type(error).__name__)
        return RECOVERY_S
    finally:
        close_old_connections()
    return PERIOD_S

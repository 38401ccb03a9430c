"""Celery tasks: each drains one lane for a few seconds. Arguments are ids; every task may run twice, late, or never.

Wake-ups are bounded and expire: losing one costs half a second, a second one costs an empty look.
"""

import time
import uuid
from collections.abc import Callable
from typing import Any

from celery import Task, shared_task
from django.core.management import call_command
from kombu.exceptions import OperationalError

from apps.clicks.batch.services import purge_receipts
from apps.clicks.domains.services import check_proven
from apps.core.log import get_logger
from apps.dispatch.services import cancel_withdrawn, deliver_due, release_parked
from apps.matching.services import close_overdue_reviews
from apps.pipeline.lanes import find_due_lanes
from apps.pipeline.stages import (
    Progress,
    compare_batch,
    flush_batch,
    link_people_batch,
    match_batch,
    replay_quarantine_batch,
)
from apps.sandbox.services import purge_received
from apps.tenants.scoping import unscoped

DRAIN_SECONDS = 5.0
COMPARE_SECONDS = 2.0
WAKE_UP_SECONDS = 3
log = get_logger(__name__)


def _drain(step: Callable[[], int], seconds: float = DRAIN_SECONDS) -> None:
    """Repeat `step` until it finds nothing, or its time is up and the relay wakes the lane again."""
    stop = time.monotonic() + seconds
    with unscoped():
        while step() and time.monotonic() < stop:
            pass


@shared_task
def drain_ingest() -> None:
    _drain(lambda: replay_quarantine_batch().rows)


@shared_task
def drain_matches() -> None:
    """A review whose time has run out makes its sale due, so the reviews come first."""
    _drain(lambda: close_overdue_reviews() + _wake_destinations(match_batch()))


@shared_task
def drain_people() -> None:
    _drain(lambda: link_people_batch().rows)


@shared_task
def drain_buffers() -> None:
    _drain(lambda: _wake_destinations(flush_batch()))


@shared_task
def drain_comparisons() -> None:
    """In short turns: nobody's sale waits for a comparison."""
    _drain(lambda: compare_batch().rows, COMPARE_SECONDS)


@shared_task
def drain_destination(destination_id: str) -> None:
    _drain(lambda: deliver_due(uuid.UUID(destination_id)))


@shared_task
def check_domains() -> None:
    with unscoped():
        check_proven()


@shared_task
def purge_sandbox() -> None:
    purge_received()


@shared_task
def purge_event_receipts() -> None:
    purge_receipts()


@shared_task
def purge_web_sessions() -> None:
    call_command("clearsessions")


def wake_due_lanes() -> int:
    """One turn of the relay: stop what was withdrawn, wake every lane with due work; how many wake-ups were sent."""
    with unscoped():
        cancel_withdrawn()
        release_parked()
        due = find_due_lanes()
    wake_ups = [wake(drain_ingest)] if due.ingest else []
    wake_ups += [wake(drain_matches)] if due.matches else []
    wake_ups += [wake(drain_people)] if due.people else []
    wake_ups += [wake(drain_buffers)] if due.buffers else []
    wake_ups += [wake(drain_comparisons)] if due.comparisons else []
    wake_ups += [wake(drain_destination, str(pk)) for pk in due.destinations]
    return sum(wake_ups)


def _wake_destinations(progress: Progress) -> int:
    """Spare new events the relay's next turn; it finds them anyway if this is lost."""
    for pk in progress.destinations:
        wake(drain_destination, str(pk))
    return progress.rows


def wake(task: "Task[Any, Any]", *ids: str) -> bool:
    """Send one wake-up; a broker that is gone costs nothing but time."""
    try:
        task.apply_async(args=ids, expires=WAKE_UP_SECONDS)
    except OperationalError:
        log.warning("relay.broker_gone", task=task.name)
        return False
    return True

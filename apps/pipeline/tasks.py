"""Celery tasks: each drains one lane for a few seconds. Arguments are ids; every task may run twice, late, or never.

Wake-ups are bounded and expire: losing one costs half a second, a second one costs an empty look.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from random import sample
from typing import Any

from celery import Task, shared_task
from django.core.management import call_command
from kombu.exceptions import OperationalError

from apps.clicks.batch.services import purge_receipts
from apps.clicks.domains.services import check_proven
from apps.core.log import get_logger
from apps.dispatch.ledger.check import watch_ledger
from apps.dispatch.ledger.risk import watch_risks
from apps.dispatch.selectors import DueDestinations
from apps.dispatch.services import (
    cancel_withdrawn,
    continue_replays,
    deliver_due,
    expire_overdue,
    is_known_to_wait,
    release_parked,
)
from apps.dispatch.tokens.services import check_tokens
from apps.dispatch.versions.services import check_versions
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
DELIVER_SECONDS = 2.0
# Wake-ups for destinations in one turn, however many are due. A doubtful one gets its own, so that nobody waits behind
# a platform that does not answer.
DELIVERY_WAKE_UPS = 16
DOUBTFUL_WAKE_UPS = 4
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
    _drain(lambda: close_overdue_reviews() + _hand_on(match_batch()))


@shared_task
def drain_people() -> None:
    _drain(lambda: link_people_batch().rows)


@shared_task
def drain_buffers() -> None:
    _drain(lambda: _hand_on(flush_batch()))


@shared_task
def drain_comparisons() -> None:
    """In short turns: nobody's sale waits for a comparison."""
    _drain(lambda: compare_batch().rows, COMPARE_SECONDS)


@shared_task
def drain_destinations(destination_ids: Sequence[str]) -> None:
    """One request to each in turn, until none has anything due."""
    due = [uuid.UUID(text) for text in destination_ids]
    _drain(lambda: sum(deliver_due(pk) for pk in due if not is_known_to_wait(pk)), DELIVER_SECONDS)


@shared_task
def drain_replays() -> None:
    """In short turns, as fast as each replay's rate lets it."""
    _drain(continue_replays, COMPARE_SECONDS)


@shared_task
def check_domains() -> None:
    with unscoped():
        check_proven()


@shared_task
def watch_money() -> None:
    """Whether every order is in one bucket, and what expires soon."""
    with unscoped():
        watch_ledger()
        watch_risks()


@shared_task
def watch_whole_ledger() -> None:
    with unscoped():
        watch_ledger(whole=True)


@shared_task
def watch_tokens() -> None:
    with unscoped():
        check_tokens()


@shared_task
def watch_versions() -> None:
    with unscoped():
        check_versions()


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
        expire_overdue()
        due = find_due_lanes()
    wake_ups = [wake(drain_ingest)] if due.ingest else []
    wake_ups += [wake(drain_matches)] if due.matches else []
    wake_ups += [wake(drain_people)] if due.people else []
    wake_ups += [wake(drain_buffers)] if due.buffers else []
    wake_ups += [wake(drain_comparisons)] if due.comparisons else []
    wake_ups += [wake(drain_replays)] if due.replays else []
    return sum(wake_ups) + _wake_destinations(due.destinations)


def _wake_destinations(due: DueDestinations) -> int:
    """How many wake-ups were sent."""
    shares = [share for start in range(DELIVERY_WAKE_UPS) if (share := due.well[start::DELIVERY_WAKE_UPS])]
    shares += [[pk] for pk in sample(due.doubtful, min(len(due.doubtful), DOUBTFUL_WAKE_UPS))]
    return sum(wake(drain_destinations, [str(pk) for pk in share]) for share in shares)


def _hand_on(progress: Progress) -> int:
    """Spare new events the relay's next turn; it finds them anyway if this is lost."""
    _wake_destinations(DueDestinations(well=list(progress.destinations), doubtful=[]))
    return progress.rows


def wake(task: "Task[Any, Any]", *ids: Sequence[str]) -> bool:
    """Send one wake-up; a broker that is gone costs nothing but time."""
    try:
        task.apply_async(args=ids, expires=WAKE_UP_SECONDS)
    except OperationalError:
        log.warning("relay.broker_gone", task=task.name)
        return False
    return True

"""Celery tasks: each drains one lane for a few seconds. Arguments are ids; every task may run twice, late, or never."""

import time
import uuid
from collections.abc import Callable, Iterable
from random import sample

from celery import shared_task
from django.core.management import call_command

from apps.clicks.batch.services import purge_receipts
from apps.clicks.domains.services import check_proven
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
    MATCH_BATCH,
    Progress,
    compare_batch,
    flush_batch,
    link_people_batch,
    match_batch,
    replay_quarantine_batch,
)
from apps.pipeline.wakeups import WakeUp, WokenTask, send
from apps.sandbox.services import purge_received
from apps.tenants.scoping import unscoped

DRAIN_SECONDS = 5.0
COMPARE_SECONDS = 2.0
# Of destinations, at most so many in one turn of the relay, whoever is due; the others have the next one.
DELIVERY_WAKE_UPS = 100
# So few that most workers are free, whichever platforms do not answer.
DOUBTFUL_WAKE_UPS = 4
# A batch of sales costs little more than a single one: what comes in one after the other is let gather.
GATHER_SECONDS = 0.1


def _drain(step: Callable[[], int], seconds: float = DRAIN_SECONDS) -> None:
    """Repeat `step` until it finds nothing, or its time is up and the relay wakes the lane again."""
    stop = time.monotonic() + seconds
    with unscoped():
        while step() and time.monotonic() < stop:
            pass


@shared_task(base=WokenTask)
def drain_ingest() -> None:
    _drain(lambda: replay_quarantine_batch().rows)


@shared_task(base=WokenTask)
def drain_matches() -> None:
    _drain(_match_due)


def _match_due() -> int:
    """A review whose time has run out makes its sale due, so the reviews come first."""
    rows = close_overdue_reviews() + _hand_on(match_batch())
    if 0 < rows < MATCH_BATCH:
        time.sleep(GATHER_SECONDS)
    return rows


@shared_task(base=WokenTask)
def drain_people() -> None:
    _drain(lambda: link_people_batch().rows)


@shared_task(base=WokenTask)
def drain_buffers() -> None:
    _drain(lambda: _hand_on(flush_batch()))


@shared_task(base=WokenTask)
def drain_comparisons() -> None:
    """In short turns: nobody's sale waits for a comparison."""
    _drain(lambda: compare_batch().rows, COMPARE_SECONDS)


@shared_task(base=WokenTask)
def drain_destination(destination_id: str) -> None:
    """One request. Where more is due, the next one queues behind those to others."""
    pk = uuid.UUID(destination_id)
    with unscoped():
        if not is_known_to_wait(pk) and deliver_due(pk).has_more:
            send(_to_destinations([pk]))


@shared_task(base=WokenTask)
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
    lanes = {
        drain_ingest: due.ingest,
        drain_matches: due.matches,
        drain_people: due.people,
        drain_buffers: due.buffers,
        drain_comparisons: due.comparisons,
        drain_replays: due.replays,
    }
    return send([WakeUp(task) for task, is_due in lanes.items() if is_due] + _to_due(due.destinations))


def _to_due(due: DueDestinations) -> list[WakeUp]:
    well = sample(due.well, min(len(due.well), DELIVERY_WAKE_UPS))
    return _to_destinations(well + sample(due.doubtful, min(len(due.doubtful), DOUBTFUL_WAKE_UPS)))


def _to_destinations(destinations: Iterable[uuid.UUID]) -> list[WakeUp]:
    return [WakeUp(drain_destination, str(pk)) for pk in destinations]


def _hand_on(progress: Progress) -> int:
    """Spare new events the relay's next turn; it finds them anyway if this is lost."""
    send(_to_destinations(progress.destinations))
    return progress.rows

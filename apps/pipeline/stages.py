"""The flow on one page: what each lane does with what is due.

Each function handles one batch and says how much it did.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DataError, transaction

from apps.clicks.buffer import open_buffers, take_buffered
from apps.clicks.people import Purchase, link_due_sessions, note_purchases, read_due_sessions
from apps.conversions.models import Conversion, Quarantine
from apps.conversions.services import (
    await_confirmation,
    claim_for_matching,
    claim_quarantined,
    fail_matching,
    keep_quarantined,
    look_again,
    postpone_matching,
    settle_matching,
    settle_replay,
)
from apps.core.crypto import InvalidToken
from apps.core.log import get_logger
from apps.dispatch.selectors import find_told
from apps.dispatch.services import hold_unsure, plan_events, plan_page_events, release_reviewed
from apps.funnels.selectors import published_configs
from apps.gateways.errors import PayloadError
from apps.gateways.registry import ADAPTERS
from apps.matching.models import Match, ReviewState
from apps.matching.rules import Decision
from apps.matching.services import claim_comparison, continue_comparison, fail_comparison, match_conversions
from apps.pipeline.confirming import confirm_next, needs_confirmation
from apps.pipeline.keeping import UNDECIPHERABLE, UNSTORABLE
from apps.pipeline.reading import endpoint_of, read_kept, request_of

MATCH_BATCH = 200
COMPARE_BATCH = 500
QUARANTINE_BATCH = 20
FLUSH_BATCH = 50
UNPUBLISHED_RETRY = timedelta(seconds=30)
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How many rows a batch handled, and which destinations have something new to send."""

    rows: int
    destinations: frozenset[uuid.UUID] = frozenset()


def match_batch(limit: int = MATCH_BATCH) -> Progress:
    """Match what changed and plan its events, in one transaction: a crash leaves all of it due."""
    try:
        with transaction.atomic():
            return _match(claim_for_matching(limit))
    except Exception as error:
        log.exception("match.batch_failed", exc_info=error)
    return _match_one_by_one(limit)


def _match_one_by_one(limit: int) -> Progress:
    """Find the row that breaks a batch, set it aside, and let the others pass."""
    rows, destinations = 0, set[uuid.UUID]()
    for _turn in range(limit):
        with transaction.atomic():
            claimed = claim_for_matching(1)
            if not claimed:
                break
            rows += 1
            destinations |= _match_guarded(claimed[0])
    return Progress(rows, frozenset(destinations))


def _match_guarded(row: Conversion) -> frozenset[uuid.UUID]:
    try:
        with transaction.atomic():
            return _match([row]).destinations
    except Exception as error:
        log.exception("match.row_failed", exc_info=error, conversion_id=row.pk)
        fail_matching(row)
        return frozenset()


def _match(claimed: list[Conversion]) -> Progress:
    if not claimed:
        return Progress(0)
    configs = published_configs(row.funnel_id for row in claimed)
    running = [row for row in claimed if row.funnel_id in configs]
    postpone_matching([row for row in claimed if row.funnel_id not in configs], UNPUBLISHED_RETRY)
    matches = match_conversions(running, configs, told=find_told([row.pk for row in running]))
    reviews = _reviews(matches)
    destinations = plan_events(running, configs, reviews)
    hold_unsure(reviews)
    release_reviewed(matches.keys() - reviews.keys(), configs)
    purchases = _purchases(running, matches)
    note_purchases(purchases)
    open_buffers({purchase.click for purchase in purchases})
    settle_matching(running, {pk for pk, match in matches.items() if not _is_sure(match)})
    log.info("match.batch", rows=len(claimed))
    return Progress(len(claimed), frozenset(destinations))


def _reviews(matches: Mapping[int, Match]) -> dict[int, datetime]:
    """Until when each of these conversions waits whose match is to be reviewed."""
    waiting = {pk: match.review_due_at for pk, match in matches.items() if match.review == ReviewState.PENDING}
    return {pk: due_at for pk, due_at in waiting.items() if due_at}


def _is_sure(match: Match) -> bool:
    return match.is_used and match.decision == Decision.AUTO


def _purchases(rows: Iterable[Conversion], matches: Mapping[int, Match]) -> list[Purchase]:
    """The approved sales among these whose click is certain: they tell who the visitor was."""
    sure = {pk: match.click_id for pk, match in matches.items() if match.is_used}
    return [
        Purchase(click=click, identity=row.identity)
        for row in rows
        if row.approved_at and not row.is_test and (click := sure.get(row.pk))
    ]


@transaction.atomic
def flush_batch(limit: int = FLUSH_BATCH) -> Progress:
    """Plan the sends of page events that have waited long enough in their sessions, or whose visitor bought."""
    looked_at, events = take_buffered(limit)
    configs = published_configs(event.session.funnel_id for event in events)
    destinations = plan_page_events([event for event in events if event.session.funnel_id in configs], configs)
    if events:
        log.info("buffer.flushed", rows=len(events))
    return Progress(looked_at, frozenset(destinations))


def link_people_batch() -> Progress:
    """Find whose the sessions are whose visitors have said who they are.

    What they said can also tell who brought a sale. Sales come first, committed on their own: a crash then leaves the
    sessions due, and whoever matches holds sales while it waits for the tenant's people.
    """
    due = read_due_sessions()
    if due is None:
        return Progress(0)
    look_again(due.tenant_id, due.said())
    return Progress(link_due_sessions(due))


@transaction.atomic
def compare_batch(limit: int = COMPARE_BATCH) -> Progress:
    """Run a draft over the next sales of the past. One that cannot go on is ended, so that the others can."""
    claimed = claim_comparison()
    if claimed is None:
        return Progress(0)
    try:
        return Progress(max(continue_comparison(claimed, limit), 1))
    except Exception as error:
        log.exception("compare.failed", exc_info=error, comparison_id=claimed.pk)
        fail_comparison(claimed)
        return Progress(1)


def replay_quarantine_batch(limit: int = QUARANTINE_BATCH) -> Progress:
    """Read quarantined deliveries again that somebody asked to replay; when there are none, ask a gateway's API once.

    Its answer may take seconds, so whoever drains the lane looks at the clock after each.
    """
    rows = 0
    while rows < limit and _replay_next():
        rows += 1
    return Progress(rows or int(confirm_next()))


@transaction.atomic
def _replay_next() -> bool:
    kept = claim_quarantined()
    if kept is None:
        return False
    problem = _read_again(kept)
    if problem:
        keep_quarantined(kept, path=problem.path, expected=problem.expected, found=problem.found)
    return True


def _read_again(kept: Quarantine) -> PayloadError | None:
    """What still stands in the way of `kept`; None once it is recorded."""
    try:
        with transaction.atomic():
            _settle_again(kept)
    except PayloadError as error:
        return error
    except InvalidToken:
        return UNDECIPHERABLE
    except DataError:
        return UNSTORABLE
    return None


def _settle_again(kept: Quarantine) -> None:
    """What only its gateway's API can vouch for is not believed because a person asked to read it again."""
    adapter, request = ADAPTERS[kept.delivery.gateway], request_of(kept)
    if needs_confirmation(adapter, endpoint_of(kept), request):
        await_confirmation(kept)
    else:
        settle_replay(kept, read_kept(kept, request))

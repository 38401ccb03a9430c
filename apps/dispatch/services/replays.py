"""Send many dead letters again, on somebody's word: by and by, no faster than was asked for, each at most once.

A replay is a row; a lane goes through its letters by key. Each turn is one transaction that makes letters due, counts
those that must not be sent, and moves the cursor: what crashes begins again where the last turn ended, and two replays
of the same letters find each of them once, because a letter that was let go is no longer one.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from apps.conversions.services import match_from_scratch, read_all_again
from apps.core.db import database_now
from apps.core.errors import NotPossible
from apps.core.log import get_logger
from apps.dispatch.letters.filters import Filters, Queue
from apps.dispatch.letters.obstacles import Obstacle, find_obstacles
from apps.dispatch.letters.rows import Merged, find_rows
from apps.dispatch.models import Replay, Send, SendStatus
from apps.dispatch.services.park import ask_again

PER_MINUTE, MOST_PER_MINUTE = 600, 6000
# So many at once are a tenant's: each has its own rate.
MOST_RUNNING = 10
# A turn lets go what is due in so many seconds, and looks at no more letters than are cheap to lock.
_TURN_S = 5
_LOOKED_AT = 500
# Should a turn fail, the other replays go first for this long.
_LEASE = timedelta(seconds=30)
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for. `force` also sends again what may have arrived, though it may then count twice."""

    filters: Filters
    per_minute: int = PER_MINUTE
    force: bool = False
    actor: str = ""


@transaction.atomic
def start_replay(tenant_id: UUID, wish: Wish) -> Replay:
    """Raises NotPossible when nothing is meant that could be sent again, or too many replays are under way."""
    letters = find_rows(wish.filters, tenant_id)
    total = letters.count()
    if not total:
        raise NotPossible(_("None of these is a dead letter any more: nothing is sent again."))
    if Replay.objects.filter(tenant=tenant_id, state=Replay.State.RUNNING).count() >= MOST_RUNNING:
        raise NotPossible(_("Too many replays are under way. Wait until one is done, or cancel one."))
    if wish.filters.queue is Queue.DISPATCH:
        parts = letters.parts
        ask_again({pk for part in parts for pk in part.order_by().values_list("destination", flat=True).distinct()})
    replay: Replay = Replay.objects.create(
        tenant_id=tenant_id,
        filters=wish.filters.to_json() | ({"force": True} if wish.force else {}),
        per_minute=wish.per_minute,
        total=total,
        actor=wish.actor[:200],
    )
    replay.refresh_from_db()
    log.info("replay.started", replay_id=str(replay.pk), rows=total, actor=replay.actor)
    return replay


@transaction.atomic
def cancel_replay(replay: Replay) -> Replay:
    """What was let go stays so. Raises NotPossible when it has ended."""
    held: Replay = Replay.objects.select_for_update().get(pk=replay.pk)
    if held.state != Replay.State.RUNNING:
        raise NotPossible(_("This replay has ended already."))
    held.state, held.finished_at = Replay.State.CANCELLED, database_now()
    held.save(update_fields=["state", "finished_at"])
    log.info("replay.cancelled", replay_id=str(held.pk), rows=held.released)
    return held


def continue_replays() -> int:
    """One turn of the replay that has waited longest; how many letters it looked at, at least 1 if there was one."""
    replay = _claim()
    return max(_continue(replay), 1) if replay else 0


def estimate_end(replay: Replay) -> datetime | None:
    """When a running replay will be done, if all that is left can be sent."""
    if replay.state != Replay.State.RUNNING:
        return None
    return replay.next_at + timedelta(minutes=remaining(replay) / replay.per_minute)


def remaining(replay: Replay) -> int:
    left: int = replay.total - replay.released - sum(replay.skipped.values())
    return max(left, 0)


@transaction.atomic
def _claim() -> Replay | None:
    """Committed before its letters are looked at, so that one that fails does not keep the others from their turn."""
    due = Replay.objects.filter(state=Replay.State.RUNNING, next_at__lte=Now()).order_by("next_at")
    claimed: Replay | None = due.select_for_update(skip_locked=True).first()
    if claimed:
        Replay.objects.filter(pk=claimed.pk).update(next_at=Now() + _LEASE)
    return claimed


@transaction.atomic
def _continue(claimed: Replay) -> int:
    """Nobody else has it before its lease is over, and whoever cancels it meanwhile waits."""
    replay: Replay = Replay.objects.select_for_update().get(pk=claimed.pk)
    if replay.state != Replay.State.RUNNING:
        return 0
    now, limit = database_now(), _chunk_of(replay)
    filters = Filters.from_json(replay.filters)
    letters = _letters_of(replay, filters).filter(pk__gt=replay.cursor).lock()[:limit]
    obstacles = find_obstacles(letters, now)
    if replay.filters.get("force"):
        obstacles = _overrule(obstacles)
    free = [row.pk for row in letters if row.pk not in obstacles]
    _RELEASE[filters.queue](free)
    replay.released += len(free)
    replay.skipped = dict(Counter(replay.skipped) + Counter(obstacles.values()))
    replay.cursor = letters[-1].pk if letters else replay.cursor
    replay.next_at = now + timedelta(minutes=len(free) / replay.per_minute)
    if len(letters) < limit:
        _finish(replay, now)
    replay.save()
    return len(letters)


def _letters_of(replay: Replay, filters: Filters) -> Merged:
    """Of sends only what was dead when somebody asked: what died since is for them to decide on anew."""
    asked = min(filters.until or replay.created_at, replay.created_at)
    bounded = replace(filters, until=asked) if filters.queue is Queue.DISPATCH else filters
    return find_rows(bounded, replay.tenant_id).order_by("id")


def _chunk_of(replay: Replay) -> int:
    return min(max(math.ceil(replay.per_minute * _TURN_S / 60), 1), _LOOKED_AT)


def _finish(replay: Replay, now: datetime) -> None:
    if gone := remaining(replay):
        replay.skipped = {**replay.skipped, Obstacle.MOVED_ON: gone}
    replay.state, replay.finished_at = Replay.State.DONE, now
    log.info("replay.done", replay_id=str(replay.pk), rows=replay.released)


def _overrule(obstacles: Mapping[int, Obstacle]) -> dict[int, Obstacle]:
    """Those that are left: that it may have arrived is forgotten, since somebody insists."""
    unsure = [pk for pk, found in obstacles.items() if found is Obstacle.UNSURE]
    Send.objects.filter(pk__in=unsure).update(is_unsure=False)
    return {pk: found for pk, found in obstacles.items() if found is not Obstacle.UNSURE}


def _release_sends(keys: Sequence[int]) -> None:
    """With all its tries before it, as if for the first time."""
    Send.objects.filter(pk__in=keys).update(
        status=SendStatus.PENDING,
        reason="replayed",
        failures=0,
        strikes=0,
        due_at=Now(),
        settled_at=None,
        changed_at=Now(),
    )


_RELEASE: Mapping[Queue, Callable[[Sequence[int]], Any]] = {
    Queue.DISPATCH: _release_sends,
    Queue.MATCH: match_from_scratch,
    Queue.INGEST: read_all_again,
}

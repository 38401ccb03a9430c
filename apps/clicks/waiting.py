"""`capi:session:<session id>`: Redis's copy of what waits in a session, for whoever watches a visit as it happens.

A list of JSON objects {"event_id", "name", "occurred_at"}, oldest first. PostgreSQL holds the truth (buffer.py):
without Redis nothing is lost, and what it forgot is read from there.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import msgspec

from apps.clicks.models import PageEvent, Session
from apps.core.log import get_logger
from apps.core.redis import RedisError, get_redis
from apps.core.remember import Remembered

KEEP_S = 5 * 3600
MOST = 1000
# A Redis that is gone or frozen costs one hit its timeout, then nobody for a while.
_gone: Remembered[str, bool] = Remembered(seconds=5.0)
log = get_logger(__name__)


def waiting_key(session_id: str) -> str:
    return f"capi:session:{session_id}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A page event that was just stored in the session of this id."""

    session_id: str
    event_id: str
    name: str
    occurred_at: datetime


def note_waiting(*stored: Waiting) -> None:
    """Add these to the copy, in one round trip."""
    if not stored or _gone.recall("redis"):
        return
    try:
        with get_redis().pipeline(transaction=False) as pipe:
            for item in stored:
                key = waiting_key(item.session_id)
                noted = {"event_id": item.event_id, "name": item.name, "occurred_at": item.occurred_at}
                pipe.rpush(key, msgspec.json.encode(noted))
                pipe.ltrim(key, -MOST, -1)
                pipe.expire(key, KEEP_S)
            pipe.execute()
    except RedisError as error:
        _skip(error)


def forget_waiting(session_ids: Collection[str]) -> None:
    if not session_ids or _gone.recall("redis"):
        return
    try:
        get_redis().delete(*map(waiting_key, session_ids))
    except RedisError as error:
        _skip(error)


def list_waiting(session: Session) -> list[dict[str, Any]]:
    """What waits in this session, oldest first; from the database where Redis has nothing."""
    if session.flush_at is None:
        return []
    try:
        noted = cast(list[bytes], get_redis().lrange(waiting_key(session.public_id), 0, -1))
    except RedisError:
        noted = []
    if noted:
        return [msgspec.json.decode(item) for item in noted]
    rows = PageEvent.objects.filter(session=session, is_buffered=True).order_by("occurred_at", "pk")
    return list(rows.values("event_id", "name", "occurred_at")[:MOST])


def _skip(error: RedisError) -> None:
    _gone.keep("redis", answer=True)
    log.warning("buffer.not_noted", error_type=type(error).__name__)

"""The session's buffer: page events wait until it is known who the visitor is, or until that is unlikely to come.

An ad platform that keeps the first copy of an event never learns what a second one adds, so what a form, a login or the
purchase tells of the visitor must be there when the first is sent. All of a session's events go together: at once when
its visitor bought, after half an hour without activity, and four hours after the oldest at the latest.

The rows are the buffer (PageEvent.is_buffered). `Session.flush_at` says when to look, and only whoever looks finds out
whether to go or to look again later, so a visitor's hits cost no write for it. Redis's list is a copy (waiting.py).
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Min, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from apps.clicks.models import PageEvent, Session
from apps.clicks.services import SESSION_IDLE_MINUTES
from apps.clicks.waiting import forget_waiting

LONGEST_HOURS = 4
# Nothing is sent for a funnel that was never published. Its events keep waiting, looked at ever more rarely, until no
# platform would take them any more; then they are let go.
_UNPUBLISHED_MINUTES = 5
_UNPUBLISHED_DAYS = 7
# Of one session; the rest goes with the next turns. A page gone wild must not make a turn that never ends.
MOST_AT_ONCE = 200
_AT_ONCE = "timestamptz 'epoch'"
_NOW = "statement_timestamp()"  # as due_buffers() reads the clock
# The rows are locked by a statement before: what their hits stored until then is seen by this one.
_TAKE = f"""
    WITH look AS (
        SELECT s.id, CASE
            WHEN f.published_id IS NULL AND buffered.oldest > {_NOW} - interval '{_UNPUBLISHED_DAYS} days'
                THEN {_NOW} + greatest(interval '{_UNPUBLISHED_MINUTES} minutes', ({_NOW} - buffered.oldest) / 4)
            WHEN f.published_id IS NOT NULL AND s.flush_at > {_AT_ONCE}
                THEN least(s.last_seen_at + interval '{SESSION_IDLE_MINUTES} minutes',
                           buffered.oldest + interval '{LONGEST_HOURS} hours')
            END AS again_at, buffered.number > {MOST_AT_ONCE} AS has_more
        FROM clicks_session s JOIN funnels_funnel f ON f.id = s.funnel_id CROSS JOIN LATERAL (
            SELECT min(e.occurred_at) AS oldest, count(*) AS number FROM clicks_pageevent e
            WHERE e.session_id = s.id AND e.is_buffered
        ) AS buffered WHERE s.id = ANY(%(held)s)
    ), looked AS (
        UPDATE clicks_session s SET flush_at = CASE
            WHEN look.again_at > {_NOW} THEN look.again_at
            WHEN look.has_more THEN {_AT_ONCE} END
        FROM look WHERE s.id = look.id RETURNING s.id, s.flush_at
    ), due AS (
        SELECT e.id FROM looked CROSS JOIN LATERAL (
            SELECT id FROM clicks_pageevent WHERE session_id = looked.id AND is_buffered
            ORDER BY occurred_at, id LIMIT {MOST_AT_ONCE}) AS e
        WHERE looked.flush_at IS NULL OR looked.flush_at = {_AT_ONCE}
    )
    UPDATE clicks_pageevent e SET is_buffered = false FROM due WHERE e.id = due.id RETURNING e.id
"""  # noqa: S608 - composed of constants; every value is a parameter
# The sale's own session, and those of the same browser that came after: they carried the click.
_OPEN_AT_ONCE = f"""
    WITH clicked AS (
        SELECT session_id, public_id, tenant_id FROM clicks_click WHERE id = ANY(%(clicks)s)
    ), visit AS (
        SELECT session_id AS id FROM clicked
        UNION
        SELECT s.id FROM clicked JOIN clicks_session s ON s.click_ref = clicked.public_id AND s.click_ref <> ''
            AND s.tenant_id = clicked.tenant_id AND s.flush_at IS NOT NULL
    )
    UPDATE clicks_session s SET flush_at = {_AT_ONCE}
    FROM visit WHERE s.id = visit.id AND s.flush_at > {_AT_ONCE}
"""  # noqa: S608 - composed of constants; every value is a parameter


def due_buffers() -> QuerySet[Session]:
    """Sessions whose buffer is to be looked at."""
    rows: QuerySet[Session] = Session.objects.filter(flush_at__lte=Now())
    return rows


def latest_flush(session: Session) -> datetime | None:
    """When what waits in this session goes, if its visitor does nothing more; None while nothing waits."""
    if session.flush_at is None:
        return None
    oldest: datetime | None = PageEvent.objects.filter(session=session, is_buffered=True).aggregate(
        at=Min("occurred_at")
    )["at"]
    if oldest is None or session.flush_at <= session.first_seen_at:
        return timezone.now()
    idle, longest = timedelta(minutes=SESSION_IDLE_MINUTES), timedelta(hours=LONGEST_HOURS)
    latest: datetime = min(session.last_seen_at + idle, oldest + longest)
    return latest


def open_buffers(clicks: Collection[int]) -> int:
    """These clicks (their keys) brought a sale: what waits for their visitors goes at once; how many sessions."""
    if not clicks:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_AT_ONCE, {"clicks": list(clicks)})
        opened: int = cursor.rowcount
    return opened


def take_buffered(limit: int) -> tuple[int, list[PageEvent]]:
    """(how many sessions were looked at, the events whose time has come). For the caller's transaction, which plans
    their sends: a crash leaves all of them waiting."""
    due = due_buffers().order_by("flush_at", "pk").select_for_update(skip_locked=True, of=("self",))
    held = list(due.values_list("pk", flat=True)[:limit])
    if not held:
        return 0, []
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"held": held})
        taken = [pk for (pk,) in cursor.fetchall()]
    events = list(PageEvent.objects.filter(pk__in=taken).select_related("session").order_by("occurred_at", "pk"))
    emptied = {event.session.public_id for event in events}
    transaction.on_commit(lambda: forget_waiting(emptied))
    return len(held), events

"""Recording a batch: every event once, all in one transaction.

Who takes the receipt of an event id (EventReceipt, one for each tenant and id) records the event; everybody else is
told what the receipt says, whatever session a repeat names. A batch that meets an id of another, unfinished one waits
for it, and takes over if that is rolled back. Receipts outlive the age at which an event is refused (batch.OLDEST), so
an event that names its time is refused once its receipt is gone.
"""

import base64
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from apps.clicks.batch.consent import LateWord, keep_late_words
from apps.clicks.batch.reading import CLICK, IDENTIFY, OLDEST, BatchEvent
from apps.clicks.bots import is_crawler
from apps.clicks.models import Click, EventReceipt, Session, Source
from apps.clicks.services import Recorded, Visitor, record_click, record_page_event, record_visitor
from apps.clicks.waiting import Waiting, note_waiting
from apps.core.ids import SESSION_PREFIX, find_carried_ids, new_id
from apps.funnels.models import Funnel
from apps.tenants.scoping import tenant_scope, unscoped

RECEIPTS_KEPT = OLDEST + timedelta(days=1)
_PURGED_AT_ONCE = 10_000
# In one order, so that batches that share ids wait for each other in a line and not in a circle.
_CLAIM = """
    INSERT INTO clicks_eventreceipt (tenant_id, event_id)
    SELECT %(tenant_id)s, event_id FROM unnest(%(event_ids)s::text[]) AS asked (event_id) ORDER BY event_id
    ON CONFLICT (tenant_id, event_id) DO NOTHING RETURNING event_id
"""
_FILL = """
    UPDATE clicks_eventreceipt r SET session_id = told.session_id, click_id = told.click_id
    FROM unnest(%(event_ids)s::text[], %(session_ids)s::text[], %(click_ids)s::text[])
         AS told (event_id, session_id, click_id)
    WHERE r.tenant_id = %(tenant_id)s AND r.event_id = told.event_id
"""


class Outcome(StrEnum):
    """What became of an event that could be read."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Told:
    """The answer on one event; `click_id` is empty for all but clicks."""

    outcome: Outcome
    session_id: str
    click_id: str = ""


@dataclass(frozen=True, slots=True)
class _Placed:
    """An event, whose it is, and the session (its public id) that it is written into."""

    event: BatchEvent
    funnel_id: uuid.UUID
    session_id: str


def find_funnels(tenant_id: uuid.UUID, public_keys: set[str]) -> dict[str, uuid.UUID]:
    """The ids of those of the tenant's funnels; another tenant's is as unknown as one that nobody has."""
    with tenant_scope(tenant_id):
        return dict(Funnel.objects.filter(public_key__in=public_keys).values_list("public_key", "id"))


def record_batch(tenant_id: uuid.UUID, events: Sequence[tuple[BatchEvent, uuid.UUID]]) -> dict[str, Told]:
    """Record (event, funnel id) pairs whose event ids differ; the answers by event id."""
    with unscoped(), transaction.atomic():
        known = _claim(tenant_id, [event.event_id for event, _ in events])
        placed = _place(tenant_id, [(event, funnel) for event, funnel in events if event.event_id not in known])
        # Always in the order of sessions, then of time: two batches at once wait for each other instead of crossing.
        placed.sort(key=lambda item: (item.session_id, item.event.occurred_at or timezone.now()))
        waiting: list[Waiting] = []
        told = {item.event.event_id: _record(tenant_id, item, waiting.append) for item in placed}
        keep_late_words(tenant_id, [word for item in placed for word in _late_words(item, told[item.event.event_id])])
        _fill_receipts(tenant_id, told)
        transaction.on_commit(lambda: note_waiting(*waiting))
    return known | told


def purge_receipts() -> int:
    """Drop the receipts of events that are too old to be taken again, in short transactions; how many there were."""
    with unscoped():
        outlived = EventReceipt.objects.filter(received_at__lt=timezone.now() - RECEIPTS_KEPT).order_by("pk")
        purged = 0
        while rows := outlived.filter(pk__in=outlived.values("pk")[:_PURGED_AT_ONCE]).delete()[0]:
            purged += rows
    return purged


def _claim(tenant_id: uuid.UUID, event_ids: list[str]) -> dict[str, Told]:
    """Take the receipts that nobody has; the answers on all others, which were recorded before."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"tenant_id": tenant_id, "event_ids": event_ids})
        claimed = {event_id for (event_id,) in cursor.fetchall()}
    if len(claimed) == len(event_ids):
        return {}
    others = EventReceipt.objects.filter(tenant_id=tenant_id, event_id__in=set(event_ids) - claimed)
    return {
        event_id: Told(Outcome.DUPLICATE, session_id, click_id)
        for event_id, session_id, click_id in others.values_list("event_id", "session_id", "click_id")
    }


def _fill_receipts(tenant_id: uuid.UUID, told: Mapping[str, Told]) -> None:
    answers: dict[str, Any] = {
        "tenant_id": tenant_id,
        "event_ids": list(told),
        "session_ids": [one.session_id for one in told.values()],
        "click_ids": [one.click_id for one in told.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(_FILL, answers)


def _place(tenant_id: uuid.UUID, events: Sequence[tuple[BatchEvent, uuid.UUID]]) -> list[_Placed]:
    named = {event.hit.text("session_id") for event, _ in events} - {""}
    carried = {event.hit.text("click_id") for event, _ in events} - {""}
    owners = {
        public_id: (tenant, funnel)
        for public_id, tenant, funnel in Session.objects.filter(public_id__in=named).values_list(
            "public_id", "tenant_id", "funnel_id"
        )
    }
    clicked = Click.objects.filter(public_id__in=carried, tenant_id=tenant_id)
    of_click = {
        (public_id, funnel): session
        for public_id, funnel, session in clicked.values_list("public_id", "funnel_id", "session__public_id")
    }
    return [
        _Placed(event, funnel_id, _session_of(tenant_id, event, funnel_id, owners, of_click))
        for event, funnel_id in events
    ]


def _session_of(
    tenant_id: uuid.UUID,
    event: BatchEvent,
    funnel_id: uuid.UUID,
    owners: Mapping[str, tuple[uuid.UUID, uuid.UUID]],
    of_click: Mapping[tuple[str, uuid.UUID], str],
) -> str:
    """A server's own word for a session leads to the same session every time; so does somebody else's id."""
    named = event.hit.text("session_id")
    if not named:
        carried = of_click.get((event.hit.text("click_id"), funnel_id))
        return carried or new_id(SESSION_PREFIX)
    is_free = named not in owners and find_carried_ids([named])[1] == named
    is_own = is_free or owners.get(named) == (tenant_id, funnel_id)
    return named if is_own else _derive_id(funnel_id, named)


def _derive_id(funnel_id: uuid.UUID, named: str) -> str:
    """A session id that follows from these and that nobody can guess."""
    digest = salted_hmac(__name__, json.dumps([str(funnel_id), named]), algorithm="sha256").digest()
    return SESSION_PREFIX + base64.b32hexencode(digest[:15]).decode().lower()


def _record(tenant_id: uuid.UUID, item: _Placed, note: Callable[[Waiting], None]) -> Told:
    event = item.event
    # A late word is kept with its own time, after the events (consent.py).
    consent = None if event.occurred_at else event.hit.consent_ads
    hit = replace(
        event.hit,
        texts={**event.hit.texts, "session_id": item.session_id, "event_id": event.event_id},
        consent_ads=consent,
    )
    visitor = Visitor(
        tenant_id=tenant_id,
        funnel_id=item.funnel_id,
        ip=event.ip,
        user_agent=event.user_agent,
        source=Source.API,
        is_automated=is_crawler(event.user_agent),
    )
    recorded = _write(visitor, replace(event, hit=hit), note)
    return Told(Outcome.RECORDED if recorded.is_new else Outcome.DUPLICATE, recorded.session_id, recorded.click_id)


def _write(visitor: Visitor, event: BatchEvent, note: Callable[[Waiting], None]) -> Recorded:
    if event.name == CLICK:
        return record_click(visitor, event.hit, event.occurred_at)
    if event.name == IDENTIFY:
        return record_visitor(visitor, event.hit)
    return record_page_event(visitor, event.hit, name=event.name, occurred_at=event.occurred_at, note=note)


def _late_words(item: _Placed, told: Told) -> list[LateWord]:
    event = item.event
    if event.occurred_at is None or event.hit.consent_ads is None or told.outcome is Outcome.DUPLICATE:
        return []
    return [LateWord(told.session_id, event.hit.consent_ads, event.name, event.occurred_at, told.click_id)]

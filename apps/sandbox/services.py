"""Use-cases of the stand-in: take a request in, forget old ones, forget all.

Meta counts the first copy of an event within 48 hours. Which copy is the first must be decided by the
database, since twenty copies may arrive at once. One INSERT into a table with a unique digest decides it: a
second writer waits for the first one's commit, then sees its row and changes nothing. An advisory lock for
each event would do as well, but a request of 1000 events would fill PostgreSQL's lock table.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Q
from django.utils import timezone

from apps.sandbox.meta.events import ServerEvent
from apps.sandbox.meta.reading import GraphCall
from apps.sandbox.meta.refusals import Refusal, answer_refusal, quotable
from apps.sandbox.meta.tokens import fingerprint_token
from apps.sandbox.meta.validation import Examined, examine_call
from apps.sandbox.models import FirstReceipt, ReceivedEvent, ReceivedRequest, Verdict

DEDUPLICATION_WINDOW = timedelta(hours=48)
KEPT_FOR = timedelta(days=7)
KEPT_EVENTS = 50_000
_PURGE_BATCH = 100  # requests; each may hold 1000 events
_FORGET_BATCH = 5_000  # digests

# The digests come sorted: requests that share events then wait for each other in one order, not in a circle.
_CLAIM = """
    INSERT INTO sandbox_firstreceipt AS known (digest, received_at)
    SELECT digest, %(now)s FROM unnest(%(digests)s::text[]) AS digest
    ON CONFLICT (digest) DO UPDATE SET received_at = EXCLUDED.received_at
    WHERE known.received_at <= %(forgotten)s
    RETURNING digest
"""
# One statement sees one state: a request that is just coming in is kept whole, or not at all.
_CLEAR = """
    WITH events AS (DELETE FROM sandbox_receivedevent), receipts AS (DELETE FROM sandbox_firstreceipt)
    DELETE FROM sandbox_receivedrequest
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the platform says: an HTTP status and a JSON object."""

    status: int
    body: dict[str, object]


def receive_events(call: GraphCall) -> Answer:
    """Examine, decide which events are copies, keep all of it in one transaction, answer."""
    examined = examine_call(call)
    if examined.refusal:
        answer = refuse(examined.refusal)
        _record_request(call, examined, answer)
        return answer
    answer = Answer(200, {"events_received": examined.submitted, "messages": [], "fbtrace_id": _new_trace_id()})
    with transaction.atomic():
        request = _record_request(call, examined, answer)
        _record_events(request, examined.events)
    return answer


def refuse(refusal: Refusal) -> Answer:
    return Answer(refusal.status, answer_refusal(refusal, _new_trace_id()))


def purge_received() -> int:
    """Drop requests older than 7 days or behind the newest 50,000 events or requests; how many were dropped.

    A request goes with its events as a whole, in batches that each are a short transaction.
    """
    now = timezone.now()
    outlived = FirstReceipt.objects.filter(received_at__lte=now - DEDUPLICATION_WINDOW)
    _delete_in_batches(outlived, _FORGET_BATCH)
    too_old = Q(received_at__lt=now - KEPT_FOR)
    too_many = Q(pk__lt=max(_find_floor(ReceivedRequest, "pk"), _find_floor(ReceivedEvent, "request_id")))
    return _delete_in_batches(ReceivedRequest.objects.filter(too_old | too_many), _PURGE_BATCH)


def clear_received() -> None:
    """Forget everything, the first receipts too: the next copy of any event is a first one again."""
    with connection.cursor() as cursor:
        cursor.execute(_CLEAR)


def _record_request(call: GraphCall, examined: Examined, answer: Answer) -> ReceivedRequest:
    refusal = examined.refusal
    return ReceivedRequest.objects.create(
        pixel_id=quotable(call.pixel_id, 64),
        version=quotable(call.version, 16),
        received_at=call.received_at,
        status=answer.status,
        error_code=refusal.code if refusal else None,
        error_subcode=refusal.subcode if refusal else None,
        error_where=refusal.where if refusal else "",
        events_count=examined.submitted,
        token_fingerprint=fingerprint_token(examined.token),
        test_event_code=examined.test_event_code,
        answer=answer.body,
    )


def _record_events(request: ReceivedRequest, events: Sequence[ServerEvent]) -> None:
    digests = [_digest_event(request.pixel_id, event) for event in events]
    first = _claim_first(sorted({digest for digest in digests if digest}), request.received_at)
    rows = []
    for event, digest in zip(events, digests, strict=True):
        is_copy = digest is not None and digest not in first
        first.discard(digest)  # a second copy in this very request is a copy, too
        rows.append(_make_row(request, event, Verdict.DUPLICATE if is_copy else Verdict.ACCEPTED))
    ReceivedEvent.objects.bulk_create(rows)


def _make_row(request: ReceivedRequest, event: ServerEvent, verdict: Verdict) -> ReceivedEvent:
    return ReceivedEvent(
        request=request,
        pixel_id=request.pixel_id,
        event_name=event.name,
        event_id=event.event_id,
        event_time=event.event_time,
        received_at=request.received_at,
        payload=event.payload,
        verdict=verdict,
    )


def _digest_event(pixel_id: str, event: ServerEvent) -> str | None:
    """None without an event_id: such an event is nobody's copy."""
    if not event.event_id:
        return None
    identity = json.dumps([pixel_id, event.name, event.event_id])
    return hashlib.sha256(identity.encode()).hexdigest()


def _claim_first(digests: list[str], now: datetime) -> set[str | None]:
    """Those of `digests` that were not received within the window; they are taken from now on."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"digests": digests, "now": now, "forgotten": now - DEDUPLICATION_WINDOW})
        return {digest for (digest,) in cursor.fetchall()}


def _find_floor(model: type[models.Model], request_key: str) -> int:
    """The request of the oldest row among the newest 50,000; 0 when there are fewer."""
    newest = model._default_manager.order_by("-pk").values_list(request_key, flat=True)
    return next(iter(newest[KEPT_EVENTS - 1 : KEPT_EVENTS]), 0)


def _delete_in_batches(rows: "models.QuerySet[Any]", size: int) -> int:
    deleted = 0
    while keys := list(rows.values_list("pk", flat=True)[:size]):
        rows.filter(pk__in=keys).delete()  # asks again: a receipt may have been renewed since
        deleted += len(keys)
    return deleted


def _new_trace_id() -> str:
    return "A" + secrets.token_urlsafe(16)

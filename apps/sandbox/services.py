"""Use-cases of the stand-in: take a request in, forget old ones, forget all.

Meta and TikTok count the first copy of an event within 48 hours. Which copy is the first must be decided by the
database, since twenty copies may arrive at once. One INSERT into a table with a unique digest decides it: a
second writer waits for the first one's commit, then sees its row and changes nothing. An advisory lock for
each event would do as well, but a request of 1000 events would fill PostgreSQL's lock table.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Q
from django.utils import timezone

from apps.sandbox.faults.answers import Answer, ill_treat
from apps.sandbox.faults.script import Asked, Fault, Kind
from apps.sandbox.faults.state import find_fault, find_script
from apps.sandbox.json_texts import quotable
from apps.sandbox.meta.reading import GraphCall
from apps.sandbox.meta.refusals import Refusal, answer_refusal
from apps.sandbox.meta.tokens import fingerprint_token
from apps.sandbox.meta.validation import examine_call
from apps.sandbox.models import FirstReceipt, Platform, ReceivedEvent, ReceivedRequest, Verdict
from apps.sandbox.received import Fault as RequestFault
from apps.sandbox.received import Received, ServerEvent
from apps.sandbox.revocations import stop_revoked
from apps.sandbox.tiktok.refusals import Refusal as TrackRefusal
from apps.sandbox.tiktok.refusals import answer_track
from apps.sandbox.tiktok.validation import TrackCall, examine_track

DEDUPLICATION_WINDOW = timedelta(hours=48)
KEPT_FOR = timedelta(days=7)
KEPT_EVENTS = 50_000
_SCRIPT = "script"
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


def receive_events(call: GraphCall) -> Answer:
    """Examine a call of the Graph API, ill-treat it if a script says so, keep it, answer."""
    examined = stop_revoked(examine_call(call))
    refusal = examined.refusal
    asked = Asked(Platform.META, call.pixel_id, examined.token or "", {event.event_id for event in examined.events})
    fault = find_fault(asked, call.received_at)
    taken = _take(examined.events, fault)
    trace_id = _new_trace_id()
    if refusal:
        answer = refuse(refusal)
    else:
        body: dict[str, object] = {"events_received": len(taken), "messages": [], "fbtrace_id": trace_id}
        answer = Answer(status=200, body=body)
    received = Received(
        platform=Platform.META,
        pixel_id=call.pixel_id,
        version=call.version,
        received_at=call.received_at,
        token=examined.token,
        test_event_code=examined.test_event_code,
        submitted=examined.submitted,
        events=taken,
        fault=RequestFault(code=refusal.code, subcode=refusal.subcode, where=refusal.where) if refusal else None,
        status=answer.status,
        answer=answer.body,
    )
    return _finish(received, answer, fault, trace_id)


def receive_track(call: TrackCall) -> Answer:
    """The same for TikTok's Events API, whose answers have HTTP 200 whatever came of it."""
    examined = examine_track(call)
    refusal = examined.refusal
    event_ids = {event.event_id for event in examined.events}
    asked = Asked(Platform.TIKTOK, examined.event_source_id, call.token or "", event_ids)
    fault = find_fault(asked, call.received_at)
    trace_id = _new_trace_id()
    answer = Answer(status=200, body=answer_track(refusal, trace_id))
    received = Received(
        platform=Platform.TIKTOK,
        pixel_id=examined.event_source_id,
        version=call.version,
        received_at=call.received_at,
        token=call.token,
        test_event_code=examined.test_event_code,
        submitted=examined.submitted,
        events=_take(examined.events, fault),
        fault=RequestFault(code=refusal.code, where=refusal.where) if refusal else None,
        status=answer.status,
        answer=answer.body,
    )
    return _finish(received, answer, fault, trace_id)


def _take(events: Sequence[ServerEvent], fault: Fault | None) -> Sequence[ServerEvent]:
    """Those that are taken, whatever is said of them."""
    if fault is None:
        return events
    if not fault.accepted:
        return ()
    return events[: -fault.missing] if fault.kind is Kind.FEWER else events


def _finish(received: Received, answer: Answer, fault: Fault | None, trace_id: str) -> Answer:
    """Keep what was received, and say of it what is to be said. What was not taken is kept as a refusal."""
    if fault:
        answer = ill_treat(fault, answer, received.platform, trace_id)
        received = replace(received, status=answer.status, answer=answer.body if answer.raw is None else {})
    if fault and not fault.accepted and not received.fault:
        received = replace(
            received, fault=RequestFault(code=abs(fault.code or 0), subcode=fault.subcode, where=_SCRIPT)
        )
    _keep(received)
    return answer


def refuse(refusal: Refusal) -> Answer:
    return Answer(status=refusal.status, body=answer_refusal(refusal, _new_trace_id()))


def refuse_track(refusal: TrackRefusal) -> Answer:
    return Answer(status=200, body=answer_track(refusal, _new_trace_id()))


def purge_received() -> int:
    """Drop requests older than 7 days or behind the newest 50,000 events or requests; how many were dropped.

    A request goes with its events as a whole, in batches that each are a short transaction. While a script of faults is
    in force nothing is dropped.
    """
    now = timezone.now()
    if find_script(now):
        return 0
    outlived = FirstReceipt.objects.filter(received_at__lte=now - DEDUPLICATION_WINDOW)
    _delete_in_batches(outlived, _FORGET_BATCH)
    too_old = Q(received_at__lt=now - KEPT_FOR)
    too_many = Q(pk__lt=max(_find_floor(ReceivedRequest, "pk"), _find_floor(ReceivedEvent, "request_id")))
    return _delete_in_batches(ReceivedRequest.objects.filter(too_old | too_many), _PURGE_BATCH)


def clear_received() -> None:
    """Forget everything, the first receipts too: the next copy of any event is a first one again."""
    with connection.cursor() as cursor:
        cursor.execute(_CLEAR)


@transaction.atomic
def _keep(received: Received) -> None:
    """Decide which events are copies, and keep all of it."""
    fault = received.fault
    request = ReceivedRequest.objects.create(
        platform=received.platform,
        pixel_id=quotable(received.pixel_id, 64),
        version=quotable(received.version, 16),
        received_at=received.received_at,
        status=received.status,
        error_code=fault.code if fault else None,
        error_subcode=fault.subcode if fault else None,
        error_where=fault.where if fault else "",
        events_count=received.submitted,
        token_fingerprint=fingerprint_token(received.token),
        test_event_code=received.test_event_code,
        answer=received.answer,
    )
    if received.events:
        _record_events(request, received.events)


def _record_events(request: ReceivedRequest, events: Sequence[ServerEvent]) -> None:
    digests = [_digest_event(request, event) for event in events]
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


def _digest_event(request: ReceivedRequest, event: ServerEvent) -> str | None:
    """None without an event_id: such an event is nobody's copy."""
    if not event.event_id:
        return None
    # Meta's digests stay what they were when there was no other platform: copies may still arrive.
    names = [] if request.platform == Platform.META else [request.platform]
    identity = json.dumps([*names, request.pixel_id, event.name, event.event_id])
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

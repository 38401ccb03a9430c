"""Deliver what is due at one destination: claim, save the attempt, one request, settle.

No transaction is open during the request. A claim is a lease: `due_at` becomes its end and `lease_token` its owner,
so a worker that dies is replaced when the lease lapses, and one that comes back late settles nothing. Only the
database's clock decides.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import random
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from apps.conversions.transitions import REVERSED
from apps.core.log import correlated, get_logger
from apps.dispatch.backoff import next_delay
from apps.dispatch.consent import WITHDRAWN, Word, may_send
from apps.dispatch.models import LIVE_STATUSES, Attempt, CapiEvent, Rank, Send, SendStatus
from apps.dispatch.platform import Reply, ServerEvent, Target
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.services.facts import browser_facts, event_facts
from apps.dispatch.services.outbox import REVIEW
from apps.dispatch.subjects import SALES_LOADED, Subject, find_subjects
from apps.dispatch.verdict import Outcome
from apps.dispatch.words import find_words, has_withdrawn
from apps.funnels.selectors import FunnelConfig, published_configs
from apps.gateways.events import Kind

LEASE = timedelta(seconds=60)
# Meta drops a repeated event_id for 48 hours after the first; an unknown outcome is not resent after that.
RESEND_WINDOW = timedelta(hours=47)
# A refund stops what waits, but not the news of itself, where a funnel tells it.
_NEWS_OF_REVERSALS = frozenset(
    {Kind.PARTIALLY_REFUNDED, Kind.REFUNDED, Kind.DISPUTED, Kind.DISPUTE_WON, Kind.CHARGED_BACK}
)
EVENTS_PER_REQUEST = 1
MAX_RESPONSE = 4000
# Long, and nothing of it is sent.
_UNTOLD = tuple(f"event__conversion__match__{name}" for name in ("evidence", "record", "better"))
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """A claimed send with its saved attempt and what will be posted."""

    send: Send
    subject: Subject
    attempt: Attempt
    target: Target
    event: ServerEvent


def deliver_due(destination_id: uuid.UUID) -> int:
    """Claim and deliver one request's worth; how many sends were looked at (0: nothing is due)."""
    with transaction.atomic():
        claimed = _claim(destination_id, EVENTS_PER_REQUEST)
        configs = published_configs(send.event.funnel_id for send in claimed)
        subjects = find_subjects([send.event for send in claimed])
        words = find_words(subject.question for subject in subjects)
        ready = [
            item
            for send, subject in zip(claimed, subjects, strict=True)
            if (item := _prepare(send, subject, configs[send.event.funnel_id], words[subject.question]))
        ]
        Attempt.objects.bulk_create([item.attempt for item in ready])
    for item in ready:
        with correlated(item.send.event.correlation_id, send_id=item.send.pk, event_id=item.send.event.event_id):
            _post(item)
    return len(claimed)


def _claim(destination_id: uuid.UUID, limit: int) -> list[Send]:
    """Of the first rank that has any: a sale never waits behind page events.

    The match is read by a second statement, once the sends are held: whoever decides on it holds them too
    (selectors.find_told), so what is read stays what is told.
    """
    due = Send.objects.filter(destination_id=destination_id, status__in=LIVE_STATUSES, due_at__lte=Now())
    rows = due.order_by("due_at").select_for_update(skip_locked=True).values_list("pk", flat=True)
    held = next((keys for rank in Rank if (keys := list(rows.filter(rank=rank)[:limit]))), [])
    if not held:
        return []
    related = ("destination", "event__page_event__session", *SALES_LOADED)
    return list(Send.objects.filter(pk__in=held).select_related(*related).defer(*_UNTOLD).order_by("due_at"))


def _prepare(send: Send, subject: Subject, config: FunnelConfig, word: Word) -> Ready | None:
    """Take the lease and build the request; or settle at once what must not be sent any more."""
    now = timezone.now()
    stop = _stop_reason(send, config, word, now)
    if stop:
        _close(send, *stop)
        return None
    platform = PLATFORMS[send.destination.platform]
    facts = event_facts(send.event, subject, config)
    event = platform.build_event(facts, browser_facts(send.event, subject), now)
    problems = platform.check_event(event, now)
    if problems:
        _close(send, SendStatus.DEAD, f"preflight_{problems[0].code}")
        return None
    target = _target(send, config)
    send.status, send.lease_token, send.attempts = SendStatus.SENDING, uuid.uuid4(), send.attempts + 1
    send.first_attempt_at = send.first_attempt_at or now
    Send.objects.filter(pk=send.pk).update(
        status=send.status,
        lease_token=send.lease_token,
        attempts=send.attempts,
        first_attempt_at=send.first_attempt_at,
        due_at=Now() + LEASE,
        changed_at=Now(),
    )
    attempt = Attempt(
        tenant_id=send.tenant_id,
        send=send,
        number=send.attempts,
        started_at=now,
        url_host=target.base_url,
        api_version=target.api_version,
        request=event,
    )
    return Ready(send, subject, attempt, target, event)


def _stop_reason(send: Send, config: FunnelConfig, word: Word, now: datetime) -> tuple[SendStatus, str] | None:
    """Why this send must not go out now, checked again at every claim."""
    if not may_send(word.answer, config.unknown_consent):
        return SendStatus.BLOCKED, "consent"
    if send.deadline <= now:
        return SendStatus.EXPIRED, "too_old"
    if send.attempts > 0 and _was_reversed(send.event):
        return SendStatus.EXCLUDED, "refunded_before_send"
    if send.first_attempt_at and now - send.first_attempt_at > RESEND_WINDOW and _is_ambiguous(send):
        return SendStatus.DEAD, "unknown_outcome"
    return None


def _was_reversed(event: CapiEvent) -> bool:
    """Whether the money has gone back meanwhile, and the event does not tell of just that."""
    sale = event.conversion
    return sale is not None and sale.status in REVERSED and event.stage not in _NEWS_OF_REVERSALS


def _is_ambiguous(send: Send) -> bool:
    """Whether some attempt may have reached the platform: it was interrupted, or its answer was lost."""
    return Attempt.objects.filter(Q(outcome="") | Q(outcome=Outcome.AMBIGUOUS), send=send).exists()


def _target(send: Send, config: FunnelConfig) -> Target:
    published = next((item for item in config.destinations if item.id == send.destination_id), None)
    source = published or send.destination
    base_url, api_version = PLATFORMS[send.destination.platform].resolve(
        base_url=source.base_url, api_version=source.api_version
    )
    return Target(
        base_url=base_url,
        api_version=api_version,
        pixel_id=send.destination.pixel_id,
        test_event_code=source.test_event_code,
        token=send.destination.access_token,
    )


def _close(send: Send, status: SendStatus, reason: str) -> None:
    Send.objects.filter(pk=send.pk).update(
        status=status, reason=reason, lease_token=None, settled_at=Now(), changed_at=Now()
    )


def _post(item: Ready) -> None:
    """The one request. A withdrawal that was committed while the claim was, unseen by it, still stops it here."""
    if has_withdrawn(item.subject.question):
        _take_back(item)
        return
    _settle(item, PLATFORMS[item.send.destination.platform].post(item.target, [item.event]))


@transaction.atomic
def _take_back(item: Ready) -> None:
    """Nothing was sent, so there was no attempt."""
    Attempt.objects.filter(pk=item.attempt.pk).delete()
    _held(item).update(attempts=F("attempts") - 1, lease_token=None, changed_at=Now(), **_withdrawn())


def _held(item: Ready) -> QuerySet[Send]:
    """The send, as long as its lease is ours."""
    held: QuerySet[Send] = Send.objects.filter(
        pk=item.send.pk, lease_token=item.send.lease_token, status=SendStatus.SENDING
    )
    return held


def _withdrawn() -> dict[str, Any]:
    return {"status": SendStatus.BLOCKED, "reason": WITHDRAWN, "settled_at": Now()}


@transaction.atomic
def _settle(item: Ready, reply: Reply) -> None:
    """Write what came of the attempt; the send changes only if the lease is still ours."""
    verdict = reply.verdict
    Attempt.objects.filter(pk=item.attempt.pk).update(
        finished_at=Now(),
        outcome=verdict.outcome,
        http_status=reply.http_status,
        code=verdict.code,
        subcode=verdict.subcode,
        trace_id=(verdict.fbtrace_id or "")[:100],
        next_step=verdict.next_step,
        response=reply.body.replace("\x00", "")[:MAX_RESPONSE],  # PostgreSQL's text holds no NUL
        elapsed_ms=reply.elapsed_ms,
    )
    changes = _changes(item.send, reply)
    if changes["status"] in _GOES_ON and has_withdrawn(item.subject.question):
        changes = _withdrawn()
    kept = _held(item).update(lease_token=None, changed_at=Now(), **changes)
    log.info("dispatch.settled", outcome=verdict.outcome.value, code=verdict.code, elapsed_ms=reply.elapsed_ms)
    if not kept:
        log.warning("dispatch.lease_lost", outcome=verdict.outcome.value)
    elif verdict.outcome in _PARKING:
        _park_waiting(item.send, verdict.outcome)


_FINAL = {
    Outcome.ACCEPTED: SendStatus.ACCEPTED,
    Outcome.PERMANENT: SendStatus.DEAD,
    Outcome.EXPIRED: SendStatus.EXPIRED,
}
_PARKING = frozenset({Outcome.TOKEN, Outcome.PERMISSION})
_GOES_ON = frozenset({SendStatus.RETRYING, SendStatus.PARKED})


def _changes(send: Send, reply: Reply) -> dict[str, Any]:
    """The send's columns after this outcome; everything that is not final and not parked is tried again."""
    verdict = reply.verdict
    reason = verdict.reason[:60]
    if verdict.outcome in _FINAL:
        return {"status": _FINAL[verdict.outcome], "reason": reason, "settled_at": Now()}
    if verdict.outcome in _PARKING:
        return {"status": SendStatus.PARKED, "reason": reason}
    delay = next_delay(send.failures, jitter=random())  # noqa: S311 - spreads retries, guards nothing
    asked = timedelta(seconds=verdict.retry_after_s or 0)
    return {
        "status": SendStatus.RETRYING,
        "reason": reason,
        "failures": F("failures") + 1,
        "due_at": Now() + max(delay, asked),
    }


def _park_waiting(send: Send, outcome: Outcome) -> None:
    """A token that fails for one event fails for all: the destination's others wait instead of failing one by one.

    What waits for a review keeps waiting for that, lest a new token let it go too early.
    """
    others = Send.objects.filter(
        destination_id=send.destination_id, status__in=(SendStatus.PENDING, SendStatus.RETRYING)
    )
    others.exclude(reason=REVIEW).update(status=SendStatus.PARKED, reason=outcome.value, changed_at=Now())

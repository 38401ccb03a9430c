"""From claimed sends to events that the platform will take; what must not go out any more is settled at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from apps.conversions.transitions import REVERSED
from apps.dispatch.consent import WITHDRAWN, may_send
from apps.dispatch.fate import Fate, Place, Tried
from apps.dispatch.models import Attempt, Batch, CapiEvent, Send
from apps.dispatch.platform import Platform, ServerEvent
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.services.claim import Lease
from apps.dispatch.services.facts import browser_facts, event_facts
from apps.dispatch.subjects import SALES_LOADED, Subject, find_subjects
from apps.dispatch.words import find_words
from apps.funnels.selectors import FunnelConfig
from apps.gateways.events import Kind

# A refund stops what waits, but not the news of itself, where a funnel tells it.
_NEWS_OF_REVERSALS = frozenset(
    {Kind.PARTIALLY_REFUNDED, Kind.REFUNDED, Kind.DISPUTED, Kind.DISPUTE_WON, Kind.CHARGED_BACK}
)
_RELATED = ("event__page_event__session", *SALES_LOADED)
_VISIT = ("tenant", "identity", "ip", "user_agent", "fbc", "fbp", "click_ref", "first_seen_at")
_CLICK = ("tenant", "session", "clicked_at", "landing_url", "ip", "user_agent", "fbc", "fbp", "fbclid", "ttclid")
_ORDER = ("tenant", "order_id", "status", "amount", "currency", "product_id", "product_name", "identity")
_EVENT = ("event_id", "event_name", "stage", "conversion", "page_event", "funnel", "event_time", "correlation_id")
_SEND = ("tenant", "event", "destination", "status", "deadline", "attempts", "failures", "strikes", "repairs")


def _of(path: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{path}__{name}" for name in names)


# What telling needs: orders and clicks hold far more, and it takes longer to read than to send.
_FIELDS = (
    *(*_SEND, "is_unsure", "first_attempt_at"),
    *_of("event", "tenant", *_EVENT),
    *_of("event__conversion", *_ORDER),
    *_of("event__conversion__match", "tenant", "conversion", "click", "visit", "is_used"),
    *_of("event__conversion__match__click", *_CLICK),
    *_of("event__conversion__match__click__session", "tenant", "identity"),
    *_of("event__conversion__match__visit", *_VISIT),
    *_of("event__page_event", "tenant", "session", "name", "url", "occurred_at", "data"),
    *_of("event__page_event__session", *_VISIT),
)


@dataclass(frozen=True, slots=True)
class Item:
    """One send of a batch with what will be posted, and what was tried before."""

    send: Send
    subject: Subject
    event: ServerEvent
    tried: Tried


def prepare(lease: Lease) -> list[Item]:
    """The batch's events, checked as strictly as the platform does; the match is read now that the sends are held:
    whoever decides on it leaves what was claimed alone (selectors.find_told), so what is read stays what is told.
    """
    sends = _load(lease)
    subjects = find_subjects([send.event for send in sends])
    now = timezone.now()
    platform = PLATFORMS[lease.destination.platform]
    items, stopped = list[Item](), dict[int, Fate]()
    for send, subject in zip(sends, subjects, strict=True):
        made = _prepare_one(send, subject, lease.config, platform, now)
        if isinstance(made, Item):
            items.append(made)
        else:
            stopped[send.pk] = made
    stop(lease.batch, stopped)
    return items


def stop(batch: Batch, fates: dict[int, Fate]) -> None:
    """Settle what will not be posted after all: there was no attempt."""
    if not fates:
        return
    with transaction.atomic():
        Attempt.objects.filter(batch=batch, send__in=fates).delete()
        for pk, fate in fates.items():
            Send.objects.filter(pk=pk, batch=batch).update(
                status=fate.place,
                reason=fate.reason,
                attempts=F("attempts") - 1,
                batch=None,
                settled_at=Now(),
                changed_at=Now(),
            )


def stop_refused(batch: Batch, items: Sequence[Item], config: FunnelConfig) -> list[Item]:
    """Those that may be posted: asked last of all, since a no may have come in any moment before."""
    words = find_words(item.subject.question for item in items)
    answers = {item.send.pk: words[item.subject.question].answer for item in items}
    refused = [item for item in items if not may_send(answers[item.send.pk], config.unknown_consent)]
    reasons = {item.send.pk: WITHDRAWN if answers[item.send.pk] is False else "consent" for item in refused}
    stop(batch, {item.send.pk: Fate(Place.BLOCKED, reasons[item.send.pk], item.tried) for item in refused})
    return [item for item in items if item.send.pk not in reasons]


def _load(lease: Lease) -> list[Send]:
    rows = Send.objects.filter(pk__in=lease.send_ids).select_related(*_RELATED).only(*_FIELDS)
    by_key = {send.pk: send for send in rows}
    return [by_key[pk] for pk in lease.send_ids]


def _prepare_one(send: Send, subject: Subject, config: FunnelConfig, platform: Platform, now: datetime) -> Item | Fate:
    tried = Tried(send.failures, send.strikes, tuple(send.repairs), send.is_unsure)
    stopped = _why_stopped(send, tried, platform, now)
    if stopped:
        return stopped
    event = platform.build_event(event_facts(send.event, subject, config), browser_facts(send.event, subject), now)
    for repair in tried.repairs:
        event = platform.leave_out(event, repair)
    problems = platform.check_event(event, now)
    repairs = tuple(dict.fromkeys(problem.repair for problem in problems if problem.repair))
    if problems and len(repairs) == len(problems):
        for repair in repairs:
            event = platform.leave_out(event, repair)
        tried = replace(tried, repairs=(*tried.repairs, *repairs))
        problems = platform.check_event(event, now)
    if problems:
        return Fate(Place.DEAD, f"preflight_{problems[0].code}"[:60], tried)
    return Item(send, subject, event, tried)


def _why_stopped(send: Send, tried: Tried, platform: Platform, now: datetime) -> Fate | None:
    """Why this send must not go out now, checked again at every claim."""
    if send.deadline <= now:
        return Fate(Place.EXPIRED, "too_old", tried)
    # What the platform may have already is asked again all the same: nothing else tells in which bucket the sale is.
    if send.attempts > 1 and not tried.is_unsure and _was_reversed(send.event):
        return Fate(Place.EXCLUDED, "refunded_before_send", tried)
    is_late = send.first_attempt_at and now - send.first_attempt_at > platform.limits.resend_window
    if is_late and tried.is_unsure:
        return Fate(Place.DEAD, "unknown_outcome", tried)
    return None


def _was_reversed(event: CapiEvent) -> bool:
    """Whether the money has gone back meanwhile, and the event does not tell of just that."""
    sale = event.conversion
    return sale is not None and sale.status in REVERSED and event.stage not in _NEWS_OF_REVERSALS

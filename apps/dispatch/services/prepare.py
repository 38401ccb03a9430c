"""From claimed sends to events that the platform will take; what must not go out any more is settled at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from apps.dispatch.consent import WITHDRAWN, may_send
from apps.dispatch.fate import Fate, Place, Tried
from apps.dispatch.models import Attempt, Batch, Send
from apps.dispatch.platform import Platform, ServerEvent
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.services.claim import Lease
from apps.dispatch.services.facts import ClaimedSend, read_claimed
from apps.dispatch.words import find_words
from apps.funnels.selectors import FunnelConfig


@dataclass(frozen=True, slots=True)
class Item:
    """One send of a batch with what will be posted, and what was tried before: repairs may have come to it."""

    send: ClaimedSend
    event: ServerEvent
    tried: Tried


def prepare(lease: Lease) -> list[Item]:
    """The batch's events, checked as strictly as the platform does; the match is read now that the sends are held:
    whoever decides on it leaves what was claimed alone (selectors.find_told), so what is read stays what is told.
    """
    now = timezone.now()
    platform = PLATFORMS[lease.destination.platform]
    items, stopped = list[Item](), dict[int, Fate]()
    for send in read_claimed(lease.send_ids, lease.config):
        made = _prepare_one(send, platform, now)
        if isinstance(made, Item):
            items.append(made)
        else:
            stopped[send.id] = made
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
    words = find_words(item.send.question for item in items)
    answers = {item.send.id: words[item.send.question].answer for item in items}
    refused = [item for item in items if not may_send(answers[item.send.id], config.unknown_consent)]
    reasons = {item.send.id: WITHDRAWN if answers[item.send.id] is False else "consent" for item in refused}
    stop(batch, {item.send.id: Fate(Place.BLOCKED, reasons[item.send.id], item.tried) for item in refused})
    return [item for item in items if item.send.id not in reasons]


def _prepare_one(send: ClaimedSend, platform: Platform, now: datetime) -> Item | Fate:
    tried = send.tried
    stopped = _why_stopped(send, platform, now)
    if stopped:
        return stopped
    event = platform.build_event(send.facts, send.browser, now)
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
    return Item(send, event, tried)


def _why_stopped(send: ClaimedSend, platform: Platform, now: datetime) -> Fate | None:
    """Why this send must not go out now, checked again at every claim."""
    tried = send.tried
    if send.deadline <= now:
        return Fate(Place.EXPIRED, "too_old", tried)
    # What the platform may have already is asked again all the same: nothing else tells in which bucket the sale is.
    if send.attempts > 1 and not tried.is_unsure and send.was_reversed:
        return Fate(Place.EXCLUDED, "refunded_before_send", tried)
    is_late = send.first_attempt_at and now - send.first_attempt_at > platform.limits.resend_window
    if is_late and tried.is_unsure:
        return Fate(Place.DEAD, "unknown_outcome", tried)
    return None

"""Have a sale's sends wait for a person, and let them go once it is known with whose data they are to be told."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from apps.core.log import get_logger
from apps.dispatch.consent import PERMITTED
from apps.dispatch.models import Send, SendStatus
from apps.dispatch.services.outbox import REVIEW, find_reasons, held_until, key_of
from apps.dispatch.told import find_told_by_pages
from apps.funnels.selectors import FunnelConfig

log = get_logger(__name__)


@transaction.atomic
def hold_unsure(reviews: Mapping[int, datetime]) -> int:
    """Have the sends wait that were planned before late facts made their sale's match unsure; how many.

    `reviews` says of conversions (their keys) until when they are reviewed. A send that somebody holds goes its way.
    """
    if not reviews:
        return 0
    sends = list(_untried(reviews, reason=""))
    for send in sends:
        send.due_at = held_until(reviews[send.event.about.pk], send.deadline)
        send.reason, send.changed_at = REVIEW, timezone.now()
    Send.objects.bulk_update(sends, ["due_at", "reason", "changed_at"])
    return len(sends)


@transaction.atomic
def release_reviewed(conversions: Collection[int], configs: Mapping[uuid.UUID, FunnelConfig]) -> int:
    """Make the sends of these conversions due that waited for a review and were never tried; how many are let go.

    They are judged anew: the click that counts by now may bring a visitor who refused, or whose page told the event. A
    send that somebody holds is left to them; it is due by itself a little after the review's time.
    """
    held = list(_untried(conversions, reason=REVIEW))
    if not held:
        return 0
    events = list({send.event_id: send.event for send in held}.values())
    told = find_told_by_pages(events)
    reasons = find_reasons([(event, event.created_at) for event in events], configs)
    fates: dict[tuple[SendStatus, str], list[int]] = defaultdict(list)
    for send in held:
        is_permitted = reasons[key_of(send.event)] in PERMITTED
        fates[_fate(is_told=send.event.event_id in told, is_permitted=is_permitted)].append(send.pk)
    for (status, reason), keys in fates.items():
        Send.objects.filter(pk__in=keys).update(status=status, reason=reason, due_at=Now(), changed_at=Now())
    log.info("review.released", rows=len(held))
    return len(held)


def _untried(conversions: Collection[int], *, reason: str) -> QuerySet[Send]:
    """Locked, but for those that others hold."""
    waiting: QuerySet[Send] = Send.objects.filter(
        event__conversion__in=conversions, status=SendStatus.PENDING, reason=reason, attempts=0
    )
    waiting = waiting.select_related("event__conversion").order_by("pk")
    return waiting.select_for_update(skip_locked=True, of=("self",))


def _fate(*, is_told: bool, is_permitted: bool) -> tuple[SendStatus, str]:
    if is_told:
        return SendStatus.EXCLUDED, "told_by_the_page"
    return (SendStatus.PENDING, "") if is_permitted else (SendStatus.BLOCKED, "consent")

"""Park a destination whose token or permission fails, alarm once, and let all of it go when a person has mended it.

A token that fails for one event fails for all. What is parked keeps its deadline, and loses nothing but time.
"""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from apps.core.log import get_logger
from apps.core.metrics import count
from apps.dispatch.breaker import start_anew
from apps.dispatch.models import Breaker, BreakerChange, Send, SendStatus
from apps.dispatch.services.admission import condition_of, digest_token, forget_wait
from apps.dispatch.services.outbox import REVIEW
from apps.dispatch.verdict import Outcome, Verdict
from apps.funnels.models import Destination

# A permission can be given, and a version chosen, without a new token: so both are asked for again now and then.
ASK_AGAIN = timedelta(hours=1)
log = get_logger(__name__)


def park(own: Breaker, verdict: Verdict, token_saved_at: datetime, now: datetime) -> None:
    """Nothing more is sent to this destination until its token, saved then, is replaced or its permission given."""
    is_news = not Breaker.objects.select_for_update().get(pk=own.pk).parked_reason
    reason = verdict.reason[:60]
    retry_at = None if verdict.outcome is Outcome.TOKEN else now + ASK_AGAIN
    Breaker.objects.filter(pk=own.pk).update(
        parked_reason=reason, parked_at=now, retry_at=retry_at, token_saved_at=token_saved_at
    )
    park_waiting(own.destination_id, reason)
    if is_news:
        BreakerChange.objects.create(destination_id=own.destination_id, what="parked", reason=reason)
        log.error("destination.parked", destination_id=str(own.destination_id), reason=reason)
        transaction.on_commit(lambda: count("destinations_parked", outcome=verdict.outcome.value))


def park_waiting(destination_id: uuid.UUID, reason: str) -> None:
    """What waits for a review keeps waiting for that, lest a new token let it go too early."""
    others = Send.objects.filter(destination=destination_id, status__in=(SendStatus.PENDING, SendStatus.RETRYING))
    others.exclude(reason=REVIEW).update(status=SendStatus.PARKED, reason=reason, changed_at=Now())


@transaction.atomic
def release_parked() -> int:
    """Let go what is parked at destinations that were mended; how many sends. The first of them probes."""
    mended = list(_mended().select_for_update(skip_locked=True, of=("self",)).select_related("destination"))
    for own in mended:
        _resume(own)
    released = Send.objects.filter(destination__in=[own.destination_id for own in mended], status=SendStatus.PARKED)
    return released.update(status=SendStatus.PENDING, reason="resumed", due_at=Now(), changed_at=Now())


def ask_again(destinations: Collection[uuid.UUID]) -> None:
    """Somebody says that these were mended, with no new token to show for it."""
    Breaker.objects.filter(destination__in=destinations).exclude(parked_reason="").update(retry_at=Now())


def _mended() -> QuerySet[Breaker]:
    has_new_token = Q(destination__token_saved_at__gt=F("token_saved_at"))
    rows: QuerySet[Breaker] = Breaker.objects.exclude(parked_reason="").filter(has_new_token | Q(retry_at__lte=Now()))
    return rows.order_by("pk")


def _resume(own: Breaker) -> None:
    destination: Destination = own.destination
    begun = start_anew(condition_of(own), destination.token_saved_at)
    own.state, own.failures, own.openings, own.retry_at = begun.state, 0, 0, begun.retry_at
    own.paused_until, own.reason = None, ""
    own.parked_reason, own.parked_at = "", None
    own.token_saved_at, own.token_digest = destination.token_saved_at, digest_token(destination.access_token)
    own.save()
    BreakerChange.objects.create(destination=destination, what="resumed", reason="token_replaced")
    forget_wait(destination.pk)

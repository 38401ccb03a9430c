"""Which conversions matching must look at, and when it looks at them again."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from apps.conversions.models import Conversion
from apps.conversions.sql import LOOK_AGAIN, SETTLE_MATCHING

MAX_MATCH_FAILURES = 5
LOOKS = (timedelta(minutes=5), timedelta(hours=1), timedelta(days=1))
"""How long after an order was first heard of it is looked at again, as long as it is not known who brought it."""
CLOCK_MARGIN = timedelta(minutes=1)
"""Clocks differ, and what was written in a transaction bears the time at which that began."""
LOOKED_BACK = timedelta(days=7)


def claim_for_matching(limit: int) -> list[Conversion]:
    """Conversions that matching is due to look at, locked until the caller's transaction ends."""
    due = Conversion.objects.select_related("endpoint").filter(match_due_at__lte=Now()).order_by("match_due_at")
    rows = due.defer("endpoint__secret", "endpoint__previous_secret", "endpoint__credentials")
    return list(rows.select_for_update(skip_locked=True, of=("self",))[:limit])


def next_look(received_at: datetime, now: datetime) -> datetime | None:
    """When to look again at an order first heard of at `received_at`; None once the last of LOOKS is over."""
    looks = (received_at + delay for delay in LOOKS)
    return next((look for look in looks if look > now + CLOCK_MARGIN), None)


def settle_matching(conversions: Sequence[Conversion], unsure: AbstractSet[int] = frozenset()) -> None:
    """Matching has looked at these, which the caller has claimed; those whose ids are `unsure` it will look at again.

    Whoever tells of one of them meanwhile waits for the claim's lock, and has it due again after that.
    """
    now = timezone.now()
    looks = {row.pk: next_look(row.received_at, now) if row.pk in unsure else None for row in conversions}
    with connection.cursor() as cursor:
        cursor.execute(SETTLE_MATCHING, [list(looks), list(looks.values())])


def look_again(tenant_id: uuid.UUID, said: Mapping[str, datetime]) -> int:
    """Make the tenant's recent sales due whose buyer has one of these e-mail or phone hashes; how many there were.

    `said` tells when a visitor last said so. A sale that changed after that was matched, or is due, with it known.
    """
    if not said:
        return 0
    asked: dict[str, Any] = {
        "tenant_id": tenant_id,
        "digests": list(said),
        "said_at": list(said.values()),
        "looked_back": LOOKED_BACK,
        "margin": CLOCK_MARGIN,
    }
    with connection.cursor() as cursor:
        cursor.execute(LOOK_AGAIN, asked)
        concerned: int = cursor.rowcount
    return concerned


def hasten_matching(conversion_ids: Iterable[int]) -> None:
    """Have these looked at now: what is known of their matches was not changed by a webhook."""
    Conversion.objects.filter(pk__in=list(conversion_ids)).update(match_due_at=Now())


def postpone_matching(conversions: Sequence[Conversion], delay: timedelta) -> None:
    """Look again later: the funnel is not published yet."""
    Conversion.objects.filter(pk__in=[row.pk for row in conversions]).update(match_due_at=Now() + delay)


def fail_matching(conversion: Conversion) -> None:
    """Matching this one raised: try again ever later; after five failures it waits for support."""
    failures = conversion.match_failures + 1
    again = None if failures >= MAX_MATCH_FAILURES else timezone.now() + timedelta(seconds=4**failures)
    Conversion.objects.filter(pk=conversion.pk).update(match_failures=failures, match_due_at=again)


def match_from_scratch(conversion_ids: Iterable[int]) -> int:
    """Have these matched again that were given up, with as many tries as any; how many."""
    given_up = Conversion.objects.filter(pk__in=list(conversion_ids), match_failures__gte=MAX_MATCH_FAILURES)
    return given_up.update(match_failures=0, match_due_at=Now())

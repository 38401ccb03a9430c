"""Which conversions matching must look at."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models.functions import Now
from django.utils import timezone

from apps.conversions.models import Conversion

MAX_MATCH_FAILURES = 5


def claim_for_matching(limit: int) -> list[Conversion]:
    """Conversions that changed since they were matched, locked until the caller's transaction ends."""
    due = Conversion.objects.select_related("endpoint").filter(match_due_at__lte=Now()).order_by("match_due_at")
    rows = due.defer("endpoint__secret", "endpoint__previous_secret", "endpoint__credentials")
    return list(rows.select_for_update(skip_locked=True, of=("self",))[:limit])


def settle_matching(conversions: Sequence[Conversion]) -> None:
    Conversion.objects.filter(pk__in=[row.pk for row in conversions]).update(match_due_at=None, match_failures=0)


def postpone_matching(conversions: Sequence[Conversion], delay: timedelta) -> None:
    """Look again later: the funnel is not published yet."""
    Conversion.objects.filter(pk__in=[row.pk for row in conversions]).update(match_due_at=Now() + delay)


def fail_matching(conversion: Conversion) -> None:
    """Matching this one raised: try again ever later; after five failures it waits for support."""
    failures = conversion.match_failures + 1
    again = None if failures >= MAX_MATCH_FAILURES else timezone.now() + timedelta(seconds=4**failures)
    Conversion.objects.filter(pk=conversion.pk).update(match_failures=failures, match_due_at=again)

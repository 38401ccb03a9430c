"""Reads of matches."""

from django.db.models import Prefetch, QuerySet
from django.db.models.functions import Now

from apps.matching.models import Match, MatchReview, ReviewState


def history(path: str = "reviews") -> "Prefetch[str, QuerySet[MatchReview], str]":
    """To prefetch what was decided about matches, the oldest first; `path` leads to the reviews of the rows."""
    return Prefetch(path, queryset=MatchReview.objects.select_related("proposed", "click").order_by("pk"))


def list_matches(
    *, review: str | None = None, decision: str | None = None, order_id: str | None = None
) -> QuerySet[Match]:
    """Matches with their sale, click and history, in two statements."""
    asked = {"review": review, "decision": decision, "conversion__order_id": order_id}
    rows: QuerySet[Match] = Match.objects.filter(**{name: value for name, value in asked.items() if value})
    return rows.select_related("conversion", "click").prefetch_related(history())


def overdue_reviews() -> QuerySet[Match]:
    """Matches that nobody has decided on in time."""
    rows: QuerySet[Match] = Match.objects.filter(review=ReviewState.PENDING, review_due_at__lte=Now())
    return rows

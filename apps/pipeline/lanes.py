"""Which lanes have work that is due. The database decides; a wake-up only says "look"."""

from dataclasses import dataclass

from django.db.models.functions import Now

from apps.clicks.buffer import due_buffers
from apps.clicks.people import due_sessions
from apps.conversions.models import Conversion, Quarantine
from apps.dispatch.models import Replay
from apps.dispatch.selectors import DueDestinations, find_due_destinations
from apps.matching.models import Comparison
from apps.matching.selectors import overdue_reviews


@dataclass(frozen=True, slots=True)
class DueLanes:
    """One look at every lane."""

    ingest: bool
    matches: bool
    people: bool
    buffers: bool
    comparisons: bool
    replays: bool
    destinations: DueDestinations


def find_due_lanes() -> DueLanes:
    return DueLanes(
        ingest=Quarantine.objects.filter(due_at__lte=Now()).exists(),
        matches=Conversion.objects.filter(match_due_at__lte=Now()).exists() or overdue_reviews().exists(),
        people=due_sessions().exists(),
        buffers=due_buffers().exists(),
        comparisons=Comparison.objects.filter(state=Comparison.State.RUNNING).exists(),
        replays=Replay.objects.filter(state=Replay.State.RUNNING, next_at__lte=Now()).exists(),
        destinations=find_due_destinations(),
    )

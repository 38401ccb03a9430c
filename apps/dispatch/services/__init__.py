"""Use-cases of dispatch: plan events, deliver them, replay them. The only writers of the outbox."""

from apps.dispatch.services.admission import is_known_to_wait
from apps.dispatch.services.consent import cancel_withdrawn
from apps.dispatch.services.deliver import deliver_due
from apps.dispatch.services.expire import expire_overdue
from apps.dispatch.services.hold import hold_unsure, release_reviewed
from apps.dispatch.services.park import release_parked
from apps.dispatch.services.plan import plan_events, plan_page_events
from apps.dispatch.services.replay import replay_event
from apps.dispatch.services.replays import continue_replays

__all__ = [
    "cancel_withdrawn",
    "continue_replays",
    "deliver_due",
    "expire_overdue",
    "hold_unsure",
    "is_known_to_wait",
    "plan_events",
    "plan_page_events",
    "release_parked",
    "release_reviewed",
    "replay_event",
]

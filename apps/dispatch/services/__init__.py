"""Use-cases of dispatch: plan events, deliver them, replay them. The only writers of the outbox."""

from apps.dispatch.services.consent import cancel_withdrawn
from apps.dispatch.services.deliver import deliver_due
from apps.dispatch.services.hold import hold_unsure, release_reviewed
from apps.dispatch.services.plan import plan_events, plan_page_events
from apps.dispatch.services.replay import release_parked, replay_event

__all__ = [
    "cancel_withdrawn",
    "deliver_due",
    "hold_unsure",
    "plan_events",
    "plan_page_events",
    "release_parked",
    "release_reviewed",
    "replay_event",
]

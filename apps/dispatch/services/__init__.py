"""Use-cases of dispatch: plan events, deliver them, replay them. The only writers of the outbox."""

from apps.dispatch.services.deliver import deliver_due
from apps.dispatch.services.plan import plan_events
from apps.dispatch.services.replay import release_parked, replay_event

__all__ = ["deliver_due", "plan_events", "release_parked", "replay_event"]

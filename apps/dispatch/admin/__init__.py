"""The console's pages of the outbox, and the dashboard, which looks across all stages."""

from apps.dispatch.admin import attempts, breakers, dashboard, events, replays, sends

__all__ = ["attempts", "breakers", "dashboard", "events", "replays", "sends"]

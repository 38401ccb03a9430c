"""The console's pages of the outbox, and the dashboard, which looks across all stages."""

from apps.dispatch.admin import attempts, dashboard, events, sends

__all__ = ["attempts", "dashboard", "events", "sends"]

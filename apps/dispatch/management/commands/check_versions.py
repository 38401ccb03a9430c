"""`manage.py check_versions`: the versions of the platforms' APIs that are in use, and until when they are served.

Ends with 1 if one of them has ended or ends within 7 days.
"""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand

from apps.core.db import database_now
from apps.dispatch.registry import CALENDARS
from apps.dispatch.versions.selectors import VersionInUse, find_versions_in_use
from apps.dispatch.versions.services import check_versions
from apps.tenants.scoping import unscoped


class Command(BaseCommand):
    """What beat does daily, and a table of it."""

    help = "Show which API versions are in use and when they end; alarm where that is near."

    def handle(self, *args: Any, **options: Any) -> None:
        now = database_now()
        with unscoped():
            check_versions()
            in_use = find_versions_in_use(now)
        for use in in_use:
            self.stdout.write(f"{use.platform:<7} {use.version:<7} {_users(use):<28} {_end(use, now)}")
        for platform, calendar in CALENDARS.items():
            age = f"{platform}: read on {calendar.read_on} from {calendar.source}"
            self.stdout.write(f"{age}, more than half a year ago" if calendar.is_stale(now) else age)
        if any(use.mark is not None and use.mark <= 7 for use in in_use):
            raise SystemExit(1)


def _users(use: VersionInUse) -> str:
    own = ", the hub's own" if use.is_default else ""
    return f"{use.destinations} destinations{own}"


def _end(use: VersionInUse, now: datetime) -> str:
    if not use.is_known:
        return "not in the calendar"
    if use.ends_at is None:
        return "no end announced"
    if use.mark == 0:
        return f"ended {use.ends_at:%Y-%m-%d}"
    return f"ends {use.ends_at:%Y-%m-%d}, in {use.days_left(now)} days"

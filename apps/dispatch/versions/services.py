"""Raise the alarm 60, 30 and 7 days before the end of a version that is in use, and at its end; run once a day."""

from contextlib import suppress
from datetime import timedelta

from apps.core.db import database_now
from apps.core.log import get_logger
from apps.core.redis import RedisError, get_redis
from apps.dispatch.registry import CALENDARS
from apps.dispatch.services.canary import forget_refusals
from apps.dispatch.versions.selectors import VersionInUse, find_ending

_REMEMBERED_FOR = timedelta(days=90)
log = get_logger(__name__)


def check_versions() -> list[VersionInUse]:
    """Those in use that end within 60 days, or have ended. Each mark is logged once; a lost Redis logs it again."""
    now = database_now()
    ending = find_ending(now)
    for use in ending:
        if _is_news(use):
            log.error(
                "version.ends",
                platform=use.platform,
                version=use.version,
                count=use.days_left(now),
                rows=use.destinations,
                reason="ended" if use.mark == 0 else f"within_{use.mark}_days",
            )
    for platform, calendar in CALENDARS.items():
        if calendar.is_stale(now):
            log.warning("versions.calendar_is_old", platform=platform, reason=calendar.read_on.isoformat())
    forget_refusals()
    return ending


def _is_news(use: VersionInUse) -> bool:
    key = f"version:alarm:{use.platform}:{use.version}:{use.mark}"
    with suppress(RedisError):
        return bool(get_redis().set(key, "1", nx=True, ex=_REMEMBERED_FOR))
    return True

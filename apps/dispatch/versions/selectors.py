"""Which versions of the platforms' APIs are in use, by whom, and how long they will be served."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection

from apps.dispatch.registry import CALENDARS, PLATFORMS
from apps.dispatch.versions.calendar import mark_reached

# What runs, as published; an empty version is the hub's own.
_NAMED = """
SELECT d ->> 'platform', coalesce(v.version, ''), count(*)
FROM funnels_funnel f JOIN funnels_funnelversion p ON p.id = f.published_id
CROSS JOIN LATERAL jsonb_array_elements(p.config -> 'destinations') AS d
CROSS JOIN LATERAL (VALUES (d ->> 'api_version', true), (d ->> 'canary_version', false)) AS v (version, is_own)
WHERE v.is_own OR coalesce(v.version, '') <> ''
GROUP BY 1, 2
"""
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class VersionInUse:
    """A version that destinations use, own or on trial, or that is the hub's own whether or not any does.

    `mark` is the nearest mark (calendar.MARKS) that has been reached. `is_known` is false where the calendar does not
    name the version.
    """

    platform: str
    version: str
    destinations: int
    is_default: bool
    is_known: bool
    ends_at: datetime | None
    mark: int | None

    def days_left(self, now: datetime) -> int | None:
        """Whole days; negative after the end."""
        return None if self.ends_at is None else (self.ends_at - now).days


def find_versions_in_use(now: datetime) -> list[VersionInUse]:
    """Of all tenants; those that end first, first."""
    named = Counter[tuple[str, str]]()
    defaults = {platform: PLATFORMS[platform].resolve(base_url="", api_version="")[1] for platform in CALENDARS}
    named.update(dict.fromkeys(defaults.items(), 0))
    with connection.cursor() as cursor:
        cursor.execute(_NAMED)
        for platform, version, destinations in cursor.fetchall():
            if platform in CALENDARS:
                named[platform, version or defaults[platform]] += destinations
    found = [_describe(*key, destinations, defaults, now) for key, destinations in named.items()]
    return sorted(found, key=lambda use: (use.ends_at or _NEVER, use.platform, use.version))


def find_ending(now: datetime) -> list[VersionInUse]:
    return [use for use in find_versions_in_use(now) if use.mark is not None]


def _describe(platform: str, version: str, destinations: int, defaults: dict[str, str], now: datetime) -> VersionInUse:
    calendar = CALENDARS[platform]
    end = calendar.ends.get(version)
    return VersionInUse(
        platform=platform,
        version=version,
        destinations=destinations,
        is_default=defaults[platform] == version,
        is_known=calendar.is_known(version),
        ends_at=end,
        mark=mark_reached(end, now),
    )

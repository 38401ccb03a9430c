"""Until when a platform serves each version of its API, as data, and what that means on a given day. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

# Days before the end on which an alarm is raised; the last mark is the end itself.
MARKS = (60, 30, 7, 0)
# After so long the table has probably missed a version.
STALE_AFTER = timedelta(days=180)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """`ends` maps a version to the moment from which it is no longer served, oldest version first; None: not announced.

    It was read from `source` on `read_on`. A version that it does not name may be newer than that.
    """

    ends: Mapping[str, datetime | None]
    source: str
    read_on: date

    @property
    def newest(self) -> str:
        return list(self.ends)[-1]

    def is_gone(self, version: str, now: datetime) -> bool:
        end = self.ends.get(version)
        return end is not None and end <= now

    def is_known(self, version: str) -> bool:
        return version in self.ends

    def is_stale(self, now: datetime) -> bool:
        return now.date() - self.read_on > STALE_AFTER


def mark_reached(end: datetime | None, now: datetime) -> int | None:
    """The nearest of MARKS that has been reached; None while all are ahead, or no end is announced."""
    if end is None:
        return None
    return next((days for days in reversed(MARKS) if end - now <= timedelta(days=days)), None)

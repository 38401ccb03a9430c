"""Which Graph API versions answer today: a version is served for about two years, then it is gone.

The dates are those of Meta's changelog as of November 2026. A version without an end has had none announced.
"""

from datetime import UTC, datetime

from apps.sandbox.json_texts import quotable
from apps.sandbox.meta.refusals import Refusal, RefusalError

# Version -> the day on which it stops, at midnight UTC.
ENDS: dict[str, datetime | None] = {
    "v20.0": datetime(2026, 9, 24, tzinfo=UTC),
    "v21.0": datetime(2027, 1, 21, tzinfo=UTC),
    "v22.0": datetime(2027, 5, 20, tzinfo=UTC),
    "v23.0": datetime(2027, 10, 8, tzinfo=UTC),
    "v24.0": datetime(2028, 2, 18, tzinfo=UTC),
    "v25.0": datetime(2028, 7, 29, tzinfo=UTC),
    "v26.0": None,
}
LATEST = "v26.0"


def check_version(version: str, now: datetime) -> None:
    """Raise `RefusalError` for a version that is no more, or never was (to Meta a bad path)."""
    if version not in ENDS:
        raise RefusalError(Refusal(message=f"Unknown path components: /{quotable(version, 16)}", code=2500))
    end = ENDS[version]
    if end is not None and now >= end:
        raise RefusalError(Refusal(message=f"(#2635) {version} is no longer served. Change to {LATEST}.", code=2635))

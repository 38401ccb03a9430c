"""Versions of Meta's Graph API. The Conversions API follows the Graph API's dates, not the shorter Marketing API's."""

from datetime import UTC, date, datetime

from apps.dispatch.versions.calendar import Calendar

CALENDAR = Calendar(
    ends={
        "v20.0": datetime(2026, 9, 24, tzinfo=UTC),
        "v21.0": datetime(2027, 1, 21, tzinfo=UTC),
        "v22.0": datetime(2027, 5, 20, tzinfo=UTC),
        "v23.0": datetime(2027, 10, 8, tzinfo=UTC),
        "v24.0": datetime(2028, 2, 18, tzinfo=UTC),
        "v25.0": datetime(2028, 7, 29, tzinfo=UTC),
        "v26.0": None,
    },
    source="https://developers.facebook.com/docs/graph-api/changelog",
    read_on=date(2026, 11, 22),
)

"""Versions of TikTok's Business API; only the one with the current Events API is of use here."""

from datetime import date

from apps.dispatch.tiktok.platform import API_VERSION
from apps.dispatch.versions.calendar import Calendar

CALENDAR = Calendar(
    ends={API_VERSION: None},
    source="https://business-api.tiktok.com/portal/docs",
    read_on=date(2026, 11, 22),
)

"""What the answer of a customer's server says of the events. Pure; the table of docs/http-gateway.md.

A 2xx takes responsibility for the whole request, whatever its text, unless it is JSON that names events it had before
or refuses. An answer that begins like JSON and cannot be read may name some too, so it is no yes; asking again is
harmless, since receivers drop repeats by event_id.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from apps.dispatch.answers import LONGEST_PAUSE_S, Row, lower_names, read_object, read_retry_after
from apps.dispatch.verdict import NextStep, Outcome, Verdict

_RETRY = Row(Outcome.TRANSIENT, NextStep.RETRY)
_TOKEN = Row(Outcome.TOKEN, NextStep.REPLACE_TOKEN)
_ADDRESS = Row(Outcome.PERMISSION, NextStep.CHECK_PERMISSIONS)
_REFUSED = Row(Outcome.PERMANENT, NextStep.FIX_EVENT)

# Every status that is not here is tried again.
_ROWS: dict[int, Row] = {
    400: _REFUSED,
    401: _TOKEN,
    403: _TOKEN,
    404: _ADDRESS,
    410: _ADDRESS,
    413: _REFUSED,
    422: _REFUSED,
    429: Row(Outcome.THROTTLED, NextStep.WAIT),
    **dict.fromkeys(range(300, 400), _ADDRESS),
}
_PAUSING = frozenset({Outcome.THROTTLED, Outcome.TRANSIENT})
_LONGEST_REASON = 60
_EMPTY_OBJECT = re.compile(rb"\s*\{\s*\}\s*")
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one answer says: of the request, and of single events by event id; `refused` with the reason of each."""

    verdict: Verdict
    duplicates: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)


def read_answer(status: int, headers: Mapping[str, str], body: bytes, sent: Collection[str], now: datetime) -> Reading:
    """`sent` are the ids of the request's events. Whatever the bytes are, this does not raise."""
    if 200 <= status < 300:
        return _read_yes(body, frozenset(sent))
    row = _ROWS.get(status, _RETRY)
    splits = row.next_step is NextStep.FIX_EVENT and len(sent) > 1
    return Reading(
        Verdict(
            row.outcome,
            NextStep.SPLIT_BATCH if splits else row.next_step,
            f"redirect_{status}" if 300 <= status < 400 else f"http_{status}",
            retry_after_s=_read_pause(headers, now) if row.outcome in _PAUSING else None,
        )
    )


def _read_yes(body: bytes, sent: frozenset[str]) -> Reading:
    answer = read_object(body)
    is_lost = not answer and body.lstrip().startswith(b"{") and not _EMPTY_OBJECT.fullmatch(body)
    refused = None if is_lost else _read_rejected(answer.get("rejected") or [], sent)
    if refused is None:
        return Reading(Verdict(Outcome.AMBIGUOUS, NextStep.REVIEW, "unreadable_answer"))
    listed = answer.get("duplicates")
    named = {item for item in listed if isinstance(item, str)} if isinstance(listed, list) else set()
    accepted = Verdict(Outcome.ACCEPTED, NextStep.NONE, "accepted")
    return Reading(accepted, frozenset(named & sent - refused.keys()), refused)


def _read_rejected(items: object, sent: frozenset[str]) -> dict[str, str] | None:
    """Reason by event id; None when it cannot be told which events are meant."""
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return None
    refused = {str(item.get("event_id")): _write_reason(item.get("reason")) for item in items}
    return refused if refused.keys() <= sent else None


def _write_reason(given: object) -> str:
    """The receiver's words as one stable word, by which dead letters are found again."""
    word = _NOT_A_WORD.sub("_", given.lower()).strip("_") if isinstance(given, str) else ""
    return f"rejected_{word}"[:_LONGEST_REASON].rstrip("_")


def _read_pause(headers: Mapping[str, str], now: datetime) -> int | None:
    """Retry-After, in seconds or as a date; None when it is absent, over or nonsense."""
    seconds = read_retry_after(headers) or _seconds_until(lower_names(headers).get("retry-after", ""), now)
    return min(max(seconds, 0), LONGEST_PAUSE_S) or None


def _seconds_until(written: str, now: datetime) -> int:
    try:
        moment = parsedate_to_datetime(written)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round((aware - now).total_seconds())

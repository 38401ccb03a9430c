"""What an answer of the Graph API says of the event, of the token, and of when to try again.

The code in the body decides, then `is_transient`, then the HTTP status: Meta throttles with 400 and 403, and
reports a dead token with 400, so the status alone throws sales away. Texts are localised and never looked
at. Only an answer that counts exactly the events sent is a success; anything else that is not Graph's is an
answer lost on the way.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from apps.dispatch.verdict import NextStep, Outcome, Verdict


@dataclass(frozen=True, slots=True)
class _Row:
    outcome: Outcome
    next_step: NextStep
    pause_s: int = 0


@dataclass(frozen=True, slots=True)
class _Error:
    """Graph's error object; a number that is none, or too large to store, is absent."""

    code: int | None
    subcode: int | None
    is_transient: bool

    @classmethod
    def read(cls, error: dict[str, Any]) -> Self:
        return cls(
            code=_whole_number(error.get("code")),
            subcode=_whole_number(error.get("error_subcode")),
            is_transient=error.get("is_transient") is True,
        )


_RETRY = _Row(Outcome.TRANSIENT, NextStep.RETRY)
_WAIT = _Row(Outcome.THROTTLED, NextStep.WAIT)
_TOKEN = _Row(Outcome.TOKEN, NextStep.REPLACE_TOKEN)
_PERMISSION = _Row(Outcome.PERMISSION, NextStep.CHECK_PERMISSIONS)
_REFUSED = _Row(Outcome.PERMANENT, NextStep.FIX_EVENT)
_LOST = _Row(Outcome.AMBIGUOUS, NextStep.RETRY)
_NEW = _Row(Outcome.UNKNOWN, NextStep.REVIEW)

# A row for (code, subcode) goes before the one for (code, None), which stands for every other subcode.
_ROWS: dict[tuple[int | None, int | None], _Row] = {
    (1, None): _RETRY,
    (1, 99): _REFUSED,
    (2, None): _RETRY,
    (3, None): _Row(Outcome.PERMANENT, NextStep.CHECK_PERMISSIONS),
    (4, None): _WAIT,  # the whole app; with HTTP 403
    (10, None): _PERMISSION,
    (17, None): _WAIT,
    (32, None): _WAIT,
    (100, None): _REFUSED,
    (100, 33): _PERMISSION,  # no such pixel, or none that this token sees
    (100, 2804001): _Row(Outcome.PERMANENT, NextStep.DROP_FBC),
    (100, 2804003): _Row(Outcome.EXPIRED, NextStep.NONE),
    (102, None): _TOKEN,
    (104, None): _PERMISSION,  # appsecret_proof is wrong: a setting, not the event
    (190, None): _TOKEN,
    (341, None): _WAIT,
    (368, None): _Row(Outcome.THROTTLED, NextStep.REVIEW, pause_s=6 * 3600),  # blocked by policy for a while
    (613, None): _WAIT,
    (5000, None): _Row(Outcome.UNKNOWN, NextStep.RETRY),
    **dict.fromkeys(((code, None) for code in range(200, 300)), _PERMISSION),
    **dict.fromkeys(((code, None) for code in range(80000, 80015)), _WAIT),
}
_ROW_OF_STATUS = {408: _RETRY, 425: _RETRY, 429: _WAIT, **dict.fromkeys(range(500, 600), _RETRY)}
# Only Graph's own word on the caller counts: a firewall in between says 401 and 403 too.
_ROW_OF_GRAPH_STATUS = {**_ROW_OF_STATUS, 401: _TOKEN, 403: _PERMISSION}

# The next steps of a row that is about an event; in a batch nobody says which one, so the batch is halved.
_ABOUT_ONE_EVENT = frozenset({NextStep.FIX_EVENT, NextStep.DROP_FBC, NextStep.NONE})
_PAUSING = frozenset({Outcome.THROTTLED, Outcome.TRANSIENT})
_DISCARDING = frozenset({Outcome.PERMANENT, Outcome.UNKNOWN})
_LONGEST_PAUSE_S = 24 * 3600
_INT32 = 2**31
_DIGITS = re.compile(r"[0-9]{1,9}")
_USAGE_HEADER = "x-business-use-case-usage"
_TRACE_ID = re.compile(r"[\x21-\x7e]{1,100}")


def classify(status: int, headers: Mapping[str, str], body: bytes, sent: int) -> Verdict:
    """Read Graph's answer to a request of `sent` events; whatever the bytes are, this does not raise."""
    answer = _read_object(body)
    raw_error = answer.get("error")
    if 200 <= status < 300 and _whole_number(answer.get("events_received")) == sent:
        return Verdict(Outcome.ACCEPTED, NextStep.NONE, "accepted", fbtrace_id=_read_trace_id(answer))
    if not isinstance(raw_error, dict):
        row = _ROW_OF_STATUS.get(status, _LOST)
        return _give_verdict(row, sent, headers, f"http_{status}")
    error = _Error.read(raw_error)
    verdict = _give_verdict(_find_row(error, status), sent, headers, _name(error, status))
    return replace(verdict, code=error.code, subcode=error.subcode, fbtrace_id=_read_trace_id(raw_error))


def _find_row(error: _Error, status: int) -> _Row:
    row = _ROWS.get((error.code, error.subcode)) or _ROWS.get((error.code, None))
    if error.is_transient and (row is None or row.outcome in _DISCARDING):
        return _RETRY
    return row or _ROW_OF_GRAPH_STATUS.get(status, _NEW)


def _give_verdict(row: _Row, sent: int, headers: Mapping[str, str], reason: str) -> Verdict:
    splits = sent > 1 and row.next_step in _ABOUT_ONE_EVENT
    pause_s = max(row.pause_s, *_read_pauses(headers)) if row.outcome in _PAUSING else 0
    return Verdict(
        row.outcome,
        NextStep.SPLIT_BATCH if splits else row.next_step,
        reason,
        retry_after_s=min(pause_s, _LONGEST_PAUSE_S) or None,
    )


def _name(error: _Error, status: int) -> str:
    numbers = [str(number) for number in (error.code, error.subcode) if number is not None]
    return "_".join(["graph", *numbers]) if numbers else f"http_{status}"


def _read_pauses(headers: Mapping[str, str]) -> Iterator[int]:
    """Seconds, from each header that asks for a pause; Meta counts its estimate in minutes."""
    lowered = {name.lower(): value.strip() for name, value in headers.items()}
    retry_after = lowered.get("retry-after", "")
    yield int(retry_after) if _DIGITS.fullmatch(retry_after) else 0
    for usages in _read_object(lowered.get(_USAGE_HEADER, "").encode()).values():
        for usage in usages if isinstance(usages, list) else ():
            minutes = usage.get("estimated_time_to_regain_access") if isinstance(usage, dict) else None
            yield 60 * (_whole_number(minutes) or 0)


def _read_object(text: bytes) -> dict[str, Any]:
    """The JSON object in `text`; empty for anything else: HTML, half an object, a tower of brackets."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _whole_number(value: object) -> int | None:
    """A number as JSON number or as text of digits; only what a 32-bit column can hold."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INT32:
        return value
    return None


def _read_trace_id(holder: dict[str, Any]) -> str | None:
    trace_id = holder.get("fbtrace_id")
    return trace_id if isinstance(trace_id, str) and _TRACE_ID.fullmatch(trace_id) else None

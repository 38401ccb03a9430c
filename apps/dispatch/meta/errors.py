"""What an answer of the Graph API says of the event, of the token, and of when to try again.

The code in the body decides, then `is_transient`, then the HTTP status: Meta throttles with 400 and 403, and
reports a dead token with 400, so the status alone throws sales away. Texts are localised and never looked
at. Only an answer that counts exactly the events sent is a success; anything else that is not Graph's is an
answer lost on the way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from apps.dispatch.answers import (
    LONGEST_PAUSE_S,
    Row,
    lower_names,
    read_object,
    read_retry_after,
    read_trace_id,
    whole_number,
)
from apps.dispatch.verdict import NextStep, Outcome, Scope, Verdict


@dataclass(frozen=True, slots=True)
class _Error:
    """Graph's error object; a number that is none, or too large to store, is absent."""

    code: int | None
    subcode: int | None
    is_transient: bool

    @classmethod
    def read(cls, error: dict[str, Any]) -> Self:
        return cls(
            code=whole_number(error.get("code")),
            subcode=whole_number(error.get("error_subcode")),
            is_transient=error.get("is_transient") is True,
        )


_RETRY = Row(Outcome.TRANSIENT, NextStep.RETRY)
_WAIT = Row(Outcome.THROTTLED, NextStep.WAIT)
_WAIT_APP = Row(Outcome.THROTTLED, NextStep.WAIT, scope=Scope.APP)
_WAIT_TOKEN = Row(Outcome.THROTTLED, NextStep.WAIT, scope=Scope.TOKEN)
_TOKEN = Row(Outcome.TOKEN, NextStep.REPLACE_TOKEN)
_PERMISSION = Row(Outcome.PERMISSION, NextStep.CHECK_PERMISSIONS)
_REFUSED = Row(Outcome.PERMANENT, NextStep.FIX_EVENT)
_VERSION = Row(Outcome.VERSION, NextStep.CHANGE_VERSION)
_LOST = Row(Outcome.AMBIGUOUS, NextStep.RETRY)
_NEW = Row(Outcome.UNKNOWN, NextStep.REVIEW)

# A row for (code, subcode) goes before the one for (code, None), which stands for every other subcode.
_ROWS: dict[tuple[int | None, int | None], Row] = {
    (1, None): _RETRY,
    (1, 99): _REFUSED,
    (2, None): _RETRY,
    (3, None): Row(Outcome.PERMANENT, NextStep.CHECK_PERMISSIONS),
    (4, None): _WAIT_APP,  # with HTTP 403
    (10, None): _PERMISSION,
    (17, None): _WAIT_TOKEN,  # its user or ad account
    (32, None): _WAIT_TOKEN,
    (100, None): _REFUSED,
    (100, 33): _PERMISSION,  # no such pixel, or none that this token sees
    (100, 2804001): Row(Outcome.PERMANENT, NextStep.DROP_FBC),
    (100, 2804003): Row(Outcome.EXPIRED, NextStep.NONE),
    (102, None): _TOKEN,
    (104, None): _PERMISSION,  # appsecret_proof is wrong: a setting, not the event
    (190, None): _TOKEN,
    (341, None): _WAIT_APP,
    (368, None): Row(Outcome.THROTTLED, NextStep.REVIEW, pause_s=6 * 3600),  # blocked by policy for a while
    (613, None): _WAIT_TOKEN,
    (2500, None): _VERSION,  # an unknown path, and of ours only the version can be unknown
    (2635, None): _VERSION,  # a version that has ended
    (5000, None): Row(Outcome.UNKNOWN, NextStep.RETRY),
    **dict.fromkeys(((code, None) for code in range(200, 300)), _PERMISSION),
    **dict.fromkeys(((code, None) for code in range(80000, 80015)), _WAIT),  # per business object
}
_ROW_OF_STATUS = {408: _RETRY, 425: _RETRY, 429: _WAIT, **dict.fromkeys(range(500, 600), _RETRY)}
# Only Graph's own word on the caller counts: a firewall in between says 401 and 403 too.
_ROW_OF_GRAPH_STATUS = {**_ROW_OF_STATUS, 401: _TOKEN, 403: _PERMISSION}

# The next steps of a row that is about an event; in a batch nobody says which one, so the batch is halved.
_ABOUT_ONE_EVENT = frozenset({NextStep.FIX_EVENT, NextStep.DROP_FBC, NextStep.NONE})
_REPAIRS = {NextStep.DROP_FBC: "fbc"}
_PAUSING = frozenset({Outcome.THROTTLED, Outcome.TRANSIENT})
_DISCARDING = frozenset({Outcome.PERMANENT, Outcome.UNKNOWN})
_FULL = 100
# X-App-Usage counts a rolling hour and names no end. A sixth of it is enough for calls to fall out of the count.
_APP_PAUSE_S = 600


def classify(status: int, headers: Mapping[str, str], body: bytes, sent: int) -> Verdict:
    """Read Graph's answer to a request of `sent` events; whatever the bytes are, this does not raise."""
    answer = read_object(body)
    raw_error = answer.get("error")
    if 200 <= status < 300 and whole_number(answer.get("events_received")) == sent:
        trace_id = read_trace_id(answer.get("fbtrace_id"))
        return Verdict(Outcome.ACCEPTED, NextStep.NONE, "accepted", fbtrace_id=trace_id)
    if not isinstance(raw_error, dict):
        row = _ROW_OF_STATUS.get(status, _LOST)
        return _give_verdict(row, sent, headers, f"http_{status}")
    error = _Error.read(raw_error)
    verdict = _give_verdict(_find_row(error, status), sent, headers, _name(error, status))
    trace_id = read_trace_id(raw_error.get("fbtrace_id"))
    return replace(verdict, code=error.code, subcode=error.subcode, fbtrace_id=trace_id)


def _find_row(error: _Error, status: int) -> Row:
    row = _ROWS.get((error.code, error.subcode)) or _ROWS.get((error.code, None))
    if error.is_transient and (row is None or row.outcome in _DISCARDING):
        return _RETRY
    return row or _ROW_OF_GRAPH_STATUS.get(status, _NEW)


def _give_verdict(row: Row, sent: int, headers: Mapping[str, str], reason: str) -> Verdict:
    splits = sent > 1 and row.next_step in _ABOUT_ONE_EVENT
    pause_s = max(row.pause_s, *_read_pauses(headers, row.outcome)) if row.outcome in _PAUSING else 0
    return Verdict(
        row.outcome,
        NextStep.SPLIT_BATCH if splits else row.next_step,
        reason,
        retry_after_s=min(pause_s, LONGEST_PAUSE_S) or None,
        scope=row.scope,
        repair="" if splits else _REPAIRS.get(row.next_step, ""),
    )


def _name(error: _Error, status: int) -> str:
    numbers = [str(number) for number in (error.code, error.subcode) if number is not None]
    return "_".join(["graph", *numbers]) if numbers else f"http_{status}"


def _read_pauses(headers: Mapping[str, str], outcome: Outcome) -> Iterator[int]:
    """Seconds, from each header that asks for a pause; Meta counts its estimate in minutes."""
    lowered = lower_names(headers)
    yield read_retry_after(headers)
    for usages in _read_header(lowered, "x-business-use-case-usage").values():
        for usage in usages if isinstance(usages, list) else ():
            minutes = usage.get("estimated_time_to_regain_access") if isinstance(usage, dict) else None
            yield 60 * (whole_number(minutes) or 0)
    if outcome is Outcome.THROTTLED:
        used = _read_header(lowered, "x-app-usage").values()
        yield _APP_PAUSE_S if any((whole_number(percent) or 0) >= _FULL for percent in used) else 0
        yield whole_number(_read_header(lowered, "x-ad-account-usage").get("reset_time_duration")) or 0


def _read_header(lowered: Mapping[str, str], name: str) -> dict[str, Any]:
    return read_object(lowered.get(name, "").encode())

"""What an answer of the Events API says of the event, of the token, and of when to try again.

TikTok answers HTTP 200 even to what it refuses: the `code` in the body decides, 0 being a success. A body without one
is not TikTok's own word: with a 2xx it may hide a success, with any other status nothing was taken. Texts are looked at
for one thing only, the name of a key that can be left out.
"""

from collections.abc import Mapping

from apps.dispatch.answers import LONGEST_PAUSE_S, Row, read_object, read_retry_after, read_trace_id, whole_number
from apps.dispatch.verdict import NextStep, Outcome, Scope, Verdict

_RETRY = Row(Outcome.TRANSIENT, NextStep.RETRY)
_REFUSED = Row(Outcome.PERMANENT, NextStep.FIX_EVENT)
_LOST = Row(Outcome.AMBIGUOUS, NextStep.RETRY)
_NEW = Row(Outcome.UNKNOWN, NextStep.REVIEW)
_WAIT = Row(Outcome.THROTTLED, NextStep.WAIT)
# TikTok counts the calls of whoever holds the token: what one of its destinations is told holds for the others.
_WAIT_TOKEN = Row(Outcome.THROTTLED, NextStep.WAIT, scope=Scope.TOKEN)

_OK = 0
_DONE = Row(Outcome.ACCEPTED, NextStep.NONE)
_PARTLY = 20001
_BAD_PARAMETER = 40002
_ROWS: dict[int, Row] = {
    40001: Row(Outcome.PERMISSION, NextStep.CHECK_PERMISSIONS),  # the token may not use this pixel
    _BAD_PARAMETER: _REFUSED,
    40016: _WAIT_TOKEN,
    40100: _WAIT_TOKEN,
    40105: Row(Outcome.TOKEN, NextStep.REPLACE_TOKEN),  # wrong or revoked
    40133: _WAIT_TOKEN,
    50002: _RETRY,
    51010: _RETRY,  # timed out inside
    51021: _WAIT,  # a server's code, not an account's: nothing says that others are too many as well
}
_PAUSING = frozenset({Outcome.THROTTLED, Outcome.TRANSIENT})
# Keys of `user` that a refusal may name and that an event can do without.
_REPAIRABLE = ("ttclid",)


def classify(status: int, headers: Mapping[str, str], body: bytes, sent: int) -> Verdict:
    """Read TikTok's answer to a request of `sent` events; whatever the bytes are, this does not raise."""
    answer = read_object(body)
    code = whole_number(answer.get("code"))
    row = _find_row(status, code, answer.get("data"))
    splits = sent > 1 and row.outcome is Outcome.PERMANENT
    pause_s = max(row.pause_s, read_retry_after(headers)) if row.outcome in _PAUSING else 0
    return Verdict(
        row.outcome,
        NextStep.SPLIT_BATCH if splits else row.next_step,
        _name(row, status, code),
        code=code or None,
        fbtrace_id=read_trace_id(answer.get("request_id")),
        retry_after_s=min(pause_s, LONGEST_PAUSE_S) or None,
        scope=row.scope,
        repair=_find_repair(answer.get("message")) if code == _BAD_PARAMETER and sent == 1 else "",
    )


def _find_row(status: int, code: int | None, data: object) -> Row:
    if code in (_OK, _PARTLY):
        is_sure = 200 <= status < 300 and not _tells_of_failures(data)
        return _DONE if is_sure else _LOST
    known = _ROWS.get(code) if code is not None else None
    if known:
        return known
    if status == 429:
        return _WAIT
    if 200 <= status < 300:
        return _LOST if code is None else _NEW
    return _RETRY if code is None or status >= 500 else _NEW


def _tells_of_failures(data: object) -> bool:
    """Whether the answer to a request that was taken names or counts what was not."""
    return isinstance(data, dict) and any(("fail" in key or "error" in key) and data[key] for key in data)


def _name(row: Row, status: int, code: int | None) -> str:
    if row is _DONE:
        return "accepted"
    return f"http_{status}" if code is None else f"tiktok_{code}"


def _find_repair(message: object) -> str:
    return next((key for key in _REPAIRABLE if isinstance(message, str) and key in message), "")

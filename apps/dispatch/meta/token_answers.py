"""What Meta's answers about a token say: `debug_token`, and the exchange of a token for a fresh one. Pure.

A token is called invalid only where Meta says so of this very token. That the question was refused (a token of another
app, one that may send but not ask) says nothing of it.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apps.dispatch.answers import read_object, whole_number
from apps.dispatch.meta.errors import classify
from apps.dispatch.tokens.rules import Inspection, State
from apps.dispatch.verdict import Outcome

_TOKEN_CODES = (None, 102, 190)
# Subcodes of 190 that speak of the token and of nothing else: app removed, login needed, password changed, expired,
# session invalid, role lost.
_DEAD = frozenset({458, 459, 460, 463, 464, 467, 492})
# Not valid, and no number why: this is what 190 without a subcode says.
_NOT_VALID = "graph_190"
_TOKEN = re.compile(r"[!-~]{1,2000}")
_MOST_SCOPES = 50
_LAST_SECOND = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())


def read_inspection(
    status: int, headers: Mapping[str, str], body: bytes, *, asked_itself: bool, app_id: str
) -> Inspection:
    """Of `debug_token`. `asked_itself`: with the very token; `app_id` is the hub's own app, "" without one."""
    data = read_object(body).get("data")
    if status == 200 and isinstance(data, dict):
        return _read_data(data, app_id)
    verdict = classify(status, headers, body, 1)
    if asked_itself and verdict.code == 190 and verdict.subcode in _DEAD:
        return Inspection(state=State.INVALID, problem=verdict.reason)
    wait_s = (verdict.retry_after_s or 0) if verdict.outcome is Outcome.THROTTLED else 0
    is_told = verdict.outcome not in (Outcome.TRANSIENT, Outcome.AMBIGUOUS)
    return Inspection(problem=verdict.reason, is_told=is_told, wait_s=wait_s)


def read_fresh_token(status: int, body: bytes) -> str | None:
    """Of the exchange; None if there is none in it that could be used."""
    token = read_object(body).get("access_token")
    return token if status == 200 and isinstance(token, str) and _TOKEN.fullmatch(token) else None


def is_done(status: int, body: bytes) -> bool:
    """Of `revoke`."""
    return status == 200 and read_object(body).get("success") is True


def _read_data(data: dict[str, Any], app_id: str) -> Inspection:
    problem, is_about_token = _read_error(data.get("error"))
    if data.get("is_valid") is False:
        return Inspection(state=State.INVALID if is_about_token else State.UNKNOWN, problem=problem or _NOT_VALID)
    if data.get("is_valid") is not True:
        return Inspection(problem="unreadable")
    seconds = {name: _read_seconds(data.get(name)) for name in ("expires_at", "data_access_expires_at")}
    expires_at, data_access_expires_at = (_as_moment(value) for value in seconds.values())
    has_end = bool(expires_at or data_access_expires_at)
    state = State.EXPIRES if has_end else State.NEVER if seconds["expires_at"] == 0 else State.UNKNOWN
    return Inspection(
        state=state,
        expires_at=expires_at,
        data_access_expires_at=data_access_expires_at,
        scopes=_read_scopes(data.get("scopes")),
        problem="no_expiry" if state is State.UNKNOWN else "",
        is_renewable=data.get("type") == "SYSTEM_USER" and bool(app_id) and str(data.get("app_id")) == app_id,
    )


def _read_error(error: Any) -> tuple[str, bool]:
    """The word for it, and whether it speaks of the token that was asked about rather than of the question."""
    if not isinstance(error, dict):
        return "", True
    code, subcode = whole_number(error.get("code")), whole_number(error.get("subcode")) or None
    numbers = [str(number) for number in (code, subcode) if number is not None]
    return "_".join(["graph", *numbers]) if numbers else "", code in _TOKEN_CODES


def _read_seconds(value: Any) -> int | None:
    """Since 1970; 0 stands for never, None for whatever is no time."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value < _LAST_SECOND else None


def _as_moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _read_scopes(value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list) else []
    return tuple(name[:60] for name in names[:_MOST_SCOPES] if isinstance(name, str) and "\x00" not in name)

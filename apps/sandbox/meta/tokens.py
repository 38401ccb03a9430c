"""Access tokens: every one is good here, except those whose text asks for trouble.

So that a customer can rehearse a dead token without killing a live one:

| the token contains | `/events` answers | `/debug_token` says of it |
| --- | --- | --- |
| expired | 190 / 463 | not valid, ended an hour ago |
| revoked | 190 / 460 | not valid |
| forbidden | 100 / 33, no access to this pixel | valid, without any permission |
| expiring | accepted | valid, ends in 12 hours |
| a blank or anything but printable ASCII | 190, HTTP 401 | not valid |
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.sandbox.meta.refusals import NO_TOKEN, UNKNOWN_OBJECT, UNREADABLE_TOKEN, Refusal, RefusalError

_PARSEABLE = re.compile(r"[!-~]+")
_BEARER = re.compile(r"bearer(?: +(.*))?", re.IGNORECASE | re.DOTALL)
_NEVER = 0
_SCOPES = ("ads_management", "ads_read", "business_management")


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A word in a token, what events sent with it are refused with, and when such a token ends or ended."""

    word: str
    refusal: Refusal | None
    ends_in: timedelta | None = None
    is_valid: bool = False


REHEARSALS = (
    Rehearsal(
        "expired",
        Refusal(message="Error validating access token: it has expired.", code=190, subcode=463),
        ends_in=timedelta(hours=-1),
    ),
    Rehearsal(
        "revoked",
        Refusal(message="Error validating access token: its session was ended.", code=190, subcode=460),
    ),
    Rehearsal("forbidden", UNKNOWN_OBJECT, is_valid=True),
    Rehearsal("expiring", None, ends_in=timedelta(hours=12), is_valid=True),
)


def find_token(authorization: str, parameters: Mapping[str, object]) -> str | None:
    """The header's token, else the parameter's; None when there is neither, blank when it holds nothing."""
    bearer = _BEARER.fullmatch(authorization.strip())
    if bearer:
        return (bearer[1] or "").strip()
    given = parameters.get("access_token")
    return None if given is None else str(given).strip()


def check_token(token: str | None) -> None:
    """Raise `RefusalError` unless this token may send."""
    if token is None:
        raise RefusalError(NO_TOKEN)
    refusal = _find_fault(token)
    if refusal:
        raise RefusalError(refusal)


def describe_token(token: str, now: datetime) -> dict[str, object]:
    """The `data` of `/debug_token`. Times are in seconds since 1970; 0 means never."""
    rehearsal, fault = _find_rehearsal(token), _find_fault(token)
    ends_in = rehearsal.ends_in if rehearsal else None
    is_valid = rehearsal.is_valid if rehearsal else fault is None
    described: dict[str, object] = {
        "app_id": "100000000000001",
        "type": "SYSTEM_USER",
        "application": "hubtrack sandbox",
        "is_valid": is_valid,
        "expires_at": int((now + ends_in).timestamp()) if ends_in else _NEVER,
        "data_access_expires_at": _NEVER,
        "issued_at": int((now - timedelta(days=30)).timestamp()),
        "scopes": [] if fault else list(_SCOPES),
        "granular_scopes": [],
        "user_id": "100000000000002",
    }
    if fault and not is_valid:
        described["error"] = {"code": fault.code, "subcode": fault.subcode or 0, "message": fault.message}
    return described


def fingerprint_token(token: str | None) -> str:
    """Enough to tell two tokens apart, too little to be one."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()[:8] if token else ""


def _find_rehearsal(token: str) -> Rehearsal | None:
    return next((rehearsal for rehearsal in REHEARSALS if rehearsal.word in token.lower()), None)


def _find_fault(token: str) -> Refusal | None:
    if not _PARSEABLE.fullmatch(token):
        return UNREADABLE_TOKEN
    rehearsal = _find_rehearsal(token)
    return rehearsal.refusal if rehearsal else None

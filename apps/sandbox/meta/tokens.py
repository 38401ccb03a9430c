"""Access tokens: every one is good here, except those whose text asks for trouble.

So that a customer can rehearse a dead token without killing a live one:

| the token contains | `/events` answers | `/debug_token` says of it |
| --- | --- | --- |
| expired | 190 / 463 | not valid, ended an hour ago |
| revoked | 190 / 460 | not valid |
| forbidden | 100 / 33, no access to this pixel | valid, without any permission |
| expiring | accepted | valid, ends in 12 hours |
| until- and seconds since 1970 | accepted until then, then 190 / 463 | valid until then |
| a blank or anything but printable ASCII | 190, HTTP 401 | not valid |

Those that are given in exchange for another are of the last kind, and last 60 days. Only such tokens can be revoked.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apps.sandbox.meta.refusals import NO_TOKEN, UNKNOWN_OBJECT, UNREADABLE_TOKEN, Refusal, RefusalError

_PARSEABLE = re.compile(r"[!-~]+")
_BEARER = re.compile(r"bearer(?: +(.*))?", re.IGNORECASE | re.DOTALL)
_NEVER = 0
_UNTIL = re.compile(r"until-([0-9]{9,10})(?![0-9])")
LIFE = timedelta(days=60)
_SCOPES = ("ads_management", "ads_read", "business_management")


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A word in a token, what events sent with it are refused with, and when such a token ends or ended."""

    word: str
    refusal: Refusal | None
    ends_in: timedelta | None = None
    is_valid: bool = False


EXPIRED = Refusal(message="Error validating access token: it has expired.", code=190, subcode=463)
REVOKED = Refusal(message="Error validating access token: its session was ended.", code=190, subcode=460)
REHEARSALS = (
    Rehearsal("expired", EXPIRED, ends_in=timedelta(hours=-1)),
    Rehearsal("revoked", REVOKED),
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


def check_token(token: str | None, now: datetime) -> None:
    """Raise `RefusalError` unless this token may send."""
    if token is None:
        raise RefusalError(NO_TOKEN)
    refusal = _find_fault(token, now)
    if refusal:
        raise RefusalError(refusal)


def find_end(token: str) -> datetime | None:
    """Of a token that ends at a moment of its own."""
    found = _UNTIL.search(token)
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None


def new_token(now: datetime) -> str:
    """One that lasts 60 days."""
    return f"EAAS{secrets.token_hex(16)}until-{int((now + LIFE).timestamp())}"


def describe_token(token: str, now: datetime, *, is_revoked: bool = False) -> dict[str, object]:
    """The `data` of `/debug_token`. Times are in seconds since 1970; 0 means never."""
    rehearsal, fault = _find_rehearsal(token), REVOKED if is_revoked else _find_fault(token, now)
    ends_at = now + rehearsal.ends_in if rehearsal and rehearsal.ends_in else find_end(token)
    is_valid = rehearsal.is_valid if rehearsal else fault is None
    described: dict[str, object] = {
        "app_id": "100000000000001",
        "type": "SYSTEM_USER",
        "application": "hubtrack sandbox",
        "is_valid": is_valid,
        "expires_at": int(ends_at.timestamp()) if ends_at else _NEVER,
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


def _find_fault(token: str, now: datetime) -> Refusal | None:
    if not _PARSEABLE.fullmatch(token):
        return UNREADABLE_TOKEN
    end = find_end(token)
    if end and end <= now:
        return EXPIRED
    rehearsal = _find_rehearsal(token)
    return rehearsal.refusal if rehearsal else None

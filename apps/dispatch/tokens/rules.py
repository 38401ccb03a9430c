"""What is known of a token, when to ask again, when to renew it, when to raise the alarm. Pure.

A platform that does not answer says nothing of the token: it is unknown then, never valid.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

ASK_EVERY = timedelta(hours=1)
# Who answers, but does not tell this of this token, will not do so an hour later.
ASK_AGAIN = timedelta(days=1)
# Checks that once fell together drift apart.
_SPREAD = 0.2
REMEMBERED_FOR = timedelta(days=1)
RENEW_BEFORE = timedelta(days=20)
ALARM_BEFORE = timedelta(hours=24)


class State(StrEnum):
    """Words of TokenCheck.State."""

    UNKNOWN = "unknown"
    NEVER = "never"
    EXPIRES = "expires"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What came of asking about a token.

    `problem` is a stable word of at most 60 characters: why it is not valid, or why nothing is known. `is_told` is true
    if the platform answered, if only with a no; `wait_s` is how long it asked to be left alone. `is_renewable`: a token
    of the hub's own app that can be exchanged for a fresh one.
    """

    state: State = State.UNKNOWN
    expires_at: datetime | None = None
    data_access_expires_at: datetime | None = None
    scopes: tuple[str, ...] = ()
    problem: str = ""
    is_told: bool = True
    wait_s: int = 0
    is_renewable: bool = False

    @property
    def ends_at(self) -> datetime | None:
        return earliest(self.expires_at, self.data_access_expires_at)


def earliest(expires_at: datetime | None, data_access_expires_at: datetime | None) -> datetime | None:
    """Of a token's two clocks the one that runs out first: after either it is of no use."""
    return min((moment for moment in (expires_at, data_access_expires_at) if moment), default=None)


def next_check(inspection: Inspection, now: datetime, spread: float) -> datetime:
    """`spread` in [0, 1)."""
    is_mute = inspection.state is State.UNKNOWN and inspection.is_told and not inspection.wait_s
    wait = max(ASK_AGAIN if is_mute else ASK_EVERY, timedelta(seconds=inspection.wait_s))
    return now + wait * (1 - _SPREAD / 2 + _SPREAD * spread)


def keeps_what_is_known(inspection: Inspection, known: State, checked_at: datetime, now: datetime) -> bool:
    """Whether a check that came to nothing leaves an answer standing that is not a day old."""
    return inspection.state is State.UNKNOWN and known is not State.UNKNOWN and now - checked_at < REMEMBERED_FOR


def must_renew(inspection: Inspection, now: datetime) -> bool:
    """An expired token cannot be exchanged any more, so it is done early."""
    end = inspection.expires_at
    return inspection.is_renewable and end is not None and now < end <= now + RENEW_BEFORE


def lasts(inspection: Inspection, now: datetime) -> bool:
    """Whether a new token is worth changing to."""
    end = inspection.ends_at
    return inspection.state is State.NEVER or (
        inspection.state is State.EXPIRES and end is not None and end > now + RENEW_BEFORE
    )


def is_alarming(state: State, ends_at: datetime | None, now: datetime) -> bool:
    return state is State.INVALID or (ends_at is not None and ends_at - now < ALARM_BEFORE)

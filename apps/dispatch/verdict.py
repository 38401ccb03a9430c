"""What one request to any platform came to, and what to do about it. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What one request came to, by what must happen next."""

    ACCEPTED = "accepted"
    TRANSIENT = "transient"  # the platform is unwell: try again
    THROTTLED = "throttled"  # too many requests: whoever `Verdict.scope` names waits
    TOKEN = "token"  # noqa: S105  # the token is dead: events wait for a new one
    PERMISSION = "permission"  # the token lives but may not: events wait
    PERMANENT = "permanent"  # the event is refused for good
    EXPIRED = "expired"  # the event is older than the platform takes
    AMBIGUOUS = "ambiguous"  # it may have been taken: resend only while repeats are dropped
    VERSION = "version"  # the API version is no longer served: the event is fine
    UNKNOWN = "unknown"  # never seen: try a few times and show it to a person


class NextStep(StrEnum):
    """What to do about it; the stable words that attempts keep and the UI explains."""

    NONE = "none"
    RETRY = "retry"
    WAIT = "wait"
    REPLACE_TOKEN = "replace_token"  # noqa: S105
    CHECK_PERMISSIONS = "check_permissions"
    CHANGE_VERSION = "change_version"
    FIX_EVENT = "fix_event"
    DROP_FBC = "drop_fbc"
    SPLIT_BATCH = "split_batch"
    REVIEW = "review"


class Scope(StrEnum):
    """Who waits when a platform says "too many"."""

    DESTINATION = "destination"
    TOKEN = "token"  # noqa: S105  # all destinations that send with this token
    APP = "app"  # everybody who sends to this host


@dataclass(frozen=True, slots=True)
class Verdict:
    """The reading of one request. `reason` is a stable word, at most 60 characters: what was read.

    `repair` names the key to leave out before it is sent once more; `retry_after_s` is how long the platform asks to be
    left alone.
    """

    outcome: Outcome
    next_step: NextStep
    reason: str
    code: int | None = None
    subcode: int | None = None
    fbtrace_id: str | None = None
    retry_after_s: int | None = None
    scope: Scope = Scope.DESTINATION
    repair: str = ""

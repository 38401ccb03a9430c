"""What becomes of a send after its request: the one place that decides. Pure.

Five failures of its own make a send dead. Its own are those that befell it alone while its destination was well just
before; what the platform does to everybody costs it nothing but time.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from apps.dispatch.backoff import next_delay
from apps.dispatch.verdict import Outcome, Verdict

STRIKES = 5
LEASE = timedelta(seconds=60)
_SHRINK_BITS = 3  # an eighth


class Place(StrEnum):
    """Where a send may come to stand; words of SendStatus."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    DEAD = "dead"
    EXPIRED = "expired"
    PARKED = "parked"
    BLOCKED = "blocked"
    EXCLUDED = "excluded"
    RETRYING = "retrying"


@dataclass(frozen=True, slots=True)
class Tried:
    """What there is to know of a send that was in a request."""

    failures: int = 0
    strikes: int = 0
    repairs: tuple[str, ...] = ()
    is_unsure: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """The request it was in. `is_alone`: it held nothing else. `was_well`: the one before it had succeeded. What fails
    as the probe of an open breaker is tried as soon as the breaker lets it."""

    is_alone: bool
    was_well: bool
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Fate:
    """Where it stands now; `due_at` only where it is tried again."""

    place: Place
    reason: str
    tried: Tried
    due_at: datetime | None = None


_FINAL = {Outcome.PERMANENT: Place.DEAD, Outcome.EXPIRED: Place.EXPIRED}
_PARKING = frozenset({Outcome.TOKEN, Outcome.PERMISSION, Outcome.VERSION})
FAULTS_OF_THE_PLATFORM = frozenset({Outcome.TRANSIENT, Outcome.AMBIGUOUS, Outcome.UNKNOWN})
"""Outcomes that a breaker counts."""


def decide(tried: Tried, verdict: Verdict, request: Request, now: datetime, jitter: float) -> Fate:
    """`jitter` in [0, 1) spreads what is tried again."""
    if verdict.outcome is Outcome.ACCEPTED:
        return Fate(Place.ACCEPTED, "accepted_on_resend" if tried.is_unsure else "accepted", tried)
    if verdict.repair and verdict.repair not in tried.repairs:
        repaired = replace(tried, repairs=(*tried.repairs, verdict.repair))
        return Fate(Place.RETRYING, f"repaired_{verdict.repair}", repaired, now)
    if verdict.outcome in _FINAL:
        return Fate(_FINAL[verdict.outcome], verdict.reason[:60], tried)
    if verdict.outcome in _PARKING:
        return Fate(Place.PARKED, verdict.reason[:60], tried)
    if verdict.outcome is Outcome.THROTTLED:
        return Fate(Place.RETRYING, verdict.reason[:60], tried, now)
    return _fail(tried, verdict, request, now, jitter)


def _fail(tried: Tried, verdict: Verdict, request: Request, now: datetime, jitter: float) -> Fate:
    tried = replace(tried, is_unsure=tried.is_unsure or verdict.outcome is Outcome.AMBIGUOUS)
    if request.is_probe:
        return Fate(Place.RETRYING, verdict.reason[:60], tried, now)
    is_own = request.is_alone and request.was_well
    failed = replace(tried, failures=tried.failures + 1, strikes=tried.strikes + int(is_own))
    if failed.strikes >= STRIKES:
        return Fate(Place.DEAD, f"gave_up_{verdict.reason}"[:60], failed)
    return Fate(Place.RETRYING, verdict.reason[:60], failed, now + next_delay(tried.failures, jitter=jitter))


def lapse(tried: Tried, *, was_alone: bool, was_posted: bool) -> Tried:
    """After a lease that nobody settled: a worker died, perhaps of this very event."""
    return Tried(
        failures=tried.failures + 1,
        strikes=tried.strikes + int(was_alone),
        repairs=tried.repairs,
        is_unsure=tried.is_unsure or was_posted,
    )


def largest_company(failures: int, top: int) -> int:
    """How many events may share a request with one that failed so often: the guilty one is soon alone."""
    return max(top >> _SHRINK_BITS * min(failures, 10), 1)

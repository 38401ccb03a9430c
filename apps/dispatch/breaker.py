"""When a destination may be sent to, how much at once, and what each outcome changes. Pure.

Five requests in a row that fail by the platform's fault, fast or slow, open the breaker; after a minute one request
probes. While it is open nothing is tried, so an outage costs no event anything. What a platform says of a token, a
permission or an event is an answer, and an answer means that it works.
"""

from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

FAILURES_TO_OPEN = 5
# A platform is down when several destinations say so: one with a broken pixel must not stop the others.
DESTINATIONS_TO_OPEN = 3
OPEN_FOR = timedelta(seconds=60)
# After half an hour of probing every minute, less often.
OPEN_LONGER_FOR = timedelta(minutes=5)
OPENINGS_UNTIL_LONGER = 30
PROBE_LEASE = timedelta(seconds=60)
# What a platform that says "too many" and no more is left alone for.
PAUSE = timedelta(minutes=2)
LONGEST_PAUSE = timedelta(hours=24)
WIDEST = 4
FIRST_ALLOWANCE = 10
_SPREAD = 0.2


class State(StrEnum):
    """Closed lets requests pass, open none, half-open a single one."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Condition:
    """What is known of one destination, or of a whole platform.

    `retry_at` is when an open breaker may be probed, and until when a probe that nobody finished counts. `width` is how
    many requests may be under way, `allowance` how many events each may hold. `failing` names the destinations behind a
    platform's `failures`.
    """

    state: State = State.CLOSED
    failures: int = 0
    openings: int = 0
    retry_at: datetime | None = None
    paused_until: datetime | None = None
    reason: str = ""
    width: int = 2
    allowance: int = 1000
    failing: Set[str] = frozenset()

    def wait_until(self, now: datetime) -> datetime | None:
        """Until when nothing may be sent; None when something may."""
        probe = self.retry_at if self.state is not State.CLOSED else None
        waits = [moment for moment in (self.paused_until, probe) if moment and moment > now]
        return max(waits, default=None)


@dataclass(frozen=True, slots=True)
class Admission:
    """How many events the next request may hold; 0: none before `until`."""

    events: int
    is_probe: bool = False
    until: datetime | None = None


def admit(own: Condition, platform: Condition, now: datetime) -> Admission:
    """May a destination in this condition, of a platform in that one, be sent to?"""
    waits = [until for condition in (own, platform) if (until := condition.wait_until(now))]
    if waits:
        return Admission(0, until=max(waits))
    if State.CLOSED is own.state is platform.state:
        return Admission(own.allowance)
    return Admission(1, is_probe=True)


def begin_probe(condition: Condition, now: datetime) -> Condition:
    """Nobody else probes until this probe is done or given up; a closed breaker needs none."""
    if condition.state is State.CLOSED:
        return condition
    return replace(condition, state=State.HALF_OPEN, retry_at=now + PROBE_LEASE)


def succeed(condition: Condition, top: int) -> Condition:
    """After any whole answer. From then on requests grow to `top` events, then to more at once: nobody stampedes."""
    if condition.state is not State.CLOSED:
        return replace(
            condition,
            state=State.CLOSED,
            failures=0,
            openings=0,
            retry_at=None,
            reason="",
            width=1,
            allowance=min(FIRST_ALLOWANCE, top),
            failing=frozenset(),
        )
    allowance = min(condition.allowance * 2, top)
    grown = condition.width + 1 if condition.allowance >= top else condition.width
    return replace(condition, failures=0, allowance=allowance, width=min(grown, WIDEST), failing=frozenset())


def fail(
    condition: Condition,
    reason: str,
    now: datetime,
    *,
    jitter: float,
    destination: str = "",
    is_silent: bool = False,
) -> Condition:
    """After a request that failed by the platform's fault; `jitter` in [0, 1). A platform learns at which destination.

    Where no answer came (`is_silent`), the next request holds one event: all that it holds will be in doubt. What fails
    while the breaker is open was under way when it opened, and changes nothing.
    """
    if condition.state is State.OPEN:
        return condition
    failing = frozenset({*condition.failing, destination}) if destination else frozenset()
    failed = replace(
        condition,
        failures=condition.failures + 1,
        failing=failing,
        width=max(condition.width - 1, 1),
        allowance=1 if is_silent else max(condition.allowance // 2, 1),
    )
    is_widespread = not destination or len(failing) >= DESTINATIONS_TO_OPEN
    if condition.state is State.CLOSED and (failed.failures < FAILURES_TO_OPEN or not is_widespread):
        return failed
    openings = condition.openings + 1
    wait = OPEN_FOR if openings <= OPENINGS_UNTIL_LONGER else OPEN_LONGER_FOR
    retry_at = now + wait * (1 + _SPREAD * jitter)
    return replace(failed, state=State.OPEN, openings=openings, retry_at=retry_at, reason=reason)


def pause(condition: Condition, reason: str, now: datetime, asked_s: int | None) -> Condition:
    """After "too many": leave it alone for as long as it asks, and then begin gently."""
    asked = min(timedelta(seconds=asked_s or 0), LONGEST_PAUSE) or PAUSE
    until = max(now + asked, condition.paused_until or now)
    return replace(
        condition, paused_until=until, reason=reason, width=1, allowance=max(condition.allowance // 2, FIRST_ALLOWANCE)
    )


def begin_gently(condition: Condition) -> Condition:
    """Its platform broke down: whatever it could take before, it begins with little."""
    return replace(condition, failures=0, width=1, allowance=min(condition.allowance, FIRST_ALLOWANCE))


def start_anew(condition: Condition, now: datetime) -> Condition:
    """With a new token, or because somebody says so: the next request is a probe."""
    return replace(condition, state=State.OPEN, failures=0, openings=0, retry_at=now, paused_until=None, reason="")

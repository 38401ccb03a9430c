"""The ad platform of a rehearsal: what it answers in which state, and its own record of what it took. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from apps.core.http import Ambiguous, Reason
from apps.dispatch.exchange import judge_silence
from apps.dispatch.meta.errors import classify
from apps.dispatch.rehearsal.lane import Cohort
from apps.dispatch.rehearsal.plan import Plan, Trouble
from apps.dispatch.verdict import Verdict

# Within it a platform drops the copies of an event.
REMEMBERS_FOR_S = timedelta(hours=48).total_seconds()
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Answered:
    """What the hub reads after `seconds`, and whether the platform took the events, whatever it said."""

    verdict: Verdict
    seconds: float
    is_taken: bool


class RehearsedHost:
    """Well but for the outage; `chance` gives numbers in [0, 1)."""

    def __init__(self, plan: Plan, chance: Callable[[], float]) -> None:
        self.accepted = 0
        self.copies_dropped = 0
        self.accepted_twice = 0
        self._plan = plan
        self._chance = chance
        self._second, self._served = 0, 0

    def answer(self, at: float, size: int) -> Answered:
        """To a request of `size` events that reaches the platform then."""
        plan, host = self._plan, self._plan.host
        seconds = host.latency_s * (_HALF + self._chance())
        if plan.quiet_s <= at < plan.ends_at:
            return self._fail(size, seconds)
        if self._is_too_many(at):
            return Answered(_graph(403, {}, size, code=4, is_transient=True), seconds, is_taken=False)
        return Answered(classify(200, {}, json.dumps({"events_received": size}).encode(), size), seconds, is_taken=True)

    def take(self, cohort: Cohort, at: float) -> Cohort:
        """Count a cohort whose events were taken, unless they were before: copies are dropped for 48 hours."""
        if cohort.taken_at is None:
            self.accepted += cohort.size
        elif at - cohort.taken_at <= REMEMBERS_FOR_S:
            self.copies_dropped += cohort.size
            return cohort
        else:
            self.accepted_twice += cohort.size
        return replace(cohort, taken_at=at)

    def _fail(self, size: int, seconds: float) -> Answered:
        host = self._plan.host
        if self._plan.trouble is Trouble.STALL:
            silence = judge_silence(Ambiguous(Reason.READ_TIMEOUT))
            return Answered(silence, host.timeout_s, is_taken=self._chance() < _HALF)
        if self._plan.trouble is Trouble.RESET:
            return Answered(judge_silence(Ambiguous(Reason.RESET)), seconds, is_taken=self._chance() < _HALF)
        if self._plan.trouble is Trouble.THROTTLE:
            headers = {"Retry-After": str(host.pause_s)}
            return Answered(_graph(403, headers, size, code=4, is_transient=True), seconds, is_taken=False)
        if self._plan.trouble is Trouble.TOKEN:
            return Answered(_graph(400, {}, size, code=190, error_subcode=463), seconds, is_taken=False)
        return Answered(classify(500, {}, b"", size), seconds, is_taken=False)

    def _is_too_many(self, at: float) -> bool:
        second = int(at)
        self._served = self._served + 1 if second == self._second else 1
        self._second = second
        return self._served > self._plan.host.capacity


def _graph(status: int, headers: Mapping[str, str], size: int, **error: object) -> Verdict:
    return classify(status, headers, json.dumps({"error": error}).encode(), size)

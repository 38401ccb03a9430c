"""The rehearsal itself: a discrete-event simulation of relay, workers, breakers, outbox and platform.

Nothing sleeps and nothing is stored: the clock jumps from one event to the next. What decides is what decides in
production: breaker.py, fate.py, backoff.py and the platform's own reading of answers.
"""

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from math import ceil
from random import Random

from apps.dispatch.backoff import deadline
from apps.dispatch.breaker import Condition, State
from apps.dispatch.fate import Fate, Place, Request, Tried, decide
from apps.dispatch.rehearsal.gates import Gate, Gates
from apps.dispatch.rehearsal.host import RehearsedHost
from apps.dispatch.rehearsal.lane import Cohort, Lane
from apps.dispatch.rehearsal.plan import Plan
from apps.dispatch.rehearsal.report import Course, Report
from apps.dispatch.verdict import Outcome, Verdict

START = datetime(2026, 11, 23, tzinfo=UTC)
# A hub that has not caught up by then never will.
_GIVEN_UP_AFTER_S = 48 * 3600.0
_TINY = 1e-9
_PARKING = frozenset({Outcome.TOKEN, Outcome.PERMISSION, Outcome.VERSION})


def rehearse(plan: Plan) -> Report:
    """Play the plan to its end."""
    return _Rehearsal(plan).run()


@dataclass(frozen=True, slots=True)
class _Lease:
    """A request under way: what was claimed, what the platform will have said, and when the hub knows."""

    number: int
    cohorts: Sequence[Cohort]
    verdict: Verdict
    ends_at: float
    is_probe: bool
    was_well: bool
    leaves_more: bool


_Turn = Generator[_Lease, None, None]


class _Rehearsal:
    """One run. Seconds count from its start; `_events` is the heap of what happens when."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._random = Random(plan.seed)  # noqa: S311 - repeatable on purpose
        chance = self._random.random
        self._lanes = [Lane() for _ in range(plan.destinations)]
        gates = [Gate(str(number), number % plan.tenants) for number in range(plan.destinations)]
        self._gates = Gates(gates, plan.workers.tenant_width, chance, self._forgive)
        self._host = RehearsedHost(plan, chance)
        self._top = min(plan.limits.batch, plan.limits.max_batch)
        self._window_s = (deadline(START, plan.limits.margin, plan.limits.window) - START).total_seconds()
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._look_at: float | None = None
        self._wake_ups: deque[tuple[float, int]] = deque()
        self._woken: set[int] = set()
        self._idle_threads = plan.workers.threads
        self._hub_free_at = 0.0
        self._unsold = self._sold_until = 0.0
        self._sold = self._backlog = self._strikes = self._most_attempts = self._requests = 0
        self._usual_backlog = self._requests_in_outage = self._first_minute = 0
        self._well_at: float | None = None
        self._caught_up_at: float | None = None
        self._stops_at = plan.ends_at + _GIVEN_UP_AFTER_S
        self._ends: Counter[tuple[str, str]] = Counter()
        self._course = Course()
        self._trace = hashlib.sha256()

    def run(self) -> Report:
        self._schedule(0.0, self._sell)
        self._schedule(self._plan.ends_at, self._mend)
        while self._events:
            self._now, _number, happen = heappop(self._events)
            happen()
        return self._report()

    def _schedule(self, at: float, happen: Callable[[], None]) -> None:
        heappush(self._events, (at, next(self._numbers), happen))

    def _moment(self, seconds: float | None = None) -> datetime:
        return START + timedelta(seconds=self._now if seconds is None else seconds)

    def _seconds(self, moment: datetime) -> float:
        return (moment - START).total_seconds()

    # Sales

    def _sell(self) -> None:
        """What was sold in the second that ends now, each at a destination by chance."""
        a_second = self._plan.per_minute / 60
        self._unsold += a_second * (self._now - self._sold_until)
        self._sold_until = self._now
        made = int(self._unsold + _TINY)
        self._unsold = max(self._unsold - made, 0.0)
        sizes = Counter(int(self._random.random() * self._plan.destinations) for _ in range(made))
        for number, size in sorted(sizes.items()):
            self._lanes[number].put(Cohort(self._now, size), self._now, self._now)
        self._sold += made
        self._add_to_backlog(made)
        if any(self._gates.wait_until(self._gates.gates[number], self._moment()) is None for number in sizes):
            self._look_by(self._now)
        next_at = self._now + max(ceil((1 - self._unsold) / a_second - _TINY), 1)
        if next_at < self._stops_at:
            self._schedule(next_at, self._sell)

    def _add_to_backlog(self, size: int) -> None:
        self._backlog += size
        self._course.note_backlog(self._now, self._backlog)
        if self._now < self._plan.quiet_s:
            self._usual_backlog = max(self._usual_backlog, self._backlog)
        elif self._plan.ends_at < self._now < self._stops_at and self._has_caught_up():
            self._caught_up_at = self._now
            self._stops_at = self._now + self._plan.after_s

    def _has_caught_up(self) -> bool:
        return self._caught_up_at is None and self._backlog <= self._usual_backlog

    # The relay

    def _look_by(self, at: float) -> None:
        """At the relay's first turn from then on, unless it looks earlier anyway."""
        turn = ceil(at / self._plan.workers.relay_s + _TINY) * self._plan.workers.relay_s
        if self._look_at is None or turn < self._look_at:
            self._look_at = turn
            self._schedule(turn, lambda: self._look(turn))

    def _look(self, turn: float) -> None:
        if turn != self._look_at:
            return
        self._look_at = None
        self._expire()
        workers, moment = self._plan.workers, self._moment()
        due = [number for number, gate in enumerate(self._gates.gates) if self._is_due(number, gate, moment)]
        well = [number for number in due if not self._gates.gates[number].is_doubtful]
        doubtful = [number for number in due if self._gates.gates[number].is_doubtful]
        self._wake(self._random.sample(well, min(len(well), workers.wake_ups)))
        self._wake(self._random.sample(doubtful, min(len(doubtful), workers.doubtful_wake_ups)))
        self._employ()
        is_busy = due or self._idle_threads < workers.threads
        next_at = self._now + workers.relay_s if is_busy else self._next_chance()
        if next_at is not None:
            self._look_by(next_at)

    def _is_due(self, number: int, gate: Gate, moment: datetime) -> bool:
        due_at = self._lanes[number].due_at(self._now)
        is_open = not gate.parked_reason and self._gates.wait_until(gate, moment) is None
        return is_open and due_at is not None and due_at <= self._now and gate.under_way < gate.own.width

    def _next_chance(self) -> float | None:
        """The first moment at which something could be sent or expires, if nothing else happens until then."""
        moments = [self._chance_of(number) for number, lane in enumerate(self._lanes) if lane.waiting]
        return min(moments, default=None)

    def _chance_of(self, number: int) -> float:
        lane, gate = self._lanes[number], self._gates.gates[number]
        expires_at = (lane.oldest() or 0.0) + self._window_s
        due_at, until = lane.due_at(self._now), self._gates.wait_until(gate, self._moment())
        if due_at is None or gate.parked_reason:
            return expires_at
        return min(expires_at, max(due_at, self._seconds(until) if until else self._now))

    def _expire(self) -> None:
        for lane, gate in zip(self._lanes, self._gates.gates, strict=True):
            for cohort in lane.expire(self._now - self._window_s):
                self._end(cohort, Place.EXPIRED, _why_expired(gate, self._gates.platform, cohort, self._moment()))

    # The workers

    def _wake(self, numbers: Sequence[int]) -> None:
        """One wake-up for each that has none waiting."""
        new = [number for number in numbers if number not in self._woken]
        self._woken.update(new)
        expires_at = self._now + self._plan.workers.wake_up_expires_s
        self._wake_ups.extend((expires_at, number) for number in new)

    def _employ(self) -> None:
        while self._idle_threads and self._wake_ups:
            expires_at, number = self._wake_ups.popleft()
            self._woken.discard(number)
            if expires_at > self._now:
                self._idle_threads -= 1
                self._resume(self._turn(number))

    def _resume(self, turn: _Turn) -> None:
        """Run a worker's turn until its next request is under way, or it ends."""
        lease: _Lease | None = next(turn, None)
        if lease:
            self._schedule(lease.ends_at, lambda: self._resume(turn))
        else:
            self._idle_threads += 1
            self._employ()

    def _turn(self, number: int) -> _Turn:
        """One request; where more is due, the next one queues behind those to others."""
        if lease := self._claim(number):
            yield lease
            self._settle(lease)
            if lease.leaves_more:
                self._wake([number])

    def _claim(self, number: int) -> _Lease | None:
        lane, gate = self._lanes[number], self._gates.gates[number]
        was_well = self._gates.was_well(gate)
        admission = self._gates.enter(gate, self._top, self._moment())
        if not admission.events:
            return None
        claimed = (
            lane.claim_probe(self._now) if admission.is_probe else lane.claim(admission.events, self._top, self._now)
        )
        living = [cohort for cohort in claimed if not self._stop(cohort)]
        if not living:
            return None
        gate.under_way += 1
        is_full = sum(cohort.size for cohort in claimed) >= admission.events
        posted = self._post(number, living)
        return _Lease(number, *posted, admission.is_probe, was_well, is_full or lane.has_due(self._now))

    def _stop(self, cohort: Cohort) -> bool:
        """Whether it must not be sent any more; it is settled then."""
        first = cohort.first_attempt_at
        is_late = first is not None and self._now - first > self._plan.limits.resend_window.total_seconds()
        if cohort.sold_at + self._window_s <= self._now:
            self._end(cohort, Place.EXPIRED, "too_old")
        elif is_late and cohort.tried.is_unsure:
            self._end(cohort, Place.DEAD, "unknown_outcome")
        else:
            return False
        return True

    def _post(self, number: int, cohorts: Sequence[Cohort]) -> tuple[Sequence[Cohort], Verdict, float]:
        """What was tried, what the platform says, and when."""
        size, workers = sum(cohort.size for cohort in cohorts), self._plan.workers
        posted_at = max(self._now, self._hub_free_at) + workers.request_s + workers.event_s * size
        self._hub_free_at = posted_at
        answered = self._host.answer(posted_at, size)
        tried = [
            replace(
                self._host.take(cohort, posted_at) if answered.is_taken else cohort,
                attempts=cohort.attempts + 1,
                first_attempt_at=self._now if cohort.first_attempt_at is None else cohort.first_attempt_at,
            )
            for cohort in cohorts
        ]
        self._note_request(posted_at, size)
        self._trace.update(f"{posted_at:.6f} {number} {size} {answered.verdict.reason}\n".encode())
        return tried, answered.verdict, posted_at + answered.seconds

    def _note_request(self, at: float, size: int) -> None:
        plan = self._plan
        self._requests += 1
        self._requests_in_outage += plan.quiet_s <= at < plan.ends_at
        self._first_minute += self._well_at is not None and at < self._well_at + 60
        self._course.note_request(at, size)

    # What came of it

    def _settle(self, lease: _Lease) -> None:
        gate, moment = self._gates.gates[lease.number], self._moment()
        gate.under_way -= 1
        if lease.verdict.outcome is Outcome.ACCEPTED and self._now >= self._plan.ends_at and self._well_at is None:
            self._well_at = self._now
        self._gates.note_outcome(gate, lease.verdict, self._top, moment)
        size = sum(cohort.size for cohort in lease.cohorts)
        request = Request(is_alone=size == 1, was_well=lease.was_well, is_probe=lease.is_probe)
        fates: dict[Tried, Fate] = {}
        for cohort in lease.cohorts:
            if cohort.tried not in fates:
                fates[cohort.tried] = decide(cohort.tried, lease.verdict, request, moment, 0.0)
            if fates[cohort.tried].due_at in (None, moment):
                self._apply(lease.number, cohort, fates[cohort.tried])
                continue
            # Each waits for a time of its own.
            for _ in range(cohort.size):
                fate = decide(cohort.tried, lease.verdict, request, moment, self._random.random())
                self._apply(lease.number, replace(cohort, size=1), fate)
        if lease.verdict.outcome in _PARKING:
            gate.parked_reason = lease.verdict.reason

    def _apply(self, number: int, cohort: Cohort, fate: Fate) -> None:
        self._most_attempts = max(self._most_attempts, cohort.attempts)
        self._strikes += cohort.size * max(fate.tried.strikes - cohort.tried.strikes, 0)
        if fate.place not in (Place.RETRYING, Place.PARKED):
            self._end(cohort, fate.place, fate.reason)
            return
        due_at = self._seconds(fate.due_at) if fate.due_at else self._now
        self._lanes[number].put(replace(cohort, tried=fate.tried), due_at, self._now)

    def _end(self, cohort: Cohort, place: Place, reason: str) -> None:
        self._ends[place, reason] += cohort.size
        self._add_to_backlog(-cohort.size)

    def _forgive(self, gate: Gate, _moment: datetime) -> None:
        self._lanes[int(gate.name)].forgive(self._now)

    def _mend(self) -> None:
        """The platform is well; where tokens had died, new ones are saved."""
        for lane, gate in zip(self._lanes, self._gates.gates, strict=True):
            if gate.parked_reason:
                self._gates.resume(gate, self._moment())
                lane.release()
        self._look_by(self._now)

    def _report(self) -> Report:
        plan, course = self._plan, self._course
        after = (plan.ends_at, float("inf"))
        return Report(
            plan=plan,
            sold=self._sold,
            accepted=self._ends[Place.ACCEPTED, "accepted"] + self._ends[Place.ACCEPTED, "accepted_on_resend"],
            accepted_twice=self._host.accepted_twice,
            copies_dropped=self._host.copies_dropped,
            dead={reason: size for (place, reason), size in self._ends.items() if place is Place.DEAD},
            expired={reason: size for (place, reason), size in self._ends.items() if place is Place.EXPIRED},
            strikes=self._strikes,
            most_attempts=self._most_attempts,
            requests=self._requests,
            requests_in_outage=self._requests_in_outage,
            quiet_rate=course.usual(course.requests, plan.quiet_s / 2, plan.quiet_s),
            peak_rate=course.busiest(course.requests, *after),
            quiet_events=course.usual(course.events, plan.quiet_s / 2, plan.quiet_s),
            peak_events=course.busiest(course.events, *after),
            first_minute=self._first_minute,
            peak_backlog=max(course.backlog.values(), default=0),
            caught_up_s=None if self._caught_up_at is None else self._caught_up_at - plan.ends_at,
            trace=self._trace.hexdigest()[:16],
            course=course,
        )


def _why_expired(gate: Gate, platform: Condition, cohort: Cohort, moment: datetime) -> str:
    """In the words of services/expire.py."""
    both = (gate.own, platform)
    if gate.parked_reason:
        return "expired_parked"
    if any(one.state is not State.CLOSED for one in both):
        return "expired_platform_down"
    if any(one.paused_until and one.paused_until > moment for one in both):
        return "expired_throttled"
    return "expired_retrying" if cohort.attempts else "expired_waiting"

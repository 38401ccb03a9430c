"""The breakers of a rehearsal, in memory; the rules are breaker.py's, as services/admission.py applies them. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from apps.dispatch import breaker as rules
from apps.dispatch.breaker import Admission, Condition, State
from apps.dispatch.fate import FAULTS_OF_THE_PLATFORM
from apps.dispatch.verdict import Outcome, Scope, Verdict


@dataclass(slots=True)
class Gate:
    """One destination's: its breaker, how many requests are under way, and why it is parked, if it is."""

    name: str
    tenant: int
    own: Condition = field(default_factory=Condition)
    under_way: int = 0
    parked_reason: str = ""

    @property
    def is_doubtful(self) -> bool:
        return self.own.state is not State.CLOSED or self.own.failures > 0


class Gates:
    """All of them, and their platform's; `on_open` is told of a destination whose breaker has opened."""

    def __init__(
        self,
        gates: list[Gate],
        tenant_width: int,
        chance: Callable[[], float],
        on_open: Callable[[Gate, datetime], None],
    ) -> None:
        self.gates = gates
        self.platform = Condition()
        self._tenant_width = tenant_width
        self._chance = chance
        self._on_open = on_open

    def was_well(self, gate: Gate) -> bool:
        conditions = (gate.own, self.platform)
        return all(one.state is State.CLOSED and not one.failures for one in conditions)

    def wait_until(self, gate: Gate, now: datetime) -> datetime | None:
        """Until when nothing can be sent there, by what is known now."""
        waits = (condition.wait_until(now) for condition in (gate.own, self.platform))
        return max((until for until in waits if until), default=None)

    def enter(self, gate: Gate, top: int, now: datetime) -> Admission:
        if gate.parked_reason:
            return Admission(0)
        admission = rules.admit(gate.own, self.platform, now)
        if not admission.events or not self._has_room(gate):
            return Admission(0)
        if admission.is_probe:
            self.platform = rules.begin_probe(self.platform, now)
            gate.own = rules.begin_probe(gate.own, now)
        return replace(admission, events=min(admission.events, top))

    def note_outcome(self, gate: Gate, verdict: Verdict, top: int, now: datetime) -> None:
        if verdict.outcome is Outcome.THROTTLED:
            self._pause(gate, verdict, now)
        elif verdict.outcome in FAULTS_OF_THE_PLATFORM:
            spread = self._chance()
            before = gate.own
            is_silent, was_closed = verdict.outcome is Outcome.AMBIGUOUS, self.platform.state is State.CLOSED
            gate.own = rules.fail(before, verdict.reason, now, jitter=spread, is_silent=is_silent)
            self.platform = rules.fail(self.platform, verdict.reason, now, jitter=spread, destination=gate.name)
            if was_closed and self.platform.state is State.OPEN:
                self._break_down(now)
            if gate.own.state is State.OPEN is not before.state:
                self._on_open(gate, now)
        else:
            gate.own = rules.succeed(gate.own, top)
            self.platform = rules.succeed(self.platform, top)

    def resume(self, gate: Gate, now: datetime) -> None:
        """A new token was saved."""
        gate.own, gate.parked_reason = rules.start_anew(gate.own, now), ""

    def _has_room(self, gate: Gate) -> bool:
        of_tenant = sum(other.under_way for other in self.gates if other.tenant == gate.tenant)
        return gate.under_way < gate.own.width and of_tenant < self._tenant_width

    def _break_down(self, now: datetime) -> None:
        for gate in self.gates:
            if gate.own.state is State.CLOSED:
                gate.own = rules.begin_gently(gate.own)
                self._on_open(gate, now)

    def _pause(self, gate: Gate, verdict: Verdict, now: datetime) -> None:
        if verdict.scope is Scope.APP:
            self.platform = rules.pause(self.platform, verdict.reason, now, verdict.retry_after_s)
        else:
            gate.own = rules.pause(gate.own, verdict.reason, now, verdict.retry_after_s)

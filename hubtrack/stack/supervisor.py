"""Keeps processes alive, in order, until it is told to end; then ends them in the reverse order.

One loop in one thread starts, watches and collects every process, for two reasons: the kernel ties a child's
life to the thread that started it, and what a child does between fork and exec is safe only without other
threads.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Never, Self

from hubtrack.stack.descendants import adopt_orphans, kill_children_except, reap_adopted, tie_to
from hubtrack.stack.errors import StackError, StopAsked
from hubtrack.stack.logs import Logs
from hubtrack.stack.program import Program
from hubtrack.stack.stopping import StopRequest

_TICK = 0.1
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 10.0
_STEADY = 5.0  # seconds after which a process that dies is not one that keeps dying
_START_ATTEMPTS = 3
_HURRY = 3.0


@dataclass(slots=True)
class Child:
    """A program and its present process. `deaths` counts quick ones in a row; times are monotonic seconds."""

    program: Program
    process: subprocess.Popen[bytes]
    started: float
    once: bool = False
    deaths: int = 0
    restart_at: float | None = None

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        if self.is_running:
            self.process.send_signal(number)

    def kill_group(self) -> None:
        """SIGKILL the process and what it started in its session."""
        self.send(signal.SIGKILL)
        if self.program.own_session:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def note_death(self) -> float:
        """Count it and return the delay before the next start, in seconds."""
        now = time.monotonic()
        self.deaths = self.deaths + 1 if now - self.started < _STEADY else 1
        delay = min(_FIRST_DELAY * 2.0 ** (self.deaths - 1), _LONGEST_DELAY)
        self.restart_at = now + delay
        return delay


class Supervisor:
    """A context manager; leaving it, for whatever reason, ends every process it started."""

    def __init__(self, environment: Mapping[str, str], logs: Logs, stop: StopRequest) -> None:
        self._environment = dict(environment)
        self._logs = logs
        self._stop = stop
        self._groups: list[list[Child]] = []

    def __enter__(self) -> Self:
        adopt_orphans()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is StopAsked:
            self._logs.report("Ending everything; once more to hurry")
        while self._groups:
            self._end_group(self._groups[-1])
            self._groups.pop()
        kill_children_except(set())
        self._logs.close()

    def start(self, *programs: Program) -> None:
        """Start `programs` together and return when all are ready.

        Raises `StackError` when one of them is not, and `StopAsked` when the end was asked for meanwhile.
        """
        group: list[Child] = []
        self._groups.append(group)
        for program in programs:
            group.append(Child(program, self._spawn(program), time.monotonic()))
        for child in group:
            self._await_ready(child)

    def run(self, program: Program) -> int:
        """Run `program` to its end beside the others; its exit code, or minus the signal that ended it."""
        child = Child(program, self._spawn(program), time.monotonic(), once=True)
        self._groups.append([child])
        while child.is_running:
            self._go_on()
        self._clear_remains(child)
        self._groups.pop()
        return child.process.returncode

    def serve(self) -> Never:
        """Keep everything alive. Raises `StopAsked` when the end is asked for."""
        while True:
            self._go_on()

    def explain_failure(self, program: Program, what: str) -> StackError:
        lines = "".join(f"\n  {program.name} | {line}" for line in self._logs.tail(program.name))
        return StackError(f"{program.name} {what}. {program.advice}{lines}")

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        supervisor = os.getpid()
        account = program.account
        output = None if program.attached else self._logs.open(program.name)
        try:
            return subprocess.Popen(
                program.command,
                cwd=program.directory,
                env=self._environment,
                stdin=None if program.attached else subprocess.DEVNULL,
                stdout=output,
                stderr=None if output is None else subprocess.STDOUT,
                start_new_session=program.own_session,
                user=None if account is None else account.uid,
                group=None if account is None else account.gid,
                extra_groups=None if account is None else [],
                # After the change of account, which would undo it.
                preexec_fn=lambda: tie_to(supervisor, program.death_signal),  # noqa: PLW1509 - one thread only
            )
        except OSError as error:
            raise StackError(f"Cannot run {program.command[0]}: {error.strerror}.") from error
        finally:
            if output is not None:
                os.close(output)

    def _await_ready(self, child: Child) -> None:
        program = child.program
        deadline = time.monotonic() + program.patience
        while not (child.is_running and (program.ready is None or program.ready())):
            if child.deaths >= _START_ATTEMPTS:
                raise self.explain_failure(program, f"ended {child.deaths} times while starting")
            if time.monotonic() > deadline:
                raise self.explain_failure(program, f"was not ready after {program.patience:.0f} s")
            self._go_on()

    def _go_on(self) -> None:
        """One turn of the loop. Raises `StopAsked`."""
        if self._stop.asked:
            raise StopAsked
        self._logs.wait(_TICK)
        reap_adopted(self._pids())
        for child in self._children():
            if not child.once:
                self._revive(child)

    def _revive(self, child: Child) -> None:
        if child.is_running:
            return
        if child.restart_at is None:
            self._clear_remains(child)
            self._tell_death(child, child.note_death())
        elif time.monotonic() >= child.restart_at:
            child.process = self._spawn(child.program)
            child.started, child.restart_at = time.monotonic(), None

    def _tell_death(self, child: Child, delay: float) -> None:
        name = child.program.name
        self._logs.report(f"{name} ended ({_tell_end(child)}); it starts again in {delay:g} s")
        if child.deaths == _START_ATTEMPTS:
            for line in self._logs.tail(name):
                self._logs.report(f"{name} | {line}")

    def _clear_remains(self, child: Child) -> None:
        """What a dead process leaves behind would hold its port or its files against the next one."""
        child.kill_group()
        kill_children_except(self._pids())

    def _end_group(self, group: list[Child]) -> None:
        for child in group:
            if not self._got_it_from_terminal(child):
                child.send(child.program.stop_signal)
        self._await_end(group, max((child.program.grace for child in group), default=0.0), calmly=True)
        for child in group:
            child.send(child.program.hurry_signal)
        self._await_end(group, _HURRY)
        for child in group:
            child.kill_group()
        self._await_end(group, _HURRY)

    def _got_it_from_terminal(self, child: Child) -> bool:
        return not child.program.own_session and self._stop.signal is signal.SIGINT and sys.stdin.isatty()

    def _await_end(self, group: list[Child], seconds: float, *, calmly: bool = False) -> None:
        deadline = time.monotonic() + seconds
        while any(child.is_running for child in group) and time.monotonic() < deadline:
            if calmly and self._stop.hurried:
                return
            self._logs.wait(_TICK)
            reap_adopted(self._pids())

    def _pids(self) -> set[int]:
        return {child.process.pid for child in self._children()}

    def _children(self) -> list[Child]:
        return [child for group in self._groups for child in group]


def _tell_end(child: Child) -> str:
    code = child.process.returncode
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

"""What the supervisor needs to know of a process."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hubtrack.stack.accounts import Account
from hubtrack.stack.config import PROJECT

_SEE_RUNBOOK = "docs/runbooks/embedded-stack.md says what each message means."


@dataclass(frozen=True, slots=True)
class Program:
    """One process to keep alive.

    `ready` is asked until it is true (None: running is enough), for at most `patience` seconds. `grace` is
    how many seconds `stop_signal` has to work before `hurry_signal` follows, and then SIGKILL. `death_signal`
    is what the kernel sends when the supervisor itself is killed. `attached` programs write to the terminal;
    those that also share its session get Ctrl-C from it directly.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool] | None = None
    patience: float = 60.0
    advice: str = _SEE_RUNBOOK
    stop_signal: signal.Signals = signal.SIGTERM
    hurry_signal: signal.Signals = signal.SIGKILL
    death_signal: signal.Signals = signal.SIGKILL
    grace: float = 15.0
    account: Account | None = None
    directory: Path = PROJECT
    attached: bool = False
    own_session: bool = True

"""How the stack learns that it should end: a signal, or a `make` that was interrupted."""

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

_ONE_GESTURE = 1.0  # seconds: a terminal and a `make` in between deliver the same Ctrl-C or kill more than once


class StopRequest:
    """Remembers the signals that ask for the end; a second one, a moment later, asks to hurry."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.signal: signal.Signals | None = None
        self.hurried = False
        self._first = 0.0
        self._make = os.getppid() if "MAKELEVEL" in environ and _catches_sigint(os.getppid()) else None

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            signal.signal(signal.SIGHUP, self._note)

    @property
    def asked(self) -> bool:
        if self.signal is None and self._make is not None and self._make_gave_up():
            self._note(signal.SIGINT, None)
        return self.signal is not None

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is None:
            self.signal = signal.Signals(number)
            self._first = time.monotonic()
        elif time.monotonic() - self._first > _ONE_GESTURE:
            self.hurried = True

    def _make_gave_up(self) -> bool:
        """A make that gets SIGINT alone passes nothing on: it stops catching it and waits for our end."""
        return os.getppid() != self._make or not _catches_sigint(self._make)


def _catches_sigint(pid: int) -> bool:
    if sys.platform != "linux":
        return False
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) & 1 << (signal.SIGINT - 1))

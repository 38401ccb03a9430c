"""Standard output that neither blocks nor raises: a reader that sleeps or leaves must not hold up the hub."""

import os
import select
from typing import Protocol

_PATIENCE = 0.5  # seconds for a slow reader; none for one that has just used them up


class Output(Protocol):
    """What honcho's printer and the progress lines write to."""

    def write(self, text: str, /) -> int: ...

    def flush(self) -> None: ...

    def isatty(self) -> bool: ...


class Terminal:
    """Whole lines to a descriptor; those that nobody takes are dropped and counted."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._line = ""
        self._dropped = 0
        self._is_gone = False

    def write(self, text: str, /) -> int:
        self._line += text
        if self._line.endswith("\n"):
            line, self._line = self._line, ""
            self._send(line)
        return len(text)

    def flush(self) -> None:
        """Nothing: a line is sent as soon as it ends."""

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def _send(self, line: str) -> None:
        if self._dropped and self._is_writable():
            line = f"({self._dropped} lines are missing here: nobody read the output)\n{line}"
            self._dropped = 0
        data = line.encode(errors="replace")
        while data and not self._is_gone:
            if not self._is_writable():
                self._dropped += 1
                return
            try:
                data = data[os.write(self._descriptor, data[: select.PIPE_BUF]) :]
            except OSError:
                self._is_gone = True

    def _is_writable(self) -> bool:
        """Whether a write of PIPE_BUF bytes would not block."""
        return bool(select.select([], [self._descriptor], [], 0 if self._dropped else _PATIENCE)[1])

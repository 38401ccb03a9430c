"""Where the processes' output goes: into the terminal with a prefix, or into one file each."""

import os
import selectors
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from hubtrack.stack.terminal import Output

_TAIL = 20
_WIDTH = len("dispatch")
_STACK = "stack"
_LAST_WORDS = 1.0  # seconds
_CHUNK = 65_536


class Logs(Protocol):
    """A destination for what processes print and for the stack's own words."""

    def open(self, name: str) -> int:
        """A descriptor for the output of process `name`, for the caller to close once the process has it."""

    def wait(self, seconds: float) -> None:
        """Take what processes print for at most that long; where there is nothing to take, sleep."""

    def tail(self, name: str) -> list[str]:
        """The last lines of `name`, to be shown when it failed; none if the person has seen them."""

    def report(self, text: str) -> None:
        """One line about the stack itself."""

    def close(self) -> None:
        """Take what ended processes wrote last."""


class LogFiles:
    """`<directory>/<name>.log`, emptied at the first opening; what is reported goes to `progress`, if any."""

    def __init__(self, directory: Path, progress: Output | None = None) -> None:
        self._directory = directory
        self._progress = progress
        self._begin = time.monotonic()
        self._opened: set[str] = set()

    def open(self, name: str) -> int:
        fresh = 0 if name in self._opened else os.O_TRUNC
        self._opened.add(name)
        return os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND | fresh, 0o600)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def tail(self, name: str) -> list[str]:
        with self._path(name).open(errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, maxlen=_TAIL)]

    def report(self, text: str) -> None:
        if self._progress is not None:
            self._progress.write(f"{time.monotonic() - self._begin:6.1f} s  {text}\n")
            self._progress.flush()

    def close(self) -> None:
        """Nothing: the processes write into the files themselves."""

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.log"


@dataclass(slots=True)
class _Source:
    """The reading end of a process's output, and the beginning of a line that has not ended yet."""

    name: str
    begun: bytes = b""


class LogStream:
    """One line of output for one line of a process's, with time and name, coloured on a terminal.

    It reads in the supervisor's own loop: a second thread would multiply the signal that the kernel sends to
    the processes when the supervisor is killed, and some programs hang on a burst of them.
    """

    def __init__(self, output: Output) -> None:
        self._printer = Printer(output, width=_WIDTH)
        palette = get_colours()
        self._colours: defaultdict[str, str] = defaultdict(lambda: next(palette))
        self._selector = selectors.DefaultSelector()

    def open(self, name: str) -> int:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        self._selector.register(reading, selectors.EVENT_READ, _Source(name))
        return writing

    def wait(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            self._take(key.fd, key.data)

    def tail(self, name: str) -> list[str]:
        return []

    def report(self, text: str) -> None:
        self._print(_STACK, [text.encode()])

    def close(self) -> None:
        deadline = time.monotonic() + _LAST_WORDS
        while self._selector.get_map() and time.monotonic() < deadline:
            self.wait(_LAST_WORDS / 10)
        for key in self._selector.get_map().values():
            os.close(key.fd)
        self._selector.close()

    def _take(self, descriptor: int, source: _Source) -> None:
        data = os.read(descriptor, _CHUNK)
        *lines, source.begun = (source.begun + data).split(b"\n")
        self._print(source.name, lines)
        if not data:
            self._print(source.name, [source.begun] if source.begun else [])
            self._selector.unregister(descriptor)
            os.close(descriptor)

    def _print(self, name: str, lines: Iterable[bytes]) -> None:
        for line in lines:
            # The line ends here, where the printer would look for further ends such as a form feed.
            text = "".join(line.decode(errors="replace").splitlines())
            self._printer.write(Message("line", text or "\n", datetime.now(), name, self._colours[name]))

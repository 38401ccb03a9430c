"""The trace on a terminal: a small table per stage, nothing wider than 100 columns."""

import os
import sys
import textwrap
from collections.abc import Mapping
from typing import TextIO

WIDTH = 100
_LABEL = 16


class Trace:
    """Prints numbered stages; colours only on a terminal, and never when NO_COLOR is set."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._colour = out.isatty() and "NO_COLOR" not in os.environ
        self._stage = 0

    def title(self, text: str) -> None:
        self._print(f"\n{self._paint(text, '1')}")

    def stage(self, name: str, subtitle: str, rows: Mapping[str, object]) -> None:
        """One stage as `name  subtitle` over a table of facts; empty facts are left out."""
        self._stage += 1
        self._print(f"\n{self._paint(f' {self._stage} ', '7')} {self._paint(name, '1')}  {self._paint(subtitle, '2')}")
        for label, value in rows.items():
            if value not in (None, ""):
                self._row(label, str(value))

    def verdict(self, *, good: bool, text: str) -> None:
        mark = self._paint("✔" if good else "✘", "32;1" if good else "31;1")
        self._print(f"\n{mark} {text}")

    def line(self, text: str = "") -> None:
        self._print(text)

    def _row(self, label: str, value: str) -> None:
        lines = [part for line in value.splitlines() for part in textwrap.wrap(line, WIDTH - _LABEL - 5) or [""]]
        self._print(f"   {self._paint('│', '2')} {label:<{_LABEL}}{lines[0]}")
        for line in lines[1:]:
            self._print(f"   {self._paint('│', '2')} {'':<{_LABEL}}{line}")

    def _paint(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text

    def _print(self, text: str) -> None:
        self._out.write(f"{text}\n")
        self._out.flush()

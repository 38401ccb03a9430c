"""Standard output that somebody reads, reads late, or does not read at all."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from hubtrack.stack.terminal import Terminal

LINE = "x" * 999 + "\n"


@dataclass(frozen=True, slots=True)
class Pipe:
    """Both ends of a pipe; what was written is read without waiting for more."""

    reading: int
    writing: int

    def read(self) -> str:
        try:
            return os.read(self.reading, 1_000_000).decode()
        except BlockingIOError:
            return ""


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    both = Pipe(*os.pipe())
    os.set_blocking(both.reading, False)
    yield both
    os.close(both.writing)
    with suppress(OSError):  # a test may have closed it
        os.close(both.reading)


def test_a_line_is_sent_whole_when_it_ends(pipe: Pipe) -> None:
    terminal = Terminal(pipe.writing)

    terminal.write("Web ready")
    before = pipe.read()
    terminal.write(" at last")
    terminal.write("\n")

    assert before == ""
    assert pipe.read() == "Web ready at last\n"


def test_a_line_longer_than_a_pipe_takes_at_once_arrives_whole(pipe: Pipe) -> None:
    long = "é" * 20_000 + "\n"

    Terminal(pipe.writing).write(long)

    assert pipe.read() == long


def test_nobody_reading_drops_lines_and_blocks_nobody(pipe: Pipe) -> None:
    terminal = Terminal(pipe.writing)

    for _ in range(1000):
        terminal.write(LINE)

    kept = pipe.read()
    assert kept
    assert kept == LINE * (len(kept) // len(LINE))
    assert len(kept) < 1000 * len(LINE)


def test_a_reader_who_comes_back_is_told_what_is_missing(pipe: Pipe) -> None:
    terminal = Terminal(pipe.writing)
    for _ in range(1000):
        terminal.write(LINE)
    shown = len(pipe.read()) // len(LINE)

    terminal.write("back\n")
    terminal.write("again\n")

    missing = 1000 - shown
    assert pipe.read() == f"({missing} lines are missing here: nobody read the output)\nback\nagain\n"


def test_a_reader_who_left_is_no_error(pipe: Pipe) -> None:
    terminal = Terminal(pipe.writing)
    os.close(pipe.reading)

    assert terminal.write("one\n") == 4
    assert terminal.write("two\n") == 4


def test_a_pipe_is_no_terminal_and_a_terminal_is_one(pipe: Pipe) -> None:
    controller, terminal = os.openpty()

    assert not Terminal(pipe.writing).isatty()
    assert Terminal(terminal).isatty()

    os.close(controller)
    os.close(terminal)

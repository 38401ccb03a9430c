"""What a person at the terminal is told when the stack cannot start."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.harness import Start, stack_command


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("words", [("up",), ("demo", "--once")])
def test_a_taken_port_is_one_sentence_and_nothing_starts(
    start: Start, data: Path, taken_port: int, words: tuple[str, ...]
) -> None:
    started = start(stack_command(*words, "--data", str(data)), {"PORT": str(taken_port)})

    assert started.process.wait(60) == 1
    assert started.errors() == (
        f"hubtrack: Port {taken_port} is taken by another program: choose another with PORT, "
        f"for example `PORT={taken_port + 1} make demo`.\n"
    )
    assert started.output() == ""
    assert sorted(path.name for path in data.iterdir()) == ["lock", "logs"]


def test_a_port_that_is_none_is_one_sentence(start: Start, data: Path) -> None:
    started = start(stack_command("up", "--data", str(data)), {"PORT": "eighty"})

    assert started.process.wait(60) == 1
    assert started.errors() == (
        "hubtrack: PORT is 'eighty', but must be a number from 1 to 65535, for example PORT=8001.\n"
    )
    assert list(data.iterdir()) == []


def test_a_command_that_does_not_exist_is_named(start: Start, data: Path) -> None:
    given = {"DATABASE_URL": "postgres://db.example.com/hub", "REDIS_URL": "redis://cache.example.com/0"}

    started = start(stack_command("run", "--data", str(data), "--", "/nowhere/program"), given)

    assert started.process.wait(60) == 1
    assert started.errors() == "hubtrack: Cannot run /nowhere/program: No such file or directory.\n"


def test_options_after_the_dashes_belong_to_the_command(start: Start, data: Path) -> None:
    given = {"DATABASE_URL": "postgres://db.example.com/hub", "REDIS_URL": "redis://cache.example.com/0"}
    show = (sys.executable, "-c", "import sys; print(sys.argv[1:])", "--data", "x", "-q")

    started = start(stack_command("run", "--data", str(data), "--", *show), given)

    assert started.process.wait(60) == 0
    assert started.output() == "['--data', 'x', '-q']\n"

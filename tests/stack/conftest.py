"""Fixtures that start things and make sure that nothing of them outlives its test."""

import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.stack import harness
from tests.stack.harness import Start, StartDriver, Started, family, survivors


@pytest.fixture(autouse=True)
def hangups() -> Iterator[None]:
    """What is started with nohup ignores SIGHUP, and so would all that it starts: the tests' own programs too."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def start(tmp_path: Path, data: Path) -> Iterator[Start]:
    """Start commands; those still running at the end of the test are killed, before `data` is removed."""
    started: list[Started] = []

    def start_one(command: Sequence[str], environ: Mapping[str, str] | None = None) -> Started:
        started.append(harness.start(command, tmp_path, environ))
        return started[-1]

    yield start_one
    for one in started:
        processes = family(one.process) if one.process.poll() is None else []
        one.process.kill()
        one.process.wait()
        survivors(processes)


@pytest.fixture
def start_driver(start: Start, tmp_path: Path) -> StartDriver:
    """Start a supervisor over groups of tiny programs (see tests.stack.driver)."""

    def start_groups(*groups: list[dict[str, Any]], logs: Path | None = None) -> Started:
        return start(harness.driver_command(harness.write_spec(tmp_path, *groups, logs=logs)))

    return start_groups


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory that PostgreSQL's own account can reach, unlike pytest's temporary ones under root."""
    directory = Path(tempfile.mkdtemp(prefix="hubtrack-test-"))
    yield directory
    shutil.rmtree(directory)

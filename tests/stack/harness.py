"""What the stack's tests share: starting something, waiting for what it says, and looking for survivors."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from hubtrack.stack.config import PROJECT

PATIENCE = 60.0  # an upper bound for waiting, never a measurement
SERVE = (sys.executable, "-c", "import time; print('serving', flush=True); time.sleep(3600)")
FOREVER = "import time\nwhile True: time.sleep(60)"
# An outer stack's addresses must not reach a stack under test, nor an outer make.
_OF_THE_OUTER_STACK = (
    *("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "META_GRAPH_URL", "TIKTOK_API_URL", "SANDBOX_URL"),
    *("PUBLIC_URL", "ALLOWED_HOSTS", "PORT", "HOST", "HUBTRACK_DATA", "MAKELEVEL", "MAKEFLAGS", "MFLAGS"),
)


@dataclass(frozen=True, slots=True)
class Started:
    """A started process, with its output in files that can be read while it runs."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def output(self) -> str:
        return self.out.read_text()

    def errors(self) -> str:
        return self.err.read_text()

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.output() or self.process.poll() is not None)
        assert text in self.output(), f"{text!r} was never said:\n{self.output()}\n{self.errors()}"

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


Start = Callable[..., Started]
StartDriver = Callable[..., Started]


def start(command: Sequence[str], directory: Path, environ: Mapping[str, str] | None = None) -> Started:
    """Start `command` in the project, in a session of its own, with its output below `directory`."""
    name = f"started-{len(list(directory.glob('started-*.out')))}"
    out, err = directory / f"{name}.out", directory / f"{name}.err"
    outer = {key: value for key, value in os.environ.items() if key not in _OF_THE_OUTER_STACK}
    with out.open("wb") as out_file, err.open("wb") as err_file:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**outer, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=out_file,
            stderr=err_file,
            start_new_session=True,
        )
    return Started(process, out, err)


def write_spec(directory: Path, *groups: list[dict[str, Any]], logs: Path | None = None) -> Path:
    spec: dict[str, Any] = {"groups": groups}
    if logs is not None:
        spec["logs"] = str(logs)
    path = directory / "spec.json"
    path.write_text(json.dumps(spec))
    return path


def driver_command(spec: Path) -> list[str]:
    return [sys.executable, "-m", "tests.stack.driver", str(spec)]


def stack_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hubtrack.stack", *arguments]


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when `condition` holds or patience is over; the caller asserts what it hoped for."""
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Everything that `process` has started, directly or not."""
    found: list[psutil.Process] = psutil.Process(process.pid).children(recursive=True)
    return found


def survivors(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those still alive once they had time to go; a zombie is dead."""
    wait_until(lambda: not any(_lives(process) for process in processes))
    return [process for process in processes if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False

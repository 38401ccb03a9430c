"""Who may end the stack, and how: signals, nohup, and a make in between."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubtrack.stack.stopping import StopRequest
from tests.stack import harness
from tests.stack.harness import FOREVER, Start, family, survivors

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _restore_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in HANDLED}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _write_makefile(directory: Path) -> Path:
    spec = harness.write_spec(directory, [{"name": "web", "code": FOREVER}])
    makefile = directory / "Makefile"
    makefile.write_text(f"up:\n\t@{sys.executable} -m tests.stack.driver {spec}\n")
    return makefile


def test_nothing_is_asked_without_a_signal() -> None:
    stop = StopRequest({})
    stop.listen()

    assert not stop.asked
    assert not stop.hurried
    assert stop.signal is None


@pytest.mark.parametrize("number", HANDLED)
def test_a_signal_asks_for_the_end(number: signal.Signals) -> None:
    stop = StopRequest({})
    stop.listen()

    os.kill(os.getpid(), number)

    assert stop.asked
    assert stop.signal is number
    assert not stop.hurried


def test_a_second_signal_hurries_when_it_is_a_second_gesture(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [50.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    stop = StopRequest({})
    stop.listen()
    os.kill(os.getpid(), signal.SIGINT)

    now[0] += 1.0
    os.kill(os.getpid(), signal.SIGINT)
    hurried_by_the_same_gesture = stop.hurried
    now[0] += 0.1
    os.kill(os.getpid(), signal.SIGINT)

    assert not hurried_by_the_same_gesture
    assert stop.hurried
    assert stop.signal is signal.SIGINT


def test_nohup_is_respected() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = StopRequest({})
    stop.listen()

    os.kill(os.getpid(), signal.SIGHUP)

    assert not stop.asked


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_signal_to_make_alone_ends_what_it_started(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    started = start(["make", "-f", str(_write_makefile(tmp_path)), "up"])
    started.wait_for("serving")
    processes = family(started.process)
    assert len(processes) == 2

    started.end(number)

    assert survivors(processes) == []


def test_a_parent_that_is_not_make_may_end_first(start: Start, tmp_path: Path) -> None:
    spec = harness.write_spec(tmp_path, [{"name": "web", "code": FOREVER}])
    started = start(["sh", "-c", f"{sys.executable} -m tests.stack.driver {spec}; true"])
    started.wait_for("serving")
    (supervisor, web) = family(started.process)

    started.end(signal.SIGKILL)
    time.sleep(0.5)  # several turns of its loop

    assert supervisor.is_running()
    assert web.is_running()
    supervisor.terminate()
    assert survivors([supervisor, web]) == []

"""The supervisor over tiny programs: order, readiness, restarts, the end, and nothing left behind."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from hubtrack.stack.program import Program
from hubtrack.stack.supervisor import Child
from tests.stack.harness import FOREVER, StartDriver, family, survivors, wait_until

TELL_END = """
import signal, sys, time
def end(*_): print("ending", flush=True); sys.exit()
signal.signal(signal.SIGTERM, end)
print("pid", __import__("os").getpid())
while True: time.sleep(60)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf")
while True: time.sleep(60)
"""


def _pids_said(output: str, name: str) -> list[int]:
    lines = [line.split("|", 1) for line in output.splitlines() if "|" in line]
    return [int(text.split()[1]) for prefix, text in lines if name in prefix and text.startswith(" pid ")]


def test_each_group_is_ready_before_the_next_one_starts(start_driver: StartDriver, tmp_path: Path) -> None:
    marker = tmp_path / "database-ready"
    slow = f"import time; time.sleep(0.3); open({str(marker)!r}, 'w'); print('open')\n{FOREVER}"
    check = f"import os; print('found', os.path.exists({str(marker)!r}))\n{FOREVER}"

    started = start_driver(
        [{"name": "database", "code": slow, "ready_file": str(marker)}], [{"name": "web", "code": check}]
    )
    started.wait_for("found")

    assert "| found True" in started.output()


def test_a_program_that_never_gets_ready_fails_the_start(start_driver: StartDriver, tmp_path: Path) -> None:
    absent = str(tmp_path / "never")

    started = start_driver(
        [{"name": "database", "code": FOREVER}],
        [{"name": "web", "code": FOREVER, "ready_file": absent, "patience": 0.3}],
        [{"name": "worker", "code": "print('worker began')"}],
    )
    code = started.process.wait(60)

    assert code == 1
    assert started.errors() == "web was not ready after 0 s. Look at its code.\n"
    assert "worker began" not in started.output()


def test_a_program_that_keeps_dying_fails_the_start_and_shows_its_last_lines(
    start_driver: StartDriver, tmp_path: Path
) -> None:
    dying = "for number in range(30): print('line', number)\nraise SystemExit(3)"
    other = f"import os; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n{FOREVER}"

    started = start_driver(
        [{"name": "database", "code": other, "ready_file": str(tmp_path / "pid")}],
        [{"name": "web", "code": dying, "ready_file": str(tmp_path / "never")}],
        logs=tmp_path,
    )
    code = started.process.wait(60)

    assert code == 1
    shown = started.errors().splitlines()
    assert shown[0] == "web ended 3 times while starting. Look at its code."
    assert shown[1:] == [f"  web | line {number}" for number in range(10, 30)]
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_a_killed_program_comes_back_and_the_others_are_left_alone(start_driver: StartDriver) -> None:
    started = start_driver([{"name": "web", "code": TELL_END}], [{"name": "worker", "code": TELL_END}])
    started.wait_for("serving")
    wait_until(lambda: len(_pids_said(started.output(), "worker")) == 1)
    (web,) = _pids_said(started.output(), "web")

    os.kill(web, signal.SIGKILL)
    wait_until(lambda: len(_pids_said(started.output(), "web")) == 2)

    assert len(_pids_said(started.output(), "web")) == 2
    assert len(_pids_said(started.output(), "worker")) == 1
    assert "| web ended (SIGKILL); it starts again in 0.5 s" in started.output()


def test_a_program_that_keeps_dying_later_on_shows_its_last_lines_once(
    start_driver: StartDriver, tmp_path: Path
) -> None:
    started = start_driver([{"name": "relay", "code": "print('no tenant table')"}], logs=tmp_path)
    started.wait_for("it starts again in 4 s")

    said = [line.split("s  ", 1)[1] for line in started.output().splitlines()]
    assert said == [
        "serving",
        "relay ended (exit code 0); it starts again in 0.5 s",
        "relay ended (exit code 0); it starts again in 1 s",
        "relay ended (exit code 0); it starts again in 2 s",
        *["relay | no tenant table"] * 3,
        "relay ended (exit code 0); it starts again in 4 s",
    ]


def test_the_delay_doubles_while_a_program_keeps_dying(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with subprocess.Popen(["true"]) as process:
        child = Child(Program("web", ("true",)), process, started=now)

    delays = [child.note_death() for _ in range(7)]

    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert child.restart_at == now + 10.0


def test_the_delay_starts_over_after_a_steady_life(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with subprocess.Popen(["true"]) as process:
        child = Child(Program("web", ("true",)), process, started=now)
    child.note_death()
    child.note_death()

    now += 5.0

    assert child.note_death() == 0.5


def test_a_one_shot_is_run_to_its_end_and_not_again(start_driver: StartDriver) -> None:
    started = start_driver(
        [{"name": "migrate", "code": "print('migrating'); raise SystemExit(4)", "once": True}],
        [{"name": "web", "code": TELL_END}],
    )
    started.wait_for("serving")
    wait_until(lambda: len(_pids_said(started.output(), "web")) == 1)
    started.end()

    assert "| migrate answered 4" in started.output()
    assert started.output().count("| migrating") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_in_the_reverse_order(start_driver: StartDriver, number: signal.Signals) -> None:
    started = start_driver(
        [{"name": "database", "code": TELL_END}],
        [{"name": "web", "code": TELL_END}],
        [{"name": "worker", "code": TELL_END}],
    )
    started.wait_for("serving")
    wait_until(lambda: started.output().count("| pid") == 3)
    programs = family(started.process)
    assert len(programs) == 3

    code = started.end(number)

    assert code == 0
    endings = [line.split()[1] for line in started.output().splitlines() if line.endswith("| ending")]
    assert endings == ["worker", "web", "database"]
    assert survivors(programs) == []


def test_a_program_that_ignores_the_request_is_killed_after_its_grace(start_driver: StartDriver) -> None:
    started = start_driver([{"name": "web", "code": STUBBORN, "grace": 0.3}])
    started.wait_for("deaf")
    programs = family(started.process)

    assert started.end() == 0

    assert survivors(programs) == []


def test_a_second_signal_does_not_wait_for_the_grace(start_driver: StartDriver) -> None:
    started = start_driver([{"name": "web", "code": STUBBORN, "grace": 100_000}])
    started.wait_for("deaf")
    programs = family(started.process)

    started.process.send_signal(signal.SIGINT)
    started.wait_for("once more to hurry")
    with pytest.raises(subprocess.TimeoutExpired):
        started.process.wait(1.2)
    code = started.end(signal.SIGINT)

    assert code == 0
    assert survivors(programs) == []


def test_signals_of_one_gesture_do_not_hurry(start_driver: StartDriver) -> None:
    slow = TELL_END.replace('print("ending", flush=True)', 'time.sleep(0.5); print("ending", flush=True)')
    started = start_driver([{"name": "web", "code": slow}])
    started.wait_for("| pid")

    started.process.send_signal(signal.SIGTERM)
    code = started.end(signal.SIGTERM)

    assert code == 0
    assert "| ending" in started.output()


def test_a_signal_during_the_start_ends_it(start_driver: StartDriver, tmp_path: Path) -> None:
    waiting = [{"name": "web", "code": TELL_END, "ready_file": str(tmp_path / "never")}]
    started = start_driver(waiting, [{"name": "worker", "code": "print('worker began')"}])
    started.wait_for("| pid")
    programs = family(started.process)

    assert started.end() == 0

    assert survivors(programs) == []
    assert "worker began" not in started.output()


def test_what_a_dead_program_left_behind_is_gone_before_it_starts_again(start_driver: StartDriver) -> None:
    in_own_session = "start_new_session=True"
    parent = f"""
import os, subprocess, sys
held = subprocess.Popen([sys.executable, "-c", {FOREVER!r}], {in_own_session})
print("held", held.pid)
{TELL_END}
"""
    started = start_driver([{"name": "web", "code": parent}])
    wait_until(lambda: len(_pids_said(started.output(), "web")) == 1)
    first = int(started.output().split("| held ")[1].split()[0])
    left = psutil.Process(first)

    os.kill(_pids_said(started.output(), "web")[0], signal.SIGKILL)
    wait_until(lambda: len(_pids_said(started.output(), "web")) == 2)

    assert len(_pids_said(started.output(), "web")) == 2
    assert survivors([left]) == []
    started.end()


def test_a_program_of_a_program_ends_with_the_stack(start_driver: StartDriver) -> None:
    parent = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {FOREVER!r}], start_new_session=True)
{TELL_END}
"""
    started = start_driver([{"name": "web", "code": parent}])
    started.wait_for("| pid")
    programs = family(started.process)
    assert len(programs) == 2

    assert started.end() == 0

    assert survivors(programs) == []


def test_a_killed_supervisor_takes_its_programs_with_it(start_driver: StartDriver) -> None:
    started = start_driver([{"name": "database", "code": STUBBORN}], [{"name": "web", "code": TELL_END}])
    started.wait_for("deaf")
    started.wait_for("| pid")
    programs = family(started.process)
    assert len(programs) == 2

    started.end(signal.SIGKILL)

    assert survivors(programs) == []

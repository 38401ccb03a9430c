"""Processes tied to their parent, and those whose parent died; each seen from a process of its own."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hubtrack.stack.descendants import find_in_directory, kill_children_except
from tests.stack.harness import survivors

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what the kernel does for us")

PRELUDE = """
import os, psutil, signal, subprocess, sys, time
from hubtrack.stack.descendants import *
def start(*command): return subprocess.Popen(command, stdout=subprocess.DEVNULL)
def orphan(script): return psutil.Process(int(subprocess.check_output(["sh", "-c", script + " >&2 & echo $!"])))
def await_end(pid):
    while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE: time.sleep(0.01)
"""


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + code], stdout=subprocess.PIPE, text=True, timeout=60, check=False
    )


def test_a_tied_child_dies_with_its_parent() -> None:
    code = """
me = os.getpid()
tied = subprocess.Popen(["sleep", "600"], stdout=2, preexec_fn=lambda: tie_to(me, signal.SIGKILL))
print(tied.pid, flush=True)
os.kill(me, signal.SIGKILL)
"""

    ended = _run(code)

    assert ended.returncode == -signal.SIGKILL
    pid = int(ended.stdout)
    assert not psutil.pid_exists(pid) or survivors([psutil.Process(pid)]) == []


def test_a_child_whose_parent_is_already_gone_runs_nothing() -> None:
    code = """
another = os.getppid()
print(subprocess.call(["echo", "ran"], preexec_fn=lambda: tie_to(another, signal.SIGKILL)))
"""

    assert _run(code).stdout == "1\n"


def test_an_orphan_is_adopted_and_killed_and_an_own_child_is_not() -> None:
    code = """
adopt_orphans()
left, own = orphan("sleep 600"), start("sleep", "600")
print(left.ppid() == os.getpid())
kill_children_except({own.pid})
print(left.is_running(), own.poll())
own.kill()
"""

    assert _run(code).stdout.split() == ["True", "False", "None"]


def test_killing_nothing_is_no_error() -> None:
    own = {child.pid for child in psutil.Process().children()}

    kill_children_except(own)

    assert {child.pid for child in psutil.Process().children()} == own


def test_an_ended_orphan_is_collected() -> None:
    code = """
adopt_orphans()
left = orphan("sleep 0.2")
await_end(left.pid)
reap_adopted(set())
print(psutil.pid_exists(left.pid))
"""

    assert _run(code).stdout == "False\n"


def test_an_ended_child_is_left_to_its_owner() -> None:
    code = """
own = start("sh", "-c", "exit 3")
await_end(own.pid)
reap_adopted({own.pid})
print(own.wait())
"""

    assert _run(code).stdout == "3\n"


def test_without_children_there_is_nothing_to_collect() -> None:
    assert _run("reap_adopted(set())\nprint('done')").stdout == "done\n"


def test_programs_are_found_by_name_and_directory(tmp_path: Path) -> None:
    elsewhere = subprocess.Popen(["sleep", "600"])
    here = subprocess.Popen(["sleep", "600"], cwd=tmp_path)

    found = find_in_directory("sleep", tmp_path.resolve())

    for process in (elsewhere, here):
        process.kill()
        process.wait()
    assert found == [here.pid]

"""Processes tied to their parent, and those whose parent died; each seen from a process of its own."""

import os
import signal
import subprocess
import sys

import psutil  # type: ignore[import-untyped]
import pytest

from hubtrack.stack.descendants import find_in_directory, kill_children_except, tie_to
from tests.stack.harness import FOREVER, survivors

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what the kernel does for us")


def _run(code: str) -> str:
    imports = "import os, signal, subprocess, sys, time\nfrom hubtrack.stack.descendants import *\n"
    ended = subprocess.run([sys.executable, "-c", imports + code], capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def test_a_tied_child_dies_with_its_parent() -> None:
    code = f"""
parent = os.getpid()
child = subprocess.Popen([sys.executable, "-c", {FOREVER!r}], preexec_fn=lambda: tie_to(parent, signal.SIGKILL),
                         stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
os.kill(parent, signal.SIGKILL)
"""
    with pytest.raises(subprocess.CalledProcessError) as killed:
        _run(code)

    assert killed.value.returncode == -signal.SIGKILL
    pid = int(killed.value.stdout)
    assert not psutil.pid_exists(pid) or survivors([psutil.Process(pid)]) == []


def test_a_child_whose_parent_is_already_gone_runs_nothing() -> None:
    another = os.getppid()

    ended = subprocess.run(
        ["echo", "ran"],
        preexec_fn=lambda: tie_to(another, signal.SIGKILL),
        capture_output=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (1, b"")


def test_an_orphan_is_adopted_and_killed_unless_it_is_ours() -> None:
    code = f"""
adopt_orphans()
grandchild = subprocess.run(
    [sys.executable, "-c", "import subprocess, sys; "
     "print(subprocess.Popen([sys.executable, '-c', {FOREVER!r}], stdout=subprocess.DEVNULL).pid)"],
    capture_output=True, text=True).stdout
ours = subprocess.Popen([sys.executable, "-c", {FOREVER!r}], stdout=subprocess.DEVNULL)
import psutil
orphan = psutil.Process(int(grandchild))
print(orphan.ppid() == os.getpid())
kill_children_except({{ours.pid}})
print(orphan.is_running(), ours.poll())
ours.kill()
ours.wait()
"""
    assert _run(code.replace("\nwhile", "\\nwhile")).split() == ["True", "False", "None"]


def test_killing_nothing_is_no_error() -> None:
    own = {child.pid for child in psutil.Process().children()}

    kill_children_except(own)

    assert {child.pid for child in psutil.Process().children()} == own


def test_an_ended_orphan_is_collected_and_an_own_child_is_left_to_its_owner() -> None:
    code = """
adopt_orphans()
script = "import os, time\\nif os.fork() == 0:\\n    time.sleep(0.2)\\n    os._exit(0)"
subprocess.run([sys.executable, "-c", script])
import psutil
(orphan,) = psutil.Process().children()
while orphan.status() != psutil.STATUS_ZOMBIE:
    time.sleep(0.01)
reap_adopted(set())
print(psutil.pid_exists(orphan.pid))
own = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
while psutil.Process(own.pid).status() != psutil.STATUS_ZOMBIE:
    time.sleep(0.01)
reap_adopted({own.pid})
print(own.wait())
"""
    assert _run(code).split() == ["False", "3"]


def test_programs_are_found_by_name_and_directory(tmp_path: os.PathLike[str]) -> None:
    other = subprocess.Popen(["sleep", "3600"])
    here = subprocess.Popen(["sleep", "3600"], cwd=tmp_path)

    found = find_in_directory("sleep", type(tmp_path)(tmp_path))  # type: ignore[abstract, arg-type]

    assert found == [here.pid]
    for process in (other, here):
        process.kill()
        process.wait()

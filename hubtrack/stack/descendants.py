"""The processes below this one: tied to its life, and found even when their own parent died."""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None)


def adopt_orphans() -> None:
    """From now on, what a dying child leaves behind becomes this process's child (Linux)."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def tie_to(parent: int, death_signal: signal.Signals) -> None:
    """For a new child: the kernel sends it `death_signal` when `parent` dies, even by SIGKILL (Linux)."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def reap_adopted(own: set[int]) -> None:
    """Collect ended children that are not in `own`; whoever started those collects them."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in own:
            return
        os.waitpid(ended.si_pid, 0)


def kill_children_except(own: set[int]) -> None:
    """SIGKILL every direct child that is not in `own`, and what is below it: remains of a child that died."""
    for child in psutil.Process().children():
        if child.pid not in own:
            with suppress(psutil.NoSuchProcess):
                _kill([*child.children(recursive=True), child])


def find_in_directory(name: str, directory: Path) -> list[int]:
    """The pids of running programs called `name` that work in `directory`."""
    return [
        process.pid
        for process in psutil.process_iter(["name", "cwd"])
        if process.info["name"] == name and process.info["cwd"] == str(directory)
    ]


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=3)

"""Tasks that no hub has: they do to a worker what the worst event could. Loaded into the tests' workers only."""

import os
import signal
from pathlib import Path

from celery import shared_task


@shared_task
def kill_worker(diary: str) -> None:
    """Note the start in the file `diary`, then end the process as the kernel does when memory is out."""
    with Path(diary).open("a") as file:
        file.write(f"{os.getpid()}\n")
    os.kill(os.getpid(), signal.SIGKILL)

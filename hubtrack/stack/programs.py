"""The processes of hubtrack, one row each: what runs, how it shows that it is ready, how it is ended."""

import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from hubtrack.stack import probes
from hubtrack.stack.config import StackConfig
from hubtrack.stack.program import Program


def python_module(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)


def manage(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "manage.py", *arguments)


def migrate() -> Program:
    return Program(
        name="migrate",
        command=manage("migrate", "--noinput"),
        advice="The database keeps what it had: put right what the last lines say and start again.",
    )


def collect_static() -> Program:
    return Program(name="static", command=manage("collectstatic", "--noinput", "--verbosity", "0"))


def sandbox(port: int) -> Program:
    return Program(
        name="sandbox",
        command=granian("hubtrack.sandbox_asgi:application", "127.0.0.1", port, workers=1),
        ready=lambda: probes.accepts("127.0.0.1", port),
        death_signal=signal.SIGTERM,
    )


def web(config: StackConfig, environment: Mapping[str, str]) -> Program:
    host = environment["ALLOWED_HOSTS"].split(",")[0].strip().lstrip("*.") or "localhost"
    return Program(
        name="web",
        command=granian("hubtrack.asgi:application", config.host, config.port, workers=2),
        ready=lambda: probes.is_healthy(config.local_host, config.port, host_header=host),
        death_signal=signal.SIGTERM,
    )


def engine() -> tuple[Program, ...]:
    return (
        Program(name="match", command=_worker("match", "ingest-events,match-events", threads=2)),
        Program(name="dispatch", command=_worker("dispatch", "capi-dispatch", threads=16)),
        Program(name="relay", command=manage("relay")),
        Program(name="beat", command=_BEAT),
    )


def demo() -> Program:
    return Program(name="demo", command=manage("demo"), attached=True)


def callers_command(words: tuple[str, ...], directory: Path) -> Program:
    """The caller's own command: it has the terminal, and Ctrl-C reaches it before the servers end."""
    return Program(
        name="command",
        command=words,
        stop_signal=signal.SIGINT,
        hurry_signal=signal.SIGTERM,
        directory=directory,
        attached=True,
        own_session=False,
    )


def granian(application: str, host: str, port: int, *, workers: int) -> tuple[str, ...]:
    return python_module(
        *("granian", "--interface", "asgi", "--loop", "uvloop", "--host", host, "--port", str(port)),
        *("--workers", str(workers), "--no-ws", "--no-access-log", "--log-level", "warning"),
        *("--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", "10"),
        application,
    )


def _worker(name: str, queues: str, *, threads: int) -> tuple[str, ...]:
    return python_module(
        *("celery", "-A", "hubtrack", "worker", "-P", "threads", "-c", str(threads), "-Q", queues),
        *("-n", f"{name}@%h", "--without-gossip", "--without-mingle", "--loglevel", "WARNING"),
    )


_BEAT = python_module(
    *("celery", "-A", "hubtrack", "beat", "--pidfile=", "--loglevel", "WARNING"),
    *("--scheduler", "django_celery_beat.schedulers:DatabaseScheduler"),
)

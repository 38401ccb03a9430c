"""The stack under test: `make up` on a free port and a new data directory, its customers, what can be killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import redis
import requests

from hubtrack.stack.config import PROJECT
from hubtrack.stack.programs import engine
from hubtrack.stack.state import read_pairs
from tests.chaos.load import Door
from tests.e2e.hub import free_port
from tests.stack.harness import Started, family, stack_command, start, survivors
from tests.worlds import LANDING, SECRETS

START_S = 240.0
_GATEWAYS = ("hotmart", "stripe")


@dataclass(frozen=True, slots=True)
class Place:
    """One destination: its funnel by number in the list, the platform and the id that the platform knows it by."""

    funnel: int
    platform: str
    pixel: str


@dataclass
class Site:
    """A running stack. `environ` is what its processes are given."""

    stack: Started
    data: Path
    port: int
    environ: dict[str, str]
    keys: list[str] = field(default_factory=list)
    funnels: list[dict[str, Any]] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sandbox_url(self) -> str:
        return self.environ["SANDBOX_URL"]

    @property
    def doors(self) -> list[Door]:
        return [
            Door(
                {it["gateway"]: urlsplit(it["webhook_url"]).path for it in funnel["endpoints"]},
                funnel["public_key"],
            )
            for funnel in self.funnels
        ]

    def connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(self.environ["DATABASE_URL"], autocommit=True, connect_timeout=5)

    def broker(self) -> "redis.Redis":
        return redis.Redis.from_url(self.environ["CELERY_BROKER_URL"], socket_timeout=3)

    def processes(self, role: str) -> list[psutil.Process]:
        """Those that play this role now; none while it is being started again."""
        found = []
        for process in psutil.Process(self.stack.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if _ROLES[role](process):
                    found.append(process)
        return found

    def signal(self, role: str, number: signal.Signals) -> int:
        """Send it to one process of this role, or to none if there is none; how many it was sent to."""
        for process in self.processes(role)[:1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
                return 1
        return 0

    def call(self, method: str, path: str, key: str, body: Any = None) -> requests.Response:
        """As a customer's program would; tried again while the hub is away."""
        stop = time.monotonic() + 60
        while True:
            with contextlib.suppress(requests.RequestException):
                answer = requests.request(
                    method,
                    f"{self.url}/api/v1/{path}",
                    json=body,
                    headers={"Authorization": f"Bearer {key}"},
                    timeout=30,
                )
                if answer.status_code < 500 or time.monotonic() > stop:
                    return answer
            if time.monotonic() > stop:
                raise TimeoutError(f"{method} {path} was not answered for a minute")
            time.sleep(0.5)


def _has(*words: str) -> Callable[[psutil.Process], bool]:
    return lambda process: set(words) <= set(process.cmdline())


def _named(start_of_name: str) -> Callable[[psutil.Process], bool]:
    return lambda process: any(word.startswith(start_of_name) for word in process.cmdline())


def _is_web(process: psutil.Process) -> bool:
    return {"granian", "hubtrack.asgi:application"} <= set(process.cmdline())


def _is_web_worker(process: psutil.Process) -> bool:
    """A worker is a fork of its server, under the same command."""
    parent = process.parent()
    return _is_web(process) and parent is not None and _is_web(parent)


def _is_postmaster(process: psutil.Process) -> bool:
    return process.name() == "postgres" and "-D" in process.cmdline()


def _is_backend(process: psutil.Process) -> bool:
    return process.name() == "postgres" and any("hubtrack 127.0.0.1" in word for word in process.cmdline())


_ROLES: dict[str, Callable[[psutil.Process], bool]] = {
    "dispatch": _named("dispatch@"),
    "match": _named("match@"),
    "relay": _has("manage.py", "relay"),
    "beat": _has("celery", "beat"),
    "web": lambda process: _is_web(process) and not _is_web_worker(process),
    "web worker": _is_web_worker,
    "sandbox": _has("granian", "hubtrack.sandbox_asgi:application"),
    "redis": lambda process: process.name() == "redis-server",
    "postgres": _is_postmaster,
    "backend": _is_backend,
}


@contextlib.contextmanager
def second_relay_and_beat(site: Site) -> Iterator[None]:
    """As on a second machine: within, two of each are at work."""
    commands = [program.command for program in engine() if program.name in ("relay", "beat")]
    others = [
        subprocess.Popen(command, cwd=PROJECT, env=site.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        yield
    finally:
        for process in others:
            process.kill()
            process.wait()


@contextlib.contextmanager
def running_site(data: Path, directory: Path, *, platform_url: str) -> Iterator[Site]:
    """A whole stack with its platforms at `platform_url`; its output goes below `directory`."""
    port = free_port()
    given = {"PORT": str(port), "META_GRAPH_URL": platform_url, "TIKTOK_API_URL": platform_url}
    stack = start(stack_command("up", "--data", str(data)), directory, given)
    try:
        _await_start(stack)
        yield Site(stack, data, port, {**os.environ, **read_pairs(data / "env")})
    finally:
        _end(stack)


def _await_start(stack: Started) -> None:
    stop = time.monotonic() + START_S
    while "Serving until Ctrl-C" not in stack.output():
        if stack.process.poll() is not None or time.monotonic() > stop:
            raise RuntimeError(f"The stack did not start:\n{stack.output()}\n{stack.errors()}")
        time.sleep(0.1)


def _end(stack: Started) -> None:
    """With everything it started: what is left after its own end is killed."""
    if stack.process.poll() is not None:
        return
    processes = family(stack.process)
    stack.process.send_signal(signal.SIGTERM)
    try:
        stack.process.wait(60)
    except subprocess.TimeoutExpired:
        stack.process.kill()
        stack.process.wait()
    for process in survivors(processes):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def add_customers(site: Site, *, tenants: int, funnels_each: int, receiver_url: str, receiver_secret: str) -> None:
    """Tenants with published funnels: each to a Meta pixel, every third to TikTok as well, every fourth to a server."""
    for tenant in range(tenants):
        key = _create_tenant(site, f"chaos-{tenant}@example.com")
        site.keys.append(key)
        for _turn in range(funnels_each):
            number = len(site.funnels)
            destinations = _destinations(number, receiver_url, receiver_secret)
            site.places += [Place(number, it["platform"], it["pixel_id"]) for it in destinations]
            site.funnels.append(_publish_funnel(site, key, number, destinations))
            site.owners.append(key)


def _destinations(number: int, receiver_url: str, receiver_secret: str) -> list[dict[str, str]]:
    found = [{"platform": "meta", "pixel_id": f"{900_000_000_000_000 + number}", "access_token": f"meta-{number}"}]
    if number % 3 == 1:
        found.append({"platform": "tiktok", "pixel_id": f"CTT{number:017d}", "access_token": f"tiktok-{number}"})
    if number % 4 == 2:
        own = {"platform": "http", "pixel_id": f"shop-{number}", "access_token": receiver_secret}
        found.append({**own, "base_url": receiver_url})
    return found


def _create_tenant(site: Site, email: str) -> str:
    told = subprocess.run(
        [sys.executable, "manage.py", "create_tenant", "--name", email.partition("@")[0], "--email", email, "--json"],
        cwd=PROJECT,
        env=site.environ,
        check=True,
        capture_output=True,
    ).stdout
    return str(json.loads(told)["api_key"])


def _publish_funnel(site: Site, key: str, number: int, destinations: list[dict[str, str]]) -> dict[str, Any]:
    body = {
        "name": f"Curso {number}",
        "landing_url": LANDING,
        "endpoints": [{"gateway": gateway, "secret": SECRETS[gateway]} for gateway in _GATEWAYS],
        "destinations": destinations,
    }
    created = site.call("POST", "funnels", key, body)
    if created.status_code != 201:
        raise RuntimeError(f"No funnel: {created.status_code} {created.text}")
    published = site.call("POST", f"funnels/{created.json()['id']}/publish", key)
    if published.status_code != 200:
        raise RuntimeError(f"Not published: {published.status_code} {published.text}")
    funnel: dict[str, Any] = published.json()
    return funnel

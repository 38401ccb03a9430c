"""A whole hub of real processes on a database of its own, each of which a test may kill and start."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
import requests

from hubtrack.stack.programs import engine, granian
from tests.worlds import LANDING, PIXEL, SECRETS, hotmart

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def eventually(look: Callable[[], T | None], *, seconds: float = 30, what: str = "it") -> T:
    """What `look` finds once it finds something; fails after `seconds`."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        with contextlib.suppress(requests.ConnectionError):
            if found := look():
                return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {seconds} s")


@dataclass
class Hub:
    """Processes by name: sandbox, web, match, dispatch, relay (beat has nothing to do here)."""

    environment: dict[str, str]
    commands: dict[str, tuple[str, ...]]
    url: str
    sandbox_url: str
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    funnel: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        for name in names:
            self.running[name] = subprocess.Popen(
                self.commands[name],
                cwd=ROOT,
                env=self.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def kill(self, *names: str) -> None:
        """With SIGKILL, children included: nobody can put anything in order before."""
        for name in names:
            process = self.running.pop(name)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def redis_cache(self) -> "redis.Redis":
        return redis.Redis.from_url(self.environment["REDIS_URL"], socket_timeout=2)

    def redis(self) -> "redis.Redis":
        """The broker's."""
        return redis.Redis.from_url(self.environment["CELERY_BROKER_URL"], socket_timeout=2)

    def kill_redis(self) -> None:
        """The server that is this run's own comes back under its supervisor, empty."""
        os.kill(int(self.redis().info("server")["process_id"]), signal.SIGKILL)
        eventually(self._redis_answers, what="Redis back")

    def _redis_answers(self) -> bool:
        try:
            return bool(self.redis().ping())
        except redis.RedisError:
            return False

    @property
    def webhook_address(self) -> str:
        return self.url + urlsplit(str(self.funnel["endpoints"][0]["webhook_url"])).path

    def webhook(self, body: dict[str, Any]) -> requests.Response:
        return requests.post(
            self.webhook_address, json=body, headers={"X-HOTMART-HOTTOK": SECRETS["hotmart"]}, timeout=10
        )

    def sell(self, event: str = "PURCHASE_APPROVED", **changes: Any) -> None:
        assert self.webhook(hotmart(event, **changes)).status_code == 202

    def click(self, **values: Any) -> dict[str, Any]:
        hit = {"public_key": self.funnel["public_key"], "url": LANDING, **values}
        ids: dict[str, Any] = requests.post(f"{self.url}/api/v1/track/click", json=hit, timeout=10).json()
        return ids

    def tell(self, action: str, **values: Any) -> None:
        """What a page tells of its visitor."""
        hit = {"public_key": self.funnel["public_key"], "url": LANDING, **values}
        answer = requests.post(f"{self.url}/api/v1/track/{action}", json=hit, timeout=10)
        assert answer.status_code == 201, answer.text

    def get(self, path: str) -> Any:
        answer = requests.get(f"{self.url}/api/v1/{path}", headers=self.headers, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def conversions(self, order_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"conversions?order_id={order_id}")["results"]
        return found

    def accepted_event(self, order_id: str, name: str = "Purchase") -> dict[str, Any] | None:
        events = self.get(f"events?order_id={order_id}&status=accepted")["results"]
        return next((event for event in events if event["event_name"] == name), None)

    def received(self, event_id: str) -> list[str]:
        """The stand-in platform's own record: the verdict on each copy that it was sent."""
        answer = requests.get(f"{self.sandbox_url}/received.json", params={"event_id": event_id}, timeout=10)
        return [item["verdict"] for item in answer.json()["events"]]


@contextlib.contextmanager
def running_hub(**changes: str) -> Iterator[Hub]:
    """`changes` go into the environment of every process."""
    hub = _prepare(changes)
    try:
        hub.start(*hub.commands)
        for url in (f"{hub.url}/readyz", f"{hub.sandbox_url}/healthz"):
            eventually(lambda url=url: requests.get(url, timeout=5).ok, seconds=60, what=url)  # type: ignore[misc]
        _set_up(hub)
        yield hub
    finally:
        hub.kill(*hub.running)
        _drop_database(hub.environment["DATABASE_URL"])


def _prepare(changes: dict[str, str]) -> Hub:
    port, sandbox_port = free_port(), free_port()
    sandbox_url = f"http://127.0.0.1:{sandbox_port}"
    environment = {
        **os.environ,
        "DATABASE_URL": _create_database(),
        "DJANGO_SETTINGS_MODULE": "hubtrack.settings",
        "META_GRAPH_URL": sandbox_url,
        "SANDBOX_URL": sandbox_url,
        "OUTBOUND_ALLOW_LOOPBACK": "1",
        "ALLOWED_HOSTS": "127.0.0.1",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        **changes,
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    commands = {
        "sandbox": granian("hubtrack.sandbox_asgi:application", "127.0.0.1", sandbox_port, workers=1),
        "web": granian("hubtrack.asgi:application", "127.0.0.1", port, workers=2),
        **{program.name: program.command for program in engine() if program.name != "beat"},
    }
    return Hub(environment, commands, url=f"http://127.0.0.1:{port}", sandbox_url=sandbox_url)


def _create_database() -> str:
    base = urlsplit(os.environ["DATABASE_URL"])
    name = f"hub_e2e_{secrets.token_hex(4)}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return urlunsplit(base._replace(path=f"/{name}"))


def _drop_database(url: str) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")


def _set_up(hub: Hub) -> None:
    """A tenant by the command, a published funnel by REST: as an operator and a customer do."""
    told = subprocess.run(
        [sys.executable, "manage.py", "create_tenant", "--name", "Ana", "--email", "ana@example.com", "--json"],
        cwd=ROOT,
        env=hub.environment,
        check=True,
        capture_output=True,
    ).stdout
    hub.headers = {"Authorization": f"Bearer {json.loads(told)['api_key']}"}
    body = {
        "name": "Curso",
        "landing_url": LANDING,
        "endpoints": [{"gateway": "hotmart", "secret": SECRETS["hotmart"]}],
        "destinations": [{"platform": "meta", "pixel_id": PIXEL, "access_token": "token-of-ana"}],
    }
    created = requests.post(f"{hub.url}/api/v1/funnels", json=body, headers=hub.headers, timeout=10).json()
    published = requests.post(f"{hub.url}/api/v1/funnels/{created['id']}/publish", headers=hub.headers, timeout=10)
    hub.funnel = published.json()

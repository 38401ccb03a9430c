"""The example client as a process of its own before a real hub: killed at the worst moments, nothing lost or twice."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from apps.clicks.models import PageEvent, Session
from apps.core.identity import OTHER_PHONE, Person, hash_person
from apps.tenants.scoping import unscoped
from tests.clicks.batches import ANA, Server, make_server
from tests.clicks.hits import stored
from tests.docs.client import FILE
from tests.worlds import World

pytestmark = pytest.mark.django_db(transaction=True)
# What every process of the shop begins with.
OPEN = """
    import os, sys, time
    from hubtrack_client import Hubtrack
    names = ("URL", "KEY", "SECRET", "PUBLIC_KEY")
    def open_hub(**options):
        given = [os.environ[f"HUBTRACK_{name}"] for name in names]
        return Hubtrack(*given, path=os.environ["HUBTRACK_FILE"], **options)
"""
# As if half an hour had passed, so that everything that waits is due.
FLUSH = """
    hub = open_hub(clock=lambda: time.time() + 1801)
    while hub.waiting():
        hub.flush()
        time.sleep(0.05)
"""


@dataclass
class Gate:
    """Stands between client and hub. `before` and `after` are called with each request's number, from 1: before the hub
    has seen it, and once the hub has answered and the client has not been told."""

    hub_url: str
    before: Callable[[int], int | None] = lambda number: None
    after: Callable[[int], None] = lambda number: None
    seen: int = 0
    server: ThreadingHTTPServer = field(init=False)

    def __post_init__(self) -> None:
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                gate.pass_on(self)

            def log_message(self, format: str, *args: Any) -> None:
                """Tests are quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def pass_on(self, asked: BaseHTTPRequestHandler) -> None:
        self.seen += 1
        number = self.seen
        body = asked.rfile.read(int(asked.headers["Content-Length"]))
        status, answer = self.before(number), b"{}"
        if status is None:
            headers = {
                name: value for name, value in asked.headers.items() if name.lower() not in ("host", "connection")
            }
            request = urllib.request.Request(self.hub_url + asked.path, body, headers)
            with urllib.request.urlopen(request, timeout=30) as told:
                status, answer = told.status, told.read()
            self.after(number)
        try:
            asked.send_response(status)
            asked.send_header("Content-Length", str(len(answer)))
            asked.end_headers()
            asked.wfile.write(answer)
        except OSError:
            """Whoever asked is dead by now."""


@dataclass
class Shop:
    """A customer's server whose processes share one file."""

    server: Server
    gate: Gate
    folder: Path

    def start(self, program: str, *command: str) -> "subprocess.Popen[str]":
        environment = {
            **os.environ,
            "PYTHONPATH": str(FILE.parent),
            "HUBTRACK_URL": self.gate.url,
            "HUBTRACK_KEY": self.server.key.key_id,
            "HUBTRACK_SECRET": self.server.key.secret,
            "HUBTRACK_PUBLIC_KEY": self.server.world.funnel.public_key,
            "HUBTRACK_FILE": str(self.folder / "buffer.sqlite3"),
        }
        source = textwrap.dedent(OPEN) + textwrap.dedent(program)
        return subprocess.Popen(
            [sys.executable, *(command or ("-c", source))],
            env=environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, program: str, *command: str) -> str:
        """What it printed; it must end well."""
        process = self.start(program, *command)
        told, trouble = process.communicate(timeout=60)
        assert process.returncode == 0, trouble
        return told + trouble


@pytest.fixture
def shop(world: World, live_server: Any, tmp_path: Path) -> Iterator[Shop]:
    gate = Gate(live_server.url)
    yield Shop(make_server(world), gate, tmp_path)
    gate.server.shutdown()
    gate.server.server_close()


def recorded_ids() -> list[str]:
    with unscoped():
        return sorted(PageEvent.objects.values_list("event_id", flat=True))


TRACK = """
    hub = open_hub()
    for visit in range(5):
        for page in range(40):
            hub.track(f"visit-{visit}", "pageview", event_id=f"{visit}-{page}", url="https://shop.example.com/")
"""
ALL = sorted(f"{visit}-{page}" for visit in range(5) for page in range(40))


def test_the_demo_of_the_document_runs(shop: Shop) -> None:
    told = shop.run("", str(FILE))

    assert "sent 3, waiting 0" in told
    known = hash_person(Person(email="ana@example.com", phone="+5511987654321"))
    del known[OTHER_PHONE]  # a phone that comes as a hash has no other form
    with unscoped():
        assert Session.objects.get().identity == known
        assert known["em"] == [ANA]
        assert sorted(PageEvent.objects.values_list("name", flat=True)) == ["initiate_checkout", "pageview"]


def test_killed_before_the_hub_has_seen_the_batch(shop: Shop) -> None:
    shop.run(TRACK)
    process = shop.start(FLUSH)

    def die(number: int) -> int | None:
        process.kill()
        process.wait()
        return 503

    shop.gate.before = die
    process.communicate(timeout=60)
    assert (process.returncode, recorded_ids()) == (-signal.SIGKILL, [])
    shop.gate.before = lambda number: None
    shop.run(FLUSH)

    assert recorded_ids() == ALL
    assert stored()[0] == 5


def test_killed_when_the_hub_has_recorded_and_nobody_was_told(shop: Shop) -> None:
    shop.run(TRACK)
    process = shop.start(FLUSH)

    def die(number: int) -> None:
        process.kill()
        process.wait()

    shop.gate.after = die
    process.communicate(timeout=60)
    assert (process.returncode, recorded_ids()) == (-signal.SIGKILL, ALL)
    shop.gate.after = lambda number: None
    shop.run(FLUSH)

    assert shop.gate.seen == 2
    assert recorded_ids() == ALL
    assert stored()[0] == 5


def test_killed_while_it_tracks(shop: Shop) -> None:
    process = shop.start(
        """
        hub = open_hub()
        while True:
            print(hub.track("visit-1", "pageview", url="https://shop.example.com/"), flush=True)
        """
    )
    assert process.stdout
    told = [process.stdout.readline().strip() for _ in range(100)]
    process.kill()
    rest, _ = process.communicate(timeout=60)
    told += [line for line in rest.split("\n")[:-1] if line]

    shop.run(FLUSH)

    kept = recorded_ids()
    assert set(told) <= set(kept)
    assert len(kept) - len(told) in (0, 1)
    assert len(kept) == len(set(kept))


def test_an_unwell_hub_delays_and_loses_nothing(shop: Shop) -> None:
    shop.run(TRACK)
    answers = {1: 503, 2: 429, 3: 500}
    shop.gate.before = answers.get

    shop.run(FLUSH.replace("hub = open_hub(", "import random; random.uniform = lambda a, b: 0.01\n    hub = open_hub("))

    assert shop.gate.seen == 4
    assert recorded_ids() == ALL


def test_an_identity_given_after_a_crash_reaches_what_waited_before_it(shop: Shop) -> None:
    shop.run(TRACK)

    told = shop.run(
        'hub = open_hub(); hub.identify("visit-3", email="ana@example.com"); print(hub.flush(), hub.waiting())'
    )

    assert told == "41 160\n"
    with unscoped():
        assert [session.identity for session in Session.objects.all()] == [{"em": [ANA]}]
        waiting = PageEvent.objects.filter(session__identity={"em": [ANA]}, is_buffered=True)
        assert sorted(waiting.values_list("event_id", flat=True)) == [name for name in ALL if name.startswith("3-")]


def test_two_processes_that_flush_at_once_send_each_event_once(shop: Shop) -> None:
    shop.run(TRACK)

    processes = [shop.start(FLUSH) for _ in range(2)]

    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert [process.communicate()[1] for process in processes] == ["", ""]
    assert recorded_ids() == ALL
    assert stored()[0] == 5

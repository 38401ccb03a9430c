"""A whole hub on one broker: what a test may do to either, and what it may then ask."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from celery import Celery

from hubtrack.settings.brokers import plan_broker
from tests.brokers.servers import BrokerServer
from tests.e2e.hub import ROOT, Hub, eventually, running_hub

T = TypeVar("T")
PATIENCE = 60.0
ENGINE = ("match", "dispatch", "relay")
MATCHING = "match-events"
_WAITS_FOR_A_LOCK = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@dataclass
class Site:
    """`hub` on `server`. A process that died is started again whenever something is waited for, as the stack does."""

    hub: Hub
    server: BrokerServer
    deaths: list[str] = field(default_factory=list)

    def revive(self) -> None:
        for name, process in list(self.hub.running.items()):
            if process.poll() is not None:
                self.deaths.append(name)
                self.hub.start(name)

    def await_(self, look: Callable[[], T | None], what: str, *, seconds: float = PATIENCE) -> T:
        def revive_and_look() -> T | None:
            self.revive()
            return look()

        return eventually(revive_and_look, seconds=seconds, what=what)

    def assert_accepted_once(self, order_id: str) -> None:
        event = self.await_(lambda: self.hub.accepted_event(order_id), f"the Purchase of {order_id} accepted")
        assert self.hub.received(event["event_id"]) == ["accepted"]

    def end_calmly(self, *names: str) -> list[int]:
        """Their exit codes after SIGTERM; a process that does not end in the stack's grace fails the test."""
        processes = [self.hub.running.pop(name) for name in names]
        for process in processes:
            process.send_signal(signal.SIGTERM)
        return [process.wait(15) for process in processes]

    def send(self, task: str, *args: str, queue: str = MATCHING, **options: Any) -> None:
        """A message from outside the hub's own programs, by the settings that the address alone gives."""
        url = self.server.environment["CELERY_BROKER_URL"]
        plan = plan_broker(url, sqs_queue_url_prefix=self.server.environment.get("SQS_QUEUE_URL_PREFIX", ""))
        app = Celery("outside", set_as_current=False)
        app.conf.update(
            broker_transport=plan.transport,
            broker_transport_options=plan.transport_options,
            task_queues=plan.queues,
            result_backend=None,
        )
        # Else Celery would take the address from this process's own environment.
        with app.connection_for_write(url) as connection:
            app.send_task(task, args=args, queue=queue, connection=connection, ignore_result=True, **options)

    @contextlib.contextmanager
    def matching_held_up(self) -> Iterator[None]:
        """Within, no match can be written (only read): a task that tries is in the middle of its work.

        Not for long: after the five seconds of `lock_timeout` the task gives the sale up for later.
        """
        with psycopg.connect(self.hub.environment["DATABASE_URL"]) as connection:
            connection.execute("LOCK TABLE matching_match IN SHARE MODE")
            yield
            connection.rollback()

    def is_at_work(self) -> bool:
        with psycopg.connect(self.hub.environment["DATABASE_URL"]) as connection:
            row = connection.execute(_WAITS_FOR_A_LOCK).fetchone()
        return bool(row and row[0])

    def wake_once(self) -> bool:
        """What one wake-up of the relay says in a process of its own: whether the broker took it."""
        told = subprocess.run(
            [sys.executable, "-m", "tests.brokers.wake_once"],
            cwd=ROOT,
            env=self.hub.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout
        return {"taken": True, "refused": False}[told.strip().splitlines()[-1]]


@contextlib.contextmanager
def running_site(server: BrokerServer) -> Iterator[Site]:
    with contextlib.ExitStack() as stack:
        stack.callback(server.end)
        server.start()
        hub = stack.enter_context(running_hub(**server.environment))
        stack.callback(server.thaw)
        hub.kill("match")
        hub.commands["match"] += ("-I", "tests.brokers.poison")
        hub.start("match")
        yield Site(hub, server)


def pause(seconds: float) -> None:
    """Where a test must let something not happen."""
    time.sleep(seconds)


def lines_of(diary: Path) -> int:
    return len(diary.read_text().splitlines()) if diary.exists() else 0

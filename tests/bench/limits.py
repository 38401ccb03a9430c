"""What PostgreSQL does at most for one row and one commit at a time, 16 connections. No Django here."""

import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from itertools import count
from multiprocessing import get_context
from typing import Any

import psycopg

from hubtrack.stack.postgres import find_installation
from tests.bench.load import Outcome

LIMIT_S = 6
PROCESSES, THREADS = 2, 8
# About as long as what the hub stores of a webhook.
BODY = json.dumps({"event": "PURCHASE_APPROVED", "data": {str(number): "x" * 24 for number in range(30)}})


def measure_pgbench(url: str) -> float:
    """Rows a second that PostgreSQL itself commits one by one."""
    make_table(url)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("INSERT INTO bench_limit (body) VALUES ('" + BODY.replace("'", "''") + "');\n")
        script.flush()
        told = subprocess.run(
            [
                str(find_installation() / "bin" / "pgbench"),
                *("-n", "-f", script.name, "-c", "16", "-j", "2", "-T", str(LIMIT_S), url),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return float(re.search(r"tps = ([\d.]+)", told)[1])  # type: ignore[index]


def measure_psycopg(url: str) -> float:
    """The same from Python: 16 connections on 16 threads of two processes, prepared statements."""
    return insert_rows(url, seconds=LIMIT_S).rate


def insert_rows(url: str, *, seconds: float, rate: float | None = None, body: str = BODY) -> Outcome:
    """Commit rows one by one from Python, as fast as it goes or at `rate` a second; each was counted afterwards."""
    make_table(url)
    context = get_context("spawn")
    told, barrier = context.Queue(), context.Barrier(PROCESSES)
    wanted = {"body": body, "seconds": seconds, "pace": rate and rate / PROCESSES / THREADS}
    processes = [
        context.Process(target=_insert_rows, args=(url, barrier, told), kwargs=wanted) for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    parts: list[Outcome] = [told.get(timeout=10 * seconds + 30) for _ in processes]
    for process in processes:
        process.join()
    whole = Outcome(
        latencies=[latency for part in parts for latency in part.latencies],
        seconds=max(part.seconds for part in parts),
        cpu_seconds=sum(part.cpu_seconds for part in parts),
    )
    if (rows := _count_rows(url)) != len(whole.latencies):
        sys.exit(f"{len(whole.latencies)} inserts left {rows} rows: the figures are worthless.")
    return whole


def _insert_rows(url: str, barrier: Any, told: Any, *, body: str, seconds: float, pace: float | None) -> None:
    """One process: THREADS connections, each at `pace` a second or as fast as it goes."""
    outcome = Outcome()
    clients = [psycopg.connect(url, autocommit=True, prepare_threshold=0) for _ in range(THREADS)]
    barrier.wait()
    started, cpu = time.perf_counter(), time.process_time()

    def insert(thread: int) -> None:
        first = started + (thread / THREADS / pace if pace else 0)
        for turn in count():
            due = first + turn / pace if pace else time.perf_counter()
            if due - started > seconds:
                break
            time.sleep(max(0.0, due - time.perf_counter()))
            clients[thread].execute("INSERT INTO bench_limit (body) VALUES (%s)", (body,))
            outcome.latencies.append(time.perf_counter() - due)

    threads = [threading.Thread(target=insert, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.seconds, outcome.cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    told.put(outcome)
    for client in clients:
        client.close()


def _count_rows(url: str) -> int:
    with psycopg.connect(url) as connection:
        counted = connection.execute("SELECT count(*) FROM bench_limit").fetchone()
    return int(counted[0]) if counted else 0


def make_table(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_limit")
        connection.execute("CREATE TABLE bench_limit (id bigserial PRIMARY KEY, body jsonb)")

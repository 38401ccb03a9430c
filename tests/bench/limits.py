"""What PostgreSQL does at most for one row and one commit at a time, 16 connections. No Django here."""

import json
import re
import subprocess
import tempfile
import threading
import time
from multiprocessing import get_context

import psycopg

from hubtrack.stack.postgres import find_installation

LIMIT_S = 6
# About as long as what the hub stores of a webhook.
BODY = json.dumps({"event": "PURCHASE_APPROVED", "data": {str(number): "x" * 24 for number in range(30)}})


def measure_pgbench(url: str) -> float:
    """Rows a second that PostgreSQL itself commits one by one."""
    _make_table(url)
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
    _make_table(url)
    context = get_context("spawn")
    counts = context.Queue()
    processes = [context.Process(target=_insert_rows, args=(url, BODY, counts)) for _ in range(2)]
    for process in processes:
        process.start()
    inserted = sum(counts.get(timeout=10 * LIMIT_S) for _ in processes)
    for process in processes:
        process.join()
    return float(inserted / LIMIT_S)


def _insert_rows(url: str, body: str, counts: "object") -> None:
    stop = time.perf_counter() + LIMIT_S
    rows = [0] * 8

    def insert(thread: int) -> None:
        with psycopg.connect(url, autocommit=True, prepare_threshold=0) as client:
            while time.perf_counter() < stop:
                client.execute("INSERT INTO bench_limit (body) VALUES (%s)", (body,))
                rows[thread] += 1

    threads = [threading.Thread(target=insert, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts.put(sum(rows))  # type: ignore[attr-defined]


def _make_table(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_limit")
        connection.execute("CREATE TABLE bench_limit (id bigserial PRIMARY KEY, body jsonb)")

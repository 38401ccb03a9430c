"""Webhook intake against its limit: one-row INSERT + commit by pgbench, 16 connections, same server, same minute."""

import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psutil
from django.db import connection
from hubtrack.stack.postgres import find_installation

from tests.bench.load import Outcome, run_load
from tests.worlds import World, hotmart

CONNECTIONS = 32
WARM_UP_S, RUN_S, LIMIT_S = 3.0, 10.0, 8
PORT = int(os.environ.get("BENCH_PORT", "18765"))
_PADDING = "x" * 900


def requests_of(world: World) -> Iterator[bytes]:
    """An endless row of Hotmart sales of about 2 KB, each of a new order."""
    template = json.dumps({**hotmart(order_id="@@ORDER@@", sck="htc" + "0" * 24), "padding": _PADDING})
    head = (
        f"POST /api/v1/webhooks/hotmart/{world.endpoint_key()} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n"
        "Content-Type: application/json\r\nX-HOTMART-HOTTOK: hottok-of-ana-0001\r\n"
    )
    run = secrets.token_hex(4)
    bodies = (template.replace("@@ORDER@@", f"HP{run}{number:09d}").encode() for number in count(1))
    return (f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies)


def measure_limit() -> float:
    """Rows a second that PostgreSQL itself commits one by one."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_limit")
        cursor.execute("CREATE TABLE bench_limit (id bigserial PRIMARY KEY, body jsonb)")
    body = json.dumps(hotmart(order_id="HP1"))
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("INSERT INTO bench_limit (body) VALUES ('" + body.replace("'", "''") + "');\n")
        script.flush()
        told = subprocess.run(
            [
                str(find_installation() / "bin" / "pgbench"),
                *("-n", "-f", script.name, "-c", "16", "-j", "2", "-T", str(LIMIT_S), _database_url()),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return float(re.search(r"tps = ([\d.]+)", told)[1])  # type: ignore[index]


def _database_url() -> str:
    parameters = connection.get_connection_params()
    host, port, user, password = (parameters[name] for name in ("host", "port", "user", "password"))
    return f"postgres://{user}:{password}@{host}:{port}/{parameters['dbname']}"


def cpu_seconds() -> dict[str, float]:
    """CPU used so far by the web server's and PostgreSQL's processes."""
    spent = {"web": 0.0, "postgres": 0.0}
    for process in psutil.process_iter(["cmdline", "name"]):
        command = " ".join(process.info["cmdline"] or [])
        part = (
            "postgres"
            if "postgres" in (process.info["name"] or "")
            else "web"
            if str(PORT) in command
            else None
        )
        if part:
            times = process.cpu_times()
            spent[part] += times.user + times.system
    return spent


def start_web() -> "subprocess.Popen[bytes]":
    from hubtrack.stack.programs import granian

    return subprocess.Popen(granian("hubtrack.wsgi:application", "127.0.0.1", PORT))


def report(world: World) -> dict[str, float]:
    """Run everything; the figures by name."""
    requests = requests_of(world)
    run_load(PORT, requests, seconds=WARM_UP_S, connections=CONNECTIONS)
    limit_before = measure_limit()
    before = cpu_seconds()
    full = run_load(PORT, requests, seconds=RUN_S, connections=CONNECTIONS)
    after = cpu_seconds()
    limit = (limit_before + measure_limit()) / 2
    half = run_load(PORT, requests, seconds=RUN_S, connections=CONNECTIONS, rate=full.rate / 2)
    _check(full, half)
    return {
        "limit rows/s": limit,
        "webhooks/s": full.rate,
        "ratio": full.rate / limit,
        "p50 ms at half": half.percentile_ms(0.5),
        "p95 ms at half": half.percentile_ms(0.95),
        "p99 ms at half": half.percentile_ms(0.99),
        "web us/webhook": 1e6 * (after["web"] - before["web"]) / len(full.latencies),
        "pg us/webhook": 1e6 * (after["postgres"] - before["postgres"]) / len(full.latencies),
    }


def _check(*runs: Outcome) -> None:
    refused = sum(run.refused for run in runs)
    if refused:
        sys.exit(f"{refused} webhooks were not answered 202: the figures would be worthless.")


__all__ = ["Path", "report", "start_web", "time"]

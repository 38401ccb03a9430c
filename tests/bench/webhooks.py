"""Webhook intake against its limit: one-row INSERT + commit, 16 connections, same server, same minute.

Two limits are measured: pgbench, whose client costs next to nothing, and plain psycopg, which is what any Python
program can reach. Each of our webhooks writes two rows, a delivery and a conversion, with eleven indexes.
"""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count

import psutil
from django.db import connection

from apps.conversions.models import Delivery
from apps.tenants.scoping import tenant_scope
from apps.tenants.services import create_tenant
from hubtrack.stack.programs import granian
from tests.bench.limits import measure_pgbench, measure_psycopg
from tests.bench.load import Outcome, run_load
from tests.worlds import SECRETS, World, hotmart, make_world

CONNECTIONS = 32
WARM_UP_S, RUN_S = 4.0, 15.0
PORT = int(os.environ.get("BENCH_PORT", "18765"))
_PADDING = "x" * 900


def report() -> dict[str, float]:
    """Start a web server of its own, measure, stop it; the figures by name."""
    world = make_world(create_tenant(name="Bench", email=f"bench-{secrets.token_hex(4)}@example.com"))
    with serving():
        return _measure(world)


@contextlib.contextmanager
def serving() -> Iterator[None]:
    """A web server of two workers on PORT."""
    connection.close()
    server = subprocess.Popen(
        granian("hubtrack.asgi:application", "127.0.0.1", PORT, workers=2),
        env={**os.environ, "ALLOWED_HOSTS": "127.0.0.1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for_server()
        yield
    finally:
        server.terminate()
        server.wait()


def _measure(world: World) -> dict[str, float]:
    requests = requests_of(world)
    run_load(PORT, requests, seconds=WARM_UP_S, connections=CONNECTIONS)
    pgbench, plain = [measure_pgbench(database_url())], [measure_psycopg(database_url())]
    before = cpu_seconds()
    full = run_load(PORT, requests, seconds=RUN_S, connections=CONNECTIONS)
    after = cpu_seconds()
    half = run_load(PORT, requests, seconds=RUN_S, connections=CONNECTIONS, rate=full.rate / 2)
    pgbench.append(measure_pgbench(database_url()))
    plain.append(measure_psycopg(database_url()))
    _check(world, full, half)
    sent = len(full.latencies)
    return {
        "webhooks/s, every row committed": full.rate,
        "limit: pgbench, rows/s": sum(pgbench) / 2,
        "limit: plain psycopg, rows/s": sum(plain) / 2,
        "ratio to pgbench": 2 * full.rate / sum(pgbench),
        "ratio to plain psycopg": 2 * full.rate / sum(plain),
        "answer p50 ms at half that rate": half.percentile_ms(0.5),
        "answer p95 ms at half that rate": half.percentile_ms(0.95),
        "answer p99 ms at half that rate": half.percentile_ms(0.99),
        "CPU us/webhook: web": 1e6 * (after["web"] - before["web"]) / sent,
        "CPU us/webhook: PostgreSQL": 1e6 * (after["postgres"] - before["postgres"]) / sent,
        "CPU us/webhook: load generator": 1e6 * (after["load"] - before["load"]) / sent,
    }


def requests_of(world: World) -> Iterator[bytes]:
    """An endless row of Hotmart sales of about 2 KB, each of a new order."""
    template = json.dumps({**hotmart(order_id="@@ORDER@@", sck="htc" + "0" * 24), "padding": _PADDING})
    head = (
        f"POST /api/v1/webhooks/hotmart/{world.endpoint_key()} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n"
        f"Content-Type: application/json\r\nX-HOTMART-HOTTOK: {SECRETS['hotmart']}\r\n"
    )
    run = secrets.token_hex(4)
    bodies = (template.replace("@@ORDER@@", f"HP{run}{number:09d}").encode() for number in count(1))
    return (f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies)


def database_url() -> str:
    parameters = connection.get_connection_params()
    host, port, user, password = (parameters[name] for name in ("host", "port", "user", "password"))
    return f"postgres://{user}:{password}@{host}:{port}/{parameters['dbname']}"


def cpu_seconds() -> dict[str, float]:
    """CPU used so far by the web server, PostgreSQL (its closed connections as well) and this process."""
    spent = {"web": 0.0, "postgres": 0.0, "load": time.process_time()}
    for process in psutil.process_iter(["cmdline", "name"]):
        command = " ".join(process.info["cmdline"] or [])
        part = "postgres" if "postgres" in (process.info["name"] or "") else "web" if str(PORT) in command else None
        if part:
            times = process.cpu_times()
            spent[part] += times.user + times.system + times.children_user + times.children_system
    return spent


def _wait_for_server() -> None:
    for _ in range(100):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", PORT), timeout=1).close()
            return
        time.sleep(0.2)
    sys.exit(f"The web server did not start on port {PORT}: is it taken? Choose another by BENCH_PORT.")


def _check(world: World, *runs: Outcome) -> None:
    """Every answer was a 202, and every 202 is a row."""
    refused = sum(run.refused for run in runs)
    with tenant_scope(world.tenant_id):
        rows = Delivery.objects.count()
    answered = sum(len(run.latencies) for run in runs)
    if refused or rows < answered:
        sys.exit(f"{refused} webhooks were refused and {answered} answers left {rows} rows: the figures are worthless.")

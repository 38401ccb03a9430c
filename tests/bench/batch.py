"""What a batch of 1,000 events costs, against 1,000 bare inserts: one row each, one after the other, one commit.

Both run in turn in one process, so that what else the machine does falls on each alike; the median of each counts. An
event of a visitor of its own writes a receipt, a session, a word on ads and a page event.
"""

import json
import secrets
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import psycopg
from django.test.utils import setup_test_environment

from apps.clicks.batch.reading import MAX_EVENTS
from apps.clicks.models import PageEvent
from apps.tenants.scoping import tenant_scope
from apps.tenants.services import create_tenant
from tests.bench.limits import BODY, make_table
from tests.bench.webhooks import database_url
from tests.clicks.batches import Server, make_server
from tests.worlds import make_world

ROUNDS = 7
VISITORS = {"visitors of their own": MAX_EVENTS, "50 visitors": 50}


def report() -> dict[str, float]:
    setup_test_environment()
    server = make_server(make_world(create_tenant(name="Bench", email=f"bench-{secrets.token_hex(4)}@example.com")))
    url, taken = database_url(), dict[str, list[float]]()
    make_table(url)
    for number in range(ROUNDS):
        taken.setdefault("bare inserts", []).append(_seconds(partial(_insert_bare, url)))
        for kind, visitors in VISITORS.items():
            events = [_event(server, f"{kind} {number}", at, visitors) for at in range(MAX_EVENTS)]
            taken.setdefault(kind, []).append(_seconds(partial(_send, server, events, "recorded")))
            taken.setdefault("all sent again", []).append(_seconds(partial(_send, server, events, "duplicates")))
    _check(server)
    medians = {kind: statistics.median(seconds) for kind, seconds in taken.items()}
    bare = medians["bare inserts"]
    return {f"{kind}: ms": 1000 * median for kind, median in medians.items()} | {
        f"{kind}: times the bare inserts": median / bare for kind, median in medians.items() if median != bare
    }


def _event(server: Server, turn: str, number: int, visitors: int) -> dict[str, object]:
    visit = f"{turn}-{number % visitors}".replace(" ", "-")
    user = {"em": f"{number % visitors:064x}"}
    client = {"ip": "200.160.2.3", "user_agent": "Mozilla/5.0 (Linux; Android 15) Chrome/140 Mobile"}
    return server.event(f"{visit}-{number}", session_id=visit, user=user, consent_ads=True, **client)


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _insert_bare(url: str) -> None:
    with psycopg.connect(url, prepare_threshold=0) as connection:
        for _ in range(MAX_EVENTS):
            connection.execute("INSERT INTO bench_limit (body) VALUES (%s)", (BODY,))


def _send(server: Server, events: list[dict[str, object]], outcome: str) -> None:
    answer = server.post(json.dumps({"events": events}).encode())
    if answer.status_code != 200 or answer.json()[outcome] != MAX_EVENTS:
        sys.exit(f"Not all were {outcome}: the figures are worthless.")


def _check(server: Server) -> None:
    with tenant_scope(server.world.tenant_id):
        rows = PageEvent.objects.count()
    if rows != ROUNDS * len(VISITORS) * MAX_EVENTS:
        sys.exit(f"{rows} rows: the figures are worthless.")

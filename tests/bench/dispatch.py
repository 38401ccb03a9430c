"""Dispatch end to end: claimed, built, checked, saved, sent over HTTP, settled; at several batch sizes.

A database of its own holds copies of one real sale, spread over destinations of several tenants, and one process
delivers them in as many threads as a dispatch worker has; the platform answers after 200 ms. Beside it, as the limit,
what PostgreSQL alone takes to lease and settle as many rows in batches of 100, with no event built and nothing sent.
"""

import secrets
import sys
import threading
import time
import uuid
from collections.abc import Sequence

import psutil
from django.conf import settings
from django.db import connection

from apps.core.db import release_connection
from apps.dispatch.models import Batch, Breaker, Send
from apps.dispatch.platform import Limits
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.services import deliver_due
from apps.funnels.models import Destination
from apps.tenants.scoping import unscoped
from apps.tenants.services import create_tenant
from tests.bench.matching import own_database
from tests.bench.slow_platform import slow_platform
from tests.worlds import World, hotmart, make_world

SIZES = {1: 1_500, 20: 15_000, 100: 30_000, 1000: 30_000}
TENANTS = 8
THREADS = 16
ANSWER_MS = 200
LIMIT_ROWS, LIMIT_BATCH = 20_000, 100
_COPY = """
WITH numbers AS (SELECT n FROM generate_series(1, %(copies)s) AS n),
c AS (INSERT INTO conversions_conversion ({conversion}) SELECT {conversion_of}
      FROM conversions_conversion o CROSS JOIN numbers WHERE o.id = %(conversion)s RETURNING id, order_id),
m AS (INSERT INTO matching_match ({match}) SELECT {match_of}
      FROM matching_match o CROSS JOIN c WHERE o.conversion_id = %(conversion)s),
e AS (INSERT INTO dispatch_capievent ({event}) SELECT {event_of}
      FROM dispatch_capievent o CROSS JOIN c WHERE o.conversion_id = %(conversion)s RETURNING id)
INSERT INTO dispatch_send (tenant_id, event_id, destination_id, status, reason, deadline)
SELECT s.tenant_id, e.id, s.destination_id, 'pending', '', s.deadline FROM dispatch_send s CROSS JOIN e
WHERE s.event_id = (SELECT id FROM dispatch_capievent WHERE conversion_id = %(conversion)s)
"""
_LEASE = """
UPDATE dispatch_send SET status = 'sending', due_at = now() + interval '1 minute' WHERE id IN (
    SELECT id FROM dispatch_send WHERE destination_id = %s AND status = 'pending' AND due_at <= now()
    ORDER BY rank, deadline LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING id
"""
_SETTLE = "UPDATE dispatch_send SET status = 'accepted', settled_at = now() WHERE id = ANY(%s)"


def report() -> dict[str, float]:
    figures: dict[str, float] = {}
    with own_database(), unscoped(), slow_platform(ANSWER_MS) as address:
        settings.META_GRAPH_URL, settings.OUTBOUND_ALLOW_LOOPBACK = address, True
        settings.ALLOWED_HOSTS = ["testserver"]
        worlds = [_make_world() for _ in range(TENANTS)]
        limit = _measure_limit(worlds)
        for size, rows in SIZES.items():
            _fill(worlds, rows)
            rate, python, postgres = _measure(worlds, size)
            figures |= {
                f"{size} a request: events/s": rate,
                f"{size} a request: CPU us an event, Python": python,
                f"{size} a request: CPU us, PostgreSQL": postgres,
            }
            if size == LIMIT_BATCH:
                figures |= {"limit: lease and settle, 100: rows/s": limit, "ratio to the limit": rate / limit}
    return figures


def _make_world() -> World:
    world = make_world(create_tenant(name="Bench", email=f"bench-{secrets.token_hex(4)}@example.com"))
    ids = world.click(fbclid="IwAR0bench", fbp="fb.1.1700000000000.123456789", email="buyer@example.com")
    world.post_webhook(hotmart(order_id="HP0", sck=ids["click_id"]))
    world.run_stages()
    return world


def _fill(worlds: Sequence[World], rows: int) -> None:
    """Waiting sends, the same number at each world's destination."""
    statement = _COPY.format(
        conversion=_columns("conversions_conversion"),
        conversion_of=_columns("conversions_conversion", order_id="o.order_id || '-' || gen_random_uuid()"),
        match=_columns("matching_match"),
        match_of=_columns("matching_match", conversion_id="c.id"),
        event=_columns("dispatch_capievent"),
        event_of=_columns("dispatch_capievent", conversion_id="c.id", event_id="md5(c.order_id)"),
    )
    with connection.cursor() as cursor:
        for world in worlds:
            cursor.execute(
                "SELECT id FROM conversions_conversion WHERE tenant_id = %s AND order_id = 'HP0'", [world.tenant_id]
            )
            cursor.execute(statement, {"copies": rows // len(worlds), "conversion": cursor.fetchall()[0][0]})
        cursor.execute("VACUUM ANALYZE")


def _columns(table: str, **instead: str) -> str:
    """The table's columns but its key, to read from a row `o`; with others in place of some."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_name <> 'id'", [table]
        )
        names = [name for (name,) in cursor.fetchall()]
    return ", ".join(instead.get(name, f"o.{name}") if instead else name for name in names)


def _measure(worlds: Sequence[World], size: int) -> tuple[float, float, float]:
    """Events a second, and the CPU of one in microseconds: Python's, and all of PostgreSQL's backends'."""
    PLATFORMS["meta"].limits = Limits(max_batch=1000, batch=size)
    Breaker.objects.update(allowance=size, width=4)
    destinations = list(Destination.objects.values_list("pk", flat=True))
    before, postgres = time.process_time(), _postgres_seconds()
    started = time.perf_counter()
    delivered = sum(_deliver_in_threads(destinations))
    seconds = time.perf_counter() - started
    python, postgres = time.process_time() - before, _postgres_seconds() - postgres
    _check()
    return delivered / seconds, 1e6 * python / delivered, 1e6 * postgres / delivered


def _deliver_in_threads(destinations: Sequence[uuid.UUID]) -> list[int]:
    counts: list[int] = []

    def work(own: uuid.UUID) -> None:
        with unscoped():
            counts.append(sum(iter(lambda: deliver_due(own).rows, 0)))
        release_connection()

    threads = [threading.Thread(target=work, args=[destinations[n % len(destinations)]]) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def _postgres_seconds() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")
        pids = [pid for (pid,) in cursor.fetchall()]
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


def _check() -> None:
    """All were accepted, each in one request."""
    waiting = Send.objects.exclude(status="accepted").count()
    refused = Batch.objects.exclude(outcome="accepted").count()
    if waiting or refused:
        sys.exit(f"{waiting} sends wait, {refused} requests failed: the figures are worthless.")


def _measure_limit(worlds: Sequence[World]) -> float:
    _fill(worlds, LIMIT_ROWS)
    started = time.perf_counter()
    settled = 0
    with connection.cursor() as cursor:
        for destination in Destination.objects.values_list("pk", flat=True):
            while True:
                cursor.execute(_LEASE, [destination, LIMIT_BATCH])
                keys = [pk for (pk,) in cursor.fetchall()]
                if not keys:
                    break
                cursor.execute(_SETTLE, [keys])
                settled += len(keys)
    return settled / (time.perf_counter() - started)

"""One destination dead or silent among a hundred: what the ninety-nine healthy ones notice, in one run.

Real webhooks reach a hundred funnels of ten tenants at a steady rate; match, dispatch and relay are the stack's own
programs; the platform answers in 50 ms. A sale is due when its event is planned, and accepted when that is committed.
Phases of trouble stand between quiet ones. What is measured of them is measured from their first second: the failures
that open the breaker are part of it.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import psycopg

from tests.bench.noting_platform import NotingPlatform, noting_platform
from tests.bench.selling import Shop, move, open_shops, sell, write_sales
from tests.e2e.hub import Hub, free_port, running_hub

TENANTS, EACH = 10, 10
ANSWER_MS = 50
RATE, PHASE_S, WARM_UP_S = 20.0, 40.0, 15.0
LIMIT = 1.2
_LATENCIES = """
SELECT extract(epoch FROM b.finished_at - e.created_at)::float
FROM dispatch_capievent e
JOIN conversions_conversion c ON c.id = e.conversion_id
JOIN dispatch_send s ON s.event_id = e.id
JOIN funnels_destination d ON d.id = s.destination_id
LEFT JOIN dispatch_attempt a ON a.send_id = s.id
LEFT JOIN dispatch_batch b ON b.id = a.batch_id AND b.outcome = 'accepted'
WHERE c.order_id = ANY(%s) AND d.pixel_id <> %s AND (b.id IS NOT NULL OR a.id IS NULL)
"""
Trouble = tuple[str, Callable[[], None], Callable[[], None]]
Sales = Iterator[tuple[str, bytes]]


def report() -> dict[str, float]:
    with noting_platform(ANSWER_MS) as platform, running_hub(META_GRAPH_URL=platform.url) as hub:
        shops = open_shops(hub, tenants=TENANTS, each=EACH)
        sales = write_sales(hub, shops)
        sell(hub, sales, rate=RATE, seconds=WARM_UP_S)
        return _measure(hub, shops[0], sales, _troubles(hub, platform, shops[0]))


def _troubles(hub: Hub, platform: NotingPlatform, shop: Shop) -> Sequence[Trouble]:
    """What befalls one shop's destination, and how it is well again. The silent one shares its platform with all."""
    nobody = f"http://127.0.0.1:{free_port()}"
    return (
        ("quiet 1", _nothing, _nothing),
        ("dead", lambda: move(hub, shop, nobody), lambda: move(hub, shop, "")),
        ("quiet 2", _nothing, _nothing),
        ("silent", lambda: platform.silence(shop.pixel), platform.speak),
        ("quiet 3", _nothing, _nothing),
    )


def _nothing() -> None:
    """A quiet phase needs none."""


def _measure(hub: Hub, troubled: Shop, sales: Sales, troubles: Sequence[Trouble]) -> dict[str, float]:
    orders: dict[str, list[str]] = {}
    for name, begin, end in troubles:
        begin()
        sold = sell(hub, sales, rate=RATE, seconds=PHASE_S)
        end()
        if sold.refused:
            sys.exit(f"{sold.refused} webhooks were refused: the figures are worthless.")
        orders[name] = list(sold.answered)
        time.sleep(2)
    time.sleep(5)
    latencies = {name: _read(hub, troubled, of) for name, of in orders.items()}
    return _describe(latencies)


def _read(hub: Hub, troubled: Shop, orders: list[str]) -> list[float]:
    """Seconds from due to accepted, of all sales to the healthy destinations."""
    with psycopg.connect(hub.environment["DATABASE_URL"]) as connection:
        rows = connection.execute(_LATENCIES, [orders, troubled.pixel]).fetchall()
    expected = round(len(orders) * (1 - 1 / (TENANTS * EACH)))
    if any(row[0] is None for row in rows) or abs(len(rows) - expected) > 2:
        sys.exit(f"{len(rows)} of {expected} sales to healthy destinations were accepted: the figures are worthless.")
    return sorted(row[0] for row in rows)


def _describe(latencies: dict[str, list[float]]) -> dict[str, float]:
    p95 = {name: _percentile(found, 0.95) for name, found in latencies.items()}
    quiet = _percentile(sorted(it for name, found in latencies.items() if "quiet" in name for it in found), 0.95)
    figures = {f"{name}: p50 ms": 1000 * statistics.median(found) for name, found in latencies.items()}
    figures |= {f"{name}: p95 ms": 1000 * seconds for name, seconds in p95.items()}
    figures |= {f"{name}: p99 ms": 1000 * _percentile(found, 0.99) for name, found in latencies.items()}
    return figures | {
        "one dead: p95, times the quiet one": p95["dead"] / quiet,
        "one silent: p95, times the quiet one": p95["silent"] / quiet,
        "limit": LIMIT,
    }


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

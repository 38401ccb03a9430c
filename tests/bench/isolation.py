"""One destination dead or silent among a hundred: what the ninety-nine healthy ones notice, in one run.

Real webhooks reach a hundred funnels of ten tenants at a steady rate; match, dispatch and relay are the stack's own
programs; the platform answers in 50 ms. A sale is due when its event is planned, and accepted when that is committed.
Phases of trouble stand between quiet ones, in turn, so that what else the machine does falls on each alike. They are
measured from their first second: the failures that open the breaker are part of it.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import psycopg

from tests.bench.noting_platform import NotingPlatform, noting_platform
from tests.bench.selling import Shop, move, open_shops, sell, write_sales
from tests.e2e.hub import Hub, free_port, running_hub

TENANTS, EACH = 10, 10
ANSWER_MS = 50
RATE, PHASE_S, WARM_UP_S = 20.0, 25.0, 15.0
ROUNDS = 3
LIMIT = 1.2
QUIET = "quiet"
_LATENCIES = """
SELECT extract(epoch FROM b.finished_at - e.created_at)::float
FROM dispatch_capievent e
JOIN conversions_conversion c ON c.id = e.conversion_id
JOIN dispatch_send s ON s.event_id = e.id
JOIN funnels_destination d ON d.id = s.destination_id
LEFT JOIN dispatch_attempt a ON a.send_id = s.id
LEFT JOIN dispatch_batch b ON b.id = a.batch_id AND b.outcome = 'accepted'
WHERE c.order_id = ANY(%s) AND d.pixel_id <> ALL(%s) AND (b.id IS NOT NULL OR a.id IS NULL)
"""
Trouble = tuple[str, Callable[[], None], Callable[[], None]]
Sales = Iterator[tuple[str, bytes]]


def report() -> dict[str, float]:
    with noting_platform(ANSWER_MS) as platform, running_hub(META_GRAPH_URL=platform.url) as hub:
        shops = open_shops(hub, tenants=TENANTS, each=EACH)
        sales = write_sales(hub, shops)
        sell(hub, sales, rate=RATE, seconds=WARM_UP_S)
        troubled = shops[:: len(shops) // (2 * ROUNDS)][: 2 * ROUNDS]
        return _measure(hub, troubled, sales, _troubles(hub, platform, troubled))


def _troubles(hub: Hub, platform: NotingPlatform, shops: Sequence[Shop]) -> Sequence[Trouble]:
    """What befalls one destination after the other, each for the first time: no breaker is open before."""
    nobody = f"http://127.0.0.1:{free_port()}"
    quiet: Trouble = (QUIET, _nothing, _nothing)
    phases: list[Trouble] = []
    for dying, silenced in zip(shops[::2], shops[1::2], strict=True):
        # The silent one shares its platform with all the others.
        dead: Trouble = ("dead", partial(move, hub, dying, nobody), partial(move, hub, dying, ""))
        silent: Trouble = ("silent", partial(platform.silence, silenced.pixel), platform.speak)
        phases += [quiet, dead, quiet, silent]
    return phases


def _nothing() -> None:
    """A quiet phase needs none."""


def _measure(hub: Hub, troubled: Sequence[Shop], sales: Sales, troubles: Sequence[Trouble]) -> dict[str, float]:
    orders: dict[str, list[str]] = {}
    for name, begin, end in troubles:
        begin()
        sold = sell(hub, sales, rate=RATE, seconds=PHASE_S)
        end()
        if sold.refused:
            sys.exit(f"{sold.refused} webhooks were refused: the figures are worthless.")
        orders.setdefault(name, []).extend(sold.answered)
        time.sleep(2)
    time.sleep(5)
    return _describe({name: _read(hub, troubled, of) for name, of in orders.items()})


def _read(hub: Hub, troubled: Sequence[Shop], orders: list[str]) -> list[float]:
    """Seconds from due to accepted, of all sales to the destinations that are never in trouble."""
    with psycopg.connect(hub.environment["DATABASE_URL"]) as connection:
        rows = connection.execute(_LATENCIES, [orders, [shop.pixel for shop in troubled]]).fetchall()
    expected = round(len(orders) * (1 - len(troubled) / (TENANTS * EACH)))
    if any(row[0] is None for row in rows) or abs(len(rows) - expected) > len(troubled) * 2 * ROUNDS:
        sys.exit(f"{len(rows)} of {expected} sales to healthy destinations were accepted: the figures are worthless.")
    return sorted(row[0] for row in rows)


def _describe(latencies: dict[str, list[float]]) -> dict[str, float]:
    quiet = _percentile(latencies[QUIET], 0.95)
    figures: dict[str, float] = {}
    for name, found in latencies.items():
        shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
        figures |= {f"{name}: {label} ms": 1000 * _percentile(found, share) for label, share in shares.items()}
    ratios = {name: _percentile(found, 0.95) / quiet for name, found in latencies.items() if name != QUIET}
    return figures | {f"one {name}: p95, times quiet": ratio for name, ratio in ratios.items()} | {"limit": LIMIT}


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

"""The flow from webhook to acceptance on real processes: what it sustains, and how long a sale takes at a steady rate.

The rate climbs until work piles up: a step holds when no more waits at its end than in its middle, give or take what
comes in within two seconds. Then 10,000 sales a minute, or nine tenths of what held, whichever is less: from the
webhook's answer to the moment when the platform had read the sale, both by this machine's clock. Everything, the load
and the platform as well, shares the machine; what each part takes of it is told.
"""

import statistics
import sys
import time
from collections.abc import Iterator

import psutil
import psycopg

from tests.bench.noting_platform import NotingPlatform, noting_platform
from tests.bench.selling import open_shops, sell, write_sales
from tests.e2e.hub import Hub, running_hub

TENANTS, EACH = 4, 5
ANSWERS_MS = (0, 200)
FIRST_RATE, CLIMB, STEP_S, STEPS = 100.0, 1.25, 30.0, 12
STEADY_PER_MINUTE, STEADY_S, WARM_UP_S = 10_000, 60.0, 10.0
MORE_WAITING_S = 2.0
_WAITING = """
SELECT (SELECT count(*) FROM conversions_conversion WHERE match_due_at <= now())
    + (SELECT count(*) FROM dispatch_send WHERE status IN ('pending', 'retrying', 'sending'))
"""
Sales = Iterator[tuple[str, bytes]]


def report() -> dict[str, float]:
    figures: dict[str, float] = {}
    for milliseconds in ANSWERS_MS:
        with noting_platform(milliseconds) as platform, running_hub(META_GRAPH_URL=platform.url) as hub:
            sales = write_sales(hub, open_shops(hub, tenants=TENANTS, each=EACH))
            sell(hub, sales, rate=FIRST_RATE, seconds=WARM_UP_S)
            sustained = _climb(hub, sales)
            _drain(hub)
            steady = _measure_steady(hub, platform, sales, min(STEADY_PER_MINUTE / 60, sustained * 0.9))
        found = {"sustained, sales a minute": 60 * sustained, **steady}
        figures |= {f"answer in {milliseconds} ms: {name}": figure for name, figure in found.items()}
    return figures


def _climb(hub: Hub, sales: Sales) -> float:
    """The highest rate that held, in sales a second; what fails once is tried again: others use the machine."""
    held, rate, failures = 0.0, FIRST_RATE, 0
    for _step in range(STEPS):
        reached, holds = _try_rate(hub, sales, rate)
        if holds:
            held, rate, failures = reached, rate * CLIMB, 0
            continue
        failures += 1
        if failures == 2:
            break
        _drain(hub)
    if not held:
        sys.exit(f"Not even {60 * FIRST_RATE:,.0f} a minute held: something else has the machine.")
    return held


def _try_rate(hub: Hub, sales: Sales, rate: float) -> tuple[float, bool]:
    """What was reached, and whether it held."""
    halves, waiting = [], []
    for _half in range(2):
        halves.append(sell(hub, sales, rate=rate, seconds=STEP_S / 2))
        waiting.append(_count_waiting(hub))
    reached = sum(len(it.answered) for it in halves) / sum(it.seconds for it in halves)
    print(f"  {60 * reached:,.0f} a minute: {waiting[0]:,}, then {waiting[1]:,} waiting", flush=True)
    return reached, waiting[1] <= waiting[0] + MORE_WAITING_S * rate and reached > 0.95 * rate


def _count_waiting(hub: Hub) -> int:
    with psycopg.connect(hub.environment["DATABASE_URL"]) as connection:
        row = connection.execute(_WAITING).fetchone()
    return int(row[0]) if row else 0


def _drain(hub: Hub) -> None:
    while _count_waiting(hub):
        time.sleep(1)


def _measure_steady(hub: Hub, platform: NotingPlatform, sales: Sales, rate: float) -> dict[str, float]:
    before, platform_before = _cpu_seconds(hub), platform.cpu_seconds()
    sold = sell(hub, sales, rate=rate, seconds=STEADY_S)
    after, platform_after = _cpu_seconds(hub), platform.cpu_seconds()
    _drain(hub)
    notes = platform.notes()
    taken = sorted(notes[order] - answered for order, answered in sold.answered.items())
    machine = sold.seconds * psutil.cpu_count()
    shares = {f"CPU, share of the machine: {part}": (after[part] - before[part]) / machine for part in after}
    return {
        "steady, sales a minute": 60 * len(sold.answered) / sold.seconds,
        "refused": sold.refused,
        "answer to platform p50 ms": 1000 * statistics.median(taken),
        "answer to platform p95 ms": 1000 * taken[int(0.95 * len(taken))],
        "answer to platform p99 ms": 1000 * taken[int(0.99 * len(taken))],
        "answer to platform, longest ms": 1000 * taken[-1],
        **shares,
        "CPU, share of the machine: load generator": sold.cpu_seconds / machine,
        "CPU, share of the machine: platform": (platform_after - platform_before) / machine,
    }


def _cpu_seconds(hub: Hub) -> dict[str, float]:
    """CPU used so far by each program of the hub with its children, and by PostgreSQL."""
    spent = {name: _with_children(process.pid) for name, process in hub.running.items()}
    postgres = [it for it in psutil.process_iter(["name"]) if it.info["name"] == "postgres"]
    return spent | {"PostgreSQL": sum(_of_process(process) for process in postgres)}


def _with_children(pid: int) -> float:
    process = psutil.Process(pid)
    return sum(_of_process(it) for it in [process, *process.children(recursive=True)])


def _of_process(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)

"""Matching in batches while clicks become more, and beside it the plainest statement that finds clicks.

A database of its own is filled anew for each size (matching_data.py). Each batch is the whole use-case: facts, decision
and evidence, record stored, one commit. The limit is one statement for 500 of the same sales: the last click by id,
e-mail, phone or Meta click id, with nothing weighed, explained or stored. Ours and the limit take turns, so that what
else the machine does falls on both.
"""

import argparse
import secrets
import statistics
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.conversions.models import Conversion
from apps.funnels.selectors import FunnelConfig, published_configs
from apps.matching.models import Match
from apps.matching.services import match_conversions
from apps.pipeline.stages import MATCH_BATCH
from apps.tenants.scoping import unscoped
from apps.tenants.services import create_tenant
from tests.bench.matching_data import fill
from tests.worlds import World, make_world

SIZES = (100_000, 1_000_000, 10_000_000)
DEFAULT_LARGEST = 1_000_000
TENANTS = 5
WARM_UP, ROUNDS = 20, 100
LIMIT_BATCH = 500
Configs = Mapping[uuid.UUID, FunnelConfig]
_CLICK_OF = """
        (SELECT {rule} AS rule, k.id, k.clicked_at FROM (
            SELECT id FROM clicks_session AS s
            WHERE s.tenant_id = sale.tenant_id AND s.{column} = sale.{column} AND s.{column} <> ''
            ORDER BY id DESC LIMIT 1) AS newest
         CROSS JOIN LATERAL (
            SELECT * FROM clicks_click WHERE session_id = newest.id ORDER BY clicked_at DESC LIMIT 1) AS k)
"""
_LIMIT = f"""
SELECT sale.id, best.id FROM unnest(%s::bigint[]) AS wanted (id) JOIN conversions_conversion AS sale USING (id)
LEFT JOIN LATERAL (
    SELECT id FROM (
        (SELECT 1 AS rule, k.id, k.clicked_at FROM clicks_click AS k
         WHERE k.public_id = sale.click_ref AND k.tenant_id = sale.tenant_id)
        UNION ALL {_CLICK_OF.format(rule=2, column="email_sha256")}
        UNION ALL {_CLICK_OF.format(rule=3, column="phone_sha256")}
        UNION ALL
        (SELECT 4, k.id, k.clicked_at FROM clicks_click AS k
         WHERE k.tenant_id = sale.tenant_id AND k.fbclid <> '' AND NOT k.is_automated
           AND hashtextextended(k.fbclid, 0) = hashtextextended(sale.tracking ->> 'fbclid', 0)
         ORDER BY k.id DESC LIMIT 1)
    ) AS found
    WHERE clicked_at > sale.occurred_at - interval '7 days' ORDER BY rule LIMIT 1) AS best ON true
"""


@dataclass
class Cost:
    """Seconds of each batch, of Python's and PostgreSQL's CPU over all of them, and of each run of the limit."""

    batches: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)
    python: float = 0.0
    postgres: float = 0.0
    statements: int = 0
    candidates: float = 0.0

    @property
    def rate(self) -> float:
        return MATCH_BATCH * len(self.batches) / sum(self.batches)

    @property
    def limit(self) -> float:
        return LIMIT_BATCH * len(self.limits) / sum(self.limits)

    def percentile_ms(self, share: int) -> float:
        return 1000 * statistics.quantiles(self.batches, n=100)[share - 1]

    def cpu_us(self, seconds: float) -> float:
        return 1e6 * seconds / len(self.batches) / MATCH_BATCH


def report(options: Sequence[str] = ()) -> dict[str, float]:
    """Options: `--clicks` the largest size, of 100 thousand, 1 million (unless told) and 10 million."""
    parser = argparse.ArgumentParser(prog="matching")
    parser.add_argument("--clicks", type=int, choices=SIZES, default=DEFAULT_LARGEST)
    largest = parser.parse_args(options).clicks
    figures: dict[str, float] = {}
    p95: list[float] = []
    with own_database(), unscoped():
        worlds = [make_world(create_tenant(name="Bench", email=_address())) for _ in range(TENANTS)]
        for clicks in (size for size in SIZES if size <= largest):
            cost = _measure(worlds, clicks)
            p95.append(cost.percentile_ms(95))
            print(f"  {clicks:,} clicks: {cost.rate:,.0f} sales/s", flush=True)
            figures |= {f"{clicks:,}: {label}": figure for label, figure in _describe(cost).items()}
    return figures | {"p95, largest to smallest": p95[-1] / p95[0]}


@contextmanager
def own_database() -> Iterator[None]:
    """Another database than the one of DATABASE_URL, gone afterwards."""
    name = connection.settings_dict["NAME"]
    _leave_database()
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        _leave_database()
        connection.creation.destroy_test_db(name, verbosity=0)


def _leave_database() -> None:
    """A pool would go on leading to it."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined] # PostgreSQL's has one


def _address() -> str:
    return f"bench-{secrets.token_hex(4)}@example.com"


def _measure(worlds: Sequence[World], clicks: int) -> Cost:
    fill(worlds, clicks, sales=MATCH_BATCH * (WARM_UP + ROUNDS + 1))
    configs = published_configs(world.funnel.pk for world in worlds)
    batches = _batches()
    for _ in range(WARM_UP):
        _match(next(batches), configs)
        _run_limit()
    cost, counted = Cost(), next(batches)
    with CaptureQueriesContext(connection) as queries:
        _match(counted, configs)
    cost.statements = sum(query["sql"] not in ("BEGIN", "COMMIT") for query in queries)
    for rows in batches:
        _time_batch(cost, rows, configs)
        cost.limits.append(_run_limit())
    _check(len(cost.batches))
    cost.candidates = _count_candidates()
    return cost


def _batches() -> Iterator[list[Conversion]]:
    """The sales of `fill`, each once; scattered over the seven days, as their numbers are."""
    last = 0
    while rows := list(Conversion.objects.filter(pk__gt=last).order_by("pk")[:MATCH_BATCH]):
        last = rows[-1].pk
        yield rows


@transaction.atomic
def _match(rows: Sequence[Conversion], configs: Configs) -> None:
    match_conversions(rows, configs)


def _time_batch(cost: Cost, rows: Sequence[Conversion], configs: Configs) -> None:
    backend = psutil.Process(connection.connection.info.backend_pid)
    before, cpu, started = sum(backend.cpu_times()[:2]), time.process_time(), time.perf_counter()
    _match(rows, configs)
    cost.batches.append(time.perf_counter() - started)
    cost.python += time.process_time() - cpu
    cost.postgres += sum(backend.cpu_times()[:2]) - before


def _run_limit() -> float:
    """Seconds for the plainest statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(id) FROM (SELECT id FROM conversions_conversion ORDER BY random() LIMIT %s)",
            [LIMIT_BATCH],
        )
        chosen = cursor.fetchone()
        started = time.perf_counter()
        cursor.execute(_LIMIT, chosen)
        found = cursor.fetchall()
    seconds = time.perf_counter() - started
    if sum(click is not None for _, click in found) < LIMIT_BATCH / 2:
        sys.exit("The plainest statement found next to nothing: the figures are worthless.")
    return seconds


def _check(rounds: int) -> None:
    """Every sale was decided and stored, and most found their click."""
    stored, used = Match.objects.count(), Match.objects.filter(is_used=True).count()
    sales = MATCH_BATCH * (WARM_UP + ROUNDS + 1)
    if rounds != ROUNDS or stored != sales or used < 0.7 * sales:
        sys.exit(f"{stored} matches of {sales} sales, {used} used: the figures are worthless.")


def _count_candidates() -> float:
    """How many a sale has, on average."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT avg(jsonb_array_length(evidence))::float FROM matching_match")
        return float(cursor.fetchall()[0][0])


def _describe(cost: Cost) -> dict[str, float]:
    return {
        "sales/s": cost.rate,
        "limit: plainest statement, sales/s": cost.limit,
        "ratio to the limit": cost.rate / cost.limit,
        "ms a batch of 200, p50": cost.percentile_ms(50),
        "ms a batch of 200, p95": cost.percentile_ms(95),
        "statements a batch": cost.statements,
        "candidates a sale": cost.candidates,
        "CPU us a sale, Python": cost.cpu_us(cost.python),
        "CPU us a sale, PostgreSQL": cost.cpu_us(cost.postgres),
    }

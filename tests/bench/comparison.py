"""How long a funnel's draft takes over 100 thousand sales of the past, against as many plain reads by primary key.

A database of its own is filled as for the matching benchmark. Each chunk of sales is compared and committed as a worker
does it, then the same sales are read one by one, so that what else the machine does falls on both. Two drafts: another
model, whose facts are gathered once, and a longer window as well, for which some are gathered twice.
"""

import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection

from apps.conversions.models import Conversion
from apps.funnels.models import Funnel
from apps.matching.comparing import COMPARED, read_sums
from apps.matching.models import Comparison
from apps.matching.services import start_comparison
from apps.pipeline.stages import compare_batch
from apps.tenants.scoping import unscoped
from apps.tenants.services import create_tenant
from tests.bench.matching_data import fill
from tests.worlds import make_world

TENANTS, CLICKS, SALES = 5, 500_000, 100_000
# Of what is filled, 72 % belong to the biggest account.
FILLED_SALES = SALES * 7 // 5
DAYS = 90
DRAFTS: Mapping[str, Mapping[str, Any]] = {
    "first click": {"attribution_model": "first_click"},
    "first click and 14 days": {"attribution_model": "first_click", "attribution_window_days": 14},
}


@dataclass
class Taken:
    """Seconds of the comparison and of the plain reads."""

    comparing: float = 0.0
    reading: float = 0.0


def report() -> dict[str, float]:
    figures: dict[str, float] = {}
    with _own_database(), unscoped():
        worlds = [make_world(create_tenant(name="Bench", email=_address())) for _ in range(TENANTS)]
        fill(worlds, CLICKS, FILLED_SALES)
        for name, changes in DRAFTS.items():
            Funnel.objects.filter(pk=worlds[0].funnel.pk).update(**changes)
            comparison = start_comparison(Funnel.objects.get(pk=worlds[0].funnel.pk), DAYS)
            print(f"  {name}: {comparison.total:,} sales", flush=True)
            taken = _run(comparison)
            figures |= {f"{name}: {label}": figure for label, figure in _describe(comparison, taken).items()}
    return figures


@contextmanager
def _own_database() -> Iterator[None]:
    name = connection.settings_dict["NAME"]
    connection.close()
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def _address() -> str:
    return f"bench-{secrets.token_hex(4)}@example.com"


def _run(comparison: Comparison) -> Taken:
    taken, shown = Taken(), 0
    while comparison.state == Comparison.State.RUNNING:
        cursor, started = comparison.cursor, time.perf_counter()
        compare_batch()
        taken.comparing += time.perf_counter() - started
        comparison.refresh_from_db()
        taken.reading += _read_again(comparison, cursor)
        if comparison.percent >= shown + 10:
            shown = comparison.percent
            print(f"    {shown:>3} %  {comparison.done:>7,} sales  {taken.comparing:6.1f} s", flush=True)
    return taken


def _read_again(comparison: Comparison, cursor: int) -> float:
    span = {"pk__gt": cursor, "pk__lte": comparison.cursor}
    keys = list(Conversion.objects.filter(funnel=comparison.funnel_id, **span).values_list("pk", flat=True))
    started = time.perf_counter()
    with connection.cursor() as reader:
        for key in keys:
            reader.execute("SELECT * FROM conversions_conversion WHERE id = %s", [key])
            reader.fetchone()
    return time.perf_counter() - started


def _describe(comparison: Comparison, taken: Taken) -> dict[str, float]:
    changed = sum(item.sales for item in read_sums(comparison.summary) if item.kind != COMPARED)
    if comparison.state != Comparison.State.DONE or comparison.done < SALES or not changed:
        sys.exit(f"{comparison.state}, {comparison.done} compared, {changed} change: the figures are worthless.")
    return {
        "sales": comparison.done,
        "sales that change": changed,
        "seconds": taken.comparing,
        "sales/s": comparison.done / taken.comparing,
        "plain reads/s": comparison.done / taken.reading,
        "times a plain read": taken.comparing / taken.reading,
    }

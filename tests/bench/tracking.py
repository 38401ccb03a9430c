"""What a click, a page view and a redirect cost, against a bare insert: one row, one commit, 16 connections.

All four are measured in turn, round after round, on the same server, so that what else the machine does meanwhile
falls on each alike. Each of ours first asks Redis for its limits, then is one statement: a click writes a session and
a click, a page view its event and a new or known session, a redirect what a click does. Links and funnels are many, so
that no limit of one is reached.
"""

import json
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count, cycle
from urllib.parse import quote

from apps.clicks.link_services import create_link
from apps.clicks.models import Click, PageEvent, Source
from apps.funnels.models import Funnel
from apps.funnels.services import create_funnel
from apps.tenants.scoping import tenant_scope
from apps.tenants.services import NewTenant, create_tenant
from tests.bench.limits import insert_rows, measure_pgbench
from tests.bench.load import Outcome, run_load
from tests.bench.webhooks import PORT, cpu_seconds, database_url, serving

FUNNELS = 20
CONNECTIONS = 16
ROUNDS = 3
WARM_UP_S, RUN_S = 3.0, 6.0
PAGES_OF_A_VISITOR, VISITORS_AT_A_TIME = 4, 500
BARE, CLICK, PAGE_VIEW, REDIRECT = "bare insert", "click", "page view", "redirect"
_CHECKOUT = "https://pay.hotmart.com/A1?off=abc"
_PHONE = "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"
_HEAD = f"HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nUser-Agent: {_PHONE}\r\n"
_UTM = {"utm_source": "facebook", "utm_campaign": "Confeitaria|120210000000000001", "utm_content": "Video 3"}
Load = Callable[[float, float | None], Outcome]


@dataclass
class Cost:
    """One kind's runs; the CPU seconds of web server and PostgreSQL are those of the full ones."""

    full: list[Outcome] = field(default_factory=list)
    half: list[Outcome] = field(default_factory=list)
    warm_up: Outcome = field(default_factory=Outcome)
    web: float = 0.0
    postgres: float = 0.0

    @property
    def answered(self) -> int:
        return sum(len(run.latencies) for run in self.full)

    @property
    def rate(self) -> float:
        return self.answered / sum(run.seconds for run in self.full)

    @property
    def runs(self) -> list[Outcome]:
        return [self.warm_up, *self.full, *self.half]

    def at_half_load(self) -> Outcome:
        return Outcome(latencies=[latency for run in self.half for latency in run.latencies])

    def cpu_us(self, seconds: float) -> float:
        return 1e6 * seconds / self.answered


def report() -> dict[str, float]:
    """Start a web server of its own, measure, stop it; the figures by name."""
    owner = create_tenant(name="Bench", email=f"bench-{secrets.token_hex(4)}@example.com")
    with tenant_scope(owner.tenant.pk):
        funnels = [create_funnel({"name": f"Bench {number}"}) for number in range(FUNNELS)]
        links = [create_link({"funnel": funnel.pk, "destination": _CHECKOUT}).key for funnel in funnels]
    url, row = database_url(), json.dumps(_arrival(funnels[0], "0"))
    loads: dict[str, Load] = {
        BARE: lambda seconds, rate: insert_rows(url, seconds=seconds, rate=rate, body=row),
        CLICK: partial(_load, clicks_of(funnels), 201),
        PAGE_VIEW: partial(_load, page_views_of(funnels), 201),
        REDIRECT: partial(_load, redirects_of(links), 302),
    }
    with serving():
        costs, pgbench = _measure(loads, url)
    _check(owner, costs)
    return _describe(costs, pgbench)


def clicks_of(funnels: list[Funnel]) -> Iterator[bytes]:
    """An endless row of visitors from ads, each with a click id of its own, as the tracking API takes them."""
    run = secrets.token_hex(20)
    for funnel, number in zip(cycle(funnels), count(1), strict=False):
        yield _post("click", _arrival(funnel, f"{run}{number}"))


def page_views_of(funnels: list[Funnel]) -> Iterator[bytes]:
    """Visitors who each see so many pages, one after the other, with others' between them."""
    run = secrets.token_hex(6)
    for number in count():
        group, visitor = number // (VISITORS_AT_A_TIME * PAGES_OF_A_VISITOR), number % VISITORS_AT_A_TIME
        yield _post(
            "pageview",
            {
                "public_key": funnels[visitor % FUNNELS].public_key,
                "url": _CHECKOUT,
                "session_id": f"hts{run}{group}x{visitor}",
                "event_id": f"hte{run}{number}",
            },
        )


def redirects_of(keys: list[str]) -> Iterator[bytes]:
    """The visitors of `clicks_of`, through redirect links."""
    run = secrets.token_hex(20)
    query = "&".join(f"{name}={quote(value)}" for name, value in _UTM.items())
    for key, number in zip(cycle(keys), count(1), strict=False):
        yield f"GET /{key}?fbclid=IwAR{run}{number}&{query} {_HEAD}\r\n".encode()


def _arrival(funnel: Funnel, mark: str) -> dict[str, str]:
    return {"public_key": funnel.public_key, "url": _CHECKOUT, "fbclid": f"IwAR{mark}", **_UTM}


def _post(action: str, hit: dict[str, str]) -> bytes:
    body = json.dumps(hit)
    return f"POST /api/v1/track/{action} {_HEAD}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def _load(requests: Iterator[bytes], status: int, seconds: float, rate: float | None) -> Outcome:
    return run_load(PORT, requests, seconds=seconds, connections=CONNECTIONS, rate=rate, expected=status)


def _measure(loads: dict[str, Load], url: str) -> tuple[dict[str, Cost], float]:
    """The costs by kind, and what pgbench inserts a second."""
    costs = {kind: Cost(warm_up=load(WARM_UP_S, None)) for kind, load in loads.items()}
    pgbench = 0.0
    for _ in range(ROUNDS):
        pgbench += measure_pgbench(url) / ROUNDS
        for kind, load in loads.items():
            _run_full(costs[kind], load)
        for kind, load in loads.items():
            costs[kind].half.append(load(RUN_S, costs[kind].full[-1].rate / 2))
    return costs, pgbench


def _run_full(cost: Cost, load: Load) -> None:
    before = cpu_seconds()
    cost.full.append(load(RUN_S, None))
    after = cpu_seconds()
    cost.web += after["web"] - before["web"]
    cost.postgres += after["postgres"] - before["postgres"]


def _check(owner: NewTenant, costs: dict[str, Cost]) -> None:
    """Every answer is a row; the bare inserts count theirs themselves."""
    with tenant_scope(owner.tenant.pk):
        stored = {
            CLICK: Click.objects.exclude(source=Source.LINK).count(),
            PAGE_VIEW: PageEvent.objects.count(),
            REDIRECT: Click.objects.filter(source=Source.LINK, is_automated=False).count(),
        }
    for kind, rows in stored.items():
        runs = costs[kind].runs
        answered, refused = sum(len(run.latencies) for run in runs), sum(run.refused for run in runs)
        if refused or rows != answered:
            sys.exit(f"{kind}: {answered} answers, {refused} refusals, {rows} rows: the figures are worthless.")


def _describe(costs: dict[str, Cost], pgbench: float) -> dict[str, float]:
    bare = costs[BARE]
    figures = {"limit: pgbench, rows/s": pgbench}
    for kind, cost in costs.items():
        half = cost.at_half_load()
        figures |= {f"{kind}: per second": cost.rate}
        if cost is not bare:
            figures |= {f"{kind}: ratio to the bare insert": cost.rate / bare.rate}
        figures |= {
            f"{kind}: ratio to pgbench": cost.rate / pgbench,
            **{f"{kind}: p{share} ms at half load": half.percentile_ms(share / 100) for share in (50, 95, 99)},
            f"{kind}: CPU us, server's Python": cost.cpu_us(cost.web),
            f"{kind}: CPU us, PostgreSQL": cost.cpu_us(cost.postgres),
            f"{kind}: CPU us, client": cost.cpu_us(sum(run.cpu_seconds for run in cost.full)),
        }
    return figures

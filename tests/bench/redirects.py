"""Redirects and clicks against a bare insert: one row and one commit, 16 connections, same server, same minute.

A redirect asks Redis for its limits, writes a session and a click in one statement, and answers the merged address. A
click through the API does the same from a JSON body. The links are many, so that no limit of one is reached.
"""

import json
import secrets
import sys
from collections.abc import Iterator
from itertools import count, cycle

from apps.clicks.link_services import create_link
from apps.clicks.models import Click, Source
from apps.funnels.models import Funnel
from apps.funnels.services import create_funnel
from apps.tenants.scoping import tenant_scope
from apps.tenants.services import NewTenant, create_tenant
from tests.bench.limits import measure_pgbench, measure_psycopg
from tests.bench.load import Outcome, run_load
from tests.bench.webhooks import PORT, cpu_seconds, database_url, serving

FUNNELS = 20
CONNECTIONS = 16
WARM_UP_S, RUN_S = 3.0, 10.0
_CHECKOUT = "https://pay.hotmart.com/A1?off=abc"
_PHONE = "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"
_HEAD = f"HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nUser-Agent: {_PHONE}\r\n"
_UTM = {"utm_source": "facebook", "utm_campaign": "Confeitaria|120210000000000001", "utm_content": "Video 3"}


def report() -> dict[str, float]:
    """Start a web server of its own, measure, stop it; the figures by name."""
    owner = create_tenant(name="Bench", email=f"bench-{secrets.token_hex(4)}@example.com")
    with tenant_scope(owner.tenant.pk):
        funnels = [create_funnel({"name": f"Bench {number}"}) for number in range(FUNNELS)]
        links = [create_link({"funnel": funnel.pk, "destination": _CHECKOUT}).key for funnel in funnels]
    with serving():
        pgbench, plain = measure_pgbench(database_url()), measure_psycopg(database_url())
        figures = {
            **_measure("redirect", redirects_of(links), 302),
            **_measure("click", clicks_of(funnels), 201),
        }
        pgbench += measure_pgbench(database_url())
        plain += measure_psycopg(database_url())
    _check(owner, figures)
    return {
        **{label: figure for label, figure in figures.items() if not label.endswith("answered")},
        "limit: pgbench, rows/s": pgbench / 2,
        "limit: plain psycopg, rows/s": plain / 2,
        **{f"{kind}: ratio to pgbench": 2 * figures[f"{kind}s/s"] / pgbench for kind in ("redirect", "click")},
        **{f"{kind}: ratio to plain psycopg": 2 * figures[f"{kind}s/s"] / plain for kind in ("redirect", "click")},
    }


def redirects_of(keys: list[str]) -> Iterator[bytes]:
    """An endless row of visitors from ads, each with a click id of its own."""
    query = "&".join(f"{name}={value}" for name, value in _UTM.items()).replace(" ", "%20")
    run = secrets.token_hex(20)
    for key, number in zip(cycle(keys), count(1), strict=False):
        yield f"GET /{key}?fbclid=IwAR{run}{number}&{query} {_HEAD}\r\n".encode()


def clicks_of(funnels: list[Funnel]) -> Iterator[bytes]:
    """The same, as the tracking API takes them."""
    run = secrets.token_hex(20)
    for funnel, number in zip(cycle(funnels), count(1), strict=False):
        hit = {"public_key": funnel.public_key, "url": _CHECKOUT, "fbclid": f"IwAR{run}{number}", **_UTM}
        body = json.dumps(hit)
        yield f"POST /api/v1/track/click {_HEAD}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def _measure(kind: str, requests: Iterator[bytes], status: int) -> dict[str, float]:
    def load(seconds: float, rate: float | None = None) -> Outcome:
        return run_load(PORT, requests, seconds=seconds, connections=CONNECTIONS, rate=rate, expected=status)

    warm_up = load(WARM_UP_S)
    before = cpu_seconds()
    full = load(RUN_S)
    after = cpu_seconds()
    half = load(RUN_S, full.rate / 2)
    runs = (warm_up, full, half)
    if refused := sum(run.refused for run in runs):
        sys.exit(f"{refused} {kind}s were refused: the figures are worthless.")
    return {
        f"{kind}s/s": full.rate,
        **{f"{kind} p{share} ms at half that rate": half.percentile_ms(share / 100) for share in (50, 95, 99)},
        f"CPU us/{kind}: web": 1e6 * (after["web"] - before["web"]) / len(full.latencies),
        f"CPU us/{kind}: PostgreSQL": 1e6 * (after["postgres"] - before["postgres"]) / len(full.latencies),
        f"{kind}s answered": sum(len(run.latencies) for run in runs),
    }


def _check(owner: NewTenant, figures: dict[str, float]) -> None:
    """Every answer is a row."""
    with tenant_scope(owner.tenant.pk):
        rows = {
            "redirect": Click.objects.filter(source=Source.LINK, is_automated=False).count(),
            "click": Click.objects.exclude(source=Source.LINK).count(),
        }
    for kind, stored in rows.items():
        if stored != figures[f"{kind}s answered"]:
            sys.exit(f"{figures[f'{kind}s answered']:.0f} {kind}s left {stored} rows: the figures are worthless.")

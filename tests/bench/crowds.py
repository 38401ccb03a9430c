"""What a sale costs that leads into a crowd, beside a quiet one that carries the id of its only click.

Each crowd shares one thing: an address, an IPv6 /64, an e-mail, a Meta click id, a visit. 200 sales of each are matched
as one batch, turn after turn on one database of a million clicks a crowd; medians count. A crowd's sale has twenty
candidates or more to weigh, explain and store where the quiet one has one: that alone is what it may cost more.
"""

import statistics
import sys
import time
from dataclasses import asdict, dataclass

from django.db import connection, transaction

from apps.conversions.models import Conversion
from apps.funnels.selectors import published_configs
from apps.matching.models import Match
from apps.matching.services import match_conversions
from apps.pipeline.stages import MATCH_BATCH
from apps.tenants.scoping import unscoped
from apps.tenants.services import create_tenant
from tests.bench.matching import own_database
from tests.bench.matching_data import bare_tables, tenant_facts
from tests.worlds import World, make_world

MANY, OF_ONE = 1_000_000, 100_000
ROUNDS = 9
QUIET = "quiet"
_VISITS = """
INSERT INTO clicks_session (public_id, tenant_id, funnel_id, identity, fbp, email_sha256)
SELECT 'hts' || left(md5(%(name)s::text || number), 24), %(id)s, %(funnel_id)s, '{}',
       'fb.1.1.' || %(name)s::text || number, %(email)s
FROM generate_series(1, %(visits)s) AS number
"""
_CLICKS = """
INSERT INTO clicks_click (public_id, tenant_id, funnel_id, session_id, clicked_at, landing_url, referrer, fbclid, fbc,
                          fbp, ttclid, gclid, utm, src, sck, xcod, ip, user_agent, event_id, correlation_id,
                          is_automated)
SELECT 'htc' || left(md5(%(name)s::text || number), 24), tenant_id, funnel_id, s.id,
       now() - interval '3 days' + number * interval '0.2 seconds', 'https://a.example.com', '', %(fbclid)s, '',
       fbp, '', '', '{}', '', '', '', %(ip)s::inet + CASE WHEN %(is_home)s THEN number ELSE 0 END, '', '', 'req_bench',
       %(is_automated)s AND number > 1
FROM generate_series(1, %(clicks)s) AS number
JOIN clicks_session AS s ON s.public_id = 'hts' || left(md5(%(name)s::text || least(number, %(visits)s)), 24)
"""
_SALES = """
INSERT INTO conversions_conversion (
    tenant_id, funnel_id, endpoint_id, gateway, order_id, status, currency, occurred_at, identity, email_sha256,
    phone_sha256, buyer_ip, tracking, click_ref, session_ref, product_id, product_name, payment_method, subscription_id,
    is_renewal, is_test, correlation_id)
SELECT %(id)s, %(funnel_id)s, %(endpoint_id)s, 'hotmart', %(name)s::text || number, 'approved', 'BRL', now(), '{}',
       %(email)s, '', %(ip)s, jsonb_build_object('fbclid', %(fbclid)s::text), '',
       CASE WHEN %(is_named)s THEN 'hts' || left(md5(%(name)s::text || 1), 24) ELSE '' END, '', '', 'pix', '',
       false, false, 'req_bench'
FROM generate_series(1, %(sales)s) AS number
"""


@dataclass(frozen=True, slots=True)
class Crowd:
    """`is_home`: each click has its own address in the /64 of `ip`. `is_named`: the sale carries the visit's id."""

    name: str
    visits: int = MANY
    clicks: int = MANY
    ip: str | None = None
    is_home: bool = False
    email: str = ""
    fbclid: str = ""
    is_automated: bool = False
    is_named: bool = False


CROWDS = (
    Crowd(QUIET, visits=1, clicks=1, is_named=True),
    Crowd("one address", ip="200.160.2.3"),
    Crowd("one IPv6 /64", ip="2804:14c:1:1::", is_home=True),
    Crowd("one Meta click id", fbclid="IwAR-crowd"),
    Crowd("one e-mail", visits=OF_ONE, clicks=OF_ONE, email="e" * 64),
    Crowd("one visit", visits=1, clicks=OF_ONE, is_named=True),
    Crowd("one visit of a machine", visits=1, clicks=OF_ONE, is_automated=True, is_named=True),
)


def report() -> dict[str, float]:
    with own_database(), unscoped():
        world = make_world(create_tenant(name="Bench", email="bench@example.com"))
        tenant = tenant_facts(world)
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0; SET maintenance_work_mem = '1GB'; SET synchronous_commit = off")
            with bare_tables():
                for crowd in CROWDS:
                    for statement in (_VISITS, _CLICKS, _SALES):
                        cursor.execute(statement, tenant | asdict(crowd) | {"sales": MATCH_BATCH})
            cursor.execute("VACUUM ANALYZE clicks_session, clicks_click, conversions_conversion")
            cursor.execute("RESET statement_timeout; RESET synchronous_commit")
        return _measure(world)


def _measure(world: World) -> dict[str, float]:
    configs = published_configs([world.funnel.pk])
    sales = {crowd.name: list(Conversion.objects.filter(order_id__regex=rf"^{crowd.name}\d+$")) for crowd in CROWDS}
    taken: dict[str, list[float]] = {name: [] for name in sales}
    candidates: dict[str, int] = {}
    for _ in range(ROUNDS):
        for name, rows in sales.items():
            Match.objects.all().delete()
            started = time.perf_counter()
            with transaction.atomic():
                matches = match_conversions(rows, configs)
            taken[name].append(time.perf_counter() - started)
            candidates[name] = len(matches[rows[0].pk].evidence)
    if any(len(rows) != MATCH_BATCH for rows in sales.values()) or candidates[QUIET] != 1:
        sys.exit(f"{candidates}: the figures are worthless.")
    quiet = statistics.median(taken[QUIET])
    figures = {f"{QUIET}: ms a batch of 200": 1000 * quiet}
    for name, seconds in taken.items():
        if name != QUIET:
            figures |= {
                f"{name}: times a quiet sale": statistics.median(seconds) / quiet,
                f"{name}: candidates": candidates[name],
            }
    return figures

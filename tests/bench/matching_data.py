"""Visits, clicks and sales in any number, made by PostgreSQL itself: what the matching benchmark is run over.

Visits are told in the order of their time, over 40 days; a browser comes twice, two days apart. One in five says its
e-mail, one in ten its phone as well; a quarter of those have a second browser. Half of all browsers are behind a
carrier's address, some forty together, the others in homes of some six, every other one with an IPv6 /64. Seven in ten
visits carry a Meta click id of their own, one in twenty is a machine's, one in four clicks again. Six in ten belong to
the biggest of five tenants. Sales follow visits of the last seven days.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db import connection
from django.utils import timezone

from apps.core.identity import OTHER_PHONE
from apps.tenants.scoping import tenant_scope
from tests.worlds import World

CLICKS_OF_FOUR_VISITS = 5
_TABLES = ["clicks_session", "clicks_click"]
_SESSIONS = """
INSERT INTO clicks_session (id, public_id, tenant_id, funnel_id, first_seen_at, last_seen_at, email_sha256,
                            phone_sha256, identity, ip, user_agent, fbc, fbp)
SELECT visit, 'hts' || left(md5('visit' || visit), 24), tenant.id, tenant.funnel_id,
       seen_at, seen_at + interval '5 minutes',
       CASE WHEN browser %% 5 = 0 THEN encode(sha256(('mail' || person)::bytea), 'hex') ELSE '' END,
       CASE WHEN browser %% 10 = 0 THEN encode(sha256(('phone' || person)::bytea), 'hex') ELSE '' END,
       '{}',
       CASE WHEN browser %% 2 = 0
                THEN '177.0.0.0'::inet + abs(hashint8(browser)::bigint) %% greatest(%(visits)s / 160, 1)
            WHEN browser %% 4 = 1 THEN '189.0.0.0'::inet + browser / 12
            ELSE format('2804:%%s:%%s::%%s', to_hex(browser / 12 / 65536), to_hex(browser / 12 %% 65536),
                        to_hex(browser %% 65536))::inet END,
       'Mozilla/5.0 (Linux; Android 1' || browser %% 6 || '; SM-A' || browser %% 599 || 'E) AppleWebKit/537.36'
           || ' Chrome/140.0 Mobile Safari/537.36',
       CASE WHEN visit %% 10 < 7 THEN 'fb.1.1790000000000.IwAR' || md5('ad' || visit) || md5('set' || visit)
            ELSE '' END,
       'fb.1.1790000000000.' || browser
FROM generate_series(1, %(visits)s::bigint) AS visit
CROSS JOIN LATERAL (SELECT visit / (2 * spread) * spread + visit %% spread AS browser
                    FROM (SELECT greatest(%(visits)s / 400, 1) * 10 AS spread) AS days) AS known
CROSS JOIN LATERAL (SELECT CASE WHEN browser %% 20 = 5 THEN browser - 5 ELSE browser END AS person,
    %(now)s::timestamptz - interval '40 days' * (1 - visit::float / %(visits)s) AS seen_at) AS whose
JOIN jsonb_to_recordset(%(tenants)s::jsonb) AS tenant (place bigint, id uuid, funnel_id uuid)
    ON tenant.place = greatest(browser %% 10 - 5, 0)
ORDER BY visit
"""
_CLICKS = """
INSERT INTO clicks_click (public_id, tenant_id, funnel_id, session_id, clicked_at, landing_url, referrer, fbclid, fbc,
                          fbp, ttclid, gclid, utm, src, sck, xcod, ip, user_agent, event_id, correlation_id,
                          is_automated)
SELECT 'htc' || left(md5('click' || s.id || turn), 24), tenant_id, funnel_id, s.id,
       first_seen_at + turn * interval '1 minute',
       'https://cursos.example.com/oferta?utm_source=facebook&utm_medium=paid', 'https://l.facebook.example.com/',
       substr(fbc, 20), fbc, fbp, '', '',
       '{"utm_source": "facebook", "utm_medium": "paid", "utm_campaign": "Confeitaria|120210000000000001"}',
       '', '', '', ip, user_agent, '', 'req_bench', s.id %% 20 = 7
FROM clicks_session AS s CROSS JOIN LATERAL generate_series(0, CASE WHEN s.id %% 4 = 0 THEN 1 ELSE 0 END) AS turn
ORDER BY s.id
"""
# In twenty sales: twelve carry the click's id and half of these the address, three share the e-mail alone, two the
# phone alone, one the Meta click id, two nothing but the address.
_SALES = f"""
INSERT INTO conversions_conversion (
    tenant_id, funnel_id, endpoint_id, gateway, order_id, status, amount, currency, occurred_at, approved_at, identity,
    email_sha256, phone_sha256, buyer_ip, buyer_device, tracking, click_ref,
    session_ref, product_id, product_name, payment_method, subscription_id, is_renewal, is_test, correlation_id)
SELECT s.tenant_id, s.funnel_id, tenant.endpoint_id, 'hotmart', 'HP' || number, 'approved', 197, 'BRL', bought_at,
       bought_at,
       CASE WHEN kind = 16 THEN jsonb_build_object('{OTHER_PHONE}', jsonb_build_array(s.phone_sha256))
            ELSE '{{}}' END,
       CASE WHEN kind < 15 AND s.email_sha256 <> '' THEN s.email_sha256
            ELSE encode(sha256(('buyer' || number)::bytea), 'hex') END,
       CASE WHEN (kind < 12 OR kind = 15) AND s.phone_sha256 <> '' THEN s.phone_sha256
            ELSE encode(sha256(('at' || number)::bytea), 'hex') END,
       CASE WHEN kind < 6 OR kind > 17 THEN s.ip END, CASE WHEN kind < 6 OR kind > 17 THEN 'chrome android' ELSE '' END,
       CASE WHEN kind = 17 AND s.fbc <> '' THEN jsonb_build_object('fbclid', substr(s.fbc, 20), 'fbc', s.fbc)
            ELSE '{{"utm_source": "facebook"}}' END,
       CASE WHEN kind < 12 THEN 'htc' || left(md5('click' || s.id || '0'), 24) ELSE '' END,
       '', '4815162', 'Curso de Confeitaria', 'pix', '', false, false, 'req_bench'
FROM generate_series(1, %(sales)s) AS number
CROSS JOIN LATERAL (SELECT number %% 20 AS kind,
    %(visits)s - 10 - abs(hashint8(number)::bigint) %% (%(visits)s * 7 / 40) AS near) AS sale
JOIN clicks_session AS s ON s.id = CASE
    WHEN kind BETWEEN 12 AND 14 THEN near - near %% 5 WHEN kind BETWEEN 15 AND 16 THEN near - near %% 10
    WHEN kind = 17 THEN near - near %% 10 + 3 WHEN near %% 20 = 7 THEN near - 1 ELSE near END
JOIN jsonb_to_recordset(%(tenants)s::jsonb) AS tenant (id uuid, endpoint_id uuid) ON tenant.id = s.tenant_id
CROSS JOIN LATERAL (SELECT CASE WHEN number / 20 %% 4 = 0 THEN number %% 48 * interval '30 minutes'
                                ELSE interval '10 minutes' END AS later) AS waited
CROSS JOIN LATERAL (SELECT least(s.first_seen_at + later, %(now)s) AS bought_at) AS paid
ORDER BY number
"""
_INDEXES = """
SELECT format('DROP INDEX %%I', indexname), indexdef FROM pg_indexes
WHERE tablename = ANY(%s) AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""
_CONSTRAINTS = """
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
       format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = ANY(%s::regclass[]) AND contype IN ('f', 'u')
"""


def fill(worlds: Sequence[World], clicks: int, sales: int) -> None:
    """In place of whatever was there: so many clicks and, of the last seven days, so many sales not matched yet."""
    facts: dict[str, str | int | datetime] = {
        "tenants": json.dumps([tenant_facts(world) | {"place": place} for place, world in enumerate(worlds)]),
        "visits": clicks * 4 // CLICKS_OF_FOUR_VISITS,
        "sales": sales,
        "now": timezone.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET maintenance_work_mem = '1GB'; SET synchronous_commit = off")
        cursor.execute("TRUNCATE clicks_session, clicks_click, conversions_conversion CASCADE")
        # It would go over the new rows for minutes, while they are measured.
        cursor.execute("ALTER TABLE clicks_session SET (autovacuum_enabled = off)")
        cursor.execute("ALTER TABLE clicks_click SET (autovacuum_enabled = off)")
        with bare_tables():
            cursor.execute(_SESSIONS, facts)
            cursor.execute(_CLICKS, facts)
        cursor.execute("VACUUM ANALYZE clicks_session, clicks_click")
        cursor.execute(_SALES, facts)
        cursor.execute("ANALYZE conversions_conversion; RESET statement_timeout; RESET synchronous_commit")


@contextmanager
def bare_tables() -> Iterator[None]:
    """Within, only primary keys stand: ten times faster to fill, and the indexes made again are whole."""
    with connection.cursor() as cursor:
        cursor.execute(_CONSTRAINTS, [_TABLES])
        made = cursor.fetchall()
        cursor.execute(_INDEXES, [_TABLES])
        made = cursor.fetchall() + made
        for drop, _ in reversed(made):
            cursor.execute(drop)
        yield
        for _, make in made:
            cursor.execute(make)


def tenant_facts(world: World) -> dict[str, str]:
    with tenant_scope(world.tenant_id):
        endpoint = world.funnel.endpoints.get(gateway="hotmart")
    return {"id": str(world.tenant_id), "funnel_id": str(world.funnel.pk), "endpoint_id": str(endpoint.pk)}

"""The sweep runs twice a second: what it costs follows from the refusals, never from what is stored."""

import re

from django.db import connection

from apps.dispatch.services import consent
from apps.tenants.scoping import unscoped
from tests.worlds import World

MANY = 20_000
REFUSALS = 50
_SESSIONS = """
INSERT INTO clicks_session (public_id, tenant_id, funnel_id, identity, email_sha256, click_ref, consent_ads, consent_at)
SELECT 'hts' || lpad(i::text, 24, '0'), %(tenant)s, %(funnel)s, '{}', 'e' || i, 'htc' || lpad(i::text, 24, '0'),
       CASE WHEN i <= %(refusals)s THEN false END, now()
FROM generate_series(1, %(many)s) AS i
"""
_CLICKS = """
INSERT INTO clicks_click (public_id, tenant_id, funnel_id, session_id, landing_url, referrer, fbclid, fbc, fbp, ttclid,
                          gclid, utm, src, sck, xcod, user_agent, event_id, correlation_id)
SELECT click_ref, tenant_id, funnel_id, id, 'https://a.example.com', '', '', '', '', '', '', '{}', '', '', '', '', '',
       '' FROM clicks_session
"""
_PAGES = """
INSERT INTO clicks_pageevent (tenant_id, session_id, name, url, event_id)
SELECT tenant_id, id, 'pageview', 'https://a.example.com', 'hte' || id FROM clicks_session
"""
_WORDS = """
INSERT INTO clicks_consentrecord (tenant_id, session_id, consent_ads, source, given_at)
SELECT tenant_id, id, false, 'banner', now() FROM clicks_session WHERE NOT consent_ads
"""


def test_no_table_of_visitors_is_read_through(world: World) -> None:
    facts = {"tenant": world.tenant_id, "funnel": world.funnel.pk, "many": MANY, "refusals": REFUSALS}
    with unscoped(), connection.cursor() as cursor:
        cursor.execute(_SESSIONS, facts)
        for statement in (_CLICKS, _PAGES, _WORDS, "ANALYZE clicks_session, clicks_click, clicks_pageevent"):
            cursor.execute(statement)

        cursor.execute(f"EXPLAIN {consent._TOUCHED}", [consent.LOOKS_BACK_S, consent.NEWEST_WORDS, ["pending"]])
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "Index Scan using session_carried on clicks_session" in plan
    assert re.findall(r"Seq Scan on clicks_(?:session|click|pageevent)\b", plan) == []

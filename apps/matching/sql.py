"""The statements of matching. Rows travel as one JSON text each way, so their number does not change a statement.

Each look-up of FIND is an index scan that gives the newest few, so what a sale costs does not grow with what is stored.
"""

from apps.clicks.models import Digest, Network
from apps.core.db import tighten
from apps.matching.signals import Signal

NEWEST = 20
"""How many visits or clicks a look-up gives."""
CROWD = 50
"""How many clicks of an address are looked at to tell how many browsers share it."""
_LED_ON_FROM, _LED_ON_TO, _CLICKS_OF_VISIT = 5, 5, 5
_LOOKED_AT = 200
"""How many clicks of a visit are looked at: behind more than that, all of them machines', no visitor's is found."""
_NETWORK = Network.template % {"expressions": "k.ip"}


def _visits(signal: Signal, condition: str) -> str:
    return f"""(SELECT s.id, NULL::bigint, '{signal}', 0 FROM clicks_session s
        WHERE s.tenant_id = sale.tenant_id AND {condition} ORDER BY s.id DESC LIMIT {NEWEST})"""


def _clicks(signal: Signal, condition: str) -> str:
    return f"""(SELECT k.session_id, k.id, '{signal}', 0 FROM clicks_click k
        WHERE k.tenant_id = sale.tenant_id AND NOT k.is_automated AND {condition} ORDER BY k.id DESC LIMIT {NEWEST})"""


def _of_meta(column: str) -> str:
    """The index holds a number in place of the text, which may be longer than its entries."""
    ours, asked = (Digest.template % {"expressions": f"{row}.{column}"} for row in ("k", "sale"))
    return f"k.{column} <> '' AND {ours} = {asked} AND k.{column} = sale.{column}"


_NEARBY = f"""(WITH near AS (
        SELECT *, coalesce(nullif(fbp, ''), session_id::text) AS who
        FROM clicks_click k
        WHERE k.tenant_id = sale.tenant_id AND k.ip IS NOT NULL AND NOT k.is_automated
          AND {_NETWORK} = sale.network AND k.clicked_at BETWEEN sale.reach AND sale.until
        ORDER BY clicked_at DESC LIMIT {CROWD})
    SELECT session_id, id, '{Signal.ADDRESS}', (
        SELECT greatest(count(DISTINCT who) FILTER (WHERE clicked_at >= sale.since), 1) FROM near)::int
    FROM near ORDER BY clicked_at DESC LIMIT {NEWEST})"""
_NAMED = " UNION ALL ".join(
    [
        _clicks(Signal.CLICK_ID, "k.public_id = sale.click_ref"),
        _visits(Signal.SESSION_ID, "s.public_id = sale.session_ref"),
        _visits(Signal.EMAIL, "s.email_sha256 <> '' AND s.email_sha256 = sale.email"),
        _visits(Signal.PHONE, "s.phone_sha256 <> '' AND s.phone_sha256 = sale.phone"),
        _visits(Signal.PHONE, "s.phone_sha256 <> '' AND s.phone_sha256 = sale.other_phone"),
        _clicks(Signal.FBC, _of_meta("fbclid")),
        _clicks(Signal.FBC, _of_meta("fbc")),
        _NEARBY,
    ]
)


def _led_on(signal: Signal, column: str) -> str:
    return f"""(SELECT o.id, '{signal}' FROM clicks_session o
        WHERE o.tenant_id = s.tenant_id AND o.{column} <> '' AND o.{column} = s.{column}
        ORDER BY o.id DESC LIMIT {_LED_ON_TO})"""


_LED_ON = " UNION ALL ".join(
    [
        _led_on(Signal.BROWSER, "fbp"),
        _led_on(Signal.PERSON, "email_sha256"),
        _led_on(Signal.PERSON, "phone_sha256"),
    ]
)
# Of the visits that a sale names, only addresses' clicks need their user agent.
_CLICK = "json_build_array(k.id, k.public_id, k.clicked_at, CASE WHEN v.crowd > 0 THEN k.user_agent ELSE '' END)"
# OFFSET keeps the planner from joining the whole table instead, which it prefers while there are few visits.
_OF_KEY = "SELECT * FROM clicks_session WHERE id = {0} OFFSET 0"
FIND = tighten(f"""
WITH named AS (
    SELECT sale.id AS sale, hit.*
    FROM jsonb_to_recordset(%s::jsonb) AS sale (
        id bigint, tenant_id uuid, click_ref text, session_ref text, email text, phone text, other_phone text,
        fbclid text, fbc text, network cidr, reach timestamptz, since timestamptz, until timestamptz)
    CROSS JOIN LATERAL ({_NAMED}) AS hit (session, click, signal, crowd)),
led_on AS (
    SELECT origin.sale, other.* FROM (
        SELECT sale, session, row_number() OVER (PARTITION BY sale ORDER BY session DESC) AS place
        FROM named WHERE signal <> '{Signal.ADDRESS}' GROUP BY sale, session) AS origin,
        LATERAL ({_OF_KEY.format("origin.session")}) AS s, LATERAL ({_LED_ON}) AS other (session, signal)
    WHERE origin.place <= {_LED_ON_FROM}),
visit AS (
    SELECT sale, session, array_agg(DISTINCT signal) FILTER (WHERE click IS NULL) AS signals,
           array_agg(click) FILTER (WHERE click IS NOT NULL) AS hits,
           array_agg(signal) FILTER (WHERE click IS NOT NULL) AS hit_by, max(crowd) AS crowd
    FROM (TABLE named UNION ALL SELECT sale, session, NULL, signal, 0 FROM led_on) AS tie
    GROUP BY sale, session)
SELECT coalesce(json_agg(json_build_array(
    sale, session, coalesce(signals, '{{}}'), coalesce(hits, '{{}}'), coalesce(hit_by, '{{}}'), crowd, s.public_id,
    s.first_seen_at, s.last_seen_at, s.fbp, s.email_sha256, s.phone_sha256, coalesce(known.clicks, '[]'))), '[]')::text
FROM visit v, LATERAL ({_OF_KEY.format("v.session")}) AS s, LATERAL (
    SELECT json_agg({_CLICK}) AS clicks FROM (
        (SELECT * FROM (
            SELECT * FROM clicks_click WHERE session_id = s.id
              AND (v.signals IS NOT NULL OR v.hit_by && ARRAY['{Signal.CLICK_ID}', '{Signal.FBC}'])
            ORDER BY clicked_at DESC LIMIT {_LOOKED_AT}) AS newest
         WHERE NOT is_automated LIMIT {_CLICKS_OF_VISIT})
        UNION ALL
        SELECT * FROM clicks_click WHERE id = ANY(v.hits)) AS k) AS known
""")
FIND_FOREIGN = """
SELECT public_id FROM clicks_click WHERE public_id = ANY(%s)
UNION ALL SELECT public_id FROM clicks_session WHERE public_id = ANY(%s)
"""

_MATCH_TYPES = """tenant_id uuid, conversion_id bigint, click_id bigint, visit_id bigint, decision text,
    is_used boolean, rule text, confidence float8, evidence jsonb, record jsonb, rule_set text,
    matched_at timestamptz, review text, review_due_at timestamptz"""
MATCH_COLUMNS = tuple(column.split()[0] for column in _MATCH_TYPES.split(","))
_COLUMNS = ", ".join(MATCH_COLUMNS)
# The ORM's way, an array a column, costs more than all the rest: psycopg quotes arrays of JSON in Python.
STORE_MATCHES = f"""
INSERT INTO matching_match ({_COLUMNS})
SELECT {_COLUMNS} FROM jsonb_to_recordset(%s::jsonb) AS row ({_MATCH_TYPES})
ON CONFLICT (conversion_id) DO UPDATE SET
    {", ".join(f"{column} = EXCLUDED.{column}" for column in MATCH_COLUMNS[2:])}
RETURNING conversion_id, id
"""

"""The statements of the hot path, and those that say what matching looks at again.

Rows travel as one JSON array or as arrays of columns, so their number does not change the statement.
"""

_STATE_TYPES = """status text, amount numeric, refunded_amount numeric, currency text, occurred_at timestamptz,
    approved_at timestamptz, identity jsonb, email_sha256 text, phone_sha256 text, buyer_ip inet, buyer_device text,
    tracking jsonb, click_ref text, session_ref text, product_id text, product_name text, offer_id text,
    payment_method text, installments integer, items jsonb, net_amount numeric, gateway_fee numeric,
    producer_commission numeric, affiliate_commission numeric, parent_order_id text, subscription_id text,
    milestones jsonb, is_renewal boolean, is_test boolean"""
_STATE_COLUMNS = tuple(column.split()[0] for column in _STATE_TYPES.split(","))
_DELIVERY_COLUMNS = """tenant_id, endpoint_id, gateway, received_at, outcome, kind, vendor_event, order_id, fingerprint,
    fact, correlation_id"""
_ORDER_COLUMNS = "tenant_id, funnel_id, endpoint_id, gateway, order_id, received_at, correlation_id"
_COLUMNS = ", ".join(_STATE_COLUMNS)

INSERT_DELIVERIES = f"""
WITH delivered AS (
    INSERT INTO conversions_delivery ({_DELIVERY_COLUMNS})
    SELECT {_DELIVERY_COLUMNS} FROM jsonb_to_recordset(%s::jsonb) AS row (
        tenant_id uuid, endpoint_id uuid, gateway text, received_at timestamptz, outcome text, kind text,
        vendor_event text, order_id text, fingerprint text, fact jsonb, correlation_id text)
)
INSERT INTO conversions_conversion ({_ORDER_COLUMNS}, {_COLUMNS}, match_due_at)
SELECT {_ORDER_COLUMNS}, {_COLUMNS}, now() FROM jsonb_to_recordset(%s::jsonb) AS row (
    tenant_id uuid, funnel_id uuid, endpoint_id uuid, gateway text, order_id text, received_at timestamptz,
    correlation_id text, {_STATE_TYPES})
ON CONFLICT (tenant_id, gateway, order_id) DO NOTHING
RETURNING tenant_id, gateway, order_id
"""

_WANTED = """SELECT * FROM jsonb_to_recordset(%s::jsonb) AS row (tenant_id uuid, gateway text, order_id text)"""

LOCK_CONVERSIONS = f"""
SELECT c.id, c.tenant_id, c.gateway, c.order_id
FROM conversions_conversion c JOIN ({_WANTED}) wanted USING (tenant_id, gateway, order_id)
ORDER BY c.tenant_id, c.gateway, c.order_id
FOR UPDATE OF c
"""

READ_FACTS = f"""
SELECT DISTINCT ON (d.tenant_id, d.gateway, d.order_id, d.fingerprint) d.tenant_id, d.gateway, d.order_id, d.fact::text
FROM conversions_delivery d JOIN ({_WANTED}) wanted USING (tenant_id, gateway, order_id)
WHERE d.outcome = 'recorded'
ORDER BY d.tenant_id, d.gateway, d.order_id, d.fingerprint, d.received_at, d.id
"""

UPDATE_CONVERSIONS = f"""
UPDATE conversions_conversion c
SET ({_COLUMNS}) = (SELECT {", ".join(f"state.{name}" for name in _STATE_COLUMNS)}),
    changed_at = now(), match_due_at = now(), match_failures = 0
FROM jsonb_to_recordset(%s::jsonb) AS state (id bigint, {_STATE_TYPES})
WHERE c.id = state.id
  AND ({", ".join(f"c.{name}" for name in _STATE_COLUMNS)})
      IS DISTINCT FROM ({", ".join(f"state.{name}" for name in _STATE_COLUMNS)})
"""

SETTLE_MATCHING = """
UPDATE conversions_conversion c SET match_due_at = told.look, match_failures = 0
FROM unnest(%s::bigint[], %s::timestamptz[]) AS told (id, look) WHERE c.id = told.id
"""

# A shop's own e-mail, typed for every customer, must not stir all of its sales.
_SALES_OF_HASH = 50


def _sales_of(column: str) -> str:
    return f"""(
        SELECT c.id FROM conversions_conversion c
        WHERE c.tenant_id = %(tenant_id)s AND c.{column} <> '' AND c.{column} = told.digest
          AND c.occurred_at > now() - %(looked_back)s AND c.changed_at <= told.said_at + %(margin)s
        ORDER BY c.id DESC LIMIT {_SALES_OF_HASH})"""


# While a row is being matched, others see it as due: what is due already must be waited for, too. Locks are taken in
# the order of LOCK_CONVERSIONS.
LOOK_AGAIN = f"""
WITH concerned AS MATERIALIZED (
    SELECT c.id FROM conversions_conversion c WHERE c.id IN (
        SELECT sale.id FROM unnest(%(digests)s::text[], %(said_at)s::timestamptz[]) AS told (digest, said_at)
        CROSS JOIN LATERAL ({_sales_of("email_sha256")} UNION ALL {_sales_of("phone_sha256")}) AS sale)
    ORDER BY c.tenant_id, c.gateway, c.order_id FOR UPDATE)
UPDATE conversions_conversion c SET match_due_at = least(c.match_due_at, now())
FROM concerned WHERE c.id = concerned.id
"""

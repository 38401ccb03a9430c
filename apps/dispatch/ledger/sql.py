"""The ledger's statements. Aliases are the same everywhere: `c` an order, `d` a destination of its funnel, `e` the
event that tells the order's sale, `s` that event's send to the destination.

The tables are read as they are: no bucket is kept anywhere, so none can be out of date.
"""

from collections.abc import Sequence

from apps.conversions.services import MAX_MATCH_FAILURES
from apps.core.db import tighten
from apps.funnels.event_names import DEFAULT_NAMES
from apps.gateways.events import Kind

# Between a moment that two clocks tell, and the transaction that began before it and was committed after it.
_ABOUT = "interval '1 minute'"
# An amount that no currency goes with, or none at all, is counted under "": no order is dropped.
_CURRENCY = "CASE WHEN c.amount IS NULL THEN '' ELSE c.currency END"


def _versions(since: str, until: str, condition: str) -> str:
    """Whether any version of the order's funnel that ran between these moments meets the condition."""
    return f"""EXISTS (SELECT FROM funnels_funnelversion v WHERE v.funnel_id = c.funnel_id
        AND v.published_at <= {until} + {_ABOUT} AND NOT EXISTS (
            SELECT FROM funnels_funnelversion n WHERE n.funnel_id = v.funnel_id AND n.number > v.number
            AND n.published_at < {since} - {_ABOUT})
        AND {condition})"""


_NAMES_DESTINATION = "v.config -> 'destinations' @> jsonb_build_array(jsonb_build_object('id', d.id::text))"
_KIND = f"CASE WHEN c.is_renewal THEN '{Kind.RENEWED}' ELSE '{Kind.APPROVED}' END"
_DEFAULT = f"CASE WHEN c.is_renewal THEN '{DEFAULT_NAMES[Kind.RENEWED]}' ELSE '{DEFAULT_NAMES[Kind.APPROVED]}' END"
# The sale has no name there, or one under which another stage was told: an order and a name are one event.
_GIVES_NO_NAME = f"""coalesce(v.config -> 'event_names' ->> ({_KIND}), {_DEFAULT}) IN (
    SELECT '' UNION ALL SELECT o.event_name FROM dispatch_capievent o WHERE o.conversion_id = c.id)"""
_NOT_TOLD = _versions("c.changed_at", "statement_timestamp()", _GIVES_NO_NAME)
_NOT_PUBLISHED = _versions("e.created_at", "e.created_at", f"NOT {_NAMES_DESTINATION}")
_IS_PUBLISHED = f"""EXISTS (SELECT FROM funnels_funnel f JOIN funnels_funnelversion v ON v.id = f.published_id
    WHERE f.id = c.funnel_id AND {_NAMES_DESTINATION})"""
# Why an order has no send to a destination, as "bucket:reason". The first answer that applies.
_ABSENCE = f"""CASE
    WHEN e.id IS NULL AND c.match_due_at IS NOT NULL THEN 'waiting:matching'
    WHEN e.id IS NULL AND c.match_failures >= {MAX_MATCH_FAILURES} THEN 'dead:matching_failed'
    WHEN e.id IS NULL AND {_NOT_TOLD} THEN 'excluded:not_told'
    WHEN e.id IS NULL THEN 'missing:no_event'
    WHEN c.match_due_at IS NOT NULL AND {_IS_PUBLISHED} THEN 'waiting:matching'
    WHEN d.created_at > e.created_at THEN 'excluded:before_destination'
    WHEN {_NOT_PUBLISHED} THEN 'excluded:not_published'
    ELSE 'missing:no_send' END"""
_BUCKET = f"""CASE WHEN s.status IN ('pending', 'retrying', 'sending') THEN 'waiting'
    WHEN s.id IS NOT NULL THEN s.status ELSE split_part({_ABSENCE}, ':', 1) END"""
# An order's sale has the rank of purchases and no other send has it: a tenant's page events are many more.
_SENDS = "SELECT * FROM dispatch_send s WHERE s.rank = 0"
_EVENTS = "SELECT * FROM dispatch_capievent e WHERE e.stage = 'sale'"
_MONEY = f"{_CURRENCY} AS currency, coalesce(c.amount, 0) AS amount, c.refunded_amount"
_COLUMNS = f"c.id, c.funnel_id, c.changed_at, c.match_due_at, c.match_failures, c.is_renewal, {_MONEY}"


def _sold(conditions: Sequence[str]) -> str:
    where = " AND ".join(("c.approved_at IS NOT NULL", *conditions))
    return f"SELECT {_COLUMNS} FROM conversions_conversion c WHERE {where}"


def _places(of_tenant: str) -> str:
    """Each order beside each destination, with its event and send if there are any. The tenant is named in each table:
    only so can the planner read as little of it as there is.
    """
    events = _EVENTS + (f" AND e.tenant_id = {of_tenant}" if of_tenant else "")
    sends = _SENDS + (f" AND s.tenant_id = {of_tenant}" if of_tenant else "")
    return f"""JOIN funnels_destination d ON d.funnel_id = c.funnel_id
        LEFT JOIN ({events}) e ON e.conversion_id = c.id
        LEFT JOIN ({sends}) s ON s.event_id = e.id AND s.destination_id = d.id"""


def add_up(conditions: Sequence[str], of_tenant: str) -> str:
    """(destination or NULL, funnel, bucket or NULL, currency, orders, amount, refunded): NULLs are a funnel's totals.

    The totals look at no send, so that they cannot share an error with the buckets; one statement is one snapshot.
    """
    sums = "count(*), sum(amount), sum(refunded_amount)"
    return tighten(f"""
        WITH c AS MATERIALIZED ({_sold(conditions)})
        SELECT destination_id, funnel_id, bucket, currency, {sums} FROM (
            SELECT d.id AS destination_id, c.funnel_id, {_BUCKET} AS bucket, c.currency, c.amount, c.refunded_amount
            FROM c {_places(of_tenant)} OFFSET 0) placed
        GROUP BY 1, 2, 3, 4
        UNION ALL
        SELECT NULL, funnel_id, NULL, currency, {sums} FROM c GROUP BY 2, 4""")


def list_orders(conditions: Sequence[str], of_tenant: str, *, beyond: str, order: str) -> str:
    """One row for each order and destination that meets `beyond`, in terms of `placed`, `order` deciding which first.

    The columns are those of queries.Placed, in its order.
    """
    where = " AND ".join(("c.approved_at IS NOT NULL", *conditions))
    return tighten(f"""
        SELECT * FROM (
            SELECT c.id, d.id AS destination_id, c.tenant_id, c.funnel_id, c.order_id, c.gateway, c.approved_at,
                {_MONEY}, coalesce(e.event_id, '') AS event_id, {_BUCKET} AS bucket,
                CASE WHEN s.id IS NULL THEN split_part({_ABSENCE}, ':', 2) ELSE coalesce(nullif(s.reason, ''), s.status)
                END AS reason
            FROM conversions_conversion c {_places(of_tenant)} WHERE {where}) placed
        WHERE {beyond} ORDER BY {order} LIMIT %(limit)s""")

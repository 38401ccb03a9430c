"""The one statement that finds every candidate click of a whole batch of sales.

Each signal is an indexed look-up bounded to the newest clicks, so the cost a sale does not grow with the clicks stored.
A click made by a machine is no candidate, whatever it carries.
"""

from collections import defaultdict
from collections.abc import Iterable

import msgspec
from django.db import connection

from apps.conversions.models import Conversion
from apps.matching.rules import MAX_CANDIDATES, Candidate, Signal


def _newest_of_sessions(signal: Signal, condition: str) -> str:
    return f"""(
        SELECT k.id, '{signal}' FROM clicks_session s JOIN clicks_click k ON k.session_id = s.id
        WHERE s.tenant_id = sale.tenant_id AND NOT k.is_automated AND {condition}
        ORDER BY k.clicked_at DESC LIMIT {MAX_CANDIDATES})"""


def _newest_clicks(signal: Signal, condition: str) -> str:
    return f"""(
        SELECT k.id, '{signal}' FROM clicks_click k
        WHERE k.tenant_id = sale.tenant_id AND NOT k.is_automated AND {condition}
        ORDER BY k.clicked_at DESC LIMIT {MAX_CANDIDATES})"""


_LOOKUPS = " UNION ALL ".join(
    [
        _newest_clicks(Signal.CLICK_ID, "sale.click_ref <> '' AND k.public_id = sale.click_ref"),
        _newest_of_sessions(Signal.SESSION_ID, "sale.session_ref <> '' AND s.public_id = sale.session_ref"),
        _newest_of_sessions(Signal.EMAIL, "s.email_sha256 <> '' AND s.email_sha256 = sale.email"),
        _newest_of_sessions(Signal.PHONE, "s.phone_sha256 <> '' AND s.phone_sha256 = sale.phone"),
        _newest_clicks(Signal.FBC, "k.fbclid <> '' AND k.fbclid = sale.fbclid"),
        _newest_clicks(Signal.FBC, "k.fbc <> '' AND k.fbc = sale.fbc"),
    ]
)
_FIND = f"""
SELECT sale.id, click.id, click.public_id, click.clicked_at, array_agg(DISTINCT hit.signal)
FROM jsonb_to_recordset(%s::jsonb) AS sale (id bigint, tenant_id uuid, click_ref text, session_ref text, email text,
                                            phone text, fbclid text, fbc text)
CROSS JOIN LATERAL ({_LOOKUPS}) AS hit (click_pk, signal)
JOIN clicks_click click ON click.id = hit.click_pk
GROUP BY sale.id, click.id
"""


def find_candidates(conversions: Iterable[Conversion]) -> dict[int, list[Candidate]]:
    """Candidates by conversion id; a conversion without any is absent. Never a click of another tenant."""
    sales = [
        {
            "id": row.pk,
            "tenant_id": row.tenant_id,
            "click_ref": row.click_ref,
            "session_ref": row.session_ref,
            "email": row.email_sha256,
            "phone": row.phone_sha256,
            "fbclid": row.tracking.get("fbclid", ""),
            "fbc": row.tracking.get("fbc", ""),
        }
        for row in conversions
    ]
    found: dict[int, list[Candidate]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [msgspec.json.encode(sales).decode()])
        for conversion_id, click_pk, click_id, clicked_at, signals in cursor.fetchall():
            candidate = Candidate(click_pk, click_id, clicked_at, frozenset(Signal(name) for name in signals))
            found[conversion_id].append(candidate)
    return found

"""Reads of what is known of tokens."""

from django.db import connection

from apps.dispatch.models import TokenCheck
from apps.funnels.models import Destination

# A check of an earlier token says nothing of the one that is saved now.
_COUNT = """
SELECT CASE
    WHEN c.state = 'invalid' THEN 'invalid'
    WHEN least(c.expires_at, c.data_access_expires_at) < statement_timestamp() + interval '24 hours' THEN 'expiring'
    ELSE coalesce(c.state, 'unknown') END AS state, count(*)
FROM funnels_destination d
LEFT JOIN dispatch_tokencheck c ON c.destination_id = d.id AND c.token_saved_at >= d.token_saved_at
GROUP BY 1
"""
STATES = ("invalid", "expiring", "expires", "never", "unknown")


def count_tokens() -> dict[str, int]:
    """Destinations of all tenants by their token's state; "expiring" are those that end within a day, or did."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT)
        return dict.fromkeys(STATES, 0) | dict(cursor.fetchall())


def current_check(destination: Destination) -> TokenCheck | None:
    """The check of the token that is saved now."""
    check: TokenCheck | None = getattr(destination, "token_check", None)
    return check if check and check.token_saved_at >= destination.token_saved_at else None

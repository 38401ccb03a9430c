"""What can no longer arrive in time: said so, with what kept it, whether or not its destination may be sent to."""

import json

from django.db import connection

from apps.core.log import get_logger
from apps.dispatch.registry import PLATFORMS, host_at

# A backlog that expires all at once must not hold up the relay.
AT_ONCE = 2000
# What kept it, the first that applies: a token, an open breaker, a pause that was asked for, or failures of its own.
_EXPIRE = """
WITH late AS (
    SELECT s.id, s.destination_id, s.status, s.attempts FROM dispatch_send s
    WHERE s.status IN ('pending', 'retrying', 'parked') AND s.deadline <= statement_timestamp()
    ORDER BY s.deadline LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE dispatch_send s SET status = 'expired', batch_id = NULL, settled_at = statement_timestamp(),
    changed_at = statement_timestamp(),
    reason = CASE WHEN late.status = 'parked' THEN 'expired_parked'
        WHEN b.state <> 'closed' OR p.state <> 'closed' THEN 'expired_platform_down'
        WHEN greatest(b.paused_until, p.paused_until) > statement_timestamp() THEN 'expired_throttled'
        WHEN late.attempts > 0 THEN 'expired_retrying' ELSE 'expired_waiting' END
FROM late JOIN funnels_destination d ON d.id = late.destination_id
LEFT JOIN dispatch_breaker b ON b.destination_id = d.id
LEFT JOIN dispatch_platformbreaker p ON p.platform = d.platform
    AND p.host = coalesce(substring(d.base_url FROM '^[^/]+//[^/?#]+'), %s::jsonb ->> d.platform)
WHERE s.id = late.id
"""
log = get_logger(__name__)


def expire_overdue() -> int:
    """How many sends expired."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, [AT_ONCE, json.dumps(_usual_hosts())])
        expired: int = cursor.rowcount
    if expired:
        log.error("sends.expired", rows=expired)
    return expired


def _usual_hosts() -> dict[str, str]:
    """By platform, where destinations send that name no address of their own."""
    return {name: host_at(name, "") for name in PLATFORMS}

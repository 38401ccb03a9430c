"""The name under which an ad platform knows a sale, the same for ever and on every attempt.

Platforms drop the second copy of an event_id, so the id is made only of what cannot change: the value, the
currency and the time of a sale may differ from one webhook to the next.
"""

import hashlib


def make_event_id(tenant_id: str, gateway: str, order_id: str, event_name: str) -> str:
    """64 lower-case hex digits. Each part carries its length, so no two lists of parts can be confused."""
    parts = (tenant_id, gateway, order_id, event_name)
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()

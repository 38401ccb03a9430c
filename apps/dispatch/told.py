"""What a page has told already: the start of a checkout is known to the page and, if it is abandoned, to the gateway.

They have no id in common, so a platform would count two. The page's came first and says more of the visitor.
"""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from django.db import connection

from apps.dispatch.models import CapiEvent
from apps.funnels.event_names import PAGE_EVENT_NAMES

# How long before the gateway's word the visitor may have pressed the link.
_BEFORE = timedelta(days=1)
_WORDS = {name: word for word, name in PAGE_EVENT_NAMES.items()}
# In the session of the click that brought the order, or in a later one of the same browser, which carried the click;
# where no click brought it, in the visit that the sale was joined to.
_FIND = """
SELECT asked.event_id
FROM jsonb_to_recordset(%s::jsonb) AS asked (event_id text, conversion_id bigint, name text, since timestamptz)
JOIN matching_match m ON m.conversion_id = asked.conversion_id AND m.is_used
LEFT JOIN clicks_click k ON k.id = m.click_id
CROSS JOIN LATERAL (
    SELECT coalesce(k.session_id, m.visit_id) AS id
    UNION
    SELECT s.id FROM clicks_session s WHERE s.click_ref = k.public_id AND s.click_ref <> ''
        AND s.tenant_id = k.tenant_id AND s.funnel_id = k.funnel_id) AS visit
JOIN clicks_pageevent p ON p.session_id = visit.id AND p.name = asked.name AND p.occurred_at >= asked.since
"""


def find_told_by_pages(planned: Sequence[CapiEvent]) -> set[str]:
    """The event ids of those orders' events that the page of the same visit told under the same name; one statement."""
    asked = [
        {
            "event_id": event.event_id,
            "conversion_id": event.conversion_id,
            "name": _WORDS[event.event_name],
            "since": event.event_time - _BEFORE,
        }
        for event in planned
        if event.event_name in _WORDS
    ]
    if not asked:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [msgspec.json.encode(asked).decode()])
        return {event_id for (event_id,) in cursor.fetchall()}

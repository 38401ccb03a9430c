"""What a page has told already: the start of a checkout is known to the page and, if it is abandoned, to the gateway.

They have no id in common, so a platform would count two. The page's came first and says more of the visitor.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Q

from apps.clicks.models import PageEvent
from apps.dispatch.models import CapiEvent
from apps.funnels.event_names import PAGE_EVENT_NAMES
from apps.matching.models import Match

# How long before the gateway's word the visitor may have pressed the link.
_BEFORE = timedelta(days=1)
_WORDS = {name: word for word, name in PAGE_EVENT_NAMES.items()}


def find_told_by_pages(planned: Sequence[CapiEvent]) -> set[str]:
    """The event ids of those orders' events that the page of the same visit told under the same name."""
    asked = {event.conversion_id: event for event in planned if event.event_name in _WORDS}
    if not asked:
        return set()
    matched = Match.objects.filter(conversion__in=asked, click__isnull=False)
    clicks = matched.values_list("conversion_id", "click__session_id", "click__public_id")
    return {asked[sale].event_id for sale, session, click in clicks if _is_told(asked[sale], session, click)}


def _is_told(event: CapiEvent, session: int, click_id: str) -> bool:
    rows = PageEvent.objects.filter(
        Q(session=session) | Q(session__click_ref=click_id),
        tenant=event.tenant_id,
        session__funnel=event.funnel_id,
        name=_WORDS[event.event_name],
        occurred_at__gte=event.event_time - _BEFORE,
    )
    return rows.exists()

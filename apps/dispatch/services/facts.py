"""How claimed sends stand, whom they concern, and what there is to tell of each.

A sale is read without a model: six objects each would take longer than all the rest of a request. A page event leads to
what its visitor did since (subjects.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, cast

import msgspec
from django.db import connection

from apps.clicks.models import PageEvent
from apps.conversions.transitions import REVERSED
from apps.dispatch.facts import BrowserFacts, EventFacts
from apps.dispatch.fate import Tried
from apps.dispatch.models import CapiEvent, Send
from apps.dispatch.subjects import Visitor, find_visitors
from apps.dispatch.words import Question
from apps.funnels.selectors import FunnelConfig
from apps.gateways.events import Kind

# A refund stops what waits, but not the news of itself, where a funnel tells it.
_NEWS_OF_REVERSALS = frozenset(
    {Kind.PARTIALLY_REFUNDED, Kind.REFUNDED, Kind.DISPUTED, Kind.DISPUTE_WON, Kind.CHARGED_BACK}
)
# Of a match that is not used, which is a proposal at best, nothing is told.
_SALES = """
SELECT s.id, s.attempts, s.failures, s.strikes, s.repairs, s.is_unsure, s.deadline, s.first_attempt_at,
    e.event_id, e.event_name, e.event_time, e.stage, e.correlation_id,
    c.id, c.status, c.amount, c.currency, c.order_id, c.product_id, c.product_name, c.identity,
    b.ip, b.user_agent, b.fbc, b.fbp, b.fbclid, b.ttclid, b.page_url, b.clicked_at, b.identity
FROM dispatch_send s
JOIN dispatch_capievent e ON e.id = s.event_id
JOIN conversions_conversion c ON c.id = e.conversion_id
LEFT JOIN matching_match m ON m.conversion_id = c.id AND m.is_used
LEFT JOIN LATERAL (
    SELECT k.ip, k.user_agent, k.fbc, k.fbp, k.fbclid, k.ttclid, k.landing_url AS page_url, k.clicked_at, o.identity
    FROM clicks_click k JOIN clicks_session o ON o.id = k.session_id WHERE k.id = m.click_id
    UNION ALL
    SELECT v.ip, v.user_agent, v.fbc, v.fbp, '', '', '', v.first_seen_at, v.identity
    FROM clicks_session v WHERE m.click_id IS NULL AND v.id = m.visit_id
) AS b ON true
WHERE s.id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class ClaimedSend:
    """One send of a lease. `was_reversed`: the money has gone back meanwhile, and the event does not tell of just that.

    `browser` is None for a sale that nobody's click or visit is known of.
    """

    id: int
    attempts: int
    tried: Tried
    deadline: datetime
    first_attempt_at: datetime | None
    was_reversed: bool
    correlation_id: str
    question: Question
    facts: EventFacts
    browser: BrowserFacts | None


def read_claimed(send_ids: Sequence[int], config: FunnelConfig) -> list[ClaimedSend]:
    """In the order of `send_ids`: one statement for all sales, four more if there are page events."""
    found = _read_sales(send_ids, config)
    if len(found) < len(send_ids):
        found |= _read_pages([pk for pk in send_ids if pk not in found], config)
    return [found[pk] for pk in send_ids]


class _SaleRow(NamedTuple):
    """One row of _SALES."""

    id: int
    attempts: int
    failures: int
    strikes: int
    repairs: str
    is_unsure: bool
    deadline: datetime
    first_attempt_at: datetime | None
    event_id: str
    event_name: str
    event_time: datetime
    stage: str
    correlation_id: str
    conversion_id: int
    status: str
    amount: Decimal | None
    currency: str
    order_id: str
    product_id: str
    product_name: str
    identity: str
    ip: str | None
    user_agent: str | None
    fbc: str | None
    fbp: str | None
    fbclid: str | None
    ttclid: str | None
    page_url: str | None
    clicked_at: datetime | None
    browser_identity: str | None


def _read_sales(send_ids: Sequence[int], config: FunnelConfig) -> dict[int, ClaimedSend]:
    with connection.cursor() as cursor:
        cursor.execute(_SALES, [list(send_ids)])
        rows = [_SaleRow._make(row) for row in cursor.fetchall()]
    return {
        row.id: ClaimedSend(
            id=row.id,
            attempts=row.attempts,
            tried=Tried(row.failures, row.strikes, tuple(msgspec.json.decode(row.repairs)), row.is_unsure),
            deadline=row.deadline,
            first_attempt_at=row.first_attempt_at,
            was_reversed=row.status in REVERSED and row.stage not in _NEWS_OF_REVERSALS,
            correlation_id=row.correlation_id,
            question=Question(row.conversion_id),
            facts=_facts_of_sale(row, config),
            browser=_browser_of_sale(row),
        )
        for row in rows
    }


def _facts_of_sale(row: _SaleRow, config: FunnelConfig) -> EventFacts:
    return EventFacts(
        event_id=row.event_id,
        event_name=row.event_name,
        event_time=row.event_time,
        value=row.amount,
        currency=row.currency,
        order_id=row.order_id,
        product_ids=[row.product_id] if row.product_id else [],
        product_name=row.product_name or None,
        identity=msgspec.json.decode(row.identity),
        fallback_url=config.landing_url,
        referrer=None,
    )


def _browser_of_sale(row: _SaleRow) -> BrowserFacts | None:
    if row.clicked_at is None:
        return None
    return BrowserFacts(
        ip=row.ip,
        user_agent=row.user_agent or None,
        fbc=row.fbc or None,
        fbp=row.fbp or None,
        fbclid=row.fbclid or None,
        ttclid=row.ttclid or None,
        page_url=row.page_url or None,
        clicked_at=row.clicked_at,
        identity=msgspec.json.decode(row.browser_identity or "{}"),
    )


def _read_pages(send_ids: Sequence[int], config: FunnelConfig) -> dict[int, ClaimedSend]:
    sends = Send.objects.filter(pk__in=send_ids).select_related("event__page_event__session")
    pages = {send: cast(PageEvent, send.event.page_event) for send in sends}
    visitors = find_visitors(pages.values())
    return {send.pk: _claim_page(send, page, visitors[page.session_id], config) for send, page in pages.items()}


def _claim_page(send: Send, page: PageEvent, visitor: Visitor, config: FunnelConfig) -> ClaimedSend:
    return ClaimedSend(
        id=send.pk,
        attempts=send.attempts,
        tried=Tried(send.failures, send.strikes, tuple(send.repairs), send.is_unsure),
        deadline=send.deadline,
        first_attempt_at=send.first_attempt_at,
        was_reversed=False,
        correlation_id=send.event.correlation_id,
        question=visitor.question,
        facts=_facts_of_page(send.event, page, visitor, config),
        browser=_browser_of_page(page, visitor),
    )


def _facts_of_page(event: CapiEvent, page: PageEvent, visitor: Visitor, config: FunnelConfig) -> EventFacts:
    data = page.data
    return EventFacts(
        event_id=event.event_id,
        event_name=event.event_name,
        event_time=event.event_time,
        value=Decimal(data["value"]) if "value" in data else None,
        currency=data.get("currency"),
        order_id=None,
        product_ids=data.get("content_ids", []),
        product_name=data.get("content_name"),
        content_type=data.get("content_type", "product"),
        num_items=data.get("num_items"),
        identity=visitor.sale.identity if visitor.sale else {},
        fallback_url=config.landing_url,
        referrer=None,
    )


def _browser_of_page(page: PageEvent, visitor: Visitor) -> BrowserFacts:
    """Address and agent are the visit's own; of the ad's ids the click's where the visit has none."""
    visit, click = visitor.visit, visitor.click
    return BrowserFacts(
        ip=visit.ip or (click.ip if click else None),
        user_agent=visit.user_agent or (click.user_agent if click else None),
        fbc=visit.fbc or (click.fbc if click else None),
        fbp=visit.fbp or (click.fbp if click else None),
        fbclid=click.fbclid if click else None,
        ttclid=(click.ttclid or None) if click else None,
        page_url=page.url,
        clicked_at=click.clicked_at if click else page.occurred_at,
        identity=visit.identity,
    )

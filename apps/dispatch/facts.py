"""What there is to tell of a sale or of what happened on a page, before any platform's words for it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserFacts:
    """What is known of the visitor's browser: of a sale, by the click that brought it; of a page event, by its visit.

    All in the clear but `identity`, which maps hashed keys to digests. `clicked_at` is the time of `fbclid` and of
    `ttclid`.
    """

    ip: str | None
    user_agent: str | None
    fbc: str | None
    fbp: str | None
    fbclid: str | None
    ttclid: str | None = None
    page_url: str | None
    clicked_at: datetime
    identity: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """What there is to tell; only a sale has an order.

    `identity` maps hashed keys to digests, more of them than any one platform takes (core.identity); `fallback_url` is
    the funnel's own page.
    """

    event_id: str
    event_name: str
    event_time: datetime
    value: Decimal | None
    currency: str | None
    order_id: str | None
    product_ids: Sequence[str]
    product_name: str | None
    quantity: int = 1
    content_type: str = "product"
    num_items: int | None = None
    identity: Mapping[str, list[str]]
    fallback_url: str
    referrer: str | None

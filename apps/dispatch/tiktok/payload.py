"""A sale or what happened on a page, and the browser behind it, as one web event of TikTok's Events API.

E-mail, phone and external id are hashed, the phone with its plus, which makes another hash than Meta's. Click id,
address and agent are plain and the browser's alone; TikTok wants a public address.

Names go out as the funnel chose them: Purchase and Lead are TikTok's own too, and where it has no standard event of a
name it takes it for one of the customer's.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from ipaddress import IPv6Address, ip_address, ip_network

from apps.core.identity.hashing import for_tiktok
from apps.dispatch.facts import BrowserFacts, EventFacts

_CENT = Decimal("0.01")
_CLICK_ID = re.compile(r"[!-~]+")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
# Of many homes and offices at once, or of nobody.
_NOT_PUBLIC = tuple(
    ip_network(block)
    for block in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3", "::/64", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)


def build_web_event(facts: EventFacts, browser: BrowserFacts | None, now: datetime) -> dict[str, object]:
    """JSON-ready. A gateway's clock may run ahead of ours; an event of the future is brought back to now."""
    return _known(
        event=facts.event_name,
        event_time=int(min(facts.event_time, now).timestamp()),
        event_id=facts.event_id,
        user={**_merge_identity(facts, browser), **(_describe_browser(browser) if browser else {})},
        properties=_describe_order(facts) or None,
        page=_known(url=(browser and browser.page_url) or facts.fallback_url, referrer=facts.referrer),
    )


def is_click_id(text: str) -> bool:
    """Whether this may be a ttclid: opaque, in visible ASCII, and never a digest."""
    return _CLICK_ID.fullmatch(text) is not None and not is_digest(text)


def is_digest(text: str) -> bool:
    return _DIGEST.fullmatch(text) is not None


def _known(**facts: object) -> dict[str, object]:
    return {key: fact for key, fact in facts.items() if fact not in (None, "")}


def _merge_identity(facts: EventFacts, browser: BrowserFacts | None) -> dict[str, list[str]]:
    """The sale's values first: a checkout asks better than a form on a landing page."""
    seen: Mapping[str, list[str]] = browser.identity if browser else {}
    merged = {
        key: list(dict.fromkeys([*facts.identity.get(key, ()), *seen.get(key, ())]))
        for key in facts.identity.keys() | seen.keys()
    }
    return {key: digests for key, digests in for_tiktok(merged).items() if digests}


def _describe_browser(browser: BrowserFacts) -> dict[str, object]:
    return _known(
        ttclid=browser.ttclid if is_click_id(browser.ttclid or "") else None,
        ip=_public_ip(browser.ip or ""),
        user_agent=browser.user_agent,
    )


def _public_ip(text: str) -> str | None:
    try:
        ip = ip_address(text.strip())
    except ValueError:
        return None
    plain = (isinstance(ip, IPv6Address) and ip.ipv4_mapped) or ip
    return None if any(plain in block for block in _NOT_PUBLIC) else str(plain)


def _describe_order(facts: EventFacts) -> dict[str, object]:
    """A value without a currency says nothing, so the two go together or not at all."""
    has_price = facts.value is not None and bool(facts.currency)
    order = _known(
        value=_cents(facts.value) if facts.value is not None and has_price else None,
        currency=facts.currency.upper() if facts.currency and has_price else None,
        order_id=facts.order_id,
        num_items=facts.num_items,
    )
    if facts.product_ids:
        order["contents"] = _describe_products(facts)
        order["content_type"] = facts.content_type
    return order


def _describe_products(facts: EventFacts) -> list[dict[str, object]]:
    """Name and price are those of the whole: only of a single product do they say anything."""
    if len(facts.product_ids) > 1:
        return [{"content_id": str(product), "quantity": facts.quantity} for product in facts.product_ids]
    return [
        _known(
            content_id=str(facts.product_ids[0]),
            content_name=facts.product_name,
            quantity=facts.quantity,
            price=None if facts.value is None else _cents(facts.value / max(facts.quantity, 1)),
        )
    ]


def _cents(value: Decimal) -> float:
    return float(value.quantize(_CENT, ROUND_HALF_UP))

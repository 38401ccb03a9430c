"""A sale or what happened on a page, and the browser behind it, as one server event of Meta's Conversions API.

Eleven of Meta's keys are hashed and none of the others: an IP address, a user agent or a browser id (fbc,
fbp) that was hashed matches nobody. Those four are the click's alone. The webhook has an address and an
agent too, but they are those of the gateway's servers, so a sale without a click goes out without.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from ipaddress import IPv6Address, ip_address

from apps.dispatch.facts import BrowserFacts, EventFacts

# Each holds one or more SHA-256 digests in lower-case hex.
HASHED_KEYS = ("em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id")

# fb.<dots in the cookie's domain>.<milliseconds>.<opaque>, and perhaps the mark of Meta's parameter builder.
_BROWSER_ID = re.compile(r"fb\.\d+\.\d{13}\.[^.\s]+(\.[A-Za-z0-9_-]{2}|\.[A-Za-z0-9_-]{8})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CENT = Decimal("0.01")


def build_server_event(facts: EventFacts, browser: BrowserFacts | None, now: datetime) -> dict[str, object]:
    """JSON-ready. A gateway's clock may run ahead of ours; an event of the future is brought back to now."""
    return _known(
        event_name=facts.event_name,
        event_time=int(min(facts.event_time, now).timestamp()),
        event_id=facts.event_id,
        action_source="website",
        event_source_url=(browser and browser.page_url) or facts.fallback_url,
        referrer_url=facts.referrer,
        user_data={**_merge_identity(facts, browser), **(_describe_browser(browser) if browser else {})},
        custom_data=_describe_order(facts) or None,
    )


def is_browser_id(text: str) -> bool:
    """Whether Meta accepts this as fbc or fbp; one malformed value has the whole request refused."""
    return _BROWSER_ID.fullmatch(text) is not None


def _known(**facts: object) -> dict[str, object]:
    return {key: fact for key, fact in facts.items() if fact not in (None, "")}


def _merge_identity(facts: EventFacts, browser: BrowserFacts | None) -> dict[str, object]:
    """The sale's values first: a checkout asks better than a form on a landing page."""
    merged = {
        key: list(dict.fromkeys([*facts.identity.get(key, ()), *(browser.identity.get(key, ()) if browser else ())]))
        for key in HASHED_KEYS
    }
    return {key: digests for key, digests in merged.items() if digests}


def _describe_browser(browser: BrowserFacts) -> dict[str, object]:
    return _known(
        client_ip_address=_plain_ip(browser.ip or ""),
        client_user_agent=browser.user_agent,
        fbc=_find_fbc(browser),
        fbp=browser.fbp if is_browser_id(browser.fbp or "") else None,
    )


def _plain_ip(text: str) -> str | None:
    try:
        ip = ip_address(text.strip())
    except ValueError:
        return None
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return str(mapped or ip)


def _find_fbc(browser: BrowserFacts) -> str | None:
    """The cookie as it is, else built the way the pixel would have, at the time of the click."""
    milliseconds = (browser.clicked_at - _EPOCH) // timedelta(milliseconds=1)
    candidates = (browser.fbc or "", f"fb.1.{milliseconds}.{browser.fbclid or ''}")
    return next(filter(is_browser_id, candidates), None)


def _describe_order(facts: EventFacts) -> dict[str, object]:
    order = _known(
        value=None if facts.value is None else float(facts.value.quantize(_CENT, ROUND_HALF_UP)),
        currency=facts.currency,
        order_id=facts.order_id,
        content_name=facts.product_name,
        num_items=facts.num_items,
    )
    if facts.product_ids:
        order["content_ids"] = list(facts.product_ids)
        order["contents"] = [{"id": product, "quantity": facts.quantity} for product in facts.product_ids]
        order["content_type"] = facts.content_type
    return order

"""A sale, and the click that brought it, as one server event of Meta's Conversions API.

Eleven of Meta's keys are hashed and none of the others: an IP address, a user agent or a browser id (fbc,
fbp) that was hashed matches nobody. Those four are the click's alone. The webhook has an address and an
agent too, but they are those of the gateway's servers, so a sale without a click goes out without.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from ipaddress import IPv6Address, ip_address

# Each holds one or more SHA-256 digests in lower-case hex.
HASHED_KEYS = ("em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id")

# fb.<dots in the cookie's domain>.<milliseconds>.<opaque>, and perhaps the mark of Meta's parameter builder.
_BROWSER_ID = re.compile(r"fb\.\d+\.\d{13}\.[^.\s]+(\.[A-Za-z0-9_-]{2}|\.[A-Za-z0-9_-]{8})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickFacts:
    """What is known of a click, all of it in the clear but `identity`, which maps hashed keys to digests."""

    ip: str | None
    user_agent: str | None
    fbc: str | None
    fbp: str | None
    fbclid: str | None
    landing_url: str | None
    clicked_at: datetime
    identity: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleFacts:
    """What is known of a sale.

    `identity` may hold keys that are not Meta's; `fallback_url` is the funnel's own page.
    """

    event_id: str
    event_name: str
    event_time: datetime
    value: Decimal | None
    currency: str | None
    order_id: str
    product_id: str | None
    product_name: str | None
    quantity: int
    identity: Mapping[str, list[str]]
    fallback_url: str
    referrer: str | None


def build_server_event(sale: SaleFacts, click: ClickFacts | None, now: datetime) -> dict[str, object]:
    """JSON-ready. A gateway's clock may run ahead of ours; an event of the future is brought back to now."""
    return _known(
        event_name=sale.event_name,
        event_time=int(min(sale.event_time, now).timestamp()),
        event_id=sale.event_id,
        action_source="website",
        event_source_url=(click and click.landing_url) or sale.fallback_url,
        referrer_url=sale.referrer,
        user_data={**_merge_identity(sale, click), **(_describe_browser(click) if click else {})},
        custom_data=_describe_order(sale),
    )


def is_browser_id(text: str) -> bool:
    """Whether Meta accepts this as fbc or fbp; one malformed value has the whole request refused."""
    return _BROWSER_ID.fullmatch(text) is not None


def _known(**facts: object) -> dict[str, object]:
    return {key: fact for key, fact in facts.items() if fact not in (None, "")}


def _merge_identity(sale: SaleFacts, click: ClickFacts | None) -> dict[str, object]:
    """The sale's values first: a checkout asks better than a form on a landing page."""
    merged = {
        key: list(dict.fromkeys([*sale.identity.get(key, ()), *(click.identity.get(key, ()) if click else ())]))
        for key in HASHED_KEYS
    }
    return {key: digests for key, digests in merged.items() if digests}


def _describe_browser(click: ClickFacts) -> dict[str, object]:
    return _known(
        client_ip_address=_plain_ip(click.ip or ""),
        client_user_agent=click.user_agent,
        fbc=_find_fbc(click),
        fbp=click.fbp if is_browser_id(click.fbp or "") else None,
    )


def _plain_ip(text: str) -> str | None:
    try:
        ip = ip_address(text.strip())
    except ValueError:
        return None
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return str(mapped or ip)


def _find_fbc(click: ClickFacts) -> str | None:
    """The cookie as it is, else built the way the pixel would have, at the time of the click."""
    milliseconds = (click.clicked_at - _EPOCH) // timedelta(milliseconds=1)
    candidates = (click.fbc or "", f"fb.1.{milliseconds}.{click.fbclid or ''}")
    return next(filter(is_browser_id, candidates), None)


def _describe_order(sale: SaleFacts) -> dict[str, object]:
    order = _known(
        value=None if sale.value is None else float(sale.value.quantize(_CENT, ROUND_HALF_UP)),
        currency=sale.currency,
        order_id=sale.order_id,
        content_name=sale.product_name,
    )
    if sale.product_id:
        order["content_ids"] = [sale.product_id]
        order["contents"] = [{"id": sale.product_id, "quantity": sale.quantity}]
        order["content_type"] = "product"
    return order

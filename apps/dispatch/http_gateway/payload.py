"""A sale or what happened on a page as plain JSON for the customer's own server, and the signed request with it. Pure.

What is unknown is absent, never null or empty. Money is decimal text, times are ISO 8601 in UTC with a Z, whatever says
who the person is are SHA-256 digests under names that end in _sha256. docs/http-gateway.md is the contract.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from apps.dispatch.facts import BrowserFacts, EventFacts
from apps.dispatch.platform import ServerEvent, Target
from apps.tenants.signing import sign

FORMAT = 1
# Our keys -> the names that receivers read. The phone is hashed in both of the forms that ad platforms ask for.
IDENTITY_NAMES = {
    "em": "email_sha256",
    "ph": "phone_sha256",
    "ph_e164": "phone_e164_sha256",
    "fn": "first_name_sha256",
    "ln": "last_name_sha256",
    "ge": "gender_sha256",
    "db": "birth_date_sha256",
    "ct": "city_sha256",
    "st": "state_sha256",
    "zp": "postal_code_sha256",
    "country": "country_sha256",
    "external_id": "external_id_sha256",
}


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The exact bytes to post, and the headers that prove them."""

    body: bytes
    headers: Mapping[str, str]


def build_event(facts: EventFacts, browser: BrowserFacts | None, now: datetime) -> ServerEvent:
    """JSON-ready. A gateway's clock may run ahead of ours; an event of the future is brought back to now."""
    return _known(
        event_id=facts.event_id,
        event_name=facts.event_name,
        event_time=_write_time(min(facts.event_time, now)),
        order_id=facts.order_id,
        value=None if facts.value is None else _write_decimal(facts.value),
        currency=facts.currency,
        product=_describe_product(facts),
        page_url=(browser and browser.page_url) or facts.fallback_url,
        referrer_url=facts.referrer,
        identity=_merge_identity(facts, browser),
        browser=_describe_browser(browser) if browser else None,
    )


def sign_request(target: Target, events: Sequence[ServerEvent], now: datetime) -> SignedRequest:
    """All of these events in one request, signed with the destination's token as it is posted at `now`."""
    message = _known(
        hubtrack=FORMAT,
        destination=target.pixel_id,
        sent_at=_write_time(now),
        test_event_code=target.test_event_code,
    )
    body = json.dumps({**message, "events": list(events)}, separators=(",", ":")).encode()
    timestamp = str(int(now.timestamp()))
    headers = {
        "X-Hubtrack-Signature": f"t={timestamp},{sign(target.token, timestamp, body)}",
        "X-Hubtrack-Batch": _name_batch(target.pixel_id, events),
    }
    return SignedRequest(body, headers)


def _name_batch(destination: str, events: Sequence[ServerEvent]) -> str:
    """The same for the same events, so that a request that is repeated can be recognised as a whole."""
    return hashlib.sha256(json.dumps([destination, *events], sort_keys=True).encode()).hexdigest()[:32]


def _known(**facts: object) -> dict[str, object]:
    return {name: fact for name, fact in facts.items() if fact not in (None, "", {}, [])}


def _write_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _write_decimal(value: Decimal) -> str:
    """With two places, or with more where they say something; never in exponents."""
    cents = f"{value:.2f}"
    return cents if Decimal(cents) == value else f"{value:f}"


def _describe_product(facts: EventFacts) -> dict[str, object]:
    product = _known(ids=list(facts.product_ids), name=facts.product_name)
    if product:
        product |= {"type": facts.content_type, "quantity": facts.num_items or facts.quantity}
    return product


def _merge_identity(facts: EventFacts, browser: BrowserFacts | None) -> dict[str, object]:
    """The sale's digests first: a checkout asks better than a form on a landing page."""
    visitor = browser.identity if browser else {}
    return _known(
        **{
            name: list(dict.fromkeys([*facts.identity.get(key, ()), *visitor.get(key, ())]))
            for key, name in IDENTITY_NAMES.items()
        }
    )


def _describe_browser(browser: BrowserFacts) -> dict[str, object]:
    """As the browser had it; nothing is built or mended, since the receiver has other uses for it than a platform."""
    described = _known(
        ip=browser.ip,
        user_agent=browser.user_agent,
        fbc=browser.fbc,
        fbp=browser.fbp,
        fbclid=browser.fbclid,
        ttclid=browser.ttclid,
    )
    if browser.fbclid or browser.ttclid:
        described["clicked_at"] = _write_time(browser.clicked_at)
    return described

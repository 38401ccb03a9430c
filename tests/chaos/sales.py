"""What gateways will say: a seeded row of orders with their messages, in the gateways' own words and signed as they do.

Money is in cents. Nothing here knows whether a message arrived.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from random import Random
from typing import Any
from urllib.parse import urlencode

from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from tests.pipeline.bodies import stripe_checkout
from tests.worlds import SECRETS, hotmart

PRODUCT = 4815162


class Story(StrEnum):
    """What happens to an order."""

    PLAIN = "plain"
    TWICE = "twice"  # told, and told again though it was acknowledged
    PENDING = "pending"  # a Pix code first, paid later
    UNPAID = "unpaid"  # a Pix code that nobody pays
    REFUNDED = "refunded"
    POISON = "poison"  # the platform refuses it for good, and every request that holds it


# Of a thousand orders. Poison is laid out by number, so that even a short run has some.
_SHARES = {Story.TWICE: 40, Story.PENDING: 60, Story.UNPAID: 15, Story.REFUNDED: 40}
_POISON_EVERY = 199
_CLICKED = 0.15
_STRIPE = 0.2
_DOLLARS = 0.3
_APPROVED = {"hotmart": "PURCHASE_APPROVED", "stripe": "completed"}
_OFTEN_PAID = (1990, 4700, 9700, 19790, 49700, 99700)


@dataclass(frozen=True, slots=True)
class Message:
    """One webhook; `after` is seconds after the order's first."""

    event: str
    after: float


@dataclass(frozen=True, slots=True)
class Order:
    """One order of a funnel, named by its place in the list of funnels; `messages` in the order of their time."""

    order_id: str
    gateway: str
    funnel: int
    currency: str
    cents: int
    story: Story
    is_clicked: bool
    messages: tuple[Message, ...]

    @property
    def approving(self) -> str:
        """The message that makes it a sale; "" for one that never is."""
        return "" if self.story is Story.UNPAID else _APPROVED[self.gateway]

    @property
    def refunding(self) -> str:
        return "PURCHASE_REFUNDED" if self.story is Story.REFUNDED else ""


def make_orders(count: int, *, seed: int, funnels: int, poisonable: frozenset[int]) -> Iterator[Order]:
    """The same for the same seed. Poison is met only in the funnels of `poisonable`."""
    for number in range(count):
        yield _make_order(number, seed, funnels, poisonable)


def _make_order(number: int, seed: int, funnels: int, poisonable: frozenset[int]) -> Order:
    rng = Random(f"{seed} {number}")
    funnel = rng.randrange(funnels)
    is_poison = number % _POISON_EVERY == 7 and bool(poisonable)
    story = Story.POISON if is_poison else _choose_story(rng)
    if is_poison:
        funnel = rng.choice(sorted(poisonable))
    gateway = "stripe" if story in (Story.PLAIN, Story.TWICE) and rng.random() < _STRIPE else "hotmart"
    return Order(
        order_id=f"{'pi_' if gateway == 'stripe' else 'HP'}{seed:03d}{number:09d}",
        gateway=gateway,
        funnel=funnel,
        currency="USD" if rng.random() < _DOLLARS else "BRL",
        cents=rng.choice(_OFTEN_PAID) if rng.random() < 0.3 else rng.randrange(100, 250_000),
        story=story,
        is_clicked=rng.random() < _CLICKED,
        messages=_messages(story, _APPROVED[gateway], rng),
    )


def _choose_story(rng: Random) -> Story:
    drawn = rng.randrange(1000)
    for story, share in _SHARES.items():
        if drawn < share:
            return story
        drawn -= share
    return Story.PLAIN


def _messages(story: Story, approved: str, rng: Random) -> tuple[Message, ...]:
    match story:
        case Story.TWICE:
            return (Message(approved, 0), Message(approved, rng.uniform(0.01, 8)))
        case Story.PENDING:
            return (Message("PURCHASE_BILLET_PRINTED", 0), Message(approved, rng.uniform(0.05, 12)))
        case Story.UNPAID:
            return (Message("PURCHASE_BILLET_PRINTED", 0),)
        case Story.REFUNDED:
            return (Message(approved, 0), Message("PURCHASE_REFUNDED", rng.uniform(0.02, 25)))
    return (Message(approved, 0),)


def write_click(order: Order, public_key: str) -> bytes:
    hit = {
        "public_key": public_key,
        "url": "https://cursosdaana.example.com/oferta?utm_source=fb",
        "fbclid": f"IwAR{order.order_id}",
    }
    return json.dumps(hit).encode()


def write_webhook(order: Order, event: str, click_id: str, now: datetime) -> WebhookRequest:
    """Signed; to be sent again byte for byte until it is acknowledged."""
    body = _stripe_body(order, click_id) if order.gateway == "stripe" else _hotmart_body(order, event, click_id, now)
    unsigned = WebhookRequest(json.dumps(body).encode(), {"content-type": "application/json"})
    return ADAPTERS[order.gateway].verifier.sign(unsigned, SECRETS[order.gateway], datetime.now(UTC))


def write_http(method: str, path: str, host: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """One HTTP/1.1 request as it goes over the wire."""
    lines = {"Host": host, "Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def path_of(address: str, request: WebhookRequest) -> str:
    return f"{address}?{urlencode(request.query)}" if request.query else address


def _hotmart_body(order: Order, event: str, click_id: str, now: datetime) -> dict[str, Any]:
    changes: dict[str, Any] = {"sck": click_id} if click_id else {}
    return hotmart(
        event,
        order.order_id,
        at_ms=int(now.timestamp() * 1000),
        email=f"{order.order_id.lower()}@example.com",
        phone=f"9{order.order_id[-8:]}",
        price=order.cents / 100,
        currency=order.currency,
        product_id=PRODUCT,
        **changes,
    )


def _stripe_body(order: Order, click_id: str) -> dict[str, Any]:
    person = {"email": f"{order.order_id}@example.com", "name": "Beatriz Moura"}
    changes: dict[str, Any] = {"client_reference_id": click_id} if click_id else {}
    return stripe_checkout(
        order.order_id,
        amount_total=order.cents,
        currency=order.currency.lower(),
        customer_details=person,
        **changes,
    )

"""What the gateways are to say: the same for the same seed, in the gateways' own words, and enough of each kind."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from apps.gateways.events import Kind
from apps.gateways.registry import ADAPTERS
from tests.chaos.sales import Order, Story, make_orders, write_http, write_webhook
from tests.worlds import SECRETS

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
POISONABLE = frozenset({0, 3})


def orders(count: int = 2000, seed: int = 1) -> list[Order]:
    return list(make_orders(count, seed=seed, funnels=5, poisonable=POISONABLE))


def test_the_same_seed_gives_the_same_orders_and_another_others() -> None:
    assert orders() == orders()
    assert orders(seed=2) != orders()


def test_every_story_is_told_and_every_order_has_a_name_of_its_own() -> None:
    made = orders()

    stories = Counter(order.story for order in made)
    assert set(stories) == set(Story)
    assert stories[Story.PLAIN] > 1500
    assert len({order.order_id for order in made}) == 2000
    assert {order.funnel for order in made if order.story is Story.POISON} <= POISONABLE
    assert {order.currency for order in made} == {"BRL", "USD"}
    assert {order.gateway for order in made} == {"hotmart", "stripe"}


def test_only_what_is_paid_is_a_sale() -> None:
    made = orders()

    assert {order.approving for order in made if order.story is Story.UNPAID} == {""}
    assert {order.approving for order in made if order.story is Story.PENDING} == {"PURCHASE_APPROVED"}
    assert {order.refunding for order in made if order.story is Story.REFUNDED} == {"PURCHASE_REFUNDED"}
    assert {order.refunding for order in made if order.story is not Story.REFUNDED} == {""}
    assert all(order.approving in {message.event for message in order.messages} for order in made if order.approving)


def test_a_short_run_has_poison_as_well() -> None:
    assert [order.story for order in orders(8)].count(Story.POISON) == 1


@pytest.mark.parametrize("gateway", ["hotmart", "stripe"])
def test_the_hub_reads_what_is_written(gateway: str) -> None:
    order = next(order for order in orders() if order.gateway == gateway and order.story is Story.PLAIN)

    request = write_webhook(order, order.approving, "htc" + "0" * 24, NOW)
    ADAPTERS[gateway].verify(request, [SECRETS[gateway]], datetime.now(UTC))
    (event,) = ADAPTERS[gateway].parse(request)

    assert (event.kind, event.order_id) == (Kind.APPROVED, order.order_id)
    assert event.amount is not None
    assert (event.amount, event.currency) == (Decimal(order.cents) / 100, order.currency)


@pytest.mark.parametrize(
    ("event", "kind"),
    [("PURCHASE_BILLET_PRINTED", Kind.PAYMENT_PENDING), ("PURCHASE_REFUNDED", Kind.REFUNDED)],
)
def test_the_other_messages_are_what_they_claim(event: str, kind: Kind) -> None:
    order = next(order for order in orders() if order.story is Story.REFUNDED)

    (read,) = ADAPTERS["hotmart"].parse(write_webhook(order, event, "", NOW))

    assert (read.kind, read.order_id) == (kind, order.order_id)


def test_a_request_is_written_whole() -> None:
    assert write_http("POST", "/x", "h", b"{}", {"X-A": "1"}) == (
        b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 2\r\nX-A: 1\r\n\r\n{}"
    )

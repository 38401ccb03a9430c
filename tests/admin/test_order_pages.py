"""The page of an order: who gets what of its money, its items, and the orders that belong to it."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.utils.text import capfirst

from apps.conversions.models import Conversion
from apps.dispatch.admin.events import STAGE_TEXTS
from apps.dispatch.models import CapiEvent
from apps.dispatch.services.outbox import SALE
from apps.funnels.event_names import DEFAULT_NAMES, PAGE_EVENT_NAMES
from apps.gateways.events import SALES, Kind
from tests.admin.console import SCRIPT, Console, address, text_of
from tests.conversions.deliveries import conversion, endpoint_of, record
from tests.conversions.facts import fact
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart

Sell = Callable[..., Conversion]
SHARES: dict[str, Any] = {
    "net_amount": Decimal("80.105"),
    "gateway_fee": Decimal("9.900"),
    "producer_commission": Decimal("70.000"),
    "affiliate_commission": Decimal("10.100"),
}


@pytest.fixture
def sell(world: World) -> Sell:
    def make(order_id: str = "HP1", *, place: World = world, **members: Any) -> Conversion:
        sale = fact(Kind.APPROVED, 0, "97.000", currency="BRL", **members)
        record(endpoint_of(place), sale, order_id=order_id)
        return conversion(order_id, tenant=place.tenant_id)

    return make


def _value_of(html: str, label: str) -> str:
    """What stands beside a read-only field's label."""
    label = re.escape(capfirst(label))
    found = re.search(rf">{label}</label>.*?<div class=\"readonly[^>]*>(.*?)</div>", html, re.DOTALL)
    assert found, label
    return re.sub("<[^>]*>", "", found[1]).strip()


def test_who_gets_what_of_the_money(console: Console, sell: Sell) -> None:
    html = text_of(console.page(sell(**SHARES)))

    assert _value_of(html, "net amount") == "80.105 BRL"
    assert _value_of(html, "gateway's fee") == "9.90 BRL"
    assert _value_of(html, "producer's commission") == "70.00 BRL"
    assert _value_of(html, "affiliates' commission") == "10.10 BRL"


def test_what_the_gateway_did_not_tell_is_left_empty(console: Console, sell: Sell) -> None:
    html = text_of(console.page(sell()))

    for label in ("net amount", "gateway's fee", "producer's commission", "affiliates' commission", "Instalments"):
        assert _value_of(html, label) == "-"
    for title in ("Items", "Orders that are part of this one"):
        assert f"{title}\n" not in html


def test_the_offer_and_the_instalments(console: Console, sell: Sell) -> None:
    html = text_of(console.page(sell(offer_id="black-friday", installments=12)))

    assert _value_of(html, "Offer") == "black-friday"
    assert _value_of(html, "Instalments") == "12"


def test_the_buyers_address_is_for_support_to_see(console: Console, sell: Sell) -> None:
    html = text_of(console.page(sell(buyer_ip="203.0.113.9")))

    assert _value_of(html, "buyer's IP address") == "203.0.113.9"


def test_items_are_a_table(console: Console, sell: Sell) -> None:
    items = [
        {"product_id": "1", "name": SCRIPT, "quantity": 2, "price": "57.000"},
        {"product_id": "2", "name": "Apostila", "quantity": 1, "price": None},
    ]

    answer = console.page(sell(items=items))

    html = text_of(answer)
    assert SCRIPT not in answer.content.decode()
    for cell in (SCRIPT, "2", "57.00 BRL", "Apostila", "1", "-"):
        assert f"<span>{cell}</span>" in html
    assert '"product_id"' not in html, "the JSON is not shown beside its table"


def test_a_part_leads_to_its_order_and_the_order_to_its_parts(console: Console, sell: Sell) -> None:
    parent = sell("HP1")
    parts = [sell(f"HP1-{number}", parent_order_id="HP1", product_name=SCRIPT) for number in (1, 2)]
    stranger = sell("HP2")

    above, below = text_of(console.page(parent)), text_of(console.page(parts[0]))

    assert "Orders that are part of this one" in above
    for part in parts:
        assert f'href="{address(part, "change")}">{part.order_id}</a>' in above
    assert f'href="{address(parent, "change")}">HP1</a>' in below
    assert address(stranger, "change") not in above + below
    assert "Orders that are part of this one" not in below


def test_a_parent_that_was_not_heard_of_is_named(console: Console, sell: Sell) -> None:
    html = text_of(console.page(sell("HP1-1", parent_order_id="HP1")))

    assert _value_of(html, "part of order") == "HP1"


def test_parts_are_of_the_same_tenant(console: Console, sell: Sell, other_world: World) -> None:
    parent = sell("HP1")
    foreign = sell("HP1-1", place=other_world, parent_order_id="HP1")

    above, below = text_of(console.page(parent)), text_of(console.page(foreign))

    assert address(foreign, "change") not in above
    assert address(parent, "change") not in below
    assert _value_of(below, "part of order") == "HP1"


def test_first_times_are_told_in_words_oldest_first(console: Console, world: World) -> None:
    said = [(Kind.REFUNDED, 3), (Kind.APPROVED, 2), (Kind.PAYMENT_PENDING, 1)]
    record(endpoint_of(world), *(fact(kind, hour, "97") for kind, hour in said))

    html = text_of(console.page(conversion())).partition("First times")[2].partition("</table>")[0]

    words = [f"<span>{text}</span>" for text in ("Pix code or boleto issued", "payment approved", "refunded")]
    assert "<span>2026-11-20 14:00:00</span>" in html
    assert [html.count(word) for word in words] == [1, 1, 1]
    assert sorted(words, key=html.index) == words
    assert '"payment_pending"' not in html


def test_every_stage_has_words() -> None:
    """A first payment and a renewal are the same stage; what happens on a page has the platforms' own name."""
    assert STAGE_TEXTS.keys() == {SALE} | (DEFAULT_NAMES.keys() - SALES) | PAGE_EVENT_NAMES.keys()


@pytest.fixture
def events(world: World, platform: ScriptedPlatform) -> None:
    """Two, of an order that began as a Pix code."""
    for event in ("PURCHASE_BILLET_PRINTED", "PURCHASE_APPROVED"):
        world.post_webhook(hotmart(event))
        world.run_stages()
    listed = {row["event_name"] for row in world.events("HP0000000001")}
    assert listed == {"AddPaymentInfo", "Purchase"}


def _stages(console: Console, **query: str) -> list[str]:
    return sorted(row.stage for row in console.list(CapiEvent, **query).context["cl"].result_list)


def test_the_stage_of_an_event_is_told_in_words(console: Console, events: None) -> None:
    listing = console.list(CapiEvent)

    html = text_of(listing)
    pages = [text_of(console.page(row)) for row in listing.context["cl"].result_list]
    assert '<td class="field-stage' in html
    assert "Pix code or boleto issued" in html
    assert [_value_of(page, "stage of the order") for page in pages] == ["sale", "Pix code or boleto issued"]


def test_a_stage_of_tomorrow_is_shown_as_it_is(console: Console, world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(hotmart())
    world.run_stages()
    row = console.list(CapiEvent).context["cl"].result_list[0]
    row.stage = "stage_of_tomorrow"
    row.save(update_fields=["stage"])

    assert _value_of(text_of(console.page(row)), "stage of the order") == "stage_of_tomorrow"


def test_events_can_be_narrowed_to_a_stage(console: Console, events: None) -> None:
    assert _stages(console) == ["payment_pending", "sale"]
    assert _stages(console, stage="sale") == ["sale"]
    assert _stages(console, stage="payment_pending") == ["payment_pending"]
    assert _stages(console, stage="refunded") == []

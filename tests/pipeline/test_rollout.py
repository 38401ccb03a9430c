"""How far an endpoint's deliveries go: off, shadow, live, or live for some of its orders."""

from typing import Any

import pytest

from apps.funnels.models import Endpoint
from apps.funnels.rollout import is_live
from apps.funnels.selectors import forget_remembered
from apps.tenants.scoping import unscoped
from tests.pipeline.database import count_everything
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart

ORDERS = [f"HP{number:04}" for number in range(60)]


def switch(world: World, gateway: str = "hotmart", **values: Any) -> None:
    """As it is some seconds later: an endpoint is remembered for two."""
    answer = world.patch(f"funnels/{world.funnel.pk}", {"endpoints": [{"gateway": gateway, **values}]})
    assert answer.status_code == 200
    forget_remembered()


def sell(world: World, *orders: str, word: str = "PURCHASE_APPROVED") -> None:
    for order in orders:
        assert world.post_webhook(hotmart(word, order_id=order)).status_code == 202
    world.run_stages()


def endpoint_of(world: World) -> Endpoint:
    with unscoped():
        found: Endpoint = Endpoint.objects.get(tenant=world.tenant_id, gateway="hotmart")
    return found


def verdicts(world: World, name: str = "Purchase") -> dict[str, tuple[str, str]]:
    """Order -> (status, reason) of its event of this name."""
    rows = world.get("events", page_size="200").json()["results"]
    return {row["order_id"]: (row["status"], row["sends"][0]["reason"]) for row in rows if row["event_name"] == name}


def live(world: World, name: str = "Purchase") -> set[str]:
    """The orders that were sent; every other one must be in shadow."""
    found = verdicts(world, name)
    assert set(found.values()) <= {("accepted", "accepted"), ("excluded", "shadow")}
    return {order for order, (status, _reason) in found.items() if status == "accepted"}


def sent_orders(platform: ScriptedPlatform) -> set[str]:
    return {event["custom_data"]["order_id"] for body in platform.received for event in body["data"]}


def test_in_shadow_a_sale_is_recorded_and_matched_and_not_sent(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click()
    switch(world, rollout="shadow")

    answer = world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))
    world.run_stages()

    assert (answer.status_code, answer.json()) == (202, {"status": "recorded"})
    order = world.conversion("HP1")
    assert (order["status"], order["match"]["click_id"]) == ("approved", ids["click_id"])
    assert verdicts(world) == {"HP1": ("excluded", "shadow")}
    assert (world.event("HP1")["attempts"], platform.received) == ([], [])


def test_off_the_address_is_unknown_and_nothing_is_stored(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    switch(world, rollout="off")
    before = count_everything()

    answer = world.post_webhook(hotmart(order_id="HP2"))
    damaged = world.post_webhook(b"{")

    assert [(item.status_code, item.json()["code"]) for item in (answer, damaged)] == [(404, "not_found")] * 2
    assert count_everything() == before


def test_off_stops_what_was_recorded_and_not_yet_planned(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    switch(world, rollout="off")

    world.run_stages()

    assert verdicts(world) == {"HP1": ("excluded", "shadow")}
    assert platform.received == []


def test_switched_on_again_it_goes_on(world: World, platform: ScriptedPlatform) -> None:
    for rollout in ("off", "shadow", "live"):
        switch(world, rollout=rollout)

    sell(world, "HP1")

    assert sent_orders(platform) == {"HP1"}


def test_what_was_in_shadow_stays_unsent_and_what_happens_later_is_sent(
    world: World, platform: ScriptedPlatform
) -> None:
    switch(world, rollout="shadow")
    sell(world, "HP1", word="PURCHASE_BILLET_PRINTED")
    sell(world, "HP2")
    switch(world, rollout="live")

    sell(world, "HP1", "HP2")
    replayed = world.post(f"replay/{world.event('HP2')['event_id']}")
    world.run_stages()

    assert verdicts(world, "AddPaymentInfo") == {"HP1": ("excluded", "shadow")}
    assert verdicts(world) == {"HP1": ("accepted", "accepted"), "HP2": ("excluded", "shadow")}
    assert replayed.status_code == 409
    assert platform.names == ["Purchase"]


def test_other_endpoints_of_the_funnel_are_not_concerned(world: World, platform: ScriptedPlatform) -> None:
    switch(world, "stripe", rollout="off")
    switch(world, "kiwify", rollout="shadow", live_percent=0)

    sell(world, "HP1")

    assert sent_orders(platform) == {"HP1"}


@pytest.mark.parametrize(("percent", "expected"), [(0, 0), (100, len(ORDERS))])
def test_at_the_ends_all_orders_are_alike(
    world: World, platform: ScriptedPlatform, percent: int, expected: int
) -> None:
    switch(world, live_percent=percent)

    sell(world, *ORDERS)

    assert len(live(world)) == len(sent_orders(platform)) == expected
    assert len(verdicts(world)) == len(ORDERS)


def test_in_between_some_are_and_each_order_as_a_whole(world: World, platform: ScriptedPlatform) -> None:
    switch(world, live_percent=30)

    sell(world, *ORDERS, word="PURCHASE_BILLET_PRINTED")
    sell(world, *ORDERS)
    sell(world, *ORDERS, word="PURCHASE_COMPLETE")

    chosen = {order for order in ORDERS if is_live(str(endpoint_of(world).pk), order, 30)}
    assert live(world, "AddPaymentInfo") == live(world) == sent_orders(platform) == chosen
    assert len(verdicts(world)) == len(ORDERS)


def test_what_was_live_at_thirty_is_live_at_sixty(world: World, platform: ScriptedPlatform) -> None:
    switch(world, live_percent=30)
    sell(world, *ORDERS, word="PURCHASE_BILLET_PRINTED")
    at_thirty = live(world, "AddPaymentInfo")

    switch(world, live_percent=60)
    sell(world, *ORDERS)

    at_sixty = live(world)
    assert at_thirty <= at_sixty
    assert at_sixty == {order for order in ORDERS if is_live(str(endpoint_of(world).pk), order, 60)}
    assert live(world, "AddPaymentInfo") == at_thirty, "what was told or withheld stays so"


def test_a_percentage_changes_nothing_of_an_endpoint_in_shadow(world: World, platform: ScriptedPlatform) -> None:
    switch(world, rollout="shadow", live_percent=100)

    sell(world, "HP1")

    assert (verdicts(world), platform.received) == ({"HP1": ("excluded", "shadow")}, [])


def test_a_switch_needs_no_publication(world: World, platform: ScriptedPlatform) -> None:
    switch(world, live_percent=0)

    sell(world, "HP1")

    funnel = world.get(f"funnels/{world.funnel.pk}").json()
    assert (funnel["status"], funnel["unpublished_changes"]) == ("published", False)
    assert platform.received == []


def test_the_report_adds_up_what_was_recorded_live_or_not(world: World, platform: ScriptedPlatform) -> None:
    switch(world, rollout="shadow")
    for number in range(3):
        world.post_webhook(hotmart(order_id=f"HP{number}", price=100.10))
    world.post_webhook(hotmart(order_id="HP7", price=9, currency="USD"))
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP8", price=50))
    world.post_webhook(hotmart("PURCHASE_OUT_OF_SHOPPING_CART", order_id="HP9"))

    report = world.get(f"endpoints/{endpoint_of(world).pk}/rollout").json()

    assert report["rollout"] == "shadow"
    assert report["recorded"] == [
        {"status": "abandoned", "currency": "", "orders": 1, "amount": "0.000"},
        {"status": "approved", "currency": "BRL", "orders": 3, "amount": "300.300"},
        {"status": "approved", "currency": "USD", "orders": 1, "amount": "9.000"},
        {"status": "pending", "currency": "BRL", "orders": 1, "amount": "50.000"},
    ]


def test_the_report_counts_one_endpoint_only(world: World, other_world: World) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    other_world.post_webhook(hotmart(order_id="HP1"))
    world.post_webhook(hotmart(order_id="HP2"))

    recorded = world.get(f"endpoints/{endpoint_of(world).pk}/rollout").json()["recorded"]
    with unscoped():
        stripe = Endpoint.objects.get(tenant=world.tenant_id, gateway="stripe")

    assert [row["orders"] for row in recorded] == [2]
    assert world.get(f"endpoints/{stripe.pk}/rollout").json()["recorded"] == []
    assert world.get(f"endpoints/{endpoint_of(other_world).pk}/rollout").status_code == 404

"""Sales on their way to a customer's own server, over real HTTP: once, proved, and told apart by its answers."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.dispatch.models import Send
from apps.dispatch.services import release_parked
from apps.tenants.scoping import unscoped
from tests.gateway_receiver import SECRET, Fault, GatewayReceiver, gateway_receiver
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart


@pytest.fixture
def receiver() -> Iterator[GatewayReceiver]:
    with gateway_receiver() as running:
        yield running


@pytest.fixture
def shop(world: World, receiver: GatewayReceiver, platform: ScriptedPlatform) -> World:
    """Ana's world, which also tells her own server."""
    return connect(world, receiver.url)


def connect(world: World, base_url: str, **members: Any) -> World:
    own = {"platform": "http", "pixel_id": "loja-da-ana", "access_token": SECRET, "base_url": base_url, **members}
    changed = world.patch(f"funnels/{world.funnel.pk}", {"destinations": [own]})
    assert changed.status_code == 200, changed.content
    assert world.post(f"funnels/{world.funnel.pk}/publish").status_code == 200
    return world


def sell(world: World, *orders: str, **changes: Any) -> None:
    for order in orders:
        world.post_webhook(hotmart(order_id=order, **changes))
    world.run_stages()


def fate(world: World, order: str) -> tuple[str, str]:
    """Status and reason of what this order's Purchase came to at the customer's server."""
    (send,) = [item for item in world.event(order)["sends"] if item["platform"] == "http"]
    return send["status"], send["reason"]


def make_due() -> None:
    """As if the time until the next try had passed."""
    with unscoped():
        waiting = Send.objects.filter(destination__platform="http", status="retrying")
        waiting.update(due_at=timezone.now() - timedelta(seconds=1))


def test_a_sale_arrives_once_and_proved(shop: World, receiver: GatewayReceiver) -> None:
    ids = shop.click(ttclid="E.C.P.ana", consent_ads=True)

    sell(shop, "HP1", sck=ids["click_id"])
    shop.run_stages()

    (request,) = receiver.requests
    (event,) = receiver.events.values()
    assert (request.status, request.path, request.message["destination"]) == (200, "/hubtrack?shop=ana", "loja-da-ana")
    assert event["event_id"] == shop.event("HP1")["event_id"]
    assert (event["event_name"], event["order_id"], event["value"], event["currency"]) == (
        *("Purchase", "HP1", "197.90", "BRL"),
    )
    assert event["product"]["ids"] == ["4815162"]
    assert event["identity"]["email_sha256"] == [hashlib.sha256(b"beatriz@example.com").hexdigest()]
    assert event["browser"]["ttclid"] == "E.C.P.ana"
    assert b"beatriz" not in request.body.lower()
    assert fate(shop, "HP1") == ("accepted", "accepted")


def test_many_sales_travel_together_purchases_of_the_customer_only(
    shop: World, other_world: World, receiver: GatewayReceiver
) -> None:
    other_world.post_webhook(hotmart(order_id="BR1"))

    sell(shop, "HP1", "HP2", "HP3")

    assert {event["order_id"] for event in receiver.events.values()} == {"HP1", "HP2", "HP3"}
    assert [len(request.event_ids) for request in receiver.requests] == [3]


def test_the_hubs_own_address_serves_those_who_name_none(
    world: World, receiver: GatewayReceiver, platform: ScriptedPlatform, settings: Any
) -> None:
    settings.CAPI_GATEWAY_URL = receiver.url
    connect(world, "")

    sell(world, "HP1")

    assert [event["order_id"] for event in receiver.events.values()] == ["HP1"]


def test_a_wrong_secret_parks_and_the_right_one_lets_go(shop: World, receiver: GatewayReceiver) -> None:
    receiver.secret = "another-secret"
    sell(shop, "HP1", "HP2")
    parked = [fate(shop, order) for order in ("HP1", "HP2")]
    asked, receiver.secret = len(receiver.requests), "the-right-secret"

    new = {"platform": "http", "pixel_id": "loja-da-ana", "access_token": "the-right-secret"}
    shop.patch(f"funnels/{shop.funnel.pk}", {"destinations": [new]})
    with unscoped():
        release_parked()
    shop.run_stages()

    assert (parked, asked) == ([("parked", "http_401")] * 2, 1)
    assert [fate(shop, order)[0] for order in ("HP1", "HP2")] == ["accepted", "accepted"]
    assert len(receiver.events) == 2


def test_what_the_receiver_had_before_is_a_duplicate(shop: World, receiver: GatewayReceiver) -> None:
    shop.post_webhook(hotmart(order_id="HP1"))
    shop.post_webhook(hotmart(order_id="HP2"))
    receiver.faults = [Fault(500)]
    shop.run_stages()
    known = next(event["event_id"] for event in receiver.requests[0].message["events"] if event["order_id"] == "HP1")
    receiver.events[known] = {"order_id": "HP1"}

    make_due()
    shop.run_stages()

    assert fate(shop, "HP1")[0] == "duplicate"
    assert fate(shop, "HP2") == ("accepted", "accepted")


def test_what_the_receiver_rejects_is_dead_with_its_reason_and_the_rest_goes(
    shop: World, receiver: GatewayReceiver
) -> None:
    receiver.refuses = {"HP2": "Unknown order"}

    sell(shop, "HP1", "HP2", "HP3")

    assert [fate(shop, order) for order in ("HP1", "HP2", "HP3")] == [
        ("accepted", "accepted"),
        ("dead", "rejected_unknown_order"),
        ("accepted", "accepted"),
    ]
    assert len(receiver.requests) == 1


def test_an_error_of_the_server_is_tried_again_with_the_same_ids(shop: World, receiver: GatewayReceiver) -> None:
    receiver.faults = [Fault(500, b"<html>")]

    sell(shop, "HP1")
    waiting = fate(shop, "HP1")
    make_due()
    shop.run_stages()

    assert waiting == ("retrying", "http_500")
    assert fate(shop, "HP1") == ("accepted", "accepted")
    assert [request.event_ids for request in receiver.requests] == [[shop.event("HP1")["event_id"]]] * 2
    assert len({request.headers["x-hubtrack-batch"] for request in receiver.requests}) == 1


def test_a_lost_answer_is_asked_again_and_nothing_is_kept_twice(shop: World, receiver: GatewayReceiver) -> None:
    receiver.faults = [Fault(0, keeps=True)]

    sell(shop, "HP1")
    waiting = fate(shop, "HP1")
    make_due()
    shop.run_stages()

    assert waiting[0] == "retrying"
    assert fate(shop, "HP1") == ("accepted", "accepted_on_resend")
    assert (len(receiver.requests), len(receiver.events)) == (2, 1)


def test_a_refused_batch_is_taken_apart_down_to_the_guilty_sale(shop: World, receiver: GatewayReceiver) -> None:
    def behave(headers: Any, body: bytes, usual: Any = receiver.behave) -> Fault:
        return Fault(422) if b'"HP3"' in body else usual(headers, body)

    receiver.behave = behave  # type: ignore[method-assign]

    sell(shop, "HP1", "HP2", "HP3", "HP4")

    assert [fate(shop, f"HP{number}")[0] for number in (1, 2, 3, 4)] == ["accepted", "accepted", "dead", "accepted"]
    assert fate(shop, "HP3") == ("dead", "http_422")
    assert sorted(event["order_id"] for event in receiver.events.values()) == ["HP1", "HP2", "HP4"]


def test_a_request_that_is_too_large_comes_in_smaller_ones(shop: World, receiver: GatewayReceiver) -> None:
    receiver.faults = [Fault(413)]

    sell(shop, "HP1", "HP2", "HP3", "HP4")

    assert [len(request.event_ids) for request in receiver.requests] == [4, 2, 2]
    assert len(receiver.events) == 4


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(302, headers={"Location": "https://elsewhere.example.com/"}), "redirect_302"),
        (Fault(404), "http_404"),
        (Fault(410), "http_410"),
    ],
)
def test_an_address_that_moved_or_is_gone_parks_everything(
    shop: World, receiver: GatewayReceiver, fault: Fault, reason: str
) -> None:
    receiver.faults = [fault]

    sell(shop, "HP1", "HP2")

    assert [fate(shop, order) for order in ("HP1", "HP2")] == [("parked", reason)] * 2
    assert (len(receiver.requests), receiver.events) == (1, {})


def test_a_private_address_is_never_asked_and_parks(world: World, platform: ScriptedPlatform) -> None:
    connect(world, "https://10.0.0.8/hubtrack")

    sell(world, "HP1")

    assert fate(world, "HP1") == ("parked", "address")
    (send,) = [item for item in world.event("HP1")["sends"] if item["platform"] == "meta"]
    assert send["status"] == "accepted", "a destination's trouble is its own"


def test_too_many_requests_wait_as_long_as_the_server_asks(shop: World, receiver: GatewayReceiver) -> None:
    receiver.faults = [Fault(429, headers={"Retry-After": "600"})]

    sell(shop, "HP1")
    make_due()
    shop.run_stages()

    assert fate(shop, "HP1")[0] == "retrying"
    assert len(receiver.requests) == 1


def test_test_traffic_says_so(world: World, receiver: GatewayReceiver, platform: ScriptedPlatform) -> None:
    connect(world, receiver.url, test_event_code="TEST1")

    sell(world, "HP1")

    assert [request.message["test_event_code"] for request in receiver.requests] == ["TEST1"]


def test_a_long_address_is_as_good_as_a_short_one(
    world: World, receiver: GatewayReceiver, platform: ScriptedPlatform
) -> None:
    connect(world, f"{receiver.url}&key={'k' * 400}")

    sell(world, "HP1")

    assert [request.path for request in receiver.requests] == [f"/hubtrack?shop=ana&key={'k' * 400}"]
    assert fate(world, "HP1") == ("accepted", "accepted")

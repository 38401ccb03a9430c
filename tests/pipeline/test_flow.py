"""The whole flow in one process: page, gateway, stages, and a platform that answers over real HTTP."""

import json
import time
from itertools import permutations
from pathlib import Path

import pytest

from apps.conversions.models import Conversion
from apps.dispatch.models import CapiEvent
from apps.tenants.scoping import unscoped
from tests.platforms import ScriptedPlatform
from tests.worlds import LANDING, PIXEL, SECRETS, World, hotmart

FIXTURES = Path(__file__).parents[2] / "apps/gateways/stripe/fixtures"
STEPS = {
    "pending": "PURCHASE_BILLET_PRINTED",
    "approved": "PURCHASE_APPROVED",
    "refunded": "PURCHASE_REFUNDED",
}


def test_a_sale_travels_from_the_click_to_the_platform(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click(fbclid="IwAR0-Some.Opaque_Value", fbp="fb.1.1700000000000.123", consent_ads=True)
    answer = world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))

    world.run_stages()

    assert (answer.status_code, answer.json()) == (202, {"status": "recorded"})
    order = world.conversion("HP1")
    assert (order["status"], order["amount"], order["currency"]) == ("approved", "197.90", "BRL")
    assert (order["match"]["click_id"], order["match"]["rule"]) == (ids["click_id"], "explicit_click_id")
    assert [event["status"] for event in order["events"]] == ["accepted"]
    assert platform.paths == [f"/v26.0/{PIXEL}/events"]
    assert platform.tokens == ["Bearer token-of-ana"]
    (sent,) = platform.received[0]["data"]
    assert sent["event_name"] == "Purchase"
    assert sent["event_source_url"] == LANDING
    assert sent["custom_data"]["value"] == 197.9
    assert sent["custom_data"]["currency"] == "BRL"
    assert "fbc" not in sent["user_data"], "a dot in the click id makes no valid fbc"
    assert sent["user_data"]["fbp"] == "fb.1.1700000000000.123"
    assert len(sent["user_data"]["em"][0]) == 64


def test_what_was_sent_and_answered_can_be_read_afterwards(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(hotmart(order_id="HP1"), **{"x-request-id": "follow-me-12345678"})

    world.run_stages()

    event = world.event("HP1")
    (attempt,) = event["attempts"]
    assert attempt["request"] == platform.received[0]["data"][0]
    assert json.loads(attempt["response"]) == {"events_received": 1, "messages": [], "fbtrace_id": "T1"}
    assert (attempt["outcome"], attempt["http_status"], attempt["trace_id"]) == ("accepted", 200, "T1")
    assert "token-of-ana" not in json.dumps(event)
    assert event["correlation_id"] == event["conversion"]["correlation_id"] == "follow-me-12345678"


@pytest.mark.parametrize("order", list(permutations(STEPS)))
def test_any_order_of_arrival_gives_one_purchase_and_the_last_state(
    world: World, platform: ScriptedPlatform, order: tuple[str, ...]
) -> None:
    for step in order:
        world.post_webhook(hotmart(STEPS[step], order_id="HP1"))
        world.run_stages()

    assert world.conversion("HP1")["status"] == "refunded"
    assert sorted(platform.names) == ["AddPaymentInfo", "Purchase"]
    assert len(set(platform.event_ids)) == 2
    assert world.event("HP1")["status"] == "accepted"


@pytest.mark.parametrize("order", list(permutations(STEPS)))
def test_so_does_any_order_that_arrives_before_the_workers_look(
    world: World, platform: ScriptedPlatform, order: tuple[str, ...]
) -> None:
    for step in order * 2:
        world.post_webhook(hotmart(STEPS[step], order_id="HP1", at_ms=1_700_000_000_000 + 10**11))

    world.run_stages()

    with unscoped():
        assert Conversion.objects.count() == 1
        assert sorted(CapiEvent.objects.values_list("stage", flat=True)) == ["payment_pending", "sale"]
    assert world.conversion("HP1")["status"] == "refunded"


def test_a_pending_order_is_no_purchase(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP1"))

    world.run_stages()

    assert world.conversion("HP1")["status"] == "pending"
    assert [event["event_name"] for event in world.conversion("HP1")["events"]] == ["AddPaymentInfo"]
    assert platform.names == ["AddPaymentInfo"]


def test_a_completed_guarantee_is_no_second_sale(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()

    world.post_webhook(hotmart("PURCHASE_COMPLETE", order_id="HP1"))
    world.run_stages()

    assert len(platform.event_ids) == 1
    assert world.conversion("HP1")["status"] == "approved"


def test_a_renewal_is_told_as_a_subscription(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(hotmart(order_id="HP2", recurrence=2))

    world.run_stages()

    assert [event["event_name"] for event in platform.received[0]["data"]] == ["Subscribe"]


def test_a_gateways_test_event_is_recorded_and_excluded(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(hotmart(order_id="HP1", product_id=0))

    world.run_stages()

    assert world.conversion("HP1")["is_test"] is True
    assert world.event("HP1")["status"] == "excluded"
    assert platform.received == []


def test_an_unmatched_sale_is_sent_with_the_funnels_page_and_no_browser(
    world: World, platform: ScriptedPlatform
) -> None:
    world.post_webhook(hotmart(order_id="HP1"))

    world.run_stages()

    assert world.conversion("HP1")["match"]["decision"] == "unmatched"
    (sent,) = platform.received[0]["data"]
    assert (sent["action_source"], sent["event_source_url"]) == ("website", LANDING)
    assert not {"client_ip_address", "client_user_agent", "fbc", "fbp"} & sent["user_data"].keys()


def test_a_draft_funnel_records_and_waits_until_it_is_published(world: World, platform: ScriptedPlatform) -> None:
    draft = world.post(
        "funnels",
        {
            "name": "Rascunho",
            "landing_url": LANDING,
            "endpoints": [{"gateway": "hotmart", "secret": SECRETS["hotmart"]}],
            "destinations": [{"platform": "meta", "pixel_id": "999", "access_token": "another"}],
        },
    ).json()
    drafted = World(world.key, world.tenant_id, world.funnel)
    drafted.address = draft["endpoints"][0]["webhook_url"].removeprefix("http://localhost:8000")
    drafted.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()
    assert platform.received == []

    world.post(f"funnels/{draft['id']}/publish")
    with unscoped():
        Conversion.objects.update(match_due_at="2020-01-01T00:00:00Z")
    world.run_stages()

    assert [path.split("/")[2] for path in platform.paths] == ["999"]


def test_a_stripe_sale_carries_the_click_in_its_reference(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click()
    session = json.loads((FIXTURES / "checkout_session_completed_paid.json").read_text())
    session["created"] = int(time.time())
    session["data"]["object"]["client_reference_id"] = ids["click_id"]
    body = json.dumps(session, indent=2).encode()

    answer = world.post_webhook(body, gateway="stripe")
    world.run_stages()

    assert answer.status_code == 202
    (order,) = world.get("conversions").json()["results"]
    assert (order["gateway"], order["status"], order["match"]["rule"]) == ("stripe", "approved", "explicit_click_id")
    assert [event["status"] for event in order["events"]] == ["accepted"]

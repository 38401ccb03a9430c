"""Orders that are known and not told: parts of another order, and what a gateway sends to try itself out."""

import time
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from apps.core.errors import NotPossible
from apps.dispatch.models import CapiEvent
from apps.dispatch.services import replay_event
from apps.tenants.scoping import unscoped
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart

NOW_MS = int(time.time()) * 1_000
DAY_MS = 86_400_000
IN_2017 = int(datetime(2017, 6, 30, tzinfo=UTC).timestamp()) * 1_000


def bump(word: str = "PURCHASE_APPROVED", **changes: Any) -> dict[str, Any]:
    """HP2, bought together with HP1."""
    body = hotmart(word, order_id="HP2", **{"price": 29.0, "product_id": 4410031, **changes})
    body["data"]["purchase"]["order_bump"] = {"is_order_bump": True, "parent_purchase_transaction": "HP1"}
    return body


def choose(world: World, **values: Any) -> None:
    assert world.patch(f"funnels/{world.funnel.pk}", values).status_code == 200
    assert world.post(f"funnels/{world.funnel.pk}/publish").status_code == 200


def verdicts(world: World, order_id: str) -> dict[str, tuple[str, str]]:
    """Name -> (status, reason) of each event of an order, as the API shows it."""
    return {event["event_name"]: (event["status"], event["sends"][0]["reason"]) for event in world.events(order_id)}


STORY = [hotmart(order_id="HP1"), bump("PURCHASE_BILLET_PRINTED"), bump()]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("looks_after", ["each", "all"])
def test_an_order_bump_is_part_of_its_order(
    world: World, platform: ScriptedPlatform, order: tuple[int, ...], looks_after: str
) -> None:
    for number in order:
        assert world.post_webhook(STORY[number]).status_code == 202
        if looks_after == "each":
            world.run_stages()
    world.run_stages()

    assert verdicts(world, "HP1") == {"Purchase": ("accepted", "accepted")}
    assert verdicts(world, "HP2") == {
        "AddPaymentInfo": ("excluded", "part_of_another_order"),
        "Purchase": ("excluded", "part_of_another_order"),
    }
    assert [event["custom_data"]["order_id"] for body in platform.received for event in body["data"]] == ["HP1"]
    child = world.conversion("HP2")
    assert (child["parent_order_id"], child["amount"], child["status"]) == ("HP1", "29.00", "approved")


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_funnel_may_tell_it_as_a_purchase_of_its_own(
    world: World, platform: ScriptedPlatform, order: tuple[int, ...]
) -> None:
    choose(world, child_orders="purchase")

    for number in order:
        world.post_webhook(STORY[number])
        world.run_stages()

    assert verdicts(world, "HP1") == {"Purchase": ("accepted", "accepted")}
    assert verdicts(world, "HP2") == {
        "AddPaymentInfo": ("accepted", "accepted"),
        "Purchase": ("accepted", "accepted"),
    }
    values = {
        event["custom_data"]["order_id"]: event["custom_data"]["value"]
        for body in platform.received
        for event in body["data"]
        if event["event_name"] == "Purchase"
    }
    assert values == {"HP1": 197.9, "HP2": 29.0}


def test_the_choice_counts_from_its_publication_on(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(bump("PURCHASE_BILLET_PRINTED"))
    world.run_stages()
    choose(world, child_orders="purchase")

    world.post_webhook(bump())
    world.run_stages()

    assert verdicts(world, "HP2") == {
        "AddPaymentInfo": ("excluded", "part_of_another_order"),
        "Purchase": ("accepted", "accepted"),
    }


def test_an_order_that_is_no_bump_is_told(world: World, platform: ScriptedPlatform) -> None:
    body = hotmart(order_id="HP1")
    body["data"]["purchase"]["order_bump"] = {"is_order_bump": False}

    world.post_webhook(body)
    world.run_stages()

    assert verdicts(world, "HP1") == {"Purchase": ("accepted", "accepted")}


def test_the_lines_of_one_order_stay_its_items(world: World, platform: ScriptedPlatform) -> None:
    body = hotmart(order_id="HP1")
    body["data"]["product"]["content"] = {
        "products": [{"id": 4410027, "name": "Violão do Zero"}, {"id": 4410031, "name": "Apostila de Acordes"}]
    }

    world.post_webhook(body)
    world.post_webhook(bump())
    world.run_stages()

    assert [item["name"] for item in world.conversion("HP1")["items"]] == ["Violão do Zero", "Apostila de Acordes"]
    assert [item["product_id"] for item in world.conversion("HP2")["items"]] == ["4410031"]
    assert platform.names == ["Purchase"]


TESTS: dict[str, dict[str, Any]] = {
    "a date of 2017": {"at_ms": IN_2017},
    "the first of the computers' days": {"at_ms": 0},
    "more than a day ahead": {"at_ms": NOW_MS + 2 * DAY_MS},
    "a year ahead": {"at_ms": NOW_MS + 365 * DAY_MS},
    "the gateway's own mark": {"product_id": 0},
}


@pytest.mark.parametrize("sign", sorted(TESTS))
def test_a_gateways_test_is_known_and_not_told(world: World, platform: ScriptedPlatform, sign: str) -> None:
    answer = world.post_webhook(hotmart(order_id="HP1", **TESTS[sign]))
    world.run_stages()

    assert (answer.status_code, answer.json()) == (202, {"status": "recorded"})
    order = world.conversion("HP1")
    assert (order["is_test"], order["status"]) == (True, "approved")
    assert [event["status"] for event in order["events"]] == ["excluded"]
    assert verdicts(world, "HP1") == {"Purchase": ("excluded", "gateway_test")}
    assert world.event("HP1")["conversion"]["is_test"] is True
    assert platform.received == []


@pytest.mark.parametrize("hours_ahead", [0.01, 3, 23])
def test_a_clock_that_runs_ahead_makes_no_test(world: World, platform: ScriptedPlatform, hours_ahead: float) -> None:
    world.post_webhook(hotmart(order_id="HP1", at_ms=NOW_MS + int(hours_ahead * DAY_MS / 24)))
    world.run_stages()

    order = world.conversion("HP1")
    assert order["is_test"] is False
    assert verdicts(world, "HP1") == {"Purchase": ("accepted", "accepted")}
    received = datetime.fromisoformat(order["occurred_at"]).timestamp()
    assert received <= time.time(), "the receipt's time stands for one that has not come"


@pytest.mark.parametrize(
    ("order", "pending"),
    [
        (("PURCHASE_BILLET_PRINTED", "PURCHASE_APPROVED"), ("excluded", "gateway_test")),
        (("PURCHASE_APPROVED", "PURCHASE_BILLET_PRINTED"), ("expired", "too_old")),
    ],
)
def test_a_real_sale_beside_a_pending_that_looks_like_a_test_is_real(
    world: World, platform: ScriptedPlatform, order: tuple[str, ...], pending: tuple[str, str]
) -> None:
    dates = {"PURCHASE_BILLET_PRINTED": IN_2017, "PURCHASE_APPROVED": NOW_MS}
    for word in order:
        world.post_webhook(hotmart(word, order_id="HP1", at_ms=dates[word]))
        world.run_stages()

    assert world.conversion("HP1")["is_test"] is False
    assert verdicts(world, "HP1") == {"Purchase": ("accepted", "accepted"), "AddPaymentInfo": pending}
    assert platform.names == ["Purchase"]


def test_a_pending_order_that_looks_like_a_test_is_one_until_a_sale_says_otherwise(
    world: World, platform: ScriptedPlatform
) -> None:
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP1", product_id=0))
    world.run_stages()
    before = world.conversion("HP1")["is_test"], verdicts(world, "HP1")

    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()

    assert before == (True, {"AddPaymentInfo": ("excluded", "gateway_test")})
    assert world.conversion("HP1")["is_test"] is False
    assert verdicts(world, "HP1") == {
        "AddPaymentInfo": ("excluded", "gateway_test"),
        "Purchase": ("accepted", "accepted"),
    }


def test_what_is_excluded_is_not_sent_by_a_replay(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(bump())
    world.run_stages()

    answer = world.post(f"replay/{world.event('HP2')['event_id']}")
    world.run_stages()

    assert (answer.status_code, answer.json()["code"]) == (409, "not_possible")
    with unscoped(), pytest.raises(NotPossible):
        replay_event(CapiEvent.objects.get())
    assert platform.received == []


def test_of_several_reasons_the_first_is_told(world: World, platform: ScriptedPlatform) -> None:
    """A test in shadow that is part of another order, too old, at a platform that is not there: above all a test."""
    ids = world.click(consent_ads=False)
    choose(world, destinations=[{"platform": "tiktok", "pixel_id": "C1", "access_token": "t"}])
    everything = {"at_ms": NOW_MS - 30 * DAY_MS, "sck": ids["click_id"]}

    def reasons(order_id: str, body: dict[str, Any]) -> dict[str, str]:
        body["data"]["purchase"]["transaction"] = order_id
        world.post_webhook(body)
        world.run_stages()
        return {send["platform"]: send["reason"] for send in world.event(order_id)["sends"]}

    plain = reasons("A1", hotmart(**everything))
    child = reasons("A2", bump(**everything))
    world.patch(f"funnels/{world.funnel.pk}", {"endpoints": [{"gateway": "hotmart", "rollout": "shadow"}]})
    shadow = reasons("A3", bump(**everything))
    test = reasons("A4", bump(**everything, product_id=0))

    assert plain == {"meta": "too_old", "tiktok": "too_old"}
    assert child == dict.fromkeys(plain, "part_of_another_order")
    assert shadow == dict.fromkeys(plain, "shadow")
    assert test == dict.fromkeys(plain, "gateway_test")
    assert platform.received == []

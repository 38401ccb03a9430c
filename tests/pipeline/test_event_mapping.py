"""What the platforms are told of an order's life: from the webhook over the funnel's choices to what was sent."""

import json
import time
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from apps.dispatch.event_id import make_event_id
from apps.funnels.models import FunnelVersion
from apps.tenants.scoping import unscoped
from tests.pipeline.bodies import stripe_checkout
from tests.platforms import ACCEPT, ScriptedPlatform
from tests.worlds import World, hotmart

FIXTURES = Path(__file__).parents[2] / "apps/gateways/stripe/fixtures"
NOW_MS = int(time.time()) * 1_000
# word of Hotmart -> minutes ago
LIFE = {"PURCHASE_BILLET_PRINTED": 40, "PURCHASE_APPROVED": 30, "PURCHASE_COMPLETE": 20, "PURCHASE_REFUNDED": 10}
# Everything that Hotmart tells of an order: its word and what the body needs, by our kind.
WORDS: dict[str, tuple[str, dict[str, Any]]] = {
    "abandoned_checkout": ("PURCHASE_OUT_OF_SHOPPING_CART", {}),
    "payment_pending": ("PURCHASE_BILLET_PRINTED", {}),
    "purchase_approved": ("PURCHASE_APPROVED", {}),
    "subscription_renewed": ("PURCHASE_APPROVED", {"recurrence": 2}),
    "payment_refused": ("PURCHASE_CANCELED", {}),
    "purchase_expired": ("PURCHASE_EXPIRED", {}),
    "refunded": ("PURCHASE_REFUNDED", {}),
    "dispute_opened": ("PURCHASE_PROTEST", {}),
    "chargeback": ("PURCHASE_CHARGEBACK", {}),
}
TOLD_BY_DEFAULT = {
    "abandoned_checkout": "InitiateCheckout",
    "payment_pending": "AddPaymentInfo",
    "purchase_approved": "Purchase",
    "subscription_renewed": "Subscribe",
}


def step(word: str, order_id: str = "HP1") -> dict[str, Any]:
    return hotmart(word, order_id=order_id, at_ms=NOW_MS - LIFE[word] * 60_000)


def choose(world: World, names: dict[str, str]) -> None:
    assert world.patch(f"funnels/{world.funnel.pk}", {"event_names": names}).status_code == 200
    assert world.post(f"funnels/{world.funnel.pk}/publish").status_code == 200


def happens(world: World, kind: str, order_id: str = "HP1") -> None:
    word, changes = WORDS[kind]
    assert world.post_webhook(hotmart(word, order_id=order_id, **changes)).json() == {"status": "recorded"}
    world.run_stages()


def sent(platform: ScriptedPlatform) -> list[tuple[str, str, int]]:
    """(name, event_id, seconds since 1970) of everything that the platform got, copies too."""
    return sorted(
        (event["event_name"], event["event_id"], event["event_time"])
        for body in platform.received
        for event in body["data"]
    )


def listed(world: World) -> dict[str, str]:
    """Every event of the account: name -> status."""
    rows = world.get("events").json()["results"]
    assert len({row["event_name"] for row in rows}) == len(rows)
    return {row["event_name"]: row["status"] for row in rows}


@pytest.mark.parametrize("kind", sorted(WORDS))
def test_without_a_choice_each_is_told_under_its_default(world: World, platform: ScriptedPlatform, kind: str) -> None:
    happens(world, kind)

    names = [TOLD_BY_DEFAULT[kind]] if kind in TOLD_BY_DEFAULT else []
    assert platform.names == names
    assert listed(world) == dict.fromkeys(names, "accepted")


@pytest.mark.parametrize("kind", sorted(WORDS))
def test_a_funnels_own_name_is_what_the_platform_gets(world: World, platform: ScriptedPlatform, kind: str) -> None:
    choose(world, {kind: "Meu_Evento"})

    happens(world, kind)

    assert platform.names == ["Meu_Evento"]
    assert listed(world) == {"Meu_Evento": "accepted"}


@pytest.mark.parametrize("kind", sorted(WORDS))
def test_a_funnel_may_tell_nothing_of_any(world: World, platform: ScriptedPlatform, kind: str) -> None:
    choose(world, {kind: ""})

    happens(world, kind)

    assert (platform.received, listed(world)) == ([], {})
    assert len(world.get("conversions").json()["results"]) == 1, "the order itself is known all the same"


def test_a_trial_is_told_as_such_and_its_first_charge_as_a_sale(world: World, platform: ScriptedPlatform) -> None:
    trial = stripe_checkout(
        "pi_1", payment_status="no_payment_required", mode="subscription", amount_total=0, subscription="sub_1"
    )

    world.post_webhook(trial, gateway="stripe")
    world.run_stages()

    assert platform.names == ["StartTrial"]
    assert world.conversion("sub_1")["status"] == "pending"


def test_a_renewal_may_be_told_as_a_purchase(world: World, platform: ScriptedPlatform) -> None:
    choose(world, {"subscription_renewed": "Purchase"})

    happens(world, "subscription_renewed", "HP2")

    (event,) = platform.received[0]["data"]
    assert (event["event_name"], event["custom_data"]["value"]) == ("Purchase", 197.9)
    assert world.event("HP2")["status"] == "accepted"


def test_each_event_has_its_own_id_and_the_time_at_which_it_happened(world: World, platform: ScriptedPlatform) -> None:
    for word in LIFE:
        world.post_webhook(step(word))
        world.run_stages()

    tenant = str(world.tenant_id)
    expected = [
        (name, make_event_id(tenant, "hotmart", "HP1", name), NOW_MS // 1_000 - LIFE[word] * 60)
        for name, word in (("AddPaymentInfo", "PURCHASE_BILLET_PRINTED"), ("Purchase", "PURCHASE_APPROVED"))
    ]
    assert sent(platform) == expected
    shown = sorted((row["event_name"], row["event_id"], seconds_of(row["event_time"])) for row in world.events("HP1"))
    assert shown == expected
    order = world.conversion("HP1")
    assert sorted((row["event_name"], row["status"]) for row in order["events"]) == [
        ("AddPaymentInfo", "accepted"),
        ("Purchase", "accepted"),
    ]


def seconds_of(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp())


@pytest.mark.parametrize("looks_after", ["each", "all"])
@pytest.mark.parametrize("order", list(permutations(LIFE)))
def test_every_order_of_arrival_with_repeats_tells_the_same(
    world: World, platform: ScriptedPlatform, order: tuple[str, ...], looks_after: str
) -> None:
    for word in [*order, *reversed(order), order[0]]:
        world.post_webhook(step(word))
        if looks_after == "each":
            world.run_stages()
    world.run_stages()

    assert [(name, moment) for name, _id, moment in sent(platform)] == [
        ("AddPaymentInfo", NOW_MS // 1_000 - 40 * 60),
        ("Purchase", NOW_MS // 1_000 - 30 * 60),
    ]
    assert listed(world) == {"AddPaymentInfo": "accepted", "Purchase": "accepted"}
    assert world.conversion("HP1")["status"] == "refunded"


def test_a_choice_takes_effect_when_it_is_published(world: World, platform: ScriptedPlatform) -> None:
    world.patch(f"funnels/{world.funnel.pk}", {"event_names": {"purchase_approved": "Venda"}})
    happens(world, "purchase_approved", "HP1")
    world.post(f"funnels/{world.funnel.pk}/publish")
    happens(world, "purchase_approved", "HP2")

    assert platform.names == ["Purchase", "Venda"]


def test_a_version_from_before_the_setting_tells_the_defaults(world: World, platform: ScriptedPlatform) -> None:
    choose(world, {"purchase_approved": "Venda"})
    with unscoped():
        version = FunnelVersion.objects.get(number=2)
        del version.config["event_names"], version.config["child_orders"]
        version.save()

    for kind in ("payment_pending", "purchase_approved"):
        happens(world, kind)

    assert platform.names == ["AddPaymentInfo", "Purchase"]


@pytest.mark.parametrize("after", ["Venda", "Subscribe", ""])
def test_a_new_name_never_tells_a_sale_twice(world: World, platform: ScriptedPlatform, after: str) -> None:
    happens(world, "purchase_approved")
    choose(world, {"purchase_approved": after, "subscription_renewed": after, "payment_pending": ""})

    for kind in ("purchase_approved", "payment_pending", "subscription_renewed", "refunded"):
        happens(world, kind)

    assert platform.names == ["Purchase"]
    assert listed(world) == {"Purchase": "accepted"}


def test_a_new_name_does_not_change_what_still_waits(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [(503, b"")]
    happens(world, "purchase_approved")
    event_id = world.event("HP1")["event_id"]
    choose(world, {"purchase_approved": "Venda"})
    platform.answers = [ACCEPT]

    world.post(f"replay/{event_id}")
    happens(world, "purchase_approved")

    assert (platform.names, platform.event_ids) == (["Purchase"] * 2, [event_id] * 2)
    assert listed(world) == {"Purchase": "accepted"}


@pytest.mark.parametrize("order", list(permutations(["purchase_approved", "subscription_renewed"])))
def test_an_order_both_approved_and_renewed_is_one_sale(
    world: World, platform: ScriptedPlatform, order: tuple[str, ...]
) -> None:
    for kind in order * 2:
        happens(world, kind)

    assert platform.names == [TOLD_BY_DEFAULT[order[0]]]
    assert len(world.events("HP1")) == 1


def test_a_sale_is_told_though_its_pix_code_was_told_before_it_was_matched(
    world: World, platform: ScriptedPlatform
) -> None:
    """Each event is enriched by what is known when it is sent."""
    happens(world, "payment_pending")
    ids = world.click(fbp="fb.1.1700000000000.123")

    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))
    world.run_stages()

    pending, sale = (body["data"][0] for body in platform.received)
    assert "fbp" not in pending["user_data"]
    assert sale["user_data"]["fbp"] == "fb.1.1700000000000.123"


def test_a_refused_name_leaves_what_runs_as_it_was(world: World, platform: ScriptedPlatform) -> None:
    answer = world.patch(f"funnels/{world.funnel.pk}", {"event_names": {"payment_pending": "Purchase"}})
    world.post(f"funnels/{world.funnel.pk}/publish")

    happens(world, "payment_pending")

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["event_names.payment_pending"])
    assert platform.names == ["AddPaymentInfo"]


def test_a_stripe_renewal_is_told_once_though_stripe_tells_it_often(world: World, platform: ScriptedPlatform) -> None:
    invoice = json.loads((FIXTURES / "invoice_paid_subscription_cycle.json").read_text())
    invoice["created"] = int(time.time())

    for _copy in range(3):
        world.post_webhook(json.dumps(invoice).encode(), gateway="stripe")
        world.run_stages()

    assert platform.names == ["Subscribe"]

"""Which names a funnel may give to what happens to an order, and what it says where it chose none."""

from typing import Any

import pytest

from apps.conversions.transitions import STATUS_OF
from apps.funnels.event_names import (
    DEFAULT_NAMES,
    NOTHING,
    SALE_NAMES,
    claims_a_sale,
    event_name_of,
    is_known_kind,
    is_usable_name,
)
from apps.funnels.models import Funnel, FunnelVersion
from apps.funnels.selectors import FunnelConfig, published_configs
from apps.gateways.events import SALES, Kind
from apps.tenants.scoping import unscoped
from tests.worlds import World

DEFAULTS = {
    "abandoned_checkout": "InitiateCheckout",
    "payment_pending": "AddPaymentInfo",
    "purchase_approved": "Purchase",
    "subscription_renewed": "Subscribe",
    "trial_started": "StartTrial",
    "payment_refused": "",
    "purchase_expired": "",
    "purchase_canceled": "",
    "partially_refunded": "",
    "refunded": "",
    "dispute_opened": "",
    "dispute_won": "",
    "chargeback": "",
}
UNCONFIRMED = sorted(set(STATUS_OF) - SALES)


def change(world: World, **values: Any) -> Any:
    return world.patch(f"funnels/{world.funnel.pk}", values)


def shown(world: World) -> dict[str, Any]:
    funnel: dict[str, Any] = world.get(f"funnels/{world.funnel.pk}").json()
    return funnel


def running(world: World) -> FunnelConfig:
    with unscoped():
        return published_configs([world.funnel.pk])[world.funnel.pk]


def test_whatever_shapes_an_order_can_be_named_and_nothing_else() -> None:
    assert set(DEFAULT_NAMES) == set(STATUS_OF)
    assert {kind for kind in Kind if is_known_kind(kind.value)} == set(STATUS_OF)
    assert {kind.value: name for kind, name in DEFAULT_NAMES.items()} == DEFAULTS


def test_the_defaults_are_names_that_a_customer_could_choose() -> None:
    assert [name for name in DEFAULT_NAMES.values() if not is_usable_name(name)] == []
    assert [kind for kind, name in DEFAULT_NAMES.items() if claims_a_sale(kind.value, name)] == []
    assert {DEFAULT_NAMES[kind] for kind in SALES} == SALE_NAMES


@pytest.mark.parametrize("kind", sorted(Kind))
def test_a_choice_counts_for_its_own_kind_alone(kind: Kind) -> None:
    chosen = {"purchase_approved": "Venda", "payment_pending": NOTHING, "no_such_kind": "X"}

    expected = {Kind.APPROVED: "Venda", Kind.PAYMENT_PENDING: ""}.get(kind, DEFAULTS.get(kind.value, ""))
    assert event_name_of(kind, chosen) == expected
    assert event_name_of(kind, {}) == DEFAULTS.get(kind.value, "")


@pytest.mark.parametrize("name", ["", "A", "Purchase", "pix_gerado", "V2_", "x" * 40])
def test_a_usable_name(name: str) -> None:
    assert is_usable_name(name)


ODD_NAMES = ["1x", "_x", "a b", "a-b", "a.b", "ação", "Ａ", "a\n", "\na", "a\x00", "x" * 41, "<b>", "a'", "٣", "\ud800"]


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_an_unusable_name(name: str) -> None:
    assert not is_usable_name(name)


@pytest.mark.parametrize("name", sorted(SALE_NAMES))
def test_only_confirmed_money_may_be_called_a_sale(name: str) -> None:
    assert [kind for kind in sorted(STATUS_OF) if claims_a_sale(kind.value, name)] == UNCONFIRMED
    assert not claims_a_sale("payment_pending", "AddPaymentInfo")


def test_every_kind_is_shown_with_its_name_chosen_or_not(world: World) -> None:
    chosen = {"subscription_renewed": "Purchase", "payment_pending": "", "refunded": "Reembolso"}

    answer = change(world, event_names=chosen)

    assert answer.status_code == 200
    assert answer.json()["event_names"] == shown(world)["event_names"] == DEFAULTS | chosen


def test_a_new_funnel_has_the_defaults_or_the_names_it_is_made_with(world: World) -> None:
    plain = world.post("funnels", {"name": "Novo"}).json()
    named = world.post(
        "funnels", {"name": "Outro", "event_names": {"payment_pending": ""}, "child_orders": "purchase"}
    ).json()

    assert (plain["event_names"], plain["child_orders"]) == (DEFAULTS, "exclude")
    assert (named["event_names"], named["child_orders"]) == (DEFAULTS | {"payment_pending": ""}, "purchase")


def test_later_choices_take_the_place_of_earlier_ones(world: World) -> None:
    change(world, event_names={"refunded": "Reembolso"})

    change(world, event_names={"payment_refused": "Recusado"})
    after_another, unnamed = shown(world)["event_names"], change(world, name="Outro nome").json()["event_names"]
    change(world, event_names={})

    assert after_another == unnamed == DEFAULTS | {"payment_refused": "Recusado"}
    assert shown(world)["event_names"] == DEFAULTS


def test_what_is_shown_can_be_sent_back(world: World) -> None:
    change(world, event_names={"refunded": "Reembolso", "payment_pending": ""})
    before = shown(world)["event_names"]

    answer = change(world, event_names=before)

    assert (answer.status_code, answer.json()["event_names"]) == (200, before)


def test_blanks_around_a_name_are_not_part_of_it(world: World) -> None:
    answer = change(world, event_names={"refunded": " Reembolso\n", "payment_pending": "  "})

    names = answer.json()["event_names"]
    assert (names["refunded"], names["payment_pending"]) == ("Reembolso", "")


ODD_VALUES: list[Any] = [None, True, 7, [], {}, ["Purchase"]]
REFUSED: list[tuple[str, Any]] = [
    *((kind.value, name) for kind in UNCONFIRMED for name in sorted(SALE_NAMES)),
    *((kind.value, "X") for kind in sorted(set(Kind) - set(STATUS_OF))),
    *((kind, "X") for kind in ("approved", "Purchase", "PURCHASE_APPROVED", "purchase_approved ", "")),
    *(("purchase_approved", name) for name in ("1x", "a b", "ação", "x" * 41, "a\x00b", "<b>", "\ud800")),
    *(("purchase_approved", value) for value in ODD_VALUES),
]


@pytest.mark.parametrize(("kind", "name"), REFUSED, ids=ascii)
def test_a_wrong_choice_is_refused_by_its_path(world: World, kind: str, name: Any) -> None:
    before = shown(world)
    names = {"refunded": "Reembolso", kind: name}

    made = world.post("funnels", {"name": "Novo", "event_names": names})
    changed = change(world, event_names=names, name="Novo")

    for answer in (made, changed):
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
        assert list(answer.json()["errors"]) == [f"event_names.{kind}"]
        assert answer.json()["errors"][f"event_names.{kind}"].endswith(".")
    assert shown(world) == before
    with unscoped():
        assert Funnel.objects.count() == 1


def test_each_wrong_choice_is_named(world: World) -> None:
    names = {"refunded": "Purchase", "sold": "X", "payment_pending": "1", "chargeback": "Ok"}

    answer = change(world, event_names=names)

    assert sorted(answer.json()["errors"]) == [
        "event_names.payment_pending",
        "event_names.refunded",
        "event_names.sold",
    ]


def test_a_version_holds_the_choices_and_a_draft_says_that_it_differs(world: World) -> None:
    changed = change(world, event_names={"refunded": "Reembolso"}, child_orders="purchase").json()
    before = running(world)
    published = world.post(f"funnels/{world.funnel.pk}/publish").json()

    assert (changed["unpublished_changes"], published["unpublished_changes"]) == (True, False)
    assert (before.event_names, before.child_orders) == ({}, "exclude")
    assert (running(world).event_names, running(world).child_orders) == ({"refunded": "Reembolso"}, "purchase")


def test_a_version_from_before_these_settings_reads_as_their_defaults(world: World) -> None:
    with unscoped():
        version = FunnelVersion.objects.get()
        version.config = {
            name: value for name, value in version.config.items() if name not in ("event_names", "child_orders")
        }
        version.save()

    assert (running(world).event_names, running(world).child_orders) == ({}, "exclude")
    assert shown(world)["unpublished_changes"] is False
    assert world.post(f"funnels/{world.funnel.pk}/publish").status_code == 200
    with unscoped():
        assert FunnelVersion.objects.count() == 1, "there was nothing new to publish"

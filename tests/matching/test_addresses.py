"""Clicks at the buyer's address: by which devices, how crowded it is, and how far back they are looked for."""

import pytest

from apps.matching.candidates import network_of
from apps.matching.signals import Signal
from apps.matching.sql import CROWD, NEWEST
from tests.matching.look_ups import (
    ANDROID,
    EMAIL,
    V4,
    V6,
    facts_of,
    found,
    plant_many,
    the_one,
)
from tests.matching.planted import ago, plant_click, plant_sale, plant_visit
from tests.worlds import World


@pytest.mark.parametrize(
    ("device", "agent", "is_same"),
    [
        ("chrome android", ANDROID.format(15, 145), True),
        ("chrome android", ANDROID.format(9, 88), True),
        ("safari ios", ANDROID.format(15, 145), False),
        ("", ANDROID.format(15, 145), False),
        ("", "", False),
        ("chrome android", "", False),
    ],
)
def test_devices_are_compared_by_family(world: World, device: str, agent: str, is_same: bool) -> None:
    plant_click(world, ago(2), ip=V4, user_agent=agent)

    facts = facts_of(plant_sale(world, "HP1", buyer_ip=V4, buyer_device=device))

    assert the_one(facts).signals == ({Signal.ADDRESS, Signal.DEVICE} if is_same else {Signal.ADDRESS})


def test_a_device_alone_ties_nothing(world: World) -> None:
    plant_click(world, ago(2), ip=V4, user_agent=ANDROID.format(15, 145))
    click = plant_click(
        world, ago(2), plant_visit(world, ago(2), email_sha256=EMAIL), user_agent=ANDROID.format(15, 145)
    )

    sale = plant_sale(world, "HP1", email_sha256=EMAIL, buyer_ip="198.51.100.7", buyer_device="chrome android")

    assert found(facts_of(sale)) == {click.public_id: {Signal.EMAIL}}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        (V4, "203.0.113.9/32"),
        (V6, "2001:db8:51:7::/64"),
        ("2001:db8:51:7:ffff:ffff:ffff:ffff", "2001:db8:51:7::/64"),
    ],
)
def test_an_address_of_the_new_kind_stands_for_its_home(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_crowd_is_the_browsers_at_an_address_within_the_window(world: World) -> None:
    for browser in ("fb.1.1.1", "fb.1.1.1", "fb.1.1.2", "", ""):
        plant_click(world, ago(2), ip=V4, fbp=browser)
    old = plant_click(world, ago(9), ip=V4, fbp="fb.1.1.3")

    facts = facts_of(plant_sale(world, "HP1", buyer_ip=V4))

    assert {item.crowd for item in facts.candidates} == {4}
    assert old.public_id in found(facts)
    assert facts.visits == []


@pytest.mark.parametrize(("days_before", "is_found"), [(6.9, True), (7.1, True), (13.9, True), (14.1, False)])
def test_an_address_is_followed_for_two_windows_to_tell_the_nearest_miss(
    world: World, days_before: float, is_found: bool
) -> None:
    click = plant_click(world, ago(1 + days_before), ip=V4, user_agent=ANDROID.format(15, 145))

    facts = facts_of(plant_sale(world, "HP1", buyer_ip=V4, buyer_device="chrome android"))

    assert found(facts) == ({click.public_id: {Signal.ADDRESS, Signal.DEVICE}} if is_found else {})
    assert {item.crowd for item in facts.candidates} <= {1}


def test_a_crowded_address_is_cut_to_its_newest_clicks_and_says_so(world: World) -> None:
    clicks = plant_many(world, 60, ip=V4)

    facts = facts_of(plant_sale(world, "HP1", buyer_ip=V4))

    assert set(found(facts)) == {click.public_id for click in clicks[:NEWEST]}
    assert {item.crowd for item in facts.candidates} == {CROWD}
    assert facts.cut == ("address",)


@pytest.mark.parametrize(("number", "cut"), [(NEWEST - 1, ()), (NEWEST, ("address",))])
def test_a_look_up_that_gives_all_it_may_counts_as_cut(world: World, number: int, cut: tuple[str, ...]) -> None:
    plant_many(world, number, ip=V4)

    assert facts_of(plant_sale(world, "HP1", buyer_ip=V4)).cut == cut

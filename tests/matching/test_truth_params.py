"""The truth bench's parameters: what is assumed comes out, each says why, and each difficulty can be taken away.

Seeds are fixed, so a bound holds for ever or fails for ever.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta

import pytest

from tests.bench.truth.facts import Origin, World
from tests.bench.truth.measure import Share
from tests.bench.truth.params import Params, variations
from tests.bench.truth.people import make_people
from tests.matching.truth_worlds import SMALL, world_of

# Three standard deviations of a share among some 3,000 are below 0.03.
SHARES: dict[str, tuple[Callable[[World], list[bool]], float]] = {
    "address_told": (lambda world: [bool(sale.buyer_ip) for sale in world.sales], 0.3),
    "phone_at_order": (lambda world: [bool(sale.phone) for sale in world.sales], 0.9),
    "clock_off": (lambda world: [bool(sale.clock_error) for sale in world.sales], 0.01),
    "late_pix": (lambda w: [s.paid_at - s.placed_at >= timedelta(hours=1) for s in w.sales], 0.5 * 0.25),
    "pending_untold": (
        lambda w: [not s.is_pending_told for s in w.sales if s.paid_at - s.placed_at >= timedelta(hours=1)],
        0.2,
    ),
    "affiliate_link": (lambda world: [sale.carried.startswith("afiliado") for sale in world.sales], 0.08),
    "previewed": (lambda w: [click.is_automated for click in w.clicks], 0.05 / 1.05),
    "on_carrier": (
        lambda w: [v.ip.startswith("200.1.") for v in w.visits if "Mobile" in v.user_agent],
        0.6,
    ),
}


@pytest.mark.parametrize("name", SHARES)
def test_a_share_comes_out_as_assumed(name: str) -> None:
    observe, expected = SHARES[name]

    observed = [found for seed in range(10) for found in observe(world_of(seed))]

    low, high = Share(sum(observed), len(observed)).interval()
    assert len(observed) > 300
    assert low - 0.02 <= expected <= high + 0.02


def test_devices_are_blocked_and_forgetful_as_often_as_assumed() -> None:
    phones = [person.phone for home in make_people(0, Params()) for person in home]

    assert sum(device.is_blocked for device in phones) / len(phones) == pytest.approx(0.05, abs=0.01)
    assert sum(device.is_forgetful for device in phones) / len(phones) == pytest.approx(0.3, abs=0.02)


def test_each_home_has_one_desk_computer_and_everybody_a_phone_and_contacts_of_their_own() -> None:
    homes = make_people(0, SMALL)
    people = [person for home in homes for person in home]

    assert all(len({person.desk.number for person in home}) == 1 for home in homes)
    assert len({person.phone.number for person in people} | {person.desk.number for person in people}) == len(
        people
    ) + len(homes)
    assert len({email for person in people for email in person.emails}) == 2 * len(people)
    assert all(email.endswith("example.com") for person in people for email in person.emails)
    assert len(people) >= SMALL.sales * SMALL.people_per_sale


def test_every_parameter_says_why() -> None:
    for item in fields(Params):
        assert len(item.metadata["reason"]) > 20, item.name


def test_each_variation_removes_one_difficulty_and_leaves_the_rest() -> None:
    for name, changed in variations(Params()):
        differing = [f.name for f in fields(Params) if getattr(changed, f.name) != getattr(Params(), f.name)]
        assert differing == [name]
        assert getattr(changed, name) == 0


@pytest.mark.parametrize(
    ("name", "observe"),
    [
        ("organic", lambda w: sum(sale.origin is Origin.ORGANIC for sale in w.sales)),
        ("blocked", lambda w: sum(sale.origin is Origin.UNRECORDED for sale in w.sales)),
        ("affiliate_link", lambda w: sum(sale.carried.startswith("afiliado") for sale in w.sales)),
        ("late_pix", lambda w: sum(sale.is_pending_told for sale in w.sales)),
        ("clock_off", lambda w: sum(bool(sale.clock_error) for sale in w.sales)),
        ("previewed", lambda w: sum(click.is_automated for click in w.clicks)),
        ("on_carrier", lambda w: sum(visit.ip.startswith("200.1.") for visit in w.visits)),
        ("repeat", lambda w: len(w.sales) - w.params.sales),
    ],
)
def test_a_difficulty_that_is_removed_is_gone(name: str, observe: Callable[[World], int]) -> None:
    changed = dict(variations(replace(SMALL, repeat=0) if name == "organic" else SMALL))[name]

    assert observe(world_of(1, SMALL)) > 0
    assert observe(world_of(1, changed)) == 0

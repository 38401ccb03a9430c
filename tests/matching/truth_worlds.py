"""Worlds for the truth bench's tests, made once each."""

from dataclasses import replace
from functools import cache

from tests.bench.truth.facts import World
from tests.bench.truth.params import Params, variations
from tests.bench.truth.world import make_world

SMALL = Params(sales=300)
# Without difficulties: everybody comes from an ad, buys at once on a device of their own, and all of it is known.
PLAIN = replace(
    Params(sales=300, same_visit=1, keeps_email=1, keeps_phone=1, phone_at_order=1),
    **{name: getattr(changed, name) for name, changed in variations(Params())},
)


@cache
def world_of(seed: int = 1, params: Params = SMALL) -> World:
    return make_world(seed, params)

"""The truth bench's worlds: the same seed the same world, shares as assumed, causes before effects, honest truth.

Seeds are fixed, so a bound holds for ever or fails for ever.
"""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from apps.core.identity import hash_email, hash_phone
from apps.core.ids import find_carried_ids
from tests.bench.truth.facts import Click, Origin, Sale, Trace, Visit, World
from tests.bench.truth.params import Params
from tests.bench.truth.world import make_world
from tests.matching.truth_worlds import PLAIN, SMALL, world_of

_PRINT = "from tests.bench.truth import world as w, params as p; print(repr(w.make_world(5, p.Params(sales=60))))"


def clicks_of(world: World) -> dict[str, Click]:
    return {click.click_id: click for click in world.clicks}


def visits_of(world: World) -> dict[str, Visit]:
    return {visit.visit_id: visit for visit in world.visits}


def digest(text: str) -> str:
    return hashlib.sha256(text.strip().encode()).hexdigest()


def test_the_same_seed_is_the_same_world_byte_for_byte() -> None:
    assert repr(make_world(5, SMALL)) == repr(make_world(5, SMALL))


def test_it_is_the_same_in_another_process_whatever_python_hashes_texts_to() -> None:
    told = {
        digest(
            subprocess.run(
                [sys.executable, "-c", _PRINT],
                env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": "."},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for seed in ("1", "2")
    }

    assert told == {digest(repr(make_world(5, Params(sales=60))))}


def test_another_seed_is_another_world() -> None:
    assert {sale.email for sale in world_of(1).sales} != {sale.email for sale in world_of(2).sales}


def test_ids_are_unique_and_in_the_products_shape() -> None:
    world = world_of()

    ids = [click.click_id for click in world.clicks] + [visit.visit_id for visit in world.visits]
    assert len(set(ids)) == len(ids)
    assert {find_carried_ids([click.click_id]) for click in world.clicks} == {
        (click.click_id, None) for click in world.clicks
    }
    assert {find_carried_ids([visit.visit_id])[1] for visit in world.visits} == visits_of(world).keys()
    assert len({sale.order_id for sale in world.sales}) == len(world.sales)


def test_every_click_is_of_a_visit_that_had_begun() -> None:
    world = world_of()
    visits = visits_of(world)

    for click in world.clicks:
        assert visits[click.visit_id].started_at <= click.clicked_at <= visits[click.visit_id].last_seen_at


@pytest.mark.parametrize("seed", range(5))
def test_a_cause_comes_before_its_effect(seed: int) -> None:
    world = world_of(seed)
    clicks = clicks_of(world)
    brought = [sale for sale in world.sales if sale.brought_by]

    assert brought
    for sale in world.sales:
        assert sale.placed_at < sale.paid_at
    for sale in brought:
        click = clicks[sale.brought_by]
        assert click.clicked_at <= sale.placed_at
        assert sale.placed_at - click.clicked_at <= timedelta(days=world.params.window_days)
        assert not click.is_automated
        assert click.person == sale.person


def test_a_sale_is_stated_before_its_click_only_where_a_clock_is_wrong() -> None:
    world = world_of(1, replace(SMALL, clock_off=0.3))
    clicks = clicks_of(world)

    early = [s for s in world.sales if s.brought_by and s.sold_at < clicks[s.brought_by].clicked_at]

    assert early
    assert all(sale.clock_error == timedelta(hours=-3) for sale in early)
    right = [sale for sale in world.sales if not sale.clock_error]
    assert all((sale.sold_at, sale.pending_at) == (sale.paid_at, sale.placed_at) for sale in right)


@pytest.mark.parametrize("seed", range(5))
def test_the_truth_is_the_buyers_last_ad_click_before_the_order(seed: int) -> None:
    world = world_of(seed, replace(SMALL, blocked=0))

    for sale in world.sales:
        own = [c for c in world.clicks if c.person == sale.person and not c.is_automated]
        before = [click for click in own if click.clicked_at <= sale.placed_at]
        in_window = [c for c in before if sale.placed_at - c.clicked_at <= timedelta(days=7)]
        expected = Origin.CLICK if in_window else Origin.OUTSIDE_WINDOW if before else Origin.ORGANIC
        assert sale.origin is expected
        assert sale.brought_by == (in_window[-1].click_id if in_window else "")


@pytest.mark.parametrize("seed", range(5))
def test_the_unmatchable_is_never_counted_as_matchable(seed: int) -> None:
    world = world_of(seed)
    unmatchable = [sale for sale in world.sales if not sale.is_matchable]

    assert {sale.origin for sale in unmatchable} == set(Origin)
    for sale in world.sales:
        assert sale.is_matchable == (sale.origin is Origin.CLICK and len(sale.traces) > 0)
        if sale.origin is not Origin.CLICK:
            assert (sale.brought_by, sale.traces) == ("", ())


def test_every_trace_is_really_there() -> None:
    world = world_of()
    clicks, visits = clicks_of(world), visits_of(world)
    shows: dict[Trace, Callable[[Sale, Click, Visit], bool]] = {
        Trace.CLICK_ID: lambda sale, click, visit: sale.carried == click.click_id,
        Trace.EMAIL: lambda sale, click, visit: hash_email(sale.email) == hash_email(visit.email),
        Trace.PHONE: lambda sale, click, visit: bool(sale.phone) and hash_phone(sale.phone) == hash_phone(visit.phone),
        Trace.FBC: lambda sale, click, visit: sale.fbclid == click.fbclid,
        Trace.ADDRESS: lambda sale, click, visit: bool(sale.buyer_ip) and sale.buyer_ip == visit.ip,
    }
    seen: Counter[Trace] = Counter()

    for sale in world.sales:
        if sale.brought_by:
            click = clicks[sale.brought_by]
            for trace, is_shown in shows.items():
                assert (trace in sale.traces) == is_shown(sale, click, visits[click.visit_id])
            seen.update(sale.traces)

    assert set(seen) == set(Trace)


def test_a_sale_whose_every_sign_is_lost_is_unmatchable() -> None:
    world = world_of(
        1, replace(SMALL, lost_parameters=1, affiliate_link=0, keeps_email=0, address_told=0, fbclid_carried=0)
    )

    assert {sale.origin for sale in world.sales} == set(Origin)
    # A link that a friend sent on is the only one that still carries an id, and that is the friend's.
    assert sum(sale.is_matchable for sale in world.sales) == 0


def test_a_trace_over_another_visit_needs_a_shared_browser_or_contact() -> None:
    world = world_of()
    visits = visits_of(world)
    by_visit_alone = [sale for sale in world.sales if sale.traces == (Trace.VISIT,)]

    assert by_visit_alone
    for sale in by_visit_alone:
        own = visits[clicks_of(world)[sale.brought_by].visit_id]
        kin = [v for v in world.visits if v is not own and _shares_something(v, own)]
        carried = next((click.visit_id for click in world.clicks if click.click_id == sale.carried), sale.carried)
        assert any(v.visit_id == carried or _is_told(sale, v) for v in kin)


def test_a_click_is_no_detour_to_itself() -> None:
    world = world_of(1, replace(PLAIN, idle_clicks_per_sale=0, earlier_click=0))

    assert {sale.traces for sale in world.sales if Trace.VISIT in sale.traces} == set()


def test_a_forgetful_browser_is_a_new_one_at_each_visit() -> None:
    forgetful, keeping = (world_of(1, replace(SMALL, forgetful=share)) for share in (1, 0))

    seen = [visit.fbp for visit in forgetful.visits if visit.fbp]
    assert len(set(seen)) == len(seen)
    assert any(count > 1 for fbp, count in Counter(visit.fbp for visit in keeping.visits).items() if fbp)


def test_a_machine_gives_no_contact_and_its_click_is_never_carried() -> None:
    world = world_of()
    machines = [click for click in world.clicks if click.is_automated]

    assert machines
    assert {visits_of(world)[click.visit_id].email for click in machines} == {""}
    assert {sale.carried for sale in world.sales}.isdisjoint(click.click_id for click in machines)


def _shares_something(one: Visit, other: Visit) -> bool:
    return bool(
        (one.fbp and one.fbp == other.fbp)
        or (one.email and hash_email(one.email) == hash_email(other.email))
        or (one.phone and one.phone == other.phone)
    )


def _is_told(sale: Sale, visit: Visit) -> bool:
    same_email = bool(visit.email) and hash_email(sale.email) == hash_email(visit.email)
    return same_email or bool(visit.phone and sale.phone and hash_phone(sale.phone) == hash_phone(visit.phone))


def test_a_plain_world_is_matchable_throughout_and_every_sale_shows_every_sign() -> None:
    world = world_of(1, PLAIN)

    assert len(world.sales) == 300
    assert all(sale.is_matchable for sale in world.sales)
    assert all({Trace.CLICK_ID, Trace.EMAIL, Trace.PHONE} <= set(sale.traces) for sale in world.sales)

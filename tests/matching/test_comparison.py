"""A draft run over planted sales: the diff says exactly what is known to change, and the same version twice nothing."""

from typing import Any

import pytest

from apps.core.identity import hash_email
from apps.funnels.selectors import published_configs
from apps.funnels.services import create_funnel
from apps.matching.candidates import find_facts
from apps.matching.facts import Policy
from apps.matching.models import Difference, Match
from apps.matching.rules import Decision, decide
from apps.matching.services import accept_match, match_conversions
from apps.matching.services import compare as service
from apps.matching.weights import PRODUCT
from apps.tenants.scoping import tenant_scope, unscoped
from tests.matching.planted import (
    ago,
    compare,
    found,
    plant_click,
    plant_clicked_sale,
    plant_sale,
    plant_two_clicks,
    plant_visit,
    sums,
)
from tests.worlds import World

EMAIL = hash_email("beatriz@example.com")


@pytest.fixture
def planted(world: World) -> World:
    """Sales whose clicks are 3, 6 and 10 days older, in two currencies; one without a click, and one with two."""
    for number, clicked_before in enumerate((3, 6, 10)):
        plant_clicked_sale(world, f"BR{clicked_before}", clicked_before=clicked_before, money=f"{number + 1}00.01 BRL")
        plant_clicked_sale(world, f"US{clicked_before}", clicked_before=clicked_before, money=f"{number + 1}9.99 USD")
    plant_sale(world, "NONE", "55.50 BRL")
    plant_two_clicks(world, "TWO", "1000.00 BRL")
    return world


COMPARED = {"BRL": (5, "1655.530"), "USD": (3, "89.970")}


def test_a_longer_window_gains_exactly_what_was_too_old(planted: World) -> None:
    comparison = compare(planted, attribution_window_days=14)

    assert found(comparison) == {"BR10": "gained", "US10": "gained"}
    assert sums(comparison) == {"compared": COMPARED, "gained": {"BRL": (1, "300.010"), "USD": (1, "39.990")}}


def test_a_shorter_window_loses_exactly_what_becomes_too_old(planted: World) -> None:
    comparison = compare(planted, attribution_window_days=5)

    assert found(comparison) == {"BR6": "lost", "US6": "lost"}
    assert sums(comparison) == {"compared": COMPARED, "lost": {"BRL": (1, "200.010"), "USD": (1, "29.990")}}


def test_the_first_click_moves_exactly_the_sale_with_two(planted: World) -> None:
    comparison = compare(planted, attribution_model="first_click")

    assert found(comparison) == {"TWO": "reattributed"}
    assert sums(comparison) == {"compared": COMPARED, "reattributed": {"BRL": (1, "1000.000")}}


def test_gains_losses_and_moves_at_once(planted: World) -> None:
    visit = plant_visit(planted, ago(2))
    plant_sale(planted, "SEEN", "5.00 EUR", session_ref=visit.public_id)

    comparison = compare(planted, attribution_model="first_click", attribution_window_days=5, view_through_days=3)

    assert found(comparison) == {"BR6": "lost", "US6": "lost", "TWO": "reattributed", "SEEN": "gained"}
    assert sums(comparison) == {
        "compared": {**COMPARED, "EUR": (1, "5.000")},
        "gained": {"EUR": (1, "5.000")},
        "lost": {"BRL": (1, "200.010"), "USD": (1, "29.990")},
        "reattributed": {"BRL": (1, "1000.000")},
    }


def test_a_difference_keeps_both_outcomes_and_the_money(world: World) -> None:
    first, last = plant_two_clicks(world, "TWO", "10.01 BRL")

    comparison = compare(world, attribution_model="first_click")

    with unscoped():
        (row,) = Difference.objects.filter(comparison=comparison)
    assert (row.kind, str(row.amount), row.currency, row.tenant_id) == (
        "reattributed",
        "10.010",
        "BRL",
        world.tenant_id,
    )
    kept = {"decision": "auto", "rule": "explicit_session_id"}
    assert row.before == {**kept, "click_id": last, "confidence": row.before["confidence"]}
    assert row.after == {**kept, "click_id": first, "confidence": row.after["confidence"]}
    assert min(row.before["confidence"], row.after["confidence"]) >= 0.85


def test_the_same_version_twice_is_an_empty_diff(planted: World) -> None:
    unsure(planted)

    comparison = compare(planted)

    assert found(comparison) == {}
    assert sums(comparison) == {"compared": {"BRL": (6, "1755.530"), "USD": (3, "89.970")}}
    assert (comparison.state, comparison.done, comparison.total) == ("done", 9, 9)


def unsure(world: World, order_id: str = "UNSURE") -> str:
    """A sale that shares nothing but an e-mail with an older click: not sure enough to be used at once."""
    click = plant_click(world, ago(2), plant_visit(world, ago(2), email_sha256=EMAIL))
    plant_sale(world, order_id, email_sha256=EMAIL)
    return str(click.public_id)


def test_what_is_only_proposed_is_not_used(world: World) -> None:
    click_id = unsure(world)

    comparison = compare(world, uncertain_matches="auto")

    assert found(comparison) == {"UNSURE": "gained"}
    with unscoped():
        row = Difference.objects.get()
    assert [(side["decision"], side["click_id"]) for side in (row.before, row.after)] == [
        ("review", click_id),
        ("auto", click_id),
    ]


def test_what_people_decided_meanwhile_changes_no_comparison(world: World) -> None:
    unsure(world)
    with unscoped():
        match_conversions(list(world.funnel.conversion_set.all()), published_configs([world.funnel.pk]))
        accept_match(Match.objects.get(), actor="ana@example.com")

    comparison = compare(world)

    assert found(comparison) == {}
    assert comparison.done == 1


def test_a_visit_without_a_click_counts_as_a_gain(world: World) -> None:
    visit = plant_visit(world, ago(2))
    plant_sale(world, "SEEN", session_ref=visit.public_id)

    comparison = compare(world, view_through_days=3)

    assert found(comparison) == {"SEEN": "gained"}
    with unscoped():
        row = Difference.objects.get()
    assert (row.before["decision"], row.after["rule"], row.after["click_id"]) == ("unmatched", "view_through", "")


def test_thresholds_count(world: World) -> None:
    plant_clicked_sale(world, "BR3", clicked_before=3)

    comparison = compare(world, auto_threshold=0.999)

    assert found(comparison) == {"BR3": "lost"}


def shared_address(world: World) -> None:
    """A sale within the hour of a click at its address, at which ten others clicked 9 days before it."""
    address = "203.0.113.9"
    plant_sale(world, "NEAR", buyer_ip=address)
    plant_click(world, ago(1.01), ip=address, fbp="fb.1.1.1")
    for number in range(10):
        plant_click(world, ago(10 + number / 100), ip=address, fbp=f"fb.1.2.{number}")


def test_each_window_sees_its_own_crowd_at_an_address(world: World) -> None:
    shared_address(world)
    with unscoped():
        (row,) = world.funnel.conversion_set.all()
        alone = {days: decide(find_facts([row], {row.pk: days})[row.pk], Policy(days), PRODUCT) for days in (7, 14)}

    comparison = compare(world, attribution_window_days=14)

    assert [decided.decision for decided in alone.values()] == [Decision.AUTO, Decision.REVIEW]
    assert found(comparison) == {"NEAR": "lost"}
    with unscoped():
        difference = Difference.objects.get()
    assert [difference.before["confidence"], difference.after["confidence"]] == [
        decided.confidence for decided in alone.values()
    ]


@pytest.mark.parametrize("windows", [(7, 14), (14, 7), (7, 7), (1, 90)])
def test_gathering_for_the_wider_window_decides_as_gathering_for_each(planted: World, windows: tuple[int, int]) -> None:
    shared_address(planted)
    unsure(planted)
    with unscoped():
        rows = list(planted.funnel.conversion_set.order_by("pk"))
        known = service._find_facts(rows, set(windows))
        alone = {days: find_facts(rows, {row.pk: days for row in rows}) for days in windows}

    for days in windows:
        for row in rows:
            here, there = (decide(facts[row.pk], Policy(days), PRODUCT) for facts in (known[days], alone[days]))
            assert (here.decision, here.rule, here.confidence, here.click_pk) == (
                there.decision,
                there.rule,
                there.confidence,
                there.click_pk,
            ), (days, row.order_id)


NOT_COMPARED: list[dict[str, Any]] = [
    {"approved_at": None, "status": "pending"},
    {"is_test": True},
    {"occurred_at": ago(40), "approved_at": ago(40)},
    {"occurred_at": ago(-2), "approved_at": ago(-2)},
]


@pytest.mark.parametrize("columns", NOT_COMPARED, ids="-".join)
def test_only_approved_sales_of_the_period_are_compared(world: World, columns: dict[str, Any]) -> None:
    click = plant_click(world, ago(50))
    plant_sale(world, "OUT", click_ref=click.public_id, **columns)
    plant_clicked_sale(world, "IN", clicked_before=3)

    comparison = compare(world, attribution_window_days=90)

    assert (comparison.total, comparison.done, found(comparison)) == (1, 1, {})


def test_what_was_refunded_since_was_told_and_is_compared(world: World) -> None:
    plant_sale(world, "BACK", status="refunded")

    assert compare(world).done == 1


def test_neither_another_account_nor_another_funnel_is_compared(world: World, other_world: World) -> None:
    for place in (world, other_world):
        plant_clicked_sale(place, "BR10", clicked_before=10)
    with tenant_scope(world.tenant_id):
        second = create_funnel({"name": "Curso de Tortas"})
    plant_sale(world, "OTHER", funnel=second)

    comparison = compare(world, attribution_window_days=14)

    assert (comparison.done, found(comparison)) == (1, {"BR10": "gained"})
    with unscoped():
        assert {row.tenant_id for row in Difference.objects.all()} == {world.tenant_id}

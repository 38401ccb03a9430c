"""Measuring and fitting on what is stored: whose sales count, what is kept, what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core.errors import BadInput, NotPossible
from apps.funnels.models import Funnel
from apps.funnels.selectors import published_configs
from apps.funnels.services import publish_funnel
from apps.matching.grading import Grade, Share, grade
from apps.matching.models import FittedWeights, Match, ReviewState
from apps.matching.policies import find_weights
from apps.matching.scoring import WeightSet
from apps.matching.services import fit_weights, measure, measure_confidence, use_weights
from apps.matching.services.measure import MIN_ANSWERS
from apps.matching.signals import AGAINST, Signal
from apps.matching.weights import PRODUCT
from apps.tenants.scoping import tenant_scope, unscoped
from tests.matching.known_sales import HIDDEN_AWAY, RIGHT, click, facts, known, shared_network, store
from tests.worlds import World

LED = facts(click(RIGHT, Signal.CLICK_ID, Signal.EMAIL, hours=0.5))
UNKNOWN = facts(click(RIGHT, Signal.EMAIL, hours=0.5))


def _measure(world: World, days: int = 90, **more: Any) -> Grade:
    with tenant_scope(world.tenant_id):
        return measure_confidence(world.tenant_id, days, **more)


def _fit(world: World, days: int = 90, actor: str = "") -> FittedWeights:
    with tenant_scope(world.tenant_id):
        return fit_weights(world.tenant_id, days, actor)


def test_what_is_stored_is_graded_as_what_was_decided(world: World) -> None:
    told = shared_network(80)
    store(world, told)

    found = _measure(world)

    assert found == grade(known(told), PRODUCT)
    assert (found.sales, found.auto_thresholds) == (80, (0.85,))


def test_only_sales_whose_click_is_known_are_graded(world: World) -> None:
    store(world, [LED, UNKNOWN, facts()])

    assert _measure(world).sales == 1


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({"review": ReviewState.ACCEPTED}, Share(1, 1)),
        ({"review": ReviewState.CHOSEN, "rule": "chosen_by_person"}, Share(1, 1)),
        ({"review": ReviewState.REJECTED, "is_used": False}, Share(0, 1)),
    ],
)
def test_people_know_too(world: World, changes: dict[str, Any], right: Share) -> None:
    store(world, [UNKNOWN], **changes)

    assert [item.right for item in _measure(world).bins] == [right]


@pytest.mark.parametrize(
    "changes",
    [
        {"review": ReviewState.PENDING, "is_used": False, "decision": "review"},
        {"review": ReviewState.TIMED_OUT, "decision": "review"},
        {"is_used": False},
        {"confidence": 0.7},
        {"is_test": True},
        {"record": {}},
        {"occurred_at": timezone.now() - timedelta(days=91)},
    ],
    ids="-".join,
)
def test_what_nobody_knows_or_nobody_asked_for_is_no_answer(world: World, changes: dict[str, Any]) -> None:
    store(world, [LED], **changes)

    assert (_measure(world).sales, _measure(world).bins) == (0, ())


def test_the_days_reach_as_far_as_asked(world: World) -> None:
    store(world, [LED], occurred_at=timezone.now() - timedelta(days=10))

    assert [_measure(world, days).sales for days in (9, 11)] == [0, 1]


def test_the_newest_are_read_when_there_are_more_than_the_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    store(world, [facts(click(RIGHT, *HIDDEN_AWAY, hours=0.5))])
    store(world, [LED, LED], first=2)

    of_all = _measure(world)
    monkeypatch.setattr(measure, "NEWEST", 2)

    assert (of_all.undecided, _measure(world).undecided) == (1, 0)


def test_nobody_elses_sales_are_graded(world: World, other_world: World) -> None:
    store(world, [LED])
    store(other_world, [LED, LED])

    with unscoped():
        counted = [measure_confidence(item.tenant_id, 90).sales for item in (world, other_world)]
    assert counted == [1, 2]


def test_statements_do_not_grow_with_the_sales(world: World) -> None:
    counts = []
    for first, sales in ((1, 2), (3, 60)):
        store(world, [LED] * sales, first=first)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            _measure(world)
        counts.append(len([query for query in asked if "matching_match" in query["sql"]]))

    assert counts == [1, 1]


def test_measuring_writes_nothing(world: World) -> None:
    (match,) = store(world, [LED])

    _measure(world)

    with unscoped():
        stored = Match.objects.values("matched_at", "confidence", "evidence", "record").get()
    assert (stored["confidence"], stored["evidence"], stored["record"]) == (
        match.confidence,
        match.evidence,
        match.record,
    )


def test_weights_of_no_such_name_are_refused(world: World) -> None:
    with pytest.raises(BadInput) as refused:
        _measure(world, weights="fitted-1")

    assert set(refused.value.fields) == {"weights"}


def test_what_was_fitted_is_kept_with_its_report(world: World) -> None:
    told = shared_network(MIN_ANSWERS + 100)
    store(world, told)

    kept = _fit(world, actor="API: shop (ht_1234…)")

    cases = known(told)
    older, newer = cases[:420], cases[420:]
    weights = WeightSet.from_json(kept.weights)
    assert (kept.name, weights.name, kept.actor) == ("fitted-1", "fitted-1", "API: shop (ht_1234…)")
    assert (kept.report["days"], kept.report["fitted_on"], kept.report["reported_on"]) == (90, len(older), len(newer))
    assert kept.report["product"] == grade(newer, PRODUCT).to_json()
    assert kept.report["fitted"] == grade(newer, weights).to_json()
    assert [fit["tier"] for fit in kept.report["tiers"]] == ["shared", "linked", "nearby"]
    assert kept.report["fitted"]["calibration_error"] < kept.report["product"]["calibration_error"]
    assert all(
        (weight < 0) == (signal in AGAINST)
        for tier in weights.tiers.values()
        for signal, weight in tier.weights.items()
    )


def test_each_fit_has_a_name_of_its_own_and_changes_no_other(world: World, other_world: World) -> None:
    for each in (world, other_world):
        store(each, shared_network(MIN_ANSWERS))
    first = _fit(world)

    second, foreign = _fit(world), _fit(other_world)

    assert (first.name, second.name, foreign.name) == ("fitted-1", "fitted-2", "fitted-1")
    with unscoped():
        first.refresh_from_db()
    assert first.weights["name"] == "fitted-1"


def test_too_few_answers_are_refused_with_both_numbers(world: World) -> None:
    store(world, shared_network(MIN_ANSWERS - 1))

    with pytest.raises(NotPossible) as refused:
        _fit(world, days=30)

    assert str(refused.value.detail) == (
        "Fitting needs at least 500 sales whose click is known; the last 30 days have 499."
    )
    with unscoped():
        assert not FittedWeights.objects.exists()


def test_answers_that_teach_nothing_are_refused(world: World) -> None:
    store(world, [LED] * MIN_ANSWERS)

    with pytest.raises(NotPossible) as refused:
        _fit(world)

    assert "shared 350 (350 / 0), linked 0 (0 / 0), nearby 0 (0 / 0)" in str(refused.value.detail)
    with unscoped():
        assert not FittedWeights.objects.exists()


def test_fitted_weights_run_once_published_and_are_taken_back_the_same_way(world: World) -> None:
    store(world, shared_network(MIN_ANSWERS))
    kept = _fit(world)

    assert _running(world) == ""
    with tenant_scope(world.tenant_id):
        use_weights(world.funnel, kept.name)
    assert _running(world) == ""
    with tenant_scope(world.tenant_id):
        publish_funnel(world.funnel)
        asked = (world.tenant_id, _running(world))
        assert find_weights([asked])[asked] == WeightSet.from_json(kept.weights)
        publish_funnel(use_weights(world.funnel, ""))
        asked = (world.tenant_id, _running(world))
        assert find_weights([asked])[asked] == PRODUCT


def _running(world: World) -> str:
    with tenant_scope(world.tenant_id):
        return published_configs([world.funnel.pk])[world.funnel.pk].weight_set


def test_a_funnel_takes_only_weights_of_its_own_tenant(world: World, other_world: World) -> None:
    store(other_world, shared_network(MIN_ANSWERS))
    _fit(other_world)

    with unscoped(), pytest.raises(BadInput) as refused:
        use_weights(world.funnel, "fitted-1")

    assert set(refused.value.fields) == {"name"}
    with unscoped():
        assert Funnel.objects.get(pk=world.funnel.pk).weight_set == ""


def test_the_products_own_may_be_named(world: World) -> None:
    with tenant_scope(world.tenant_id):
        use_weights(world.funnel, PRODUCT.name)
        assert Funnel.objects.get(pk=world.funnel.pk).weight_set == PRODUCT.name

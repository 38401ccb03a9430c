"""How a comparison gets on: chunk by chunk, seen from outside, taken up again after a crash, and in nobody's way."""

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.conversions.models import Conversion
from apps.core.errors import BadInput, NotPossible
from apps.funnels.services import create_funnel
from apps.matching.candidates import find_facts as find_all_facts
from apps.matching.facts import Facts
from apps.matching.models import Comparison
from apps.matching.services import claim_comparison, continue_comparison, start_comparison
from apps.matching.services import compare as service
from apps.pipeline import tasks
from apps.pipeline.lanes import find_due_lanes
from apps.pipeline.stages import compare_batch
from apps.pipeline.wakeups import WakeUp
from apps.tenants.scoping import tenant_scope, unscoped
from tests.matching.planted import change_draft, compare, found, plant_clicked_sale, sums
from tests.worlds import World

WIDER = {"attribution_window_days": 14}


def plant_many(world: World, count: int) -> None:
    """Sales of 1.00 BRL, of 2.00 USD and so on in turns; every other click is 10 days older than its sale."""
    for number in range(count):
        currency = "USD" if number % 3 else "BRL"
        plant_clicked_sale(
            world, f"HP{number}", clicked_before=10 if number % 2 else 3, money=f"{number + 1}.00 {currency}"
        )


def start(world: World, days: int = 30, **settings: Any) -> Comparison:
    with unscoped():
        return start_comparison(change_draft(world, **settings), days)


def advance(limit: int = 2) -> Comparison:
    """One chunk of the comparison whose turn it is, as it then is stored."""
    with unscoped():
        with transaction.atomic():
            claimed = claim_comparison()
            assert claimed is not None
            continue_comparison(claimed, limit)
        claimed.refresh_from_db()
    return claimed


def fresh(comparison: Comparison) -> Comparison:
    with unscoped():
        found: Comparison = Comparison.objects.get(pk=comparison.pk)
    return found


def test_progress_is_seen_after_each_chunk(world: World) -> None:
    plant_many(world, 5)
    started = start(world, **WIDER)

    seen = [(row.done, row.total, row.percent, row.state) for row in (started, advance(), advance(), advance())]

    assert seen == [(0, 5, 0, "running"), (2, 5, 40, "running"), (4, 5, 80, "running"), (5, 5, 100, "done")]
    assert fresh(started).finished_at is not None


def test_a_last_full_chunk_is_followed_by_an_empty_one(world: World) -> None:
    plant_many(world, 2)
    start(world)

    seen = [(row.done, row.percent, row.state, bool(row.finished_at)) for row in (advance(), advance())]

    assert seen == [(2, 99, "running", False), (2, 100, "done", True)]


def test_a_funnel_without_sales_is_done_at_the_first_look(world: World) -> None:
    started = start(world)

    done = advance()

    assert (started.total, started.percent) == (0, 0)
    assert (done.state, done.percent, done.summary) == ("done", 100, {})


def test_sales_that_come_meanwhile_make_the_total_right_at_the_end(world: World) -> None:
    plant_many(world, 2)
    start(world, **WIDER)
    plant_clicked_sale(world, "LATE", clicked_before=10)

    seen = [(row.done, row.total, row.percent) for row in (advance(), advance())]

    assert seen == [(2, 2, 99), (3, 3, 100)]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 500])
def test_the_chunks_size_changes_nothing(world: World, limit: int) -> None:
    plant_many(world, 7)
    started = start(world, **WIDER)

    while fresh(started).state == "running":
        advance(limit)

    assert found(started) == {"HP1": "gained", "HP3": "gained", "HP5": "gained"}
    assert sums(fresh(started)) == {
        "compared": {"BRL": (3, "12.000"), "USD": (4, "16.000")},
        "gained": {"USD": (2, "8.000"), "BRL": (1, "4.000")},
    }


def test_the_order_of_the_rows_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plant_many(world, 7)
    as_stored = compare(world, **WIDER)
    original = service.compare_sales

    def shuffled(rows: Sequence[Conversion], *configs: Any) -> Any:
        return original(random.Random(1).sample(rows, len(rows)), *configs)

    monkeypatch.setattr(service, "compare_sales", shuffled)
    otherwise = compare(world, **WIDER)

    assert found(otherwise) == found(as_stored) != {}
    assert sums(otherwise) == sums(as_stored)


def break_at(monkeypatch: pytest.MonkeyPatch, order_id: str, error: Exception) -> None:
    """Deciding on anything goes wrong as soon as this sale is among the rows."""
    original = find_all_facts

    def find_facts(rows: Sequence[Conversion], windows: dict[int, int]) -> dict[int, Facts]:
        if any(row.order_id == order_id for row in rows):
            raise error
        return original(rows, windows)

    monkeypatch.setattr(service, "find_facts", find_facts)


def test_what_crashed_is_taken_up_after_the_last_committed_chunk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plant_many(world, 7)
    started = start(world, **WIDER)
    with monkeypatch.context() as crashing:
        break_at(crashing, "HP3", OperationalError("the server closed the connection"))
        advance()
        with pytest.raises(OperationalError):
            advance()
        stopped = fresh(started)
        assert (stopped.done, stopped.state, found(started)) == (2, "running", {"HP1": "gained"})

    while fresh(started).state == "running":
        advance()

    assert fresh(started).done == 7
    assert found(started) == {"HP1": "gained", "HP3": "gained", "HP5": "gained"}
    assert sums(fresh(started))["gained"] == {"USD": (2, "8.000"), "BRL": (1, "4.000")}


def test_one_that_cannot_go_on_is_ended_and_the_next_one_goes_on(
    world: World, other_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_clicked_sale(world, "BAD", clicked_before=10)
    plant_clicked_sale(other_world, "GOOD", clicked_before=10)
    broken, sound = start(world, **WIDER), start(other_world, **WIDER)
    break_at(monkeypatch, "BAD", ValueError("never seen before"))

    with unscoped():
        turns = [compare_batch().rows for _turn in range(3)]

    assert turns == [1, 1, 0]
    assert [fresh(row).state for row in (broken, sound)] == ["failed", "done"]
    assert (fresh(broken).done, found(broken)) == (0, {})
    assert fresh(broken).finished_at is not None
    assert found(sound) == {"GOOD": "gained"}


def test_comparisons_get_on_side_by_side(world: World, other_world: World) -> None:
    for place in (world, other_world):
        plant_many(place, 3)
    first, second = start(world), start(other_world)

    turns = [advance().pk for _turn in range(4)]

    assert turns == [first.pk, second.pk, first.pk, second.pk]


def count_statements(world: World, sales: int) -> int:
    plant_many(world, sales)
    start(world, **WIDER)
    with unscoped(), CaptureQueriesContext(connection) as captured:
        compare_batch()
    return len(captured)


def test_a_chunk_takes_as_many_statements_whatever_its_size(world: World, other_world: World) -> None:
    few, many = count_statements(world, 2), count_statements(other_world, 24)

    assert few == many <= 10


def test_nothing_runs_no_comparison(world: World) -> None:
    with tenant_scope(world.tenant_id):
        draft = create_funnel({"name": "Rascunho"})

        with pytest.raises(NotPossible, match="not_possible"):
            start_comparison(draft, 30)

        assert Comparison.objects.count() == 0


@pytest.mark.parametrize("days", [-1, 0, 91, 10**9])
def test_a_period_has_one_to_ninety_days(world: World, days: int) -> None:
    with tenant_scope(world.tenant_id):
        with pytest.raises(BadInput) as refused:
            start_comparison(world.funnel, days)

        assert list(refused.value.fields) == ["days"]
        assert Comparison.objects.count() == 0


def test_a_funnel_has_one_comparison_at_a_time(world: World, other_world: World) -> None:
    started = start(world)

    with pytest.raises(NotPossible) as refused:
        start(world)
    start(other_world)

    assert str(started.pk) in str(refused.value.detail)
    while fresh(started).state == "running":
        advance()
    assert start(world).state == "running"


def test_what_is_compared_is_frozen_at_the_start(world: World) -> None:
    plant_clicked_sale(world, "HP10", clicked_before=10)
    started = start(world, **WIDER)
    change_draft(world, attribution_window_days=7)

    advance()

    assert (started.draft["attribution_window_days"], started.running["attribution_window_days"]) == (14, 7)
    assert found(started) == {"HP10": "gained"}


def test_a_configuration_holds_no_token(world: World) -> None:
    started = start(world)

    assert "token-of-ana" not in str(started.draft) + str(started.running)
    assert len(started.draft["destinations"]) == 1


def test_a_comparison_wakes_its_lane_until_it_is_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def due() -> bool:
        with unscoped():
            return find_due_lanes().comparisons

    def note(wake_ups: Sequence[WakeUp]) -> int:
        woken.extend(it.task.__name__ for it in wake_ups)
        return len(wake_ups)

    woken: list[str] = []
    monkeypatch.setattr(tasks, "send", note)
    idle = due()
    started = start(world)
    waiting = due()
    tasks.wake_due_lanes()

    tasks.drain_comparisons()

    assert (idle, waiting, due()) == (False, True, False)
    assert "drain_comparisons" in woken
    assert fresh(started).state == "done"


def test_a_turn_ends_in_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "COMPARE_SECONDS", 0.0)
    monkeypatch.setattr(tasks, "compare_batch", partial(compare_batch, limit=1))
    plant_many(world, 3)
    started = start(world)

    tasks.drain_comparisons()

    assert (fresh(started).done, fresh(started).state) == (1, "running")

"""Recording deliveries: how many statements it takes, and that what the database holds is the fold of all facts."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.conversions.facts import OrderFact
from apps.conversions.models import Conversion, Delivery, Outcome
from apps.conversions.services import record_deliveries, settle_matching
from apps.conversions.transitions import fold
from apps.gateways.events import Kind
from apps.tenants.scoping import tenant_scope, unscoped
from tests.conversions.deliveries import (
    RECEIVED,
    conversion,
    count_rows,
    delivery,
    endpoint_of,
    record,
    state_of,
    statements,
)
from tests.conversions.facts import CLICK, SHAPING, fact, facts_of
from tests.worlds import World

PENDING = fact(Kind.PAYMENT_PENDING, 0, "100.00", currency="BRL", product_name="Curso")
APPROVED = fact(Kind.APPROVED, 1, "100.00", currency="BRL", identity={"em": ["1" * 64], "ph": ["2" * 64]})
REFUNDED = fact(Kind.REFUNDED, 2)


def forget_match(row: Conversion) -> None:
    with unscoped():
        settle_matching([row])


def test_a_new_order_is_one_statement(world: World) -> None:
    endpoint = endpoint_of(world)

    with statements() as ran:
        record(endpoint, APPROVED)

    assert len(ran) == 1
    assert count_rows() == (1, 1)


def test_any_number_of_new_orders_is_one_statement(world: World) -> None:
    endpoint = endpoint_of(world)

    with statements() as ran:
        record_deliveries([delivery(endpoint, APPROVED, order_id=f"HP{number}") for number in range(64)])

    assert len(ran) == 1
    assert count_rows() == (64, 64)


def test_a_known_order_is_four_statements_whatever_is_said(world: World) -> None:
    endpoint = endpoint_of(world)
    record(endpoint, APPROVED)

    with statements() as repeat:
        record(endpoint, APPROVED)
    with statements() as news:
        record(endpoint, REFUNDED)

    assert (len(repeat), len(news)) == (4, 4)
    assert count_rows() == (3, 1)


def test_so_is_any_number_of_known_orders(world: World) -> None:
    endpoint = endpoint_of(world)
    batch = [delivery(endpoint, APPROVED, order_id=f"HP{number}") for number in range(64)]
    record_deliveries(batch)

    with statements() as ran:
        record_deliveries(batch)

    assert len(ran) == 4
    assert count_rows() == (128, 64)


def test_nothing_to_record_is_no_error(world: World) -> None:
    record_deliveries([])

    assert count_rows() == (0, 0)


def test_a_batch_of_new_repeated_and_contradicted_orders(world: World) -> None:
    endpoint = endpoint_of(world)
    record(endpoint, APPROVED, order_id="known")
    record(endpoint, APPROVED, order_id="contradicted")
    cheaper = replace(APPROVED, amount=Decimal("80.00"), occurred_at=APPROVED.occurred_at + timedelta(minutes=5))

    with statements() as ran:
        record_deliveries(
            [
                delivery(endpoint, REFUNDED, order_id="new"),
                delivery(endpoint, APPROVED, order_id="known"),
                delivery(endpoint, cheaper, order_id="contradicted"),
                delivery(endpoint, PENDING, order_id="new"),
                delivery(endpoint, APPROVED, order_id="new"),
                delivery(endpoint, None),
            ]
        )

    assert len(ran) == 4
    assert state_of(conversion("new")) == fold([PENDING, APPROVED, REFUNDED])
    assert state_of(conversion("known")) == fold([APPROVED])
    assert state_of(conversion("contradicted")) == fold([APPROVED, cheaper])
    assert conversion("contradicted").amount == Decimal("80.000")
    assert count_rows() == (8, 3)


def test_the_same_order_id_at_two_tenants_is_two_orders(world: World, other_world: World) -> None:
    theirs = replace(APPROVED, amount=Decimal("7.00"), identity={"em": ["9" * 64]})

    record_deliveries([delivery(endpoint_of(world), PENDING), delivery(endpoint_of(other_world), theirs)])
    record_deliveries([delivery(endpoint_of(world), APPROVED), delivery(endpoint_of(other_world), REFUNDED)])

    for owner, facts in ((world, [PENDING, APPROVED]), (other_world, [theirs, REFUNDED])):
        with tenant_scope(owner.tenant_id):
            row = Conversion.objects.get(order_id="HP1")
            assert state_of(row) == fold(facts)
            assert row.funnel_id == owner.funnel.pk
            assert Delivery.objects.count() == 2


def test_the_same_order_id_at_two_gateways_is_two_orders(world: World) -> None:
    endpoint = endpoint_of(world)
    by_stripe = replace(delivery(endpoint, REFUNDED), gateway="stripe")

    record_deliveries([delivery(endpoint, APPROVED), by_stripe])
    record_deliveries([delivery(endpoint, APPROVED), by_stripe])

    assert conversion(gateway="hotmart").status == "approved"
    assert conversion(gateway="stripe").status == "refunded"


def test_a_repeat_changes_nothing_of_the_order(world: World) -> None:
    endpoint = endpoint_of(world)
    record(endpoint, APPROVED, PENDING)
    before = conversion()
    forget_match(before)

    record(endpoint, APPROVED)
    record(endpoint, PENDING, APPROVED)

    after = conversion()
    assert after.match_due_at is None, "nothing changed, so nothing is to be matched again"
    assert (after.changed_at, after.received_at) == (before.changed_at, before.received_at)
    assert state_of(after) == state_of(before)
    assert count_rows() == (5, 1)


def test_news_make_the_order_due_for_matching_again(world: World) -> None:
    endpoint = endpoint_of(world)
    record(endpoint, PENDING)
    forget_match(conversion())
    with unscoped():
        Conversion.objects.update(match_failures=3)

    record(endpoint, APPROVED)

    after = conversion()
    assert after.match_due_at is not None
    assert after.match_failures == 0


def test_an_order_keeps_the_first_request_that_told_of_it(world: World) -> None:
    endpoint = endpoint_of(world)

    record_deliveries([delivery(endpoint, PENDING, correlation_id="request-0001")])
    record_deliveries([delivery(endpoint, APPROVED, correlation_id="request-0002")])

    assert conversion().correlation_id == "request-0001"
    with unscoped():
        told = list(Delivery.objects.order_by("pk").values_list("correlation_id", flat=True))
    assert told == ["request-0001", "request-0002"]


def test_of_repeats_without_a_time_of_their_own_the_first_counts_always(world: World) -> None:
    endpoint = endpoint_of(world)
    repeats = [
        replace(delivery(endpoint, replace(PENDING, occurred_at=moment), received_at=moment), fingerprint="the same")
        for moment in (RECEIVED, RECEIVED + timedelta(seconds=1), RECEIVED + timedelta(seconds=2))
    ]

    record_deliveries(repeats[:2])
    together = conversion().occurred_at
    record_deliveries(repeats[2:])

    assert together == conversion().occurred_at == RECEIVED


@pytest.mark.parametrize("kind", [Kind.UNKNOWN, Kind.IGNORED, Kind.COMPLETED, Kind.SUBSCRIPTION_CANCELLED])
def test_what_tells_of_no_order_makes_none(world: World, kind: Kind) -> None:
    with statements() as ran:
        record_deliveries([delivery(endpoint_of(world), None, kind=kind)])

    assert len([statement for statement in ran if "conversions_delivery" in statement]) == 1
    assert count_rows() == (1, 0)
    with unscoped():
        row = Delivery.objects.get()
    assert row.outcome == (Outcome.UNKNOWN if kind is Kind.UNKNOWN else Outcome.IGNORED)
    assert (row.kind, row.order_id, row.fact) == (kind.value, "", None)


def test_a_silent_fact_of_a_known_order_does_not_touch_it(world: World) -> None:
    endpoint = endpoint_of(world)
    record(endpoint, APPROVED)
    before = conversion()

    record(endpoint, fact(Kind.COMPLETED, 9, "100.00"))

    assert state_of(conversion()) == state_of(before)
    assert conversion().changed_at == before.changed_at


def test_the_columns_that_matching_looks_up(world: World) -> None:
    record(endpoint_of(world), replace(APPROVED, tracking={"sck": CLICK.upper()}))

    row = conversion()
    assert (row.email_sha256, row.phone_sha256, row.click_ref) == ("1" * 64, "2" * 64, CLICK)
    assert row.match_due_at is not None


@pytest.mark.parametrize("amount", ["0.01", "19.99", "197.905", "999999999999.999", "0"])
def test_amounts_reach_the_database_exactly(world: World, amount: str) -> None:
    record(endpoint_of(world), fact(Kind.APPROVED, 1, amount, currency="BRL"))

    row = conversion()
    assert row.amount == Decimal(amount)
    with unscoped():
        assert Delivery.objects.get().fact["amount"] == amount


@settings(
    deadline=None,
    derandomize=True,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches=st.lists(st.lists(facts_of(SHAPING), min_size=1, max_size=3), min_size=1, max_size=4))
def test_what_the_database_holds_is_the_fold_of_all_facts(world: World, batches: list[list[OrderFact]]) -> None:
    endpoint = endpoint_of(world)
    with unscoped():
        order_id = f"HP{Conversion.objects.count()}"

    for facts in batches:
        record(endpoint, *facts, order_id=order_id)

    said = [fact for facts in batches for fact in facts]
    assert state_of(conversion(order_id)) == fold(said)
    with unscoped():
        rows = Delivery.objects.filter(order_id=order_id).order_by("pk")
        assert [OrderFact.from_json(row.fact) for row in rows] == said

"""When an order is looked at again: by a schedule while nobody is sure, and at once when a visitor names its buyer."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from apps.conversions.models import Conversion
from apps.conversions.services import claim_for_matching, look_again, next_look, record_deliveries, settle_matching
from apps.conversions.services.matching import LOOKS
from apps.gateways.events import Kind
from apps.tenants.scoping import unscoped
from tests.conversions.deliveries import conversion, delivery, endpoint_of, statements
from tests.conversions.facts import NOON, fact
from tests.worlds import World

EMAIL, PHONE = "1" * 64, "2" * 64
PAID = fact(Kind.APPROVED, identity={"em": [EMAIL], "ph": [PHONE]})
DAY = timedelta(days=1)


def record_sales(world: World, *order_ids: str, at: datetime | None = None, **identity: list[str]) -> None:
    """Orders of one buyer, matched once and not to be looked at any more; by default of today."""
    at = at or timezone.now() - timedelta(hours=1)
    said = replace(PAID, identity=identity or PAID.identity, occurred_at=at)
    record_deliveries([delivery(endpoint_of(world), said, order_id=order_id, received_at=at) for order_id in order_ids])
    change(match_due_at=None)


def change(**columns: Any) -> None:
    with unscoped():
        Conversion.objects.update(**columns)


def due() -> set[str]:
    with unscoped():
        return {row.order_id for row in claim_for_matching(1000)}


def look(world: World, *digests: str, said_at: datetime | None = None) -> int:
    said_at = said_at or timezone.now()
    with unscoped():
        return look_again(world.tenant_id, dict.fromkeys(digests, said_at))


@pytest.mark.parametrize(
    ("minutes", "after"),
    [
        (0, timedelta(minutes=5)),
        (3.9, timedelta(minutes=5)),
        (4.1, timedelta(hours=1)),
        (5, timedelta(hours=1)),
        (58.9, timedelta(hours=1)),
        (60, DAY),
        (24 * 60 - 2, DAY),
        (24 * 60, None),
        (24 * 60 * 30, None),
        (-10, timedelta(minutes=5)),
    ],
)
def test_the_next_look_is_the_first_that_lies_ahead(minutes: float, after: timedelta | None) -> None:
    look_at = next_look(NOON, NOON + timedelta(minutes=minutes))

    assert look_at == (after and NOON + after)


@pytest.mark.parametrize("behind_s", [0, 1, 59])
def test_a_clock_that_lags_gives_no_look_twice(behind_s: float) -> None:
    """The database says that a look is due, and the worker's clock not yet."""
    now, looks = NOON, list[datetime]()

    while look_at := next_look(NOON, now - timedelta(seconds=behind_s)):
        looks.append(look_at)
        now = look_at

    assert looks == [NOON + delay for delay in LOOKS]


def test_an_unsure_order_is_looked_at_again_and_a_sure_one_is_not(world: World) -> None:
    received_at = timezone.now()
    record_sales(world, "sure", "unsure", at=received_at)
    change(match_due_at=received_at, match_failures=2)
    with unscoped():
        rows = claim_for_matching(10)
        settle_matching(rows, {row.pk for row in rows if row.order_id == "unsure"})

    assert (conversion("sure").match_due_at, conversion("sure").match_failures) == (None, 0)
    assert conversion("unsure").match_due_at == received_at + timedelta(minutes=5)
    assert conversion("unsure").match_failures == 0
    assert due() == set()


def test_an_order_heard_of_long_ago_is_not_looked_at_again(world: World) -> None:
    record_sales(world, "old", at=timezone.now() - 2 * DAY)
    with unscoped():
        row = Conversion.objects.get()
        settle_matching([row], {row.pk})

    assert conversion("old").match_due_at is None


def test_settling_takes_one_statement_whatever_the_batch(world: World) -> None:
    record_sales(world, *(f"HP{number}" for number in range(30)), at=timezone.now())
    with unscoped():
        rows = list(Conversion.objects.all())
        with statements() as ran:
            settle_matching(rows, {row.pk for row in rows[::2]})

    assert len(ran) == 1
    with unscoped():
        assert Conversion.objects.filter(match_due_at__isnull=False).count() == 15


def test_nothing_to_settle_settles_nothing(world: World) -> None:
    record_sales(world, "HP1")
    change(match_due_at=NOON)

    settle_matching([])

    assert conversion().match_due_at == NOON


@pytest.mark.parametrize("digest", [EMAIL, PHONE])
def test_a_hash_of_the_buyers_makes_the_sale_due_at_once(world: World, digest: str) -> None:
    record_sales(world, "HP1")
    record_sales(world, "other", em=["3" * 64])

    assert look(world, digest) == 1

    assert due() == {"HP1"}


def test_a_look_that_is_to_come_is_brought_forward_and_one_that_is_due_is_not_put_off(world: World) -> None:
    record_sales(world, "to come", "due")
    waiting_since = timezone.now() - timedelta(minutes=9)
    with unscoped():
        Conversion.objects.filter(order_id="to come").update(match_due_at=timezone.now() + DAY)
        Conversion.objects.filter(order_id="due").update(match_due_at=waiting_since)

    look(world, EMAIL)

    assert due() == {"to come", "due"}
    assert conversion("due").match_due_at == waiting_since


def test_who_is_named_by_nobody_stays_at_rest(world: World) -> None:
    record_sales(world, "HP1", em=[EMAIL])
    change(phone_sha256="")

    with statements() as ran:
        found = look(world)

    assert (found, ran) == (0, [])
    assert look(world, "", "4" * 64) == 0
    assert due() == set()


def test_another_tenants_sale_stays_at_rest(world: World, other_world: World) -> None:
    record_sales(world, "HP1")

    assert look(other_world, EMAIL, PHONE) == 0

    assert due() == set()


@pytest.mark.parametrize(("days", "is_due"), [(6.9, True), (7.1, False)])
def test_an_old_sale_stays_at_rest(world: World, days: float, is_due: bool) -> None:
    record_sales(world, "HP1", at=timezone.now() - timedelta(days=days))

    look(world, EMAIL)

    assert due() == ({"HP1"} if is_due else set())


@pytest.mark.parametrize(("later_s", "is_due"), [(-5, True), (55, True), (65, False)])
def test_a_sale_that_changed_since_was_matched_with_it_known(world: World, later_s: float, is_due: bool) -> None:
    """Less a minute for transactions that took long: their writes bear an older time."""
    record_sales(world, "HP1")
    said_at = conversion().changed_at - timedelta(seconds=later_s)

    look(world, EMAIL, said_at=said_at)

    assert due() == ({"HP1"} if is_due else set())


def test_a_hash_of_a_crowd_makes_its_newest_sales_due_only(world: World) -> None:
    orders = [f"HP{number:03}" for number in range(60)]
    record_sales(world, *orders)
    with unscoped():
        Conversion.objects.update(changed_at=F("received_at"))

    assert look(world, EMAIL) == 50

    assert due() == set(orders[10:])


def test_looking_again_takes_one_statement_whatever_was_said(world: World) -> None:
    record_sales(world, *(f"HP{number}" for number in range(9)))

    with statements() as few:
        look(world, EMAIL)
    with statements() as many:
        look(world, EMAIL, PHONE, *(f"{number:064}" for number in range(600)))

    assert (len(few), len(many)) == (1, 1)


def test_looking_again_reads_sales_by_their_indexes(world: World) -> None:
    endpoint, buyers = endpoint_of(world), [[f"{number:064}"] for number in range(2000)]
    facts = [replace(PAID, identity={"em": buyer, "ph": buyer}) for buyer in buyers]
    record_deliveries([delivery(endpoint, said, order_id=said.identity["em"][0]) for said in facts])
    with statements() as ran:
        look(world, EMAIL)

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE conversions_conversion")
        cursor.execute(f"EXPLAIN {ran[0]}")
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "conversion_email" in plan, plan
    assert "conversion_phone" in plan, plan
    assert "Seq Scan on conversions_conversion" not in plan, plan

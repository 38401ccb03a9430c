"""The ledger's arithmetic: what adds up, what does not, and by how much. No database."""

import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.dispatch.ledger.rules import (
    BUCKETS,
    Bucket,
    BucketSum,
    FunnelSum,
    Ledger,
    Sum,
    add_up,
    bucket_of,
    find_imbalances,
)

FUNNEL, OTHER_FUNNEL = uuid.UUID(int=1), uuid.UUID(int=2)
META, TIKTOK = uuid.UUID(int=11), uuid.UUID(int=12)


def held(destination: uuid.UUID, bucket: str, orders: int, amount: str, currency: str = "BRL") -> BucketSum:
    return BucketSum(destination, FUNNEL, Bucket(bucket), Sum(currency, orders, Decimal(amount)))


def sold(orders: int, amount: str, currency: str = "BRL", funnel: uuid.UUID = FUNNEL) -> FunnelSum:
    return FunnelSum(funnel, Sum(currency, orders, Decimal(amount)))


def test_the_eight_buckets_of_the_design() -> None:
    assert BUCKETS == ("accepted", "duplicate", "waiting", "parked", "blocked", "excluded", "dead", "expired")


@pytest.mark.parametrize("word", ["", "lost", "pending", "Accepted", "accepted "])
def test_a_word_that_is_no_bucket_is_missing(word: str) -> None:
    assert bucket_of(word) is Bucket.MISSING


def test_every_bucket_is_known_by_its_word() -> None:
    assert [bucket_of(bucket.value) for bucket in Bucket] == list(Bucket)


def test_buckets_that_add_up_are_balanced() -> None:
    ledger = Ledger(
        [held(META, "accepted", 2, "30"), held(META, "dead", 1, "0.01"), held(TIKTOK, "waiting", 3, "30.01")],
        [sold(3, "30.01")],
    )

    assert (ledger.imbalances, ledger.is_balanced, ledger.missing_orders) == ([], True, 0)


def test_an_order_in_no_bucket_is_named_by_destination_and_money() -> None:
    buckets = [held(META, "accepted", 3, "30"), held(TIKTOK, "accepted", 2, "20"), held(TIKTOK, "missing", 1, "10")]

    (found,) = find_imbalances(buckets, [sold(3, "30")])

    assert (found.destination_id, found.orders, found.amount) == (TIKTOK, 1, Decimal(10))


def test_a_cent_is_enough() -> None:
    (found,) = find_imbalances([held(META, "accepted", 1, "9.99")], [sold(1, "10")])

    assert (found.orders, found.amount) == (0, Decimal("0.01"))


def test_an_order_that_is_counted_twice_is_found() -> None:
    (found,) = find_imbalances([held(META, "accepted", 1, "10"), held(META, "dead", 1, "10")], [sold(1, "10")])

    assert (found.orders, found.amount) == (-1, Decimal(-10))


def test_a_currency_that_a_destination_lacks_is_found() -> None:
    found = find_imbalances([held(META, "accepted", 1, "10")], [sold(1, "10"), sold(1, "5", "USD")])

    assert [(item.currency, item.orders, item.amount) for item in found] == [("USD", 1, Decimal(5))]


def test_money_in_another_currency_does_not_make_up_for_it() -> None:
    found = find_imbalances([held(META, "accepted", 1, "10", "USD")], [sold(1, "10")])

    assert [(item.currency, item.orders) for item in found] == [("BRL", 1), ("USD", -1)]


def test_another_funnels_sales_are_none_of_a_destinations() -> None:
    ledger = Ledger([held(META, "accepted", 1, "10")], [sold(1, "10"), sold(7, "70", funnel=OTHER_FUNNEL)])

    assert ledger.is_balanced
    assert ledger.totals == [Sum("BRL", 8, Decimal(80))]


def test_what_went_back_is_part_of_the_sum() -> None:
    buckets = [BucketSum(META, FUNNEL, Bucket.ACCEPTED, Sum("BRL", 1, Decimal(10), Decimal(10)))]

    assert find_imbalances(buckets, [FunnelSum(FUNNEL, Sum("BRL", 1, Decimal(10), Decimal(10)))]) == []
    assert len(find_imbalances(buckets, [sold(1, "10")])) == 1


def test_nothing_sold_is_balanced() -> None:
    assert Ledger([], []).is_balanced


_MONEY = st.decimals(min_value=0, max_value=10**9, places=3)
_PLACES = st.lists(st.tuples(st.sampled_from(BUCKETS), st.sampled_from(["BRL", "USD", ""]), _MONEY), max_size=30)


@given(_PLACES)
def test_any_orders_each_in_one_bucket_are_balanced_to_the_thousandth(
    places: list[tuple[Bucket, str, Decimal]],
) -> None:
    buckets = [BucketSum(META, FUNNEL, bucket, Sum(currency, 1, amount)) for bucket, currency, amount in places]
    totals = [FunnelSum(FUNNEL, item) for item in add_up(Sum(currency, 1, amount) for _b, currency, amount in places)]

    assert Ledger(buckets, totals).is_balanced
    if len(buckets) > 1:
        assert not Ledger(buckets[1:], totals).is_balanced

"""What is kept of a delivery: exact amounts and times, hashes for people, one fingerprint for every repeat."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given

from apps.conversions.facts import OrderFact, fingerprint, read_fact
from apps.core.identity import Person, hash_email
from apps.gateways.events import GatewayEvent, Item, Kind
from tests.conversions.facts import NOON, SHAPING, fact, facts_of, steady

SALE = GatewayEvent(
    kind=Kind.APPROVED,
    vendor_event="PURCHASE_APPROVED",
    delivery_id="d1",
    order_id="HP1",
    occurred_at=NOON,
    amount=Decimal("197.90"),
    currency="BRL",
    offer_id="of1",
    items=(Item("77", "Curso", 2, Decimal("150.5")), Item("78")),
    net_amount=Decimal("170"),
    gateway_fee=Decimal("27.9"),
    parent_order_id="HP0",
    buyer=Person(email="Beatriz@Example.com ", phone="11987654321", full_name="Beatriz Moura"),
    tracking={"sck": "fb", "src": "x"},
    installments=0,
)


def through_json(said: OrderFact) -> OrderFact:
    return OrderFact.from_json(msgspec.json.decode(msgspec.json.encode(said.to_json())))


@steady
@given(facts_of(SHAPING))
def test_a_fact_survives_json_exactly(said: OrderFact) -> None:
    assert through_json(said) == said


@pytest.mark.parametrize("amount", ["0", "0.01", "0.001", "197.90", "19.999", "999999999999.999", "1000000", "0.000"])
def test_amounts_survive_json_digit_by_digit(amount: str) -> None:
    kept = through_json(fact(Kind.APPROVED, amount=amount, refunded_amount=amount))

    assert (str(kept.amount), str(kept.refunded_amount)) == (amount, amount)


@pytest.mark.parametrize("microsecond", [0, 1, 999_999, 120_000])
def test_times_survive_json_to_the_microsecond(microsecond: int) -> None:
    said = replace(fact(Kind.APPROVED), occurred_at=NOON.replace(microsecond=microsecond))

    assert through_json(said).occurred_at == said.occurred_at


def test_what_is_empty_takes_no_room() -> None:
    assert fact(Kind.APPROVED).to_json() == {"kind": "purchase_approved", "occurred_at": "2026-11-20T12:00:00Z"}
    assert fact(Kind.APPROVED, installments=0, is_test=True).to_json() == {
        "kind": "purchase_approved",
        "occurred_at": "2026-11-20T12:00:00Z",
        "installments": 0,
        "is_test": True,
    }


def test_the_buyer_is_kept_as_hashes_only() -> None:
    said = read_fact(SALE, NOON)

    assert said.identity["em"] == [hash_email("beatriz@example.com")]
    assert sorted(said.identity) == ["em", "fn", "ln", "ph", "ph_e164", "ph_other"]
    text = msgspec.json.encode(said.to_json()).decode().lower()
    assert not [clear for clear in ("beatriz", "moura", "987654321") if clear in text]


@pytest.mark.parametrize(
    ("given_time", "kept"),
    [
        (NOON, NOON),
        (None, NOON + timedelta(hours=1)),
        (datetime(2099, 12, 31, tzinfo=UTC), NOON + timedelta(hours=1)),
        (datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)),
        (NOON.astimezone(timezone(timedelta(hours=-3))), NOON),
    ],
)
def test_a_time_is_in_utc_and_never_later_than_its_receipt(given_time: datetime | None, kept: datetime) -> None:
    said = read_fact(replace(SALE, occurred_at=given_time), NOON + timedelta(hours=1))

    assert said.occurred_at == kept
    assert said.occurred_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("given_amount", "kept"),
    [
        ("197.9", "197.900"),
        ("197.90000000000001", "197.900"),
        ("0.0005", "0.000"),
        ("1E+2", "100.000"),
        ("7.125", "7.125"),
    ],
)
def test_amounts_are_kept_to_the_thousandth(given_amount: str, kept: str) -> None:
    said = read_fact(replace(SALE, amount=Decimal(given_amount), refunded_amount=Decimal(given_amount)), NOON)

    assert (str(said.amount), str(said.refunded_amount)) == (kept, kept)


def test_all_that_is_said_of_an_order_is_kept() -> None:
    event = replace(
        SALE,
        product_id="77",
        product_name="Curso",
        payment_method="card",
        refunded_amount=Decimal("1.5"),
        producer_commission=Decimal("160.0001"),
        affiliate_commission=Decimal(10),
        subscription_id="S1",
        buyer=Person(),
        buyer_ip="203.0.113.9",
        buyer_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    )

    assert read_fact(event, NOON).to_json() == {
        "kind": "purchase_approved",
        "occurred_at": "2026-11-20T12:00:00Z",
        "amount": "197.900",
        "refunded_amount": "1.500",
        "currency": "BRL",
        "buyer_ip": "203.0.113.9",
        "buyer_device": "firefox linux",
        "tracking": {"sck": "fb", "src": "x"},
        "product_id": "77",
        "product_name": "Curso",
        "offer_id": "of1",
        "payment_method": "card",
        "installments": 0,
        "items": [
            {"product_id": "77", "name": "Curso", "quantity": 2, "price": "150.500"},
            {"product_id": "78", "name": "", "quantity": 1, "price": None},
        ],
        "net_amount": "170.000",
        "gateway_fee": "27.900",
        "producer_commission": "160.000",
        "affiliate_commission": "10.000",
        "parent_order_id": "HP0",
        "subscription_id": "S1",
    }


RECEIVED = NOON + timedelta(hours=1)
A_DAY_AHEAD = RECEIVED + timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("stated", "is_test"),
    [
        (None, False),
        (RECEIVED, False),
        (RECEIVED - timedelta(days=3_000), False),
        (A_DAY_AHEAD, False),
        (A_DAY_AHEAD.astimezone(timezone(timedelta(hours=-3))), False),
        (A_DAY_AHEAD + MICROSECOND, True),
        (datetime(2099, 12, 31, tzinfo=UTC), True),
        (datetime(2018, 1, 1, tzinfo=UTC), False),
        (datetime(2018, 1, 1, tzinfo=UTC) - MICROSECOND, True),
        (datetime(2018, 1, 1, tzinfo=timezone(timedelta(hours=-3))), False),
        (datetime(2018, 1, 1, tzinfo=timezone(timedelta(hours=3))), True),
        (datetime(2017, 6, 30, tzinfo=UTC), True),
        (datetime(1970, 1, 1, tzinfo=UTC), True),
    ],
)
@pytest.mark.parametrize("kind", [Kind.APPROVED, Kind.PAYMENT_PENDING, Kind.REFUNDED])
def test_a_date_that_no_sale_can_have_marks_a_test(stated: datetime | None, is_test: bool, kind: Kind) -> None:
    said = read_fact(replace(SALE, kind=kind, occurred_at=stated), RECEIVED)

    assert said.is_test is is_test
    assert said.occurred_at == min(stated or RECEIVED, RECEIVED)


def test_the_gateways_own_mark_counts_whatever_the_date() -> None:
    assert read_fact(replace(SALE, is_test=True), RECEIVED).is_test
    assert read_fact(replace(SALE, is_test=True, occurred_at=None), RECEIVED).is_test


def test_what_the_gateway_does_not_say_stays_unsaid() -> None:
    said = read_fact(GatewayEvent(kind=Kind.PAYMENT_PENDING, vendor_event="x", order_id="1"), NOON)

    assert said == OrderFact(kind=Kind.PAYMENT_PENDING, occurred_at=NOON)


def fingerprint_of(event: GatewayEvent, received_at: datetime) -> str:
    return fingerprint(event, read_fact(event, received_at))


@pytest.mark.parametrize("occurred_at", [NOON, None])
def test_a_repeat_has_the_same_fingerprint_whenever_it_comes(occurred_at: datetime | None) -> None:
    event = replace(SALE, occurred_at=occurred_at)
    repeat = replace(event, delivery_id="d2", tracking={"src": "x", **event.tracking})

    assert fingerprint_of(event, NOON) == fingerprint_of(repeat, NOON + timedelta(days=2))
    assert len(fingerprint_of(event, NOON)) == 64


def test_a_repeat_of_a_far_date_has_it_too_when_that_date_has_come_near() -> None:
    event = replace(SALE, occurred_at=NOON + timedelta(hours=36))
    facts = [read_fact(event, received) for received in (NOON, NOON + timedelta(hours=24))]

    assert [said.is_test for said in facts] == [True, False]
    assert len({fingerprint(event, said) for said in facts}) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"kind": Kind.REFUNDED},
        {"occurred_at": NOON + timedelta(microseconds=1)},
        {"occurred_at": None},
        {"amount": Decimal("197.91")},
        {"amount": None},
        {"refunded_amount": Decimal(1)},
        {"currency": "USD"},
        {"buyer": Person(email="bruno@example.com")},
        {"tracking": {"sck": "ig"}},
        {"is_test": True},
        {"installments": None},
        {"offer_id": "of2"},
        {"items": ()},
        {"items": (Item("77", "Curso", 2, Decimal("150.51")), Item("78"))},
        {"net_amount": None},
        {"gateway_fee": Decimal(0)},
        {"producer_commission": Decimal(0)},
        {"affiliate_commission": Decimal(1)},
        {"parent_order_id": None},
        {"buyer_ip": "203.0.113.9"},
        {"buyer_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
        {"subscription_id": "S1"},
    ],
    ids=str,
)
def test_whatever_says_something_else_has_another(change: dict[str, Any]) -> None:
    assert fingerprint_of(replace(SALE, **change), NOON) != fingerprint_of(SALE, NOON)

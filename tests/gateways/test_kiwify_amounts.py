"""What Kiwify writes as cents, and as times without a zone."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.conversions.facts import read_fact
from apps.gateways.errors import PayloadError
from tests.gateways.samples import MISSING, Sample
from tests.gateways.test_kiwify import CARD, CART, FLAT, PIX, read, read_sample

MONEY = ("Commissions",)
AMOUNT = (*MONEY, "charge_amount")
each_priced = pytest.mark.parametrize("sample", [sample for sample in FLAT if "amount" in sample.expected[0]], ids=str)


# --- Money ---


@pytest.mark.parametrize(
    ("cents", "amount"),
    [
        (19753, "197.53"),
        ("19753", "197.53"),
        (1, "0.01"),
        ("7", "0.07"),
        (0, "0.00"),
        (100001, "1000.01"),
        (19753.0, "197.53"),
    ],
)
def test_the_amount_is_written_in_cents(cents: Any, amount: str) -> None:
    event = read(PIX, (AMOUNT, cents))

    assert str(event.amount) == str(event.items[0].price) == amount


@pytest.mark.parametrize(
    "cents", ["197.53", 197.53, "1.234,56", "R$ 10", -1, "-1", 10**12, True, [], None, "", MISSING]
)
@each_priced
def test_an_order_without_readable_cents_names_their_path(sample: Sample, cents: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read_sample(sample, (AMOUNT, cents))

    assert error.value.path == "Commissions.charge_amount"


@pytest.mark.parametrize("currency", ["R$", "BRLL", 986, None, "", MISSING])
@each_priced
def test_an_order_without_a_readable_currency_names_its_path(sample: Sample, currency: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read_sample(sample, ((*MONEY, "currency"), currency))

    assert error.value.path == "Commissions.currency"


def test_the_amount_is_the_charge_and_not_a_price_or_a_share_beside_it() -> None:
    event = read(CARD)

    assert (event.amount, event.net_amount, event.gateway_fee) == (
        Decimal("497.90"),
        Decimal("272.17"),
        Decimal("44.28"),
    )


def test_the_shares_of_several_affiliates_are_added_up() -> None:
    stores = [
        {"type": "affiliate", "value": "101"},
        {"type": "affiliate", "value": 202},
        {"type": "manager", "value": "9"},
    ]

    event = read(CARD, ((*MONEY, "commissioned_stores"), stores))

    assert (event.affiliate_commission, event.producer_commission) == (Decimal("3.03"), None)


@pytest.mark.parametrize(
    ("currency", "fee"), [("BRL", Decimal("20.24")), ("brl", Decimal("20.24")), (None, Decimal("20.24")), ("USD", None)]
)
def test_a_fee_in_another_currency_is_left_out(currency: Any, fee: Decimal | None) -> None:
    assert read(PIX, ((*MONEY, "kiwify_fee_currency"), currency)).gateway_fee == fee


def test_what_is_not_told_of_the_shares_is_not_invented() -> None:
    names = ("kiwify_fee", "my_commission", "commissioned_stores")

    event = read(PIX, *(((*MONEY, name), None) for name in names))

    assert (event.net_amount, event.gateway_fee, event.producer_commission, event.affiliate_commission) == (None,) * 4
    assert event.amount == Decimal("197.53")


def test_a_refund_names_no_part() -> None:
    assert read("order_refunded.json").refunded_amount is None


# --- Times ---


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-03-02 11:57", datetime(2026, 3, 2, 14, 57, tzinfo=UTC)),
        ("2026-03-02 23:59:58", datetime(2026, 3, 3, 2, 59, 58, tzinfo=UTC)),
        ("2026-01-15 00:00", datetime(2026, 1, 15, 3, 0, tzinfo=UTC)),  # no summer time since 2019
        ("2026-03-02T14:57:00Z", datetime(2026, 3, 2, 14, 57, tzinfo=UTC)),
        ("2026-03-02T14:57:00-05:00", datetime(2026, 3, 2, 19, 57, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_brasilias(written: str, moment: datetime) -> None:
    assert read(PIX, (("approved_date",), written)).occurred_at == moment


def test_each_message_has_the_time_of_its_own_event() -> None:
    assert read("pix_created.json", (("updated_at",), "2026-03-02 20:00")).occurred_at == datetime(
        2026, 3, 2, 14, 53, tzinfo=UTC
    )
    assert read("order_refunded.json").occurred_at == datetime(2026, 3, 9, 1, 40, tzinfo=UTC)
    assert read("chargeback.json").occurred_at == datetime(2026, 4, 20, 8, 8, tzinfo=UTC)
    assert read(CART).occurred_at == datetime(2026, 3, 2, 2, 17, 41, 852_000, tzinfo=UTC)


@pytest.mark.parametrize("name", ["order_refunded.json", "chargeback.json"])
def test_money_that_went_back_is_never_dated_at_its_sale(name: str) -> None:
    event = read(name, (("refunded_at",), None), (("updated_at",), None))

    assert event.occurred_at is None


@pytest.mark.parametrize("written", [None, "02/03/2026 11:57", "2026-02-31 10:00", 1772460000])
def test_a_sale_without_a_readable_moment_takes_the_orders_last_change(written: Any) -> None:
    assert read(PIX, (("approved_date",), written)).occurred_at == datetime(2026, 3, 2, 14, 58, tzinfo=UTC)


def test_a_test_from_the_future_counts_as_of_its_arrival() -> None:
    arrival = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)

    event = read("order_approved_test_button.json")

    assert event.occurred_at and event.occurred_at > arrival
    assert read_fact(event, arrival).occurred_at == arrival

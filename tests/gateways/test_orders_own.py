"""The hub's own schema of orders: nothing that decides has a default."""

from typing import Any

import pytest

from apps.core.identity import hash_person, hash_phone
from apps.gateways.events import Kind
from apps.gateways.registry import ADAPTERS
from tests.gateways.samples import MISSING, samples_of
from tests.gateways.test_orders import error_of, read

APPROVED = "own_approved.json"
PARTLY = "own_partially_refunded.json"
CANCELLED_CLUB = "own_subscription_cancelled.json"


@pytest.mark.parametrize("name", ["order_id", "amount", "currency", "test"])
@pytest.mark.parametrize("value", [MISSING, None, "", [], {}])
def test_what_decides_has_no_default(name: str, value: Any) -> None:
    for sample in samples_of(ADAPTERS["orders"]):
        if sample.path.name.startswith("own_") and name in sample.document:
            assert error_of(sample.path.name, ((name,), value)).path == name


@pytest.mark.parametrize("name", [PARTLY, "own_refunded.json"])
@pytest.mark.parametrize("value", [MISSING, None, "-1", "all", True])
def test_a_refund_says_how_much_went_back(name: str, value: Any) -> None:
    assert error_of(name, (("refunded_amount",), value)).path == "refunded_amount"


def test_what_went_back_belongs_to_a_refund_only() -> None:
    assert str(read(PARTLY).refunded_amount) == "234.56"
    assert read(APPROVED, (("refunded_amount",), "234.56")).refunded_amount is None


@pytest.mark.parametrize(
    ("written", "amount"), [("1234.57", "1234.57"), (1234.57, "1234.57"), ("0.001", "0.001"), (7, "7"), ("0", "0")]
)
def test_amounts_are_decimals_to_the_last_digit(written: Any, amount: str) -> None:
    assert str(read(APPROVED, (("amount",), written)).amount) == amount


@pytest.mark.parametrize("written", ["1.234,57", "1,234.57", "R$ 1234.57", "-1.00", "1e3", True, [1], 10**12])
def test_an_amount_in_another_notation_is_an_error(written: Any) -> None:
    assert error_of(APPROVED, (("amount",), written)).path == "amount"


@pytest.mark.parametrize("flag", ["yes", 2, 0.0, "no"])
def test_an_unreadable_flag_is_neither_a_test_nor_a_sale(flag: Any) -> None:
    assert error_of(APPROVED, (("test",), flag)).path == "test"


@pytest.mark.parametrize(
    "time", [MISSING, None, "2026-03-02 11:53:07", "2026-03-02T11:53:07", "yesterday", 1_772_463_187]
)
def test_a_time_without_its_zone_is_not_guessed(time: Any) -> None:
    event = read(APPROVED, (("occurred_at",), time))

    assert (event.kind, event.occurred_at) == (Kind.APPROVED, None)


def test_a_cancelled_subscription_touches_no_order_whatever_stands_in_the_body() -> None:
    event = read(CANCELLED_CLUB, (("order_id",), "2002"), (("amount",), "59.90"), (("currency",), "nonsense"))

    assert event == read(CANCELLED_CLUB)
    assert (event.order_id, event.amount, event.currency, event.subscription_id) == (None, None, None, "sub-88")


@pytest.mark.parametrize("value", [MISSING, None, ""])
def test_a_cancelled_subscription_names_itself(value: Any) -> None:
    assert error_of(CANCELLED_CLUB, (("subscription_id",), value)).path == "subscription_id"


def test_a_renewal_is_a_sale_of_its_own() -> None:
    trial, renewal = read("own_trial.json"), read("own_renewed.json")

    assert (trial.kind, renewal.kind) == (Kind.TRIAL_STARTED, Kind.RENEWED)
    assert trial.order_id != renewal.order_id
    assert trial.subscription_id == renewal.subscription_id == "sub-88"


def test_an_upsell_names_the_order_it_belongs_to() -> None:
    event = read("own_approved_upsell.json")

    assert (event.order_id, event.parent_order_id) == ("1042-1", "1042")


def test_the_price_of_a_line_is_of_the_whole_line() -> None:
    cushions = read(APPROVED).items[1]

    assert (cushions.quantity, str(cushions.price)) == (4, "234.56")


@pytest.mark.parametrize("items", [MISSING, [], [[]], {}])
def test_an_own_order_without_lines_is_still_a_sale(items: Any) -> None:
    event = read(APPROVED, (("items",), items))

    assert (event.kind, event.items, event.product_id) == (Kind.APPROVED, (), None)


def test_the_buyer_and_the_address_are_kept_apart_from_tracking() -> None:
    event = read(
        APPROVED, (("tracking", "email"), "caio.prado@example.com"), (("tracking", "note"), "caio@example.com")
    )

    assert event.tracking == {
        "sck": "htc0a1b2c3d4e5f6g7h8i9jklmn",
        "utm_source": "instagram",
        "utm_campaign": "Inverno",
    }
    assert hash_person(event.buyer)["ph"] == [hash_phone("+5555996120077")]


def test_the_country_of_the_buyer_is_that_of_the_phone() -> None:
    assert hash_person(read("own_approved_abroad.json").buyer)["ph"] == [hash_phone("+81 3-5555-0100")]

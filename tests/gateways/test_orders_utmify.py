"""Utmify's schema, as its many senders write it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from apps.core.identity import hash_person, hash_phone
from apps.gateways.contract import contract_of
from apps.gateways.events import Kind
from apps.gateways.registry import ADAPTERS
from tests.gateways.samples import MISSING, sample_named, with_value
from tests.gateways.test_orders import error_of, read

PAID = "utmify_paid_pix.json"
DOLLARS = "utmify_paid_card_dollars.json"
SPARSE = "utmify_waiting_payment_boleto_sparse.json"
TOTAL = ("commission", "totalPriceInCents")


@pytest.mark.parametrize(
    ("cents", "amount"),
    [
        (9_713, "97.13"),
        ("9713", "97.13"),
        (9_713.0, "97.13"),
        (1, "0.01"),
        (0, "0.00"),
        (1_989.9999999999998, "19.90"),
        ("1989.9999999999998", "19.90"),
        (1_998.0000000000002, "19.98"),
        (100_000_000_000, "1000000000.00"),
    ],
)
def test_cents_are_exact_and_the_noise_of_floating_point_is_no_cent(cents: Any, amount: str) -> None:
    assert str(read(PAID, (TOTAL, cents)).amount) == amount


@pytest.mark.parametrize(
    "cents", [97.13, "97.13", 9_713.5, 1_989.99, -1, "R$ 97", "97,13", None, "", True, [], {}, 10**12]
)
def test_a_total_that_is_no_whole_number_of_cents_is_an_error(cents: Any) -> None:
    assert error_of(PAID, (TOTAL, cents)).path == "commission.totalPriceInCents"


def test_the_amount_is_the_total_and_never_a_share_or_the_sum_of_the_lines() -> None:
    event = read(PAID)

    assert [str(event.amount), str(event.net_amount), str(event.gateway_fee)] == ["97.13", "93.22", "3.91"]
    assert [str(item.price) for item in event.items] == ["87.13"]


@pytest.mark.parametrize("name", ["gatewayFeeInCents", "userCommissionInCents"])
def test_a_share_that_is_not_told_is_not_calculated(name: str) -> None:
    event = read(PAID, (("commission", name), None))

    told = {"gatewayFeeInCents": event.gateway_fee, "userCommissionInCents": event.net_amount}
    assert told[name] is None
    assert [str(value) for value in told.values() if value] == [
        "93.22" if name == "gatewayFeeInCents" else "3.91",
    ]


@pytest.mark.parametrize(
    ("currency", "read_as"),
    [("USD", "USD"), ("eur", "EUR"), ("CLP", "CLP"), (MISSING, "BRL"), (None, "BRL"), ("", "BRL")],
)
def test_a_currency_that_is_left_out_is_the_real(currency: Any, read_as: str) -> None:
    event = read(DOLLARS, (("commission", "currency"), currency))

    assert (event.currency, str(event.amount)) == (read_as, "110.31")


@pytest.mark.parametrize("currency", ["US$", "REAL", 986, True, ["BRL"]])
def test_a_currency_that_is_none_is_an_error(currency: Any) -> None:
    assert error_of(DOLLARS, (("commission", "currency"), currency)).path == "commission.currency"


@pytest.mark.parametrize(
    ("flag", "is_test"),
    [(True, True), ("true", True), (1, True), (False, False), ("0", False), (None, False), (MISSING, False)],
)
def test_a_test_is_what_says_so(flag: Any, is_test: bool) -> None:
    assert read("utmify_paid_test.json", (("isTest",), flag)).is_test is is_test


@pytest.mark.parametrize("flag", ["yes", "sim", 2, 0.0, ["x"], {"x": 1}])
def test_an_unreadable_test_flag_is_an_error_and_no_sale(flag: Any) -> None:
    assert error_of("utmify_paid_test.json", (("isTest",), flag)).path.split(".")[0] == "isTest"


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("utmify_waiting_payment_pix.json", datetime(2026, 3, 2, 14, 35, 13, tzinfo=UTC)),
        (PAID, datetime(2026, 3, 2, 14, 43, 37, tzinfo=UTC)),
        ("utmify_refunded.json", datetime(2026, 3, 6, 1, 44, 39, tzinfo=UTC)),
        ("utmify_chargedback.json", datetime(2026, 3, 21, 9, tzinfo=UTC)),
        ("utmify_refused.json", None),
    ],
)
def test_each_word_has_its_own_time_in_utc(name: str, at: datetime | None) -> None:
    assert read(name).occurred_at == at


@pytest.mark.parametrize(
    ("name", "field"),
    [(PAID, "approvedDate"), ("utmify_refunded.json", "refundedAt"), ("utmify_chargedback.json", "refundedAt")],
)
@pytest.mark.parametrize("time", [MISSING, None, "", "02/03/2026 14:43", "2026-13-01 00:00:00", 1_772_463_190])
def test_a_time_that_is_not_there_is_not_taken_from_another_event(name: str, field: str, time: Any) -> None:
    event = read(name, ((field,), time))

    assert (event.occurred_at, event.order_id) == (None, "CV-90031")


def test_a_time_that_names_its_zone_is_read_by_it() -> None:
    assert read(PAID, (("approvedDate",), "2026-03-02T11:43:37-03:00")).occurred_at == read(PAID).occurred_at


@pytest.mark.parametrize(
    ("written", "method"),
    [
        ("credit_card", "card"),
        ("pix", "pix"),
        ("boleto", "boleto"),
        ("paypal", "other"),
        ("free_price", "other"),
        ("picpay", "other"),
    ],
)
def test_a_method_that_is_not_known_is_other(written: str, method: str) -> None:
    assert read(PAID, (("paymentMethod",), written)).payment_method == method


def test_a_line_costs_its_quantity_times_the_price_of_one() -> None:
    shirts = read(DOLLARS).items[0]

    assert (shirts.quantity, str(shirts.price)) == (2, "70.30")
    assert [(item.quantity, str(item.price)) for item in read(DOLLARS, (("products", 0, "quantity"), None)).items] == [
        (1, "35.15"),
        (1, "40.01"),
    ]


@pytest.mark.parametrize("products", [MISSING, None, [], {}, [[]], [{}]])
def test_an_order_without_lines_is_still_a_sale(products: Any) -> None:
    event = read(PAID, (("products",), products))

    assert (event.kind, event.items, event.product_id, event.offer_id) == (Kind.APPROVED, (), None, None)


def test_a_line_without_an_id_keeps_its_name() -> None:
    event = read(PAID, (("products", 0, "id"), None))

    assert (event.product_id, event.product_name, event.items[0].product_id) == (None, "Curso Bolo no Pote", "")


def test_a_brazilian_phone_gets_its_country_also_where_the_area_code_is_55() -> None:
    assert hash_person(read(PAID).buyer)["ph"] == [hash_phone("+55 55 99612-0098")]
    assert hash_person(read(DOLLARS).buyer)["ph"] == [hash_phone("+1 202-555-0143")]


@pytest.mark.parametrize(("name", "lost"), [("email", {"em"}), ("phone", {"ph", "ph_e164", "ph_other"}), ("ip", set())])
def test_words_in_place_of_what_is_not_known_of_the_buyer_hold_no_sale_back(name: str, lost: set[str]) -> None:
    known, unknown = read(PAID), read(PAID, (("customer", name), "não informado"))

    assert unknown.kind is Kind.APPROVED
    assert set(hash_person(known.buyer)) - set(hash_person(unknown.buyer)) == lost


def test_tracking_is_what_was_carried_without_people() -> None:
    carried = {
        "sck": "htc1",
        "utm_source": None,
        "fbclid": "IwAR0",
        "email": "x@example.com",
        "city": "Bauru",
        "cpf": "00000000191",
    }

    assert read(PAID, (("trackingParameters",), carried)).tracking == {
        "sck": "htc1",
        "fbclid": "IwAR0",
        "city": "Bauru",
    }
    assert read(SPARSE).tracking == {}


def test_fields_seen_in_the_wild_are_no_news_and_others_are() -> None:
    contract = contract_of(ADAPTERS["orders"])
    wild = sample_named("orders", PAID).document | {"paidAt": "2026-03-02 14:43:37"}
    wild = with_value(wild, ("customer", "fbp"), "fb.1.1")
    wild = with_value(wild, ("trackingParameters", "a_name_of_the_sellers"), "x")

    assert contract.new_fields(wild) == []
    assert contract.new_fields(with_value(wild, ("commission", "feeInCents"), 1)) == ["commission.feeInCents"]

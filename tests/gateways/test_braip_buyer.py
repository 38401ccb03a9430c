"""When a Braip sale happened, who bought, and which click brought them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from apps.core.identity import hash_person, hash_phone
from apps.gateways.events import Kind
from tests.gateways.samples import MISSING
from tests.gateways.test_braip import PAID, PENDING, REFUND, core_of, error_of, read

# --- When ---


def test_a_sale_happened_when_it_was_paid_and_everything_else_when_it_was_told() -> None:
    assert read(PENDING).occurred_at == datetime(2026, 3, 3, 1, 41, 9, tzinfo=UTC)
    assert read(PAID).occurred_at == datetime(2026, 3, 3, 11, 15, 30, tzinfo=UTC)
    assert read(REFUND).occurred_at == datetime(2026, 3, 9, 20, 20, tzinfo=UTC)
    assert read("status_alterado_chargeback.json").occurred_at == datetime(2026, 4, 19, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize("paid", [None, "", MISSING, "03/03/2026 08:15", 0, []])
def test_a_sale_without_a_payment_date_happened_when_it_was_told(paid: Any) -> None:
    event = read(PAID, ("trans_payment_date", paid))

    assert (event.kind, event.occurred_at) == (Kind.APPROVED, datetime(2026, 3, 3, 11, 15, 31, tzinfo=UTC))


@pytest.mark.parametrize("told", [None, MISSING, "0000-00-00 00:00:00", 5])
def test_a_refund_without_a_time_is_not_dated_at_its_sale(told: Any) -> None:
    event = read(REFUND, ("trans_updatedate", told))

    assert (event.kind, event.occurred_at) == (Kind.REFUNDED, None)


# --- Who bought ---


@pytest.mark.parametrize(
    ("number", "whole"),
    [
        ("55 55991472036", "+5555991472036"),  # area code 55 is not the country's
        ("55 5535121234", "+555535121234"),
        ("55991472036", "+5555991472036"),  # without the country's code
        ("55 11988887777", "+5511988887777"),
        ("11988887777", "+5511988887777"),
        ("5511988887777", "+5511988887777"),
        (11988887777, "+5511988887777"),
        ("351 912345678", "+351912345678"),
        ("+55 55991472036", "+5555991472036"),
    ],
)
def test_a_phone_keeps_its_area_code(number: Any, whole: str) -> None:
    assert hash_person(read(PAID, ("client_cel", number)).buyer)["ph"] == [hash_phone(whole)]


@pytest.mark.parametrize("number", ["55 904485392", "55 991472036", "55 35121234", "00000000000", "", None])
def test_a_phone_without_an_area_code_is_nobodys(number: Any) -> None:
    assert "ph" not in hash_person(read(PAID, ("client_cel", number)).buyer)


def test_the_buyers_document_is_not_even_read() -> None:
    assert read(PAID).buyer.document is None


@pytest.mark.parametrize("meta", [[], {}, "", None, MISSING])
def test_a_sale_without_tracking_is_a_sale(meta: Any) -> None:
    event = read(PAID, ("meta", meta))

    assert event.tracking == {}
    assert core_of(event) == core_of(read(PAID))


def test_tracking_is_whatever_was_on_the_link_whole_and_as_it_was_written() -> None:
    fbclid = "IwZXh0bgNhZW0B" * 20 + "_aem_Zz-9"
    meta = {"src": "", "sck": "htcX", "fbclid": fbclid, "fbc": "fb.1.2.Ab", "email": "ana@example.com", "split": 12}

    assert read(PAID, ("meta", meta)).tracking == {"sck": "htcX", "fbclid": fbclid, "fbc": "fb.1.2.Ab", "split": "12"}


def test_a_cart_has_a_key_of_its_own_and_no_amount() -> None:
    event = read("abandono.json")

    assert (event.kind, event.order_id, event.amount, event.currency) == (
        Kind.ABANDONED_CHECKOUT,
        "aba9k3f7w",
        None,
        None,
    )
    assert error_of("abandono.json", ("abandonment_key", None)) == "abandonment_key"

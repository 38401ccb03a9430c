"""Single values: what each kind takes, and that nothing else gets through."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.gateways import scalars
from apps.gateways.currencies import CURRENCIES

NEVER: tuple[Any, ...] = (
    None,
    True,
    False,
    [],
    {},
    ["1"],
    {"a": 1},
    "",
    " ",
    "abc",
    "\0",
    b"1",
    1.5,
    object(),
)


@pytest.mark.parametrize(
    ("value", "money"),
    [
        (1497, "1497"),
        (0, "0"),
        (Decimal("496.90"), "496.90"),
        ("97.00", "97.00"),
        ("0", "0"),
        ("007.5", "7.5"),
        (Decimal("1E+2"), "100"),
        (Decimal("-0.0"), "0.0"),
        (Decimal("1E-9"), "1E-9"),
        (10**12 - 1, "999999999999"),
        (Decimal("999999999999.999999"), "999999999999.999999"),
        (Decimal("96.99000000000001"), "96.99000000000001"),
    ],
)
def test_money_is_read_exactly(value: Any, money: str) -> None:
    assert str(scalars.MONEY.convert(value)) == money


@pytest.mark.parametrize(
    "value",
    [
        *NEVER,
        -1,
        "-0.01",
        Decimal("-0.01"),
        10**12,
        "1000000000000",
        Decimal("1E+12"),
        10**4_000,
        Decimal("1E+400"),
        Decimal("1E-400"),
        Decimal("1234567890.123456789"),
        "1.234,56",
        "1,5",
        "R$ 10",
        "1e3",
        "NaN",
        "Infinity",
        "+5",
        "1_000",
        " 5",
        "5 ",
        "٣",
        "5.",
        ".5",
        "9" * 19,
        "0." + "1" * 19,
        Decimal("Infinity"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_money_refuses_everything_else(value: Any) -> None:
    assert scalars.MONEY.convert(value) is None


@pytest.mark.parametrize(
    ("value", "count"), [(0, 0), (12, 12), ("12", 12), (Decimal("12.0"), 12), (2**31 - 1, 2**31 - 1)]
)
def test_a_count_is_read(value: Any, count: int) -> None:
    assert scalars.COUNT.convert(value) == count


@pytest.mark.parametrize(
    "value",
    [*NEVER, -1, 2**31, 10**30, Decimal("1.5"), Decimal("1E+400"), "1.5", "-1", "1e3", "12x"],
    ids=repr,
)
def test_a_count_refuses_everything_else(value: Any) -> None:
    assert scalars.COUNT.convert(value) is None


@pytest.mark.parametrize(("value", "code"), [("BRL", "BRL"), ("brl", "BRL"), ("Usd", "USD")])
def test_a_currency_is_read(value: str, code: str) -> None:
    assert scalars.CURRENCY.convert(value) == code


@pytest.mark.parametrize("value", [*NEVER, "BRLL", "BR", "XXX", "XAU", "BTC", " BRL", "R$", 986, "ſek"], ids=repr)
def test_a_currency_refuses_everything_else(value: Any) -> None:
    assert scalars.CURRENCY.convert(value) is None


def test_the_currencies_are_alphabetic_codes_and_hold_those_of_the_market() -> None:
    assert {
        "BRL",
        "USD",
        "EUR",
        "ARS",
        "MXN",
        "COP",
        "CLP",
        "PYG",
        "UYU",
        "PEN",
        "BOB",
        "JPY",
        "KWD",
    } <= CURRENCIES
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)
    assert 150 < len(CURRENCIES) < 165


NO_FLAGS = [*(value for value in NEVER if not isinstance(value, bool)), 2, -1, "yes", "2", Decimal(1), Decimal("1.0")]


@pytest.mark.parametrize("value", NO_FLAGS, ids=repr)
def test_nothing_else_is_a_flag(value: Any) -> None:
    assert scalars.FLAG.convert(value) is None


@pytest.mark.parametrize(
    ("value", "flag"),
    [(True, True), (1, True), ("1", True), ("TRUE", True), (False, False), (0, False), ("0", False), ("false", False)],
)
def test_a_flag_in_each_spelling(value: Any, flag: bool) -> None:
    assert scalars.FLAG.convert(value) is flag


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02 11:53", "2026-03-02T14:53:00+00:00"),
        ("2026-03-02 11:53:07", "2026-03-02T14:53:07+00:00"),
        ("2026-03-02T11:53:07.25", "2026-03-02T14:53:07.250000+00:00"),
        ("2026-03-02T11:53:07Z", "2026-03-02T11:53:07+00:00"),
        ("2026-03-02 11:53:07+02:00", "2026-03-02T09:53:07+00:00"),
    ],
)
def test_a_local_time_is_of_its_zone_unless_it_names_one(text: str, moment: str) -> None:
    read = scalars.local_time(scalars.BRASILIA).convert(text)

    assert read == datetime.fromisoformat(moment)
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "value", [*NEVER, "2026-03-02", "02/03/2026 11:53", "2026-13-02 11:53", "2026-03-02 25:00", "1969-01-01 00:00"]
)
def test_what_is_no_local_time(value: Any) -> None:
    assert scalars.local_time(scalars.BRASILIA).convert(value) is None


@pytest.mark.parametrize(
    "written",
    [
        "2023-06-01T12:00:42.250Z",
        "2023-06-01T09:00:42.250-03:00",
        "2023-06-01 12:00:42.25+0000",
        "2023-06-01T14:00:42.25+02:00",
    ],
)
def test_a_written_time_with_a_zone_is_read(written: str) -> None:
    assert scalars.INSTANT.convert(written) == datetime(2023, 6, 1, 12, 0, 42, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        *NEVER,
        "2023-06-01T12:00:42",
        "2023-06-01",
        "31/02/2026",
        "2026-02-31T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "2100-01-01T00:00:00Z",
        "9999-12-31T23:59:59-03:00",
        "0001-01-01T00:00:00+14:00",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:00:00+99:99",
        "2026-01-01T::::::Z",
        "1772460729",
        1_772_460_729,
    ],
    ids=repr,
)
def test_any_other_time_is_refused(value: Any) -> None:
    assert scalars.INSTANT.convert(value) is None


def test_seconds_and_milliseconds_end_before_2100() -> None:
    assert scalars.EPOCH_S.convert(4_102_444_799) == datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert scalars.EPOCH_S.convert(4_102_444_800) is None
    assert scalars.EPOCH_MS.convert(4_102_444_799_999) == datetime(2099, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
    assert scalars.EPOCH_MS.convert(4_102_444_800_000) is None

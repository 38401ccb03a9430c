"""Brazilian numbers as they are written, by area code; the traps of area code 55; the ninth digit; foreign numbers."""

import pytest

from apps.core.identity.phone import normalise_phone, other_form

SECOND_DIGITS = {
    "1": "123456789",
    "2": "12478",
    "3": "1234578",
    "4": "123456789",
    "5": "1345",
    "6": "123456789",
    "7": "134579",
    "8": "123456789",
    "9": "123456789",
}
AREA_CODES = [first + second for first, seconds in SECOND_DIGITS.items() for second in seconds]
UNUSED_AREA_CODES = sorted({str(code) for code in range(10, 100)} - set(AREA_CODES))

WRITTEN = [
    "{ddd}{number}",
    "({ddd}) {number}",
    "0{ddd}{number}",
    "(0{ddd}) {number}",
    "0xx{ddd} {number}",
    "+55{ddd}{number}",
    "+55 ({ddd}) {number}",
    "+55 (0{ddd}) {number}",
    "+55 0{ddd}{number}",
    "55{ddd}{number}",
    "55 0{ddd} {number}",
    "0055{ddd}{number}",
    "00 55 0{ddd} {number}",
    "55.{ddd}.{number}",
]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("number", ["987654321", "32221234", "87654321"], ids=["mobile", "landline", "old mobile"])
def test_every_area_code_is_read_in_every_written_form(written: str, number: str) -> None:
    read = {ddd: normalise_phone(written.format(ddd=ddd, number=number)) for ddd in AREA_CODES}

    assert read == {ddd: f"55{ddd}{number}" for ddd in AREA_CODES}


def test_there_are_67_area_codes() -> None:
    assert len(AREA_CODES) == 67


@pytest.mark.parametrize("ddd", UNUSED_AREA_CODES)
def test_an_area_code_not_in_use_is_refused_with_the_country_code(ddd: str) -> None:
    assert normalise_phone(f"+55 {ddd} 98765-4321") is None


@pytest.mark.parametrize("ddd", UNUSED_AREA_CODES)
def test_an_area_code_not_in_use_never_becomes_a_brazilian_number(ddd: str) -> None:
    read = normalise_phone(f"({ddd}) 98765-4321")

    assert read is None or not read.startswith("55")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("5532221234", "555532221234"),
        ("55987654321", "5555987654321"),
        ("555532221234", "555532221234"),
        ("5555987654321", "5555987654321"),
        ("551132221234", "551132221234"),
        ("5511987654321", "5511987654321"),
    ],
)
def test_length_and_not_the_first_digits_tells_the_country_code(raw: str, expected: str) -> None:
    assert normalise_phone(raw) == expected


def test_a_foreign_number_behind_a_forced_55_is_refused() -> None:
    assert normalise_phone("55 1 650 555 1212") is None
    assert normalise_phone("+55 351 912 345 678") is None


@pytest.mark.parametrize("raw", ["55 3222-1234/12", "55 3222-1234 / 3222-1235", "55 3222-1234 ramal 12"])
def test_what_follows_a_number_is_not_glued_to_it(raw: str) -> None:
    assert normalise_phone(raw) == "555532221234"


@pytest.mark.parametrize(
    ("raw", "country", "expected"),
    [
        ("650 555 1212", "US", "16505551212"),
        ("011 55 11 98765-4321", "US", "5511987654321"),
        ("+1 650 555 1212", "BR", "16505551212"),
        ("912 345 678", "PT", "351912345678"),
        ("912 345 678", " pt ", "351912345678"),
        ("00351 912 345 678", "BR", "351912345678"),
        ("0032 2 555 12 12", "BR", "3225551212"),
        ("55 1234 5678", "MX", "525512345678"),
        ("+52 (55) 1234-5678", "BR", "525512345678"),
        ("030/1234567", "DE", "49301234567"),
        ("+49 (0)30 1234567", "BR", "49301234567"),
    ],
)
def test_foreign_numbers_are_read_by_their_own_plan(raw: str, country: str, expected: str) -> None:
    assert normalise_phone(raw, country) == expected


@pytest.mark.parametrize("country", ["", "ZZ", "Brasil", "\ud800", "001"])
def test_without_a_usable_country_only_a_complete_number_is_read(country: str) -> None:
    assert normalise_phone("(11) 98765-4321", country) is None
    assert normalise_phone("+55 11 98765-4321", country) == "5511987654321"
    assert normalise_phone("5511987654321", country) == "5511987654321"


@pytest.mark.parametrize(
    "raw", ["98765-4321", "3222-1234", "+1 555", "+999 123456789", "11 0987 6543", "12345678901234567890123"]
)
def test_an_incomplete_or_impossible_number_is_refused(raw: str) -> None:
    assert normalise_phone(raw) is None


@pytest.mark.parametrize("first", "6789")
def test_a_mobile_number_has_another_form_in_every_area_code(first: str) -> None:
    old = {ddd: f"55{ddd}{first}7654321" for ddd in AREA_CODES}
    new = {ddd: f"55{ddd}9{first}7654321" for ddd in AREA_CODES}

    assert {ddd: other_form(phone) for ddd, phone in old.items()} == new
    assert {ddd: other_form(phone) for ddd, phone in new.items()} == old


@pytest.mark.parametrize(
    "phone",
    [
        "551132221234",  # a landline
        "551152221234",
        "5511952221234",  # a mobile number that never had eight digits
        "16505551212",
        "351912345678",
        "11987654321",
        "55119876543210",
        "",
        "0" * 64,
    ],
)
def test_what_is_no_brazilian_mobile_number_has_one_form(phone: str) -> None:
    assert other_form(phone) is None

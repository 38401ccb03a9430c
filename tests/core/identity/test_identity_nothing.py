"""Hashes of nothing: what software sends when it hashes before it looks whether there is a value."""

import hashlib

import pytest

from apps.core.identity import OTHER_PHONE, Person, for_meta, for_tiktok, hash_email, hash_person, hash_phone
from apps.core.identity.text import HASHES_OF_NOTHING, clean

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
NOTHINGS = [
    *("", " ", "+", "55", "+55", "nan", "NaN"),
    *("null", "Null", "NULL", "none", "None", "NONE"),
    *("undefined", "Undefined", "UNDEFINED", "n/a", "N/a", "N/A"),
]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("text", NOTHINGS)
def test_the_hash_of_nothing_is_nobodys_email_or_phone(text: str) -> None:
    digest = sha256(text)

    assert hash_email(digest) is None
    assert hash_email(f" {digest.upper()}\n") is None
    assert hash_phone(digest) is None
    assert hash_phone(digest.upper(), "PT") is None


@pytest.mark.parametrize("text", NOTHINGS)
def test_a_person_of_hashes_of_nothing_is_nobody(text: str) -> None:
    digest = sha256(text)
    everywhere = Person(
        email=digest,
        phone=digest,
        full_name=digest,
        first_name=digest,
        last_name=digest,
        city=digest,
        state=digest,
        postal_code=digest,
        country=digest,
        gender=digest,
        external_id=digest,
    )

    assert hash_person(everywhere) == {}


def test_the_empty_hash_is_among_them_and_nothing_real_is() -> None:
    assert EMPTY in HASHES_OF_NOTHING
    assert {sha256(text) for text in NOTHINGS} == HASHES_OF_NOTHING
    assert all(clean(digest) is None for digest in HASHES_OF_NOTHING)


@pytest.mark.parametrize("text", ["ana@example.com", "5511987654321", "0", "nobody"])
def test_the_hash_of_something_stays(text: str) -> None:
    digest = sha256(text)

    assert hash_person(Person(email=digest, phone=digest)) == {"em": [digest], "ph": [digest]}


def test_one_hash_of_nothing_costs_no_other_field() -> None:
    told = Person(email=EMPTY, phone="(11) 98765-4321", country="Brasil")

    assert set(hash_person(told)) == {"ph", "ph_e164", OTHER_PHONE, "country"}


def test_the_other_form_of_a_phone_is_told_to_nobody() -> None:
    identity = hash_person(Person(email="ana@example.com", phone="(11) 98765-4321"))

    assert identity[OTHER_PHONE] == [sha256("551187654321")]
    assert for_meta(identity) == {"em": [sha256("ana@example.com")], "ph": [sha256("5511987654321")]}
    assert for_tiktok(identity) == {"email": [sha256("ana@example.com")], "phone": [sha256("+5511987654321")]}


@pytest.mark.parametrize("phone", ["(11) 3222-1234", "+1 650 555 1212", sha256("5511987654321")])
def test_other_numbers_have_no_other_form(phone: str) -> None:
    identity = hash_person(Person(phone=phone))

    assert "ph" in identity
    assert OTHER_PHONE not in identity

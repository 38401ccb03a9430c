"""From a person to hashes, and from hashes to what each platform takes."""

import hashlib
from datetime import date
from typing import Any

import pytest

from apps.core.identity import (
    HashedIdentity,
    Person,
    for_meta,
    for_tiktok,
    hash_email,
    hash_person,
    hash_phone,
)

META_TEXT_KEYS = {"em", "ph", "fn", "ln", "ge", "ct", "st", "zp", "country", "external_id"}
ALREADY_HASHED = hashlib.sha256(b"somebody@example.com").hexdigest()
HOSTILE = [
    "\x00",
    "ana\x00@example.com\x00",
    "\ud800",
    "ana\udfff",
    "a" * 65_536,
    "9" * 65_536,
    "@" * 65_536,
    " " * 65_536,
    "💕👩‍👩‍👧🏽",
    "\u202e\u200f",
    "\u0301\u0301",
    "ß" * 512,
    "\ufdfa" * 512,
    "+" * 300 + "(" * 200,
    "0" * 500,
    "%s{0}' OR 1=1 --",
]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def everywhere(text: str) -> Person:
    """A person whose every text field holds this text."""
    return Person(
        email=text,
        phone=text,
        phone_country=text,
        full_name=text,
        first_name=text,
        last_name=text,
        city=text,
        state=text,
        postal_code=text,
        country=text,
        gender=text,
        document=text,
        external_id=text,
    )


@pytest.fixture
def ana() -> Person:
    return Person(
        email=" Ana@Example.com",
        phone="(11) 98765-4321",
        full_name="Ana Conceição de Souza",
        city="São Paulo",
        state="São Paulo",
        postal_code="01310-100",
        country="Brasil",
        birth_date=date(1990, 3, 5),
        gender="Feminino",
        document="000.000.001-91",
        external_id="Buyer 7",
    )


def test_a_full_person_fills_every_key(ana: Person) -> None:
    assert hash_person(ana) == {
        "em": [sha256("ana@example.com")],
        "ph": [sha256("5511987654321")],
        "fn": [sha256("ana")],
        "ln": [sha256("conceiçãodesouza")],
        "ge": [sha256("f")],
        "db": [sha256("19900305")],
        "ct": [sha256("sãopaulo"), sha256("sopaulo")],
        "st": [sha256("sp")],
        "zp": [sha256("01310100"), sha256("01310")],
        "country": [sha256("br")],
        "external_id": [sha256("buyer7")],
        "ph_e164": [sha256("+5511987654321")],
        "ph_other": [sha256("551187654321")],
    }


def test_nobody_has_no_keys() -> None:
    assert hash_person(Person()) == {}
    assert hash_person(everywhere("")) == {}
    assert hash_person(everywhere(" \t\n\u00a0\u3000")) == {}


def test_a_document_alone_identifies_nobody() -> None:
    assert hash_person(Person(document="000.000.001-91")) == {}


def test_meta_gets_its_own_keys_only(ana: Person) -> None:
    identity = hash_person(ana)

    user_data = for_meta(identity)

    assert set(user_data) == META_TEXT_KEYS | {"db"}
    assert user_data["ph"] == [sha256("5511987654321")]
    assert {"ph_e164", "ph_other"} <= set(identity)


def test_tiktok_gets_the_phone_with_its_plus(ana: Person) -> None:
    assert for_tiktok(hash_person(ana)) == {
        "email": [sha256("ana@example.com")],
        "phone": [sha256("+5511987654321")],
        "external_id": [sha256("buyer7")],
    }


@pytest.mark.parametrize("identity", [{}, {"ct": ["aa"]}])
def test_tiktok_gets_nothing_from_what_it_does_not_document(identity: HashedIdentity) -> None:
    assert for_tiktok(identity) == {}


def test_a_hash_from_elsewhere_passes_through_in_lower_case() -> None:
    identity = hash_person(everywhere(f" {ALREADY_HASHED.upper()}\n"))

    assert identity == {key: [ALREADY_HASHED] for key in META_TEXT_KEYS}


def test_tiktok_gets_no_phone_when_the_phone_came_hashed() -> None:
    identity = hash_person(Person(phone=ALREADY_HASHED))

    assert identity == {"ph": [ALREADY_HASHED]}
    assert for_tiktok(identity) == {}


def test_a_hashed_country_does_not_stop_the_state_and_code_from_being_read() -> None:
    identity = hash_person(Person(country=ALREADY_HASHED, state="Paraná", postal_code="80010-000"))

    assert identity["st"] == [sha256("pr")]
    assert identity["zp"] == [sha256("80010000"), sha256("80010")]


def test_an_md5_counts_as_missing_except_as_an_id() -> None:
    md5 = hashlib.md5(b"ana@example.com").hexdigest()

    assert hash_person(everywhere(md5)) == {"external_id": [sha256(md5)]}


@pytest.mark.parametrize("word", ["None", "NULL", "undefined", "n/a"])
def test_a_word_for_no_value_is_no_value(word: str) -> None:
    assert hash_person(everywhere(word)) == {}


@pytest.mark.parametrize(
    ("names", "first", "last"),
    [
        ({"full_name": "Maria da Silva Santos"}, "maria", "dasilvasantos"),
        ({"full_name": "  maria   SANTOS "}, "maria", "santos"),
        ({"full_name": "Maria"}, "maria", None),
        ({"full_name": "💕 Maria - Santos 💕"}, "maria", "santos"),
        ({"full_name": "Ana-Lúcia D'Ávila"}, "analúcia", "dávila"),
        ({"full_name": "Ana Paula Lima", "first_name": "Ana Paula"}, "anapaula", "lima"),
        ({"full_name": "Ana Paula", "first_name": "Ana Paula"}, "anapaula", None),
        ({"full_name": "Ana Paula Lima", "first_name": "Ana"}, "ana", "paulalima"),
        ({"full_name": "Anabela Lima", "first_name": "Ana"}, "ana", "lima"),
        ({"full_name": "Ana Paula Lima", "last_name": "Lima Souza"}, "ana", "limasouza"),
        ({"full_name": "Ana Lima", "first_name": "", "last_name": "-"}, "ana", "lima"),
        ({"full_name": "Ana Lima", "first_name": "Bia", "last_name": "Reis"}, "bia", "reis"),
        ({"first_name": "Ana"}, "ana", None),
        ({"last_name": "Lima"}, None, "lima"),
        ({"full_name": "..."}, None, None),
    ],
)
def test_names_come_from_their_own_fields_first(names: dict[str, Any], first: str | None, last: str | None) -> None:
    expected = {key: [sha256(name)] for key, name in (("fn", first), ("ln", last)) if name}

    assert hash_person(Person(**names)) == expected


def test_a_hashed_full_name_cannot_be_split() -> None:
    assert hash_person(Person(full_name=ALREADY_HASHED)) == {}


def test_the_state_is_read_in_the_light_of_the_country() -> None:
    brazilian = hash_person(Person(state="Amazonas", country="Brasil"))
    colombian = hash_person(Person(state="Amazonas", country="Colombia"))

    assert brazilian["st"] == [sha256("am")]
    assert colombian["st"] == [sha256("amazonas")]


def test_an_unknown_country_is_omitted_and_changes_nothing_else() -> None:
    assert hash_person(Person(state="SP", country="Atlântida")) == {"st": [sha256("sp")]}


def test_this_year_is_the_last_that_somebody_was_born_in() -> None:
    today = date.today()

    assert "db" in hash_person(Person(birth_date=today))
    assert hash_person(Person(birth_date=today.replace(year=today.year + 1, day=1))) == {}


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_text_neither_raises_nor_hashes_emptiness(text: str) -> None:
    identity = hash_person(everywhere(text))

    digests = [digest for key in identity for digest in identity[key]]
    assert sha256("") not in digests
    assert all(len(digest) == 64 for digest in digests)
    assert all(identity.values())


@pytest.mark.parametrize("text", ["\x00", "\ud800", "ana\udfff", "a" * 513, " " * 65_536, "\u202e\u200f", "\u0301"])
def test_text_without_a_usable_character_gives_nothing(text: str) -> None:
    identity = hash_person(everywhere(text))

    identity.pop("external_id", None)
    assert identity == {}


def test_invisible_marks_change_no_hash() -> None:
    copied = Person(
        email="\u200bana@example.com\u202c", first_name="\ufeffAna\ufe0f", phone="\u202a(11) 98765-4321\u202c"
    )
    typed = Person(email="ana@example.com", first_name="Ana", phone="(11) 98765-4321")

    assert hash_person(copied) == hash_person(typed)


def test_email_and_phone_can_be_hashed_alone() -> None:
    assert hash_email(" Ana@Example.com ") == sha256("ana@example.com")
    assert hash_phone("(11) 98765-4321") == sha256("5511987654321")
    assert hash_phone("912 345 678", "PT") == sha256("351912345678")


def test_a_hashed_email_or_phone_passes_through() -> None:
    assert hash_email(ALREADY_HASHED.upper()) == ALREADY_HASHED
    assert hash_phone(ALREADY_HASHED.upper()) == ALREADY_HASHED


@pytest.mark.parametrize("raw", ["", "  ", "ana", "None", "98765-4321", "\ud800", "098f6bcd4621d373cade4e832627b4f6"])
def test_an_unusable_email_or_phone_is_none(raw: str) -> None:
    assert hash_email(raw) is None
    assert hash_phone(raw) is None


def test_a_person_shows_nothing_of_itself_in_logs(ana: Person) -> None:
    shown = f"{ana} {ana!r} {[ana]}".lower()

    for secret in ("ana@", "98765", "conceição", "paulo", "01310", "1990", "000.000", "buyer"):
        assert secret not in shown


def test_a_person_cannot_be_changed(ana: Person) -> None:
    with pytest.raises(AttributeError):
        ana.email = "other@example.com"  # type: ignore[misc]

    assert ana.email == " Ana@Example.com"

"""Ours against Meta's Python library, input by input.

Where the two differ on purpose, DIFFERENCES says why. A difference that is not listed fails, and so does a
listed one that has ceased to be. The library is a development dependency: the application never imports it.
"""

from collections.abc import Callable
from datetime import date

import pytest
from facebook_business.adobjects.serverside.gender import Gender
from facebook_business.adobjects.serverside.normalize import Normalize
from facebook_business.adobjects.serverside.user_data import UserData

from apps.core.identity import Person, for_meta, hash_person
from apps.core.identity.normalise import (
    normalise_birth_date,
    normalise_email,
    normalise_gender,
    normalise_name,
)
from apps.core.identity.phone import normalise_phone
from apps.core.identity.places import (
    normalise_city,
    normalise_country,
    normalise_postal_code,
    normalise_state,
)

SHA256 = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
MD5 = "098f6bcd4621d373cade4e832627b4f6"

OURS: dict[str, Callable[[str], str | None]] = {
    "em": normalise_email,
    "ph": normalise_phone,
    "fn": normalise_name,
    "ln": normalise_name,
    "ge": normalise_gender,
    "db": lambda raw: normalise_birth_date(date.fromisoformat(raw)),
    "ct": lambda raw: next(iter(normalise_city(raw)), None),
    "st": normalise_state,
    "zp": lambda raw: next(iter(normalise_postal_code(raw)), None),
    "country": normalise_country,
}

AGREED: dict[str, list[str]] = {
    "em": [
        "ana@example.com",
        " Ana.Lima@EXAMPLE.com.br\n",
        "ana+pix@example.com",
        "joão@example.com",
        SHA256,
        "",
    ],
    "ph": ["+55 (11) 98765-4321", "5511987654321", "005511987654321", "+1 650-555-1212", "+351 912 345 678"],
    "fn": ["Ana", " ÂNGELA ", "정", "João", SHA256.upper(), ""],
    "ln": ["Silva", "Müller"],
    "ge": ["f", "M", ""],
    "db": ["19970216"],
    "ct": ["Recife", "New York", "St. Louis", "São Paulo", "Ji-Paraná", "Feira de Santana (BA)", SHA256, ""],
    "st": ["SP", "rs", "CA", "Lisboa", "Île-de-France", "Sta. Fe"],
    "zp": ["94035", "94035-1234", "01310100", "M1 1AE", SHA256, ""],
    "country": ["BR", "us", " pt ", "b.r.", SHA256, ""],
}

RAISES = "theirs raises, which would lose the whole request; ours omits the key"
EMPTY_HASH = "theirs hashes the empty string; ours omits the key"
NOT_SHA256 = "theirs takes an MD5 for a hash; Meta documents SHA-256 only"
COMPOSED = "theirs leaves letters decomposed, so that one name has two hashes"
INVISIBLE = "theirs keeps marks that nobody can see"
LIST_OF_EMAILS = "theirs hashes text that is no address"
COUNTRY_CODE = "theirs adds no country code, so that the number reads as another country's"
TRUNK_ZERO = "theirs keeps the trunk zero behind the country code"
READABLE = "theirs raises on a number that can be read"
NO_SUCH_NUMBER = "theirs takes any digits; ours wants a number that can exist"
PUNCTUATION = "theirs keeps spaces, punctuation or symbols, which Meta's page wants out"
NO_VALUE = "theirs hashes the word for no value"
WORDS = "theirs knows no words, ours reads English and Portuguese"
DATES = "theirs does not read dates"
YEARS = "theirs takes any year"
CODES = "theirs knows no state names"
DASH = "theirs cuts every code at its dash, which Meta's page wants for the USA only"

DIFFERENCES: dict[tuple[str, str], str] = {
    ("em", "joa\u0303o@example.com"): COMPOSED,
    ("em", "ana lima@example.com"): LIST_OF_EMAILS,
    ("em", "ana@example.com,bia@example.com"): LIST_OF_EMAILS,
    ("em", "ana@example.com."): LIST_OF_EMAILS,
    ("em", "ana@example"): RAISES,
    ("em", "ana"): RAISES,
    ("em", "   "): RAISES,
    ("em", "\u200bana@example.com"): INVISIBLE,
    ("em", MD5): NOT_SHA256,
    ("ph", "(11) 98765-4321"): COUNTRY_CODE,
    ("ph", "011987654321"): COUNTRY_CODE,
    ("ph", "(55) 3222-1234"): COUNTRY_CODE,
    ("ph", "+55 (011) 98765-4321"): TRUNK_ZERO,
    ("ph", "55.11.98765.4321"): READABLE,
    ("ph", "11 98765-4321 ramal 12"): READABLE,
    ("ph", "+55 11 98765-4321 / 2"): READABLE,
    ("ph", "98765-4321"): NO_SUCH_NUMBER,
    ("ph", "+11987654321"): NO_SUCH_NUMBER,
    ("ph", "0"): RAISES,
    ("ph", "   "): RAISES,
    ("ph", MD5): NOT_SHA256,
    ("fn", "Joa\u0303o"): COMPOSED,
    ("fn", "Ana Paula"): PUNCTUATION,
    ("fn", "Jean-Luc"): PUNCTUATION,
    ("fn", "Ana 💕"): PUNCTUATION,
    ("fn", "null"): NO_VALUE,
    ("fn", "   "): EMPTY_HASH,
    ("fn", "-"): PUNCTUATION,
    ("fn", MD5): NOT_SHA256,
    ("ln", "da Silva"): PUNCTUATION,
    ("ln", "D'Ávila"): PUNCTUATION,
    ("ln", "D´Ávila"): PUNCTUATION,
    ("ln", "Souza-Lima"): PUNCTUATION,
    ("ln", "Gonçalves Jr."): PUNCTUATION,
    ("ge", "Feminino"): WORDS,
    ("ge", "masculino"): WORDS,
    ("ge", "female"): WORDS,
    ("ge", "outro"): WORDS,
    ("ge", "   "): EMPTY_HASH,
    ("db", "1997-02-16"): DATES,
    ("db", "18991231"): YEARS,
    ("db", "99991231"): YEARS,
    ("ct", "Sa\u0303o Paulo"): COMPOSED,
    ("ct", "Sant'Ana"): PUNCTUATION,
    ("ct", "Itu / SP"): PUNCTUATION,
    ("ct", "123"): EMPTY_HASH,
    ("ct", MD5): NOT_SHA256,
    ("st", "São Paulo"): CODES,
    ("st", "Minas Gerais"): CODES,
    ("st", "California"): CODES,
    ("st", "12"): EMPTY_HASH,
    ("zp", "01310-100"): DASH,
    ("zp", "01.310-100"): DASH,
    ("zp", "SW1A-1AA"): DASH,
    ("zp", "1000-205"): DASH,
    ("zp", "-"): EMPTY_HASH,
    ("zp", "   "): EMPTY_HASH,
    ("zp", MD5): NOT_SHA256,
    ("country", "BRA"): WORDS,
    ("country", "Brasil"): WORDS,
    ("country", "United States"): WORDS,
    ("country", "Alemanha"): WORDS,
    ("country", "uk"): WORDS,
    ("country", "zz"): RAISES,
}

PAIRS = [*((field, raw) for field, inputs in AGREED.items() for raw in inputs), *DIFFERENCES]


def ask_theirs(field: str, raw: str) -> str | None:
    """Their clear form, or the name of the exception they raise."""
    try:
        return Normalize.normalize_field_skip_hashing(field, raw)  # type: ignore[no-any-return]
    except (TypeError, ValueError) as refusal:
        return type(refusal).__name__


@pytest.mark.parametrize(("field", "raw"), PAIRS, ids=[f"{field}-{ascii(raw)[:40]}" for field, raw in PAIRS])
def test_ours_differs_from_theirs_exactly_where_listed(field: str, raw: str) -> None:
    ours, theirs = OURS[field](raw), ask_theirs(field, raw)

    differs = ours != theirs
    assert differs == ((field, raw) in DIFFERENCES), f"ours {ours!r}, theirs {theirs!r}"


@pytest.mark.parametrize(("field", "raw"), [key for key, reason in DIFFERENCES.items() if reason is RAISES], ids=ascii)
def test_where_theirs_raises_ours_omits(field: str, raw: str) -> None:
    assert ask_theirs(field, raw) in ("TypeError", "ValueError")
    assert OURS[field](raw) is None


@pytest.mark.parametrize(
    ("field", "raw"), [key for key, reason in DIFFERENCES.items() if reason is EMPTY_HASH], ids=ascii
)
def test_where_theirs_hashes_nothing_ours_omits(field: str, raw: str) -> None:
    assert ask_theirs(field, raw) == ""
    assert OURS[field](raw) is None


def test_no_input_is_tried_twice() -> None:
    assert len(PAIRS) == len(set(PAIRS))


def test_a_plain_person_has_the_same_user_data_but_for_the_external_id() -> None:
    person = Person(
        email="Ana@Example.com",
        phone="+55 81 98765-4321",
        first_name="Ana",
        last_name="Silva",
        city="Recife",
        state="PE",
        postal_code="50030230",
        country="BR",
        birth_date=date(1990, 3, 5),
        gender="f",
        external_id="buyer7",
    )
    theirs = UserData(
        emails=["Ana@Example.com"],
        phones=["+55 81 98765-4321"],
        first_names=["Ana"],
        last_names=["Silva"],
        cities=["Recife"],
        states=["PE"],
        zip_codes=["50030230"],
        country_codes=["BR"],
        dates_of_birth=["19900305"],
        genders=[Gender.FEMALE],
        external_ids=["buyer7"],
    ).normalize()

    ours = for_meta(hash_person(person))

    # They send the external id in clear, and know one form of a CEP.
    assert theirs.pop("external_id") == ["buyer7"]
    assert len(ours.pop("external_id")) == 1
    assert ours["zp"][:1] == theirs.pop("zp")
    assert {key: digests for key, digests in ours.items() if key != "zp"} == theirs

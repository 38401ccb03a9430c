"""What holds for any text at all, which Hypothesis tries to refute (with the same texts on every run)."""

import hashlib
import re
import unicodedata
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.identity import Person, hash_person
from apps.core.identity.normalise import (
    normalise_birth_date,
    normalise_email,
    normalise_external_id,
    normalise_gender,
    normalise_name,
    split_full_name,
)
from apps.core.identity.phone import normalise_phone, other_form
from apps.core.identity.places import (
    normalise_city,
    normalise_country,
    normalise_postal_code,
    normalise_state,
)

searched = settings(deadline=None, derandomize=True, max_examples=300)

EMPTY = hashlib.sha256(b"").hexdigest()
HEX_DIGEST = re.compile(r"[0-9a-f]{64}")

# st.text() leaves lone surrogates out, and seldom writes what looks like an address or a number.
any_text = st.text(st.characters(categories=None), max_size=40) | st.text(max_size=600)
latin_text = st.text("abcáãçéíñõüßÅİǰΣς '’´`.-_,/()\u0301\u0303\u200d\ufe0f💕12", max_size=30)
phone_text = st.text("0123456789+-() ./x\u2011ramal", max_size=30)
email_text = st.emails() | st.from_regex(r"[a-zã.+ ]{1,6}@[a-z@., ]{1,8}\.[a-z.]{1,4}", fullmatch=True)
written = any_text | latin_text | phone_text | email_text
countries = st.none() | st.sampled_from(["br", "us", "pt", "gb", "mx"])

area_codes = st.sampled_from(["11", "21", "31", "55", "55", "71", "99"])
subscribers = st.from_regex(r"9[0-9]{8}|[2-5][0-9]{7}", fullmatch=True)
prefixes = st.sampled_from(["", "0", "+55", "55", "0055", "+55 0", "55 0", "+55 (0", "0xx", "+55 (0xx", "("])
separators = st.sampled_from(["", " ", "-", ".", ") ", " - "])


def assert_is_text_in_final_form(form: str | None) -> None:
    if form is not None:
        assert form
        assert form == unicodedata.normalize("NFC", form).strip().lower()


@searched
@given(written)
def test_normalising_again_changes_nothing(raw: str) -> None:
    for normalise in (
        normalise_email,
        normalise_gender,
        normalise_country,
        normalise_external_id,
        normalise_name,
    ):
        form = normalise(raw)

        assert_is_text_in_final_form(form)
        assert form is None or normalise(form) == form


@searched
@given(written, countries)
def test_normalising_a_place_again_changes_nothing(raw: str, country: str | None) -> None:
    state = normalise_state(raw, country)
    cities = normalise_city(raw)
    codes = normalise_postal_code(raw, country)

    assert state is None or normalise_state(state, country) == state
    assert not cities or normalise_city(cities[0]) == cities
    assert not codes or normalise_postal_code(codes[0], country)[0] == codes[0]
    for form in (state, *cities, *codes):
        assert_is_text_in_final_form(form)


@searched
@given(written, st.sampled_from(["BR", "US", "PT", "MX", "IT", "ZZ"]))
def test_normalising_a_phone_again_changes_nothing(raw: str, country: str) -> None:
    phone = normalise_phone(raw, country)

    assert phone is None or re.fullmatch(r"[1-9][0-9]{6,14}|[0-9a-f]{64}", phone)
    assert phone is None or len(phone) == 64 or normalise_phone(f"+{phone}", country) == phone


@searched
@given(prefixes, area_codes, separators, subscribers)
def test_the_country_code_is_neither_forgotten_nor_doubled(
    prefix: str, area_code: str, separator: str, subscriber: str
) -> None:
    complete = f"55{area_code}{subscriber}"

    assert normalise_phone(f"{prefix}{area_code}{separator}{subscriber}") == complete
    assert normalise_phone(complete) == complete


@searched
@given(phone_text | subscribers.map("11{}".format) | subscribers.map("55 {}".format))
def test_the_other_form_of_a_phone_is_a_phone_and_leads_back(raw: str) -> None:
    phone = normalise_phone(raw) or ""
    other = other_form(phone)

    assert other is None or other_form(other) == phone
    assert other is None or normalise_phone(other) == other
    assert other is None or abs(len(other) - len(phone)) == 1


@searched
@given(phone_text, st.sampled_from(["BR", "US", "PT"]))
def test_a_phone_that_begins_with_55_is_a_whole_brazilian_number(raw: str, country: str) -> None:
    phone = normalise_phone(raw, country)

    assert phone is None or not phone.startswith("55") or len(phone) in range(10, 14)


@searched
@given(st.builds(Person, *[st.none() | written] * 2, st.just("BR") | any_text, *[st.none() | written] * 7,
                 st.none() | st.dates(), *[st.none() | written] * 3))  # fmt: skip
def test_no_person_raises_or_has_the_hash_of_nothing(person: Person) -> None:
    identity = hash_person(person)

    for digests in identity.values():
        assert digests
        assert len(set(digests)) == len(digests)
        assert all(HEX_DIGEST.fullmatch(digest) for digest in digests)
        assert EMPTY not in digests


@searched
@given(written)
def test_a_full_name_never_gives_a_last_name_alone(raw: str) -> None:
    first, last = split_full_name(raw)

    assert first or last is None
    for name in (first, last):
        assert_is_text_in_final_form(name)


@searched
@given(st.dates())
def test_a_birth_date_is_eight_digits_or_nothing(born: date) -> None:
    form = normalise_birth_date(born)

    assert form == (born.isoformat().replace("-", "") if 1900 <= born.year <= date.today().year else None)


@searched
@given(st.text("abcáãç DE'-", min_size=1, max_size=20))
def test_case_and_composition_do_not_change_a_hash(name: str) -> None:
    written_otherwise = unicodedata.normalize("NFD", name.upper())

    assert hash_person(Person(first_name=written_otherwise)) == hash_person(Person(first_name=name))

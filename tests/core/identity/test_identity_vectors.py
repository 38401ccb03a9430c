"""Every case of vectors.json: what a source wrote, the forms we hash (best first), and their SHA-256.

A case may name the `country` already known (for a phone: the one of a national number); for a birth date, how it was
written; for a phone, the hash of its other form. No forms means that the key is omitted.
"""

import hashlib
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from apps.core.identity import Person, hash_person
from apps.core.identity import normalise as fields
from apps.core.identity.phone import normalise_phone
from apps.core.identity.places import (
    normalise_city,
    normalise_country,
    normalise_postal_code,
    normalise_state,
)

Case = dict[str, Any]

VECTORS: dict[str, list[Case]] = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))

FEDERAL_UNITS = "ac al am ap ba ce df es go ma mg ms mt pa pb pe pi pr rj rn ro rr rs sc se sp to"
PERSON_FIELDS = {
    "em": "email",
    "ph": "phone",
    "fn": "first_name",
    "ln": "last_name",
    "ge": "gender",
    "ct": "city",
    "st": "state",
    "zp": "postal_code",
    "country": "country",
    "external_id": "external_id",
}


def cases(*only: str) -> list[Any]:
    return [
        pytest.param(field, case, id=f"{field}-{number}-{ascii(case['raw'])[:40]}")
        for field, entries in VECTORS.items()
        for number, case in enumerate(entries)
        if not only or field in only
    ]


def read_date(case: Case) -> date:
    return datetime.strptime(case["raw"], case["written_as"]).date()


def normalise(field: str, case: Case) -> list[str]:
    """Calls the field's own function; one form or several come back as a list."""
    raw, country = case["raw"], case.get("country")
    single = {
        "em": lambda: fields.normalise_email(raw),
        "ph": lambda: normalise_phone(raw, country or "BR"),
        "fn": lambda: fields.normalise_name(raw),
        "ln": lambda: fields.normalise_name(raw),
        "ge": lambda: fields.normalise_gender(raw),
        "db": lambda: fields.normalise_birth_date(read_date(case)),
        "st": lambda: normalise_state(raw, country),
        "country": lambda: normalise_country(raw),
        "external_id": lambda: fields.normalise_external_id(raw),
    }
    if field == "ct":
        return list(normalise_city(raw))
    if field == "zp":
        return list(normalise_postal_code(raw, country))
    form = single[field]()
    return [] if form is None else [form]


def describe(field: str, case: Case) -> Person:
    """A person of whom this one field is known, and the country if the case names it."""
    if field == "db":
        return Person(birth_date=read_date(case))
    about = {PERSON_FIELDS[field]: case["raw"]}
    if "country" in case:
        about["phone_country" if field == "ph" else "country"] = case["country"]
    return Person(**about)


@pytest.mark.parametrize(("field", "case"), cases())
def test_a_field_is_normalised_to_the_expected_forms(field: str, case: Case) -> None:
    assert normalise(field, case) == case["forms"]


@pytest.mark.parametrize(("field", "case"), cases())
def test_a_person_with_the_field_carries_the_expected_hashes(field: str, case: Case) -> None:
    identity = hash_person(describe(field, case))

    assert identity.get(field, []) == case["sha256"]
    assert (field in identity) == bool(case["sha256"])


@pytest.mark.parametrize(("field", "case"), cases("ph"))
def test_the_phone_with_its_plus_is_hashed_beside_it(field: str, case: Case) -> None:
    identity = hash_person(describe(field, case))

    assert identity.get("ph_e164", []) == [hashlib.sha256(f"+{form}".encode()).hexdigest() for form in case["forms"]]


@pytest.mark.parametrize("case", [case for case in VECTORS["ph"] if "ph_other" in case], ids=lambda case: case["raw"])
def test_a_mobile_number_is_also_hashed_in_its_other_form(case: Case) -> None:
    identity = hash_person(describe("ph", case))

    assert identity.get("ph_other", []) == case["ph_other"]


def test_the_vectors_themselves_are_whole() -> None:
    sizes = {field: len(entries) for field, entries in VECTORS.items()}

    assert set(sizes) == {*PERSON_FIELDS, "db"}
    assert sum(sizes.values()) >= 300
    assert sum("ph_other" in case for case in VECTORS["ph"]) >= 10
    for entries in VECTORS.values():
        for case in entries:
            assert len(case["forms"]) == len(case["sha256"])


def test_all_27_federal_units_are_among_the_vectors() -> None:
    from_names = {form for case in VECTORS["st"] for form in case["forms"] if len(case["raw"]) > 2}

    assert from_names >= set(FEDERAL_UNITS.split())

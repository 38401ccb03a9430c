"""A person in clear text -> the hashes that leave memory. The only way from one to the other.

Both platforms' hashes are made at once, since the clear text is gone afterwards: Meta hashes a phone without
its plus and TikTok with it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

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
from apps.core.identity.text import is_sha256

HashedIdentity = dict[str, list[str]]
"""JSON-ready: Meta's keys (em ph fn ln ge db ct st zp country external_id), "ph_e164", the phone with "+", and
OTHER_PHONE, which is compared and never sent.

Values are SHA-256 hex digests, best variant first; a key without a value is absent.
"""

_E164_PHONE = "ph_e164"
OTHER_PHONE = "ph_other"
"""A Brazilian mobile number with or without its ninth digit, whichever the source did not write."""
_TIKTOK_KEYS = {"em": "email", _E164_PHONE: "phone", "external_id": "external_id"}


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """A buyer or visitor in clear text, in memory only; every field may be None.

    Text fields also take a SHA-256 made elsewhere by Meta's rules. `phone` is as the source wrote it and
    `phone_country` is the alpha-2 code for a number without a country code. `document` (CPF or CNPJ) is never
    hashed: no platform takes it. The repr shows no field, so that no log line can.
    """

    email: str | None = None
    phone: str | None = None
    phone_country: str = "BR"
    full_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    birth_date: date | None = None
    gender: str | None = None
    document: str | None = None
    external_id: str | None = None


def hash_person(person: Person) -> HashedIdentity:
    """Every key that the person can fill. A blank or unusable field is left out; no text makes this raise."""
    phone = normalise_phone(person.phone or "", person.phone_country)
    first, last = _normalise_names(person)
    born = person.birth_date
    country = normalise_country(person.country or "")
    region = None if country is None or is_sha256(country) else country
    values: dict[str, Iterable[str | None]] = {
        "em": [normalise_email(person.email or "")],
        "ph": [phone],
        "fn": [first],
        "ln": [last],
        "ge": [normalise_gender(person.gender or "")],
        "db": [None if born is None else normalise_birth_date(born)],
        "ct": normalise_city(person.city or ""),
        "st": [normalise_state(person.state or "", region)],
        "zp": normalise_postal_code(person.postal_code or "", region),
        "country": [country],
        "external_id": [normalise_external_id(person.external_id or "")],
        _E164_PHONE: [_with_plus(phone)],
        OTHER_PHONE: [phone and other_form(phone)],
    }
    hashed = {key: [_digest(form) for form in forms if form] for key, forms in values.items()}
    return {key: digests for key, digests in hashed.items() if digests}


def hash_email(raw: str) -> str | None:
    """The hash for both platforms, of an address or as it came (64 hex digits); None if unusable."""
    email = normalise_email(raw)
    return email and _digest(email)


def hash_phone(raw: str, country: str = "BR") -> str | None:
    """Meta's hash, of a number or as it came (64 hex digits); None if unusable."""
    phone = normalise_phone(raw, country)
    return phone and _digest(phone)


def for_meta(identity: HashedIdentity) -> dict[str, list[str]]:
    """The hashed part of a Conversions API `user_data`."""
    return {key: digests for key, digests in identity.items() if key not in (_E164_PHONE, OTHER_PHONE)}


def for_tiktok(identity: HashedIdentity) -> dict[str, list[str]]:
    """The hashed part of an Events API `user`: e-mail, phone and external id are all that it documents."""
    return {name: identity[key] for key, name in _TIKTOK_KEYS.items() if key in identity}


def _normalise_names(person: Person) -> tuple[str | None, str | None]:
    first, last = normalise_name(person.first_name or ""), normalise_name(person.last_name or "")
    split_first, split_last = split_full_name(person.full_name or "", first)
    return first or split_first, last or split_last


def _with_plus(phone: str | None) -> str | None:
    """A phone that came hashed is Meta's hash: TikTok's cannot be made from it."""
    return None if phone is None or is_sha256(phone) else "+" + phone


def _digest(form: str) -> str:
    return form if is_sha256(form) else hashlib.sha256(form.encode()).hexdigest()

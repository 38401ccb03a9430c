"""Who an event of a batch is about: hashes are checked, clear text is refused or hashed. Pure; no I/O.

`user` takes Meta's keys (em ph fn ln ge db ct st zp country external_id) and ph_e164, the phone with its plus, which
TikTok wants. `email`, `phone`, `phone_e164` and `external_id` beside it mean the same as within.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from apps.core.identity import HashedIdentity, Person, hash_person
from apps.core.identity.places import normalise_country
from apps.core.identity.text import HASHES_OF_NOTHING

MAX_HASHES = 10
_MAX_CLEAR = 512
# Key -> how Person calls it in clear; TikTok's phone is made from the other, never read in clear.
_IN_CLEAR: Mapping[str, str] = {
    "em": "email",
    "ph": "phone",
    "fn": "first_name",
    "ln": "last_name",
    "ge": "gender",
    "db": "birth_date",
    "ct": "city",
    "st": "state",
    "zp": "postal_code",
    "country": "country",
    "external_id": "external_id",
}
_E164 = "ph_e164"
USER_KEYS = (*_IN_CLEAR, _E164)
_SAME_AS = {"email": "em", "phone": "ph", "phone_e164": _E164, "external_id": "external_id"}
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class People:
    """The hashes, best first; problems refuse the event, warnings name what was left out. Words by field."""

    identity: HashedIdentity = field(default_factory=dict, repr=False)
    problems: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)


def read_people(given: Mapping[str, Any], *, may_send_clear: bool) -> People:
    """What `user` and the fields beside it tell. Never raises; never keeps clear text."""
    people = People()
    user = given.get("user")
    if user not in (None, "") and not isinstance(user, Mapping):
        people.problems["user"] = "not_an_object"
        user = None
    country = _country_of(user or {})
    for name, key, value in _fields_of(given, user or {}):
        _read_field(people, name, key, value, country if may_send_clear else None)
    return people


def _fields_of(given: Mapping[str, Any], user: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(name as the sender knows it, our key, value) of each that says something; an unknown key is empty."""
    for name, value in user.items():
        if value not in (None, "", []):
            yield f"user.{name}"[:_MAX_CLEAR], name if name in USER_KEYS else _SAME_AS.get(name, ""), value
    for name, key in _SAME_AS.items():
        if given.get(name) not in (None, "", []):
            yield name, key, given[name]


def _country_of(user: Mapping[str, Any]) -> str:
    """Whose a phone without a country code is, and how states are written: what `user.country` says, else Brazil."""
    value = user.get("country")
    country = normalise_country(value) if isinstance(value, str) else None
    return country if country and len(country) == 2 else "BR"


def _read_field(people: People, name: str, key: str, value: Any, country: str | None) -> None:
    """Put one field where it belongs; `country` is None where clear text is refused."""
    values = value if isinstance(value, list) else [value]
    if len(values) > MAX_HASHES:
        people.problems[name] = "too_many_hashes"
        return
    for item in values:
        if not key:
            _leave_out(people, name, country)
        elif isinstance(item, str) and _SHA256.fullmatch(item):
            _add_hash(people, name, key, item.lower())
        elif country is None or key == _E164:
            people.problems[name] = "clear" if country is None else "not_a_hash"
        else:
            _add_clear(people, name, key, item, country)


def _leave_out(people: People, name: str, country: str | None) -> None:
    """Whatever else is told of a person is of no use to a platform."""
    if country is None:
        people.problems[name] = "personal"
    else:
        people.warnings[name] = "unknown"


def _add_hash(people: People, name: str, key: str, digest: str) -> None:
    if digest in HASHES_OF_NOTHING:
        people.problems[name] = "hash_of_nothing"
        return
    known = people.identity.setdefault(key, [])
    if digest not in known:
        known.append(digest)


def _add_clear(people: People, name: str, key: str, value: Any, country: str) -> None:
    """Hash it at once; what has no readable value is left out, since forms hold anything."""
    hashed = hash_person(_person_of(key, value, country))
    made = {kind: hashed[kind] for kind in ([key, _E164] if key == "ph" else [key]) if kind in hashed}
    if not made:
        people.warnings[name] = "unreadable"
    for kind, digests in made.items():
        for digest in digests:
            _add_hash(people, name, kind, digest)


def _person_of(key: str, value: Any, country: str) -> Person:
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or len(text) > _MAX_CLEAR:
        return Person()
    if key == "db":
        return Person(birth_date=_birth_date(text))
    nobody = Person(country=country) if key in ("st", "zp") else Person(phone_country=country)
    clear: dict[str, Any] = {_IN_CLEAR[key]: text}
    return replace(nobody, **clear)


def _birth_date(text: str) -> date | None:
    """YYYY-MM-DD or YYYYMMDD."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None

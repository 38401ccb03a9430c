"""City, state, postal code and country, each in the form that Meta hashes.

Where Meta's page and its libraries contradict each other the answer is a tuple of forms, best first, since
each of these keys may be sent as a list; an empty tuple means "omit this key". A country given to these
functions is a lower-case alpha-2 code, or None if unknown.
"""

import re

from apps.core.identity.countries import find_alpha2
from apps.core.identity.states import find_state_code
from apps.core.identity.text import clean_field, is_sha256, keep_alphanumeric, keep_letters

_NOT_A_TO_Z = re.compile(r"[^a-z]+")
# Shapes plain enough to tell the country when the source does not.
_CEP = re.compile(r"[0-9]{2}\.?[0-9]{3}[-\s]?[0-9]{3}")
_ZIP_PLUS_FOUR = re.compile(r"[0-9]{5}-[0-9]{4}")
_CEP_DIGITS = re.compile(r"[0-9]{8}|[0-9]{5}")
_ZIP_DIGITS = re.compile(r"[0-9]{5}(?:[0-9]{4})?")


def normalise_city(raw: str) -> tuple[str, ...]:
    """Letters only: with accents as Meta's Python library, then without accented ones as its Node builder."""
    text = clean_field(raw)
    if text is None or is_sha256(text):
        return (text,) if text else ()
    accented = keep_letters(text)
    if accented is None:
        return ()
    plain = _NOT_A_TO_Z.sub("", accented)
    return (accented, plain) if plain and plain != accented else (accented,)


def normalise_state(raw: str, country: str | None = None) -> str | None:
    """The two letters in Brazil and the USA; elsewhere, or for an unknown name, the letters of the text."""
    text = clean_field(raw)
    if text is None or is_sha256(text):
        return text
    name = keep_letters(text)
    return name and (find_state_code(name, country) or name)


def normalise_postal_code(raw: str, country: str | None = None) -> tuple[str, ...]:
    """Letters and digits; a CEP also as its first five digits, a ZIP code as those alone."""
    text = clean_field(raw)
    if text is None or is_sha256(text):
        return (text,) if text else ()
    code = keep_alphanumeric(text)
    if code is None:
        return ()
    place = country or _guess_country(text)
    if place == "br":
        return tuple(dict.fromkeys((code, code[:5]))) if _CEP_DIGITS.fullmatch(code) else ()
    if place == "us":
        return (code[:5],) if _ZIP_DIGITS.fullmatch(code) else ()
    return (code,)


def normalise_country(raw: str) -> str | None:
    """Alpha-2 in lower case, from a code or a name in English or Portuguese; None for anything else."""
    text = clean_field(raw)
    return text if text is None or is_sha256(text) else find_alpha2(text)


def _guess_country(code: str) -> str | None:
    if _CEP.fullmatch(code):
        return "br"
    return "us" if _ZIP_PLUS_FOUR.fullmatch(code) else None

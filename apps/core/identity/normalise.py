"""E-mail, names, birth date, gender and external id, each in the form that Meta hashes.

Every function takes what the source wrote and answers the clear value to hash, a SHA-256 it was given (in
lower case), or None for "omit this key". Phones and places have modules of their own.
"""

import re
from datetime import date

from apps.core.identity.text import clean, clean_field, is_sha256, keep_alphanumeric

_MAX_EMAIL_LENGTH = 254
# Looser than RFC 5322 on letters (accents are real), tighter on what only lists and headers contain.
_EMAIL = re.compile(r"""[^\s@<>()\[\]:;,"\\]+@(?:[^\s@<>()\[\]:;,"\\.]+\.)+[^\s@<>()\[\]:;,"\\.]+""")

_EARLIEST_BIRTH_YEAR = 1900

_GENDERS = {
    word: letter
    for letter, words in {
        "f": "f fem feminino feminina mulher female woman",
        "m": "m masc masculino masculina homem male man",
    }.items()
    for word in words.split()
}


def normalise_email(raw: str) -> str | None:
    email = clean_field(raw)
    if email is None or is_sha256(email):
        return email
    return email if len(email) <= _MAX_EMAIL_LENGTH and _EMAIL.fullmatch(email) else None


def normalise_name(raw: str) -> str | None:
    """One name without spaces, punctuation and symbols: "D'Ávila" -> "dávila", "Ana Paula" -> "anapaula".

    Symbols go too (the page names punctuation only), since an acute accent often stands for an apostrophe.
    """
    name = clean_field(raw)
    return name if name is None or is_sha256(name) else keep_alphanumeric(name)


def split_full_name(raw: str, first: str | None = None) -> tuple[str | None, str | None]:
    """A full name as (first, last), both normalised: the first word, and all the others joined.

    Brazilians type their surnames with the particles ("da Silva Santos") and their form fields hold them so;
    a second given name lands in the last name, which only the known `first` (normalised) can prevent.
    """
    full = clean_field(raw)
    if full is None or is_sha256(full):
        return None, None
    words = [word for word in map(keep_alphanumeric, full.split()) if word]
    ends = (end for end in range(1, len(words) + 1) if "".join(words[:end]) == first)
    end = next(ends, 1)
    return keep_alphanumeric("".join(words[:end])), keep_alphanumeric("".join(words[end:]))


def normalise_birth_date(born: date) -> str | None:
    """YYYYMMDD; None outside the years Meta takes, 1900 to this one. Whoever knows the format parses."""
    return f"{born:%Y%m%d}" if _EARLIEST_BIRTH_YEAR <= born.year <= date.today().year else None


def normalise_gender(raw: str) -> str | None:
    """The letter f or m; None for any word that says neither."""
    word = clean_field(raw)
    return word if word is None or is_sha256(word) else _GENDERS.get(word)


def normalise_external_id(raw: str) -> str | None:
    """Lower case without spaces, as Meta's parameter builder for Node writes it.

    A text of 32 hex digits stays: as an id it is far more often a UUID than an MD5.
    """
    identifier = clean(raw)
    return identifier and clean("".join(identifier.split()))

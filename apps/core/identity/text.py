"""What every field shares: cleaning of hostile text, and the tests for values that are already hashes.

None of this raises on any `str`: NUL bytes, lone surrogates and megabytes included.
"""

import hashlib
import re
import unicodedata

# The longest honest value is an e-mail address of 254 characters.
MAX_LENGTH = 512

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MD5 = re.compile(r"[0-9a-f]{32}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ABSENT_WORDS = frozenset({"none", "null", "undefined", "n/a"})
_NOTHINGS = {"", " ", "+", "55", "+55", "nan", "NaN"} | {
    form for word in _ABSENT_WORDS for form in (word, word.capitalize(), word.upper())
}
HASHES_OF_NOTHING = frozenset(hashlib.sha256(text.encode()).hexdigest() for text in _NOTHINGS)
"""What software hashes where it has no value, so that all whose value is missing look like one person."""
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)


def clean(raw: str) -> str | None:
    """NFC, trimmed and in lower case; None if nothing usable is left.

    Unusable: blank, over MAX_LENGTH, with a lone surrogate, a word by which software says "no value", or its hash.
    """
    if len(raw) > MAX_LENGTH or _SURROGATE.search(raw):
        return None
    plain = raw.isascii() and raw.isprintable()
    text = raw.strip().lower() if plain else _clean_unicode(raw)
    return None if not text or text in _ABSENT_WORDS or text in HASHES_OF_NOTHING else text


def clean_field(raw: str) -> str | None:
    """As clean(), and an MD5 counts as missing: the platforms document SHA-256 only."""
    text = clean(raw)
    return None if text is None or _MD5.fullmatch(text) else text


def is_sha256(text: str) -> bool:
    """Whether a cleaned text is already the hash that we would send."""
    return _SHA256.fullmatch(text) is not None


def keep_letters(text: str) -> str | None:
    """Letters with their accents; None if there is none."""
    return _keep_categories(text, "LM")


def keep_alphanumeric(text: str) -> str | None:
    """Letters with their accents, and digits; None if there is none."""
    return _keep_categories(text, "LMN")


def fold_accents(text: str) -> str:
    """The text without accents, for look-ups in our own tables only; accents are kept in what is hashed."""
    if text.isascii():
        return text
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


def _clean_unicode(raw: str) -> str:
    visible = "".join(filter(_is_visible, raw))
    lowered = unicodedata.normalize("NFC", visible).strip().lower()
    # Lowering can bring forth a pair that has a composed form only in lower case, such as j + caron.
    return unicodedata.normalize("NFC", lowered)


def _is_visible(char: str) -> bool:
    """False for NUL and for what copying from a chat or a web page leaves behind: direction, zero width."""
    if unicodedata.category(char) in ("Cc", "Cf"):
        return char.isspace()
    return ord(char) not in _VARIATION_SELECTORS


def _keep_categories(text: str, kinds: str) -> str | None:
    kept = "".join(char for char in text if unicodedata.category(char)[0] in kinds)
    if not any(map(str.isalnum, kept)):
        return None
    return unicodedata.normalize("NFC", kept)

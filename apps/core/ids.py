"""Identifiers that travel outside: unguessable, URL-safe, and short enough for what gateways cut.

Lower-case base 32 survives systems that change letter case; 24 characters hold 120 random bits.
"""

import re
import secrets

_ALPHABET = "0123456789abcdefghijklmnopqrstuv"
CLICK_PREFIX = "htc"
SESSION_PREFIX = "hts"
EVENT_PREFIX = "hte"
_CARRIED_ID = re.compile(r"ht([cs])[0-9a-v]{24}(?![0-9a-z])")


def new_id(prefix: str, length: int = 24) -> str:
    number = secrets.randbits(5 * length)
    return prefix + "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in range(length))


def find_carried_ids(texts: list[str]) -> tuple[str | None, str | None]:
    """The first (click id, session id) of ours found anywhere in texts that a gateway carried through."""
    found: dict[str, str] = {}
    for text in texts:
        for match in _CARRIED_ID.finditer(text.lower()):
            found.setdefault(match[1], match[0])
    return found.get("c"), found.get("s")

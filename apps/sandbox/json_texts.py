"""JSON as the standard has it, and as far as a database can keep it. Pure."""

import json
import math

# Deeper than any event is, and shallow enough for every JSON reader and writer on the way.
MAX_DEPTH = 32


def parse_json(text: str) -> object:
    """No NaN, no number beyond a double. Raises ValueError."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_read_float)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def find_unkeepable(value: object) -> str:
    """What JSON can say but no database can hold: NUL, half of a surrogate pair, endless depth. Empty if nothing is."""
    waiting = [(value, 0)]
    while waiting:
        part, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return "Nested too deeply"
        if isinstance(part, str):
            if "\x00" in part or any("\ud800" <= sign <= "\udfff" for sign in part):
                return "Holds a character that is not text"
        elif isinstance(part, dict):
            waiting += [(item, depth + 1) for pair in part.items() for item in pair]
        elif isinstance(part, list):
            waiting += [(item, depth + 1) for item in part]
    return ""


def quotable(text: str, length: int) -> str:
    """As much of a caller's text as an answer may repeat and a column may hold."""
    return "".join(sign for sign in text if sign.isprintable())[:length]


def _refuse_constant(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


def _read_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number beyond a double")
    return number

"""What the answers of ad platforms have in common: JSON of any quality, numbers, pauses. Pure; nothing here raises."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.dispatch.verdict import NextStep, Outcome, Scope

LONGEST_PAUSE_S = 24 * 3600
_INT32 = 2**31
_DIGITS = re.compile(r"[0-9]{1,9}")
_TRACE_ID = re.compile(r"[\x21-\x7e]{1,100}")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a platform's table of errors; `pause_s` is asked for even if the answer names no time."""

    outcome: Outcome
    next_step: NextStep
    pause_s: int = 0
    scope: Scope = Scope.DESTINATION


def read_object(text: bytes) -> dict[str, Any]:
    """The JSON object in `text`; empty for anything else: HTML, half an object, a tower of brackets."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def whole_number(value: object) -> int | None:
    """A number as JSON number or as text of digits; only what a 32-bit column can hold."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INT32:
        return value
    return None


def read_trace_id(value: object) -> str | None:
    """The platform's own name for a request, if it can be kept and shown."""
    return value if isinstance(value, str) and _TRACE_ID.fullmatch(value) else None


def lower_names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value.strip() for name, value in headers.items()}


def read_retry_after(headers: Mapping[str, str]) -> int:
    """Seconds that `Retry-After` asks for; 0 without one, and for a date."""
    asked = lower_names(headers).get("retry-after", "")
    return int(asked) if _DIGITS.fullmatch(asked) else 0

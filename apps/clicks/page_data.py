"""Of what a page event is: pure reading of its `data`, in the names that pixels use.

    value         a number from 0 up, or one written as text with a decimal point; kept as text, exact
    currency      three letters
    content_ids   at most 50 texts of at most 100 characters
    content_name  at most 300 characters
    content_type  product or product_group
    num_items     a whole number from 0 up

Other names are left out, and texts with an e-mail address: pages put there what they like, also about people.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from apps.gateways.tracking import keep_tracking

MAX_CONTENTS = 50
MAX_CONTENT_ID = 100
MAX_CONTENT_NAME = 300
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,6})?")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_CONTENT_TYPES = ("product", "product_group")


def read_data(given: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """(what can be used, what cannot: {"data.value": "not_a_number"}). Absent, null and empty say nothing."""
    if given in (None, "", {}):
        return {}, {}
    if not isinstance(given, Mapping):
        return {}, {"data": "not_an_object"}
    data: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, (read, word) in _READERS.items():
        if given.get(name) in (None, "", []):
            continue
        value = read(given[name])
        if value is None:
            problems[f"data.{name}"] = word
        else:
            data[name] = value
    return data, problems


def _read_value(given: Any) -> str | None:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    text = given.strip() if isinstance(given, str) else format(Decimal(str(given)), "f")
    return text if _NUMBER.fullmatch(text) else None


def _read_currency(given: Any) -> str | None:
    return given.upper() if isinstance(given, str) and _CURRENCY.fullmatch(given) else None


def _read_ids(given: Any) -> list[str] | None:
    items = given if isinstance(given, list) else [given]
    texts = [_read_text(item, MAX_CONTENT_ID) for item in items]
    known = [text for text in texts if text]
    return known if len(known) == len(items) <= MAX_CONTENTS else None


def _read_name(given: Any) -> str | None:
    return _read_text(given, MAX_CONTENT_NAME)


def _read_text(given: Any, limit: int) -> str | None:
    text = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    if not isinstance(text, str) or "\x00" in text or not 0 < len(text) <= limit:
        return None
    return text if keep_tracking({"content": text}) else None


def _read_type(given: Any) -> str | None:
    return given if given in _CONTENT_TYPES else None


def _read_count(given: Any) -> int | None:
    return given if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 10**6 else None


_READERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "value": (_read_value, "not_a_number"),
    "currency": (_read_currency, "not_a_currency"),
    "content_ids": (_read_ids, "not_a_list_of_texts"),
    "content_name": (_read_name, "not_text"),
    "content_type": (_read_type, "not_a_content_type"),
    "num_items": (_read_count, "not_a_number"),
}

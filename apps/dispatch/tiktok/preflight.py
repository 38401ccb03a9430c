"""What TikTok would refuse, found before sending: one bad event has its whole request refused.

Every problem of an event is listed. A bad key of `user` that only helps to find a person can be left out: its problem
names it as its repair. Two rules are ours and not TikTok's: an event needs an event_id, since repeats are known by it,
and is at most 7 days old.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address

from apps.dispatch.platform import Problem
from apps.dispatch.tiktok.payload import is_click_id, is_digest

MAX_AGE = timedelta(days=7)
_REQUIRED = ("event", "event_time", "event_id")
_HASHED_KEYS = ("email", "phone", "external_id")
_PLAIN_KEYS = ("ttclid", "ttp", "ip", "user_agent", "locale")
_WORDS = {str: "a text", dict: "an object", int: "a whole number"}
_DIGEST_OF_NOTHING = hashlib.sha256(b"").hexdigest()


class ProblemCode(StrEnum):
    """Stable words for what is wrong."""

    MISSING_KEY = "missing_key"
    BAD_VALUE = "bad_value"
    TOO_OLD = "too_old"
    IN_FUTURE = "in_future"
    NOT_HASHED = "not_hashed"
    EMPTY_HASHED = "empty_hashed"
    HASHED_PLAIN_KEY = "hashed_plain_key"
    MALFORMED_TTCLID = "malformed_ttclid"
    MALFORMED_IP = "malformed_ip"
    BAD_CURRENCY = "bad_currency"
    BAD_NUMBER = "bad_number"


Event = Mapping[str, object]
_SENTENCES = {
    ProblemCode.BAD_VALUE: "{} must be a text.",
    ProblemCode.HASHED_PLAIN_KEY: "{} must be sent as it is, never hashed.",
    ProblemCode.MALFORMED_TTCLID: "{} does not have the form of a click id.",
    ProblemCode.MALFORMED_IP: "{} is no IP address.",
}


def check_event(event: Event, now: datetime) -> list[Problem]:
    """Empty when the event may go out."""
    return [problem for check in _CHECKS for problem in check(event, now)]


def _check_keys(event: Event, _now: datetime) -> Iterator[Problem]:
    for key in _REQUIRED:
        if event.get(key) in (None, ""):
            yield Problem(ProblemCode.MISSING_KEY, key, f"Every event needs {key}.")
    yield from _check_types(event, "", {"event": str, "event_id": str, "user": dict, "properties": dict, "page": dict})


def _check_types(section: Mapping[str, object], path: str, types: Mapping[str, type]) -> Iterator[Problem]:
    for key, wanted in types.items():
        value = section.get(key)
        if value is not None and (not isinstance(value, wanted) or isinstance(value, bool)):
            yield Problem(ProblemCode.BAD_VALUE, f"{path}{key}", f"{key} must be {_WORDS[wanted]}.")


def _check_time(event: Event, now: datetime) -> Iterator[Problem]:
    seconds = event.get("event_time")
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        if seconds not in (None, ""):
            yield Problem(ProblemCode.BAD_VALUE, "event_time", "The time must be a whole number of seconds.")
        return
    age = now.timestamp() - seconds
    if age > MAX_AGE.total_seconds():
        yield Problem(ProblemCode.TOO_OLD, "event_time", "The event is older than 7 days.")
    if age < 0:
        yield Problem(ProblemCode.IN_FUTURE, "event_time", "The event lies in the future.")


def _check_page(event: Event, _now: datetime) -> Iterator[Problem]:
    page = _section(event, "page")
    url = page.get("url")
    if url in (None, ""):
        yield Problem(ProblemCode.MISSING_KEY, "page.url", "An event of a website needs its address.")
    elif not str(url).lower().startswith(("http://", "https://")):
        yield Problem(ProblemCode.BAD_VALUE, "page.url", "The address of the page must be a web address.")
    yield from _check_types(page, "page.", {"referrer": str})


def _check_hashes(event: Event, _now: datetime) -> Iterator[Problem]:
    user = _section(event, "user")
    for key in user.keys() & set(_HASHED_KEYS):
        value = user[key]
        texts = value if isinstance(value, list) else [value]
        if not texts or not all(isinstance(text, str) and is_digest(text) for text in texts):
            sentence = "Each value must be a SHA-256 digest in hex."
            yield Problem(ProblemCode.NOT_HASHED, f"user.{key}", sentence)
        if _DIGEST_OF_NOTHING in texts:
            yield Problem(ProblemCode.EMPTY_HASHED, f"user.{key}", "An empty value was hashed; it must be left out.")


def _check_plain(event: Event, _now: datetime) -> Iterator[Problem]:
    user = _section(event, "user")
    for key in _PLAIN_KEYS:
        fault = _find_fault(key, user[key]) if user.get(key) is not None else None
        if fault:
            yield Problem(fault, f"user.{key}", _SENTENCES[fault].format(key), repair=key)


def _find_fault(key: str, value: object) -> ProblemCode | None:
    if not isinstance(value, str):
        return ProblemCode.BAD_VALUE
    if key == "ttclid":
        return None if is_click_id(value) else ProblemCode.MALFORMED_TTCLID
    if is_digest(value):
        return ProblemCode.HASHED_PLAIN_KEY
    return ProblemCode.MALFORMED_IP if key == "ip" and not _is_ip(value) else None


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _check_order(event: Event, _now: datetime) -> Iterator[Problem]:
    order = _section(event, "properties")
    currency = order.get("currency")
    if currency is not None and not _is_currency(currency):
        sentence = "The currency must be three capital letters such as BRL."
        yield Problem(ProblemCode.BAD_CURRENCY, "properties.currency", sentence)
    if "value" in order and not _is_number(order["value"]):
        yield Problem(ProblemCode.BAD_NUMBER, "properties.value", "The value must be a number from 0 up.")
    yield from _check_types(order, "properties.", {"order_id": str, "content_type": str, "num_items": int})


def _check_contents(event: Event, _now: datetime) -> Iterator[Problem]:
    contents = _section(event, "properties").get("contents", [])
    if not isinstance(contents, list) or not all(isinstance(item, dict) for item in contents):
        yield Problem(ProblemCode.BAD_VALUE, "properties.contents", "contents must be a list of objects.")
        return
    for index, item in enumerate(contents):
        path = f"properties.contents[{index}]."
        if "price" in item and not _is_number(item["price"]):
            yield Problem(ProblemCode.BAD_NUMBER, f"{path}price", "The price must be a number from 0 up.")
        yield from _check_types(item, path, {"content_id": str, "content_name": str, "quantity": int})


def _is_currency(value: object) -> bool:
    return isinstance(value, str) and len(value) == 3 and value.isascii() and value.isalpha() and value.isupper()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _section(event: Event, key: str) -> dict[str, object]:
    section = event.get(key)
    return section if isinstance(section, dict) else {}


_CHECKS: tuple[Callable[[Event, datetime], Iterator[Problem]], ...] = (
    _check_keys,
    _check_time,
    _check_page,
    _check_hashes,
    _check_plain,
    _check_order,
    _check_contents,
)

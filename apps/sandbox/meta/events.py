"""The rules of one server event: its keys, their types, its time, and what a Purchase must tell.

An event may carry any key of its own in custom_data, and none elsewhere. Meta documents no rule for times in
the future, so there is none here, but a time past the year 9999 cannot be in seconds.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from apps.sandbox.json_texts import quotable
from apps.sandbox.meta.refusals import NO_CURRENCY, NO_VALUE, TOO_OLD, RefusalError, bad_parameter
from apps.sandbox.meta.user_data import check_user_data
from apps.sandbox.received import Payload, ServerEvent

MAX_AGE = timedelta(days=7)
MAX_AGE_IN_STORE = timedelta(days=62)
_END_OF_TIME = 253_402_300_800

REQUIRED = ("event_name", "event_time", "user_data", "action_source")
ACTION_SOURCES = frozenset(
    {
        *("email", "website", "app", "phone_call", "chat", "physical_store"),
        *("system_generated", "business_messaging", "other"),
    }
)
_SEGMENTS = frozenset(
    {
        *(f"new_customer_to_{part}" for part in ("business", "business_line", "product_area", "medium")),
        *(f"existing_customer_to_{part}" for part in ("business", "business_line", "product_area", "medium")),
        "customer_in_loyalty_program",
    }
)
_ENUMS = {"action_source": ACTION_SOURCES, "customer_segmentation": _SEGMENTS}


class Kind(StrEnum):
    """Types as JSON has them."""

    TEXT = "a string"
    WHOLE = "a whole number"
    FLAG = "true or false"
    OBJECT = "an object"
    LIST = "a list"
    OBJECT_OR_LIST = "an object or a list"


_IS_KIND: dict[Kind, Callable[[object], bool]] = {
    Kind.TEXT: lambda value: isinstance(value, str),
    Kind.WHOLE: lambda value: isinstance(value, int) and not isinstance(value, bool),
    Kind.FLAG: lambda value: isinstance(value, bool),
    Kind.OBJECT: lambda value: isinstance(value, dict),
    Kind.LIST: lambda value: isinstance(value, list),
    Kind.OBJECT_OR_LIST: lambda value: isinstance(value, dict | list),
}
KEYS: dict[str, Kind] = {
    "event_name": Kind.TEXT,
    "event_time": Kind.WHOLE,
    "event_id": Kind.TEXT,
    "event_source_url": Kind.TEXT,
    "action_source": Kind.TEXT,
    "user_data": Kind.OBJECT,
    "custom_data": Kind.OBJECT,
    "opt_out": Kind.FLAG,
    "data_processing_options": Kind.LIST,
    "data_processing_options_country": Kind.WHOLE,
    "data_processing_options_state": Kind.WHOLE,
    "referrer_url": Kind.TEXT,
    "original_event_data": Kind.OBJECT,
    "customer_segmentation": Kind.TEXT,
    "attribution_data": Kind.OBJECT,
    "app_data": Kind.OBJECT,
    "extinfo": Kind.OBJECT_OR_LIST,
    "messaging_channel": Kind.TEXT,
    "advanced_measurement_table": Kind.TEXT,
}
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_CURRENCY = re.compile(r"[A-Za-z]{3}")


def check_event(event: object, where: str, now: datetime) -> ServerEvent:
    """Raises `RefusalError` at the first fault; null counts as absent."""
    if not isinstance(event, dict):
        raise RefusalError(bad_parameter("Must be an object", where))
    _check_keys(event, where)
    _check_words(event, where)
    seconds = _check_time(event, where, now)
    user_data, custom_data = event["user_data"], event.get("custom_data")
    if isinstance(user_data, dict):
        check_user_data(user_data, f"{where}.user_data")
    if event["event_name"] == "Purchase":
        _check_purchase(custom_data if isinstance(custom_data, dict) else {}, f"{where}.custom_data")
    return ServerEvent(
        name=str(event["event_name"]),
        event_id=str(event.get("event_id") or ""),
        event_time=seconds,
        payload=event,
    )


def _check_keys(event: Payload, where: str) -> None:
    for key in event:
        if key not in KEYS:
            raise RefusalError(bad_parameter(f'Unexpected key "{quotable(key, 50)}"', where))
    for key in REQUIRED:
        if event.get(key) in (None, ""):
            raise RefusalError(bad_parameter(f'Missing key "{key}"', where))
    for key, value in event.items():
        if value is not None and not _IS_KIND[KEYS[key]](value):
            raise RefusalError(bad_parameter(f"Must be {KEYS[key]}", f"{where}.{key}"))


def _check_words(event: Payload, where: str) -> None:
    for key, words in _ENUMS.items():
        if event.get(key) is not None and event[key] not in words:
            raise RefusalError(bad_parameter(f"Must be one of {', '.join(sorted(words))}", f"{where}.{key}"))
    if event["action_source"] == "website" and not event.get("event_source_url"):
        raise RefusalError(bad_parameter('Missing key "event_source_url"', where))


def _check_time(event: Payload, where: str, now: datetime) -> int:
    seconds = event["event_time"]
    path = f"{where}.event_time"
    if not isinstance(seconds, int) or seconds >= _END_OF_TIME:
        raise RefusalError(bad_parameter("Must be seconds since 1970", path))
    max_age = MAX_AGE_IN_STORE if event["action_source"] == "physical_store" else MAX_AGE
    if seconds < (now - max_age).timestamp():
        raise RefusalError(TOO_OLD.at(path))
    return seconds


def _check_purchase(order: Payload, where: str) -> None:
    if not _is_number(order.get("value")):
        raise RefusalError(NO_VALUE.at(f"{where}.value"))
    if not _CURRENCY.fullmatch(str(order.get("currency") or "")):
        raise RefusalError(NO_CURRENCY.at(f"{where}.currency"))


def _is_number(value: object) -> bool:
    """JSON numbers, and numeric texts: Meta's own examples have both."""
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)

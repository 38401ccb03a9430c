"""The rules of one event: its keys and their types, the hashed and the plain keys of `user`, the page of a web event.

Only what TikTok documents is demanded: keys that it does not name pass, and so do events without a user, a value or an
event_id. It documents no age and nothing of times in the future either, but a time past the year 9999 cannot be in
seconds.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from ipaddress import ip_address

from apps.sandbox.received import Payload, ServerEvent
from apps.sandbox.tiktok.refusals import RefusalError, bad_parameter

_END_OF_TIME = 253_402_300_800
_REQUIRED = ("event", "event_time")
HASHED_KEYS = ("email", "phone", "external_id")
PLAIN_KEYS = ("ttclid", "ttp", "ip", "user_agent", "locale")
_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")
_CURRENCY = re.compile(r"[A-Z]{3}")


class Kind(StrEnum):
    """Types as JSON has them."""

    TEXT = "a string"
    TEXTS = "a list of strings"
    WHOLE = "a whole number"
    NUMBER = "a number"
    FLAG = "true or false"
    OBJECT = "an object"
    OBJECTS = "a list of objects"


_IS_KIND: dict[Kind, Callable[[object], bool]] = {
    Kind.TEXT: lambda value: isinstance(value, str),
    Kind.TEXTS: lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    Kind.WHOLE: lambda value: isinstance(value, int) and not isinstance(value, bool),
    Kind.NUMBER: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    Kind.FLAG: lambda value: isinstance(value, bool),
    Kind.OBJECT: lambda value: isinstance(value, dict),
    Kind.OBJECTS: lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
}
KEYS: dict[str, Kind] = {
    "event": Kind.TEXT,
    "event_time": Kind.WHOLE,
    "event_id": Kind.TEXT,
    "user": Kind.OBJECT,
    "properties": Kind.OBJECT,
    "page": Kind.OBJECT,
    "limited_data_use": Kind.FLAG,
}
_PROPERTIES: dict[str, Kind] = {
    **dict.fromkeys(("currency", "content_type", "order_id", "shop_id", "description", "search_string"), Kind.TEXT),
    "customer_type": Kind.TEXT,
    "value": Kind.NUMBER,
    "num_items": Kind.WHOLE,
    "content_ids": Kind.TEXTS,
    "contents": Kind.OBJECTS,
}
_CONTENT: dict[str, Kind] = {
    **dict.fromkeys(("content_id", "content_name", "content_category", "brand"), Kind.TEXT),
    "price": Kind.NUMBER,
    "quantity": Kind.WHOLE,
}
_PAGE: dict[str, Kind] = {"url": Kind.TEXT, "referrer": Kind.TEXT}


def check_event(event: object, where: str, source: str) -> ServerEvent:
    """Raises `RefusalError` at the first fault; null counts as absent. `source` is the request's event_source."""
    if not isinstance(event, dict):
        raise RefusalError(bad_parameter("must be an object", where))
    for key in _REQUIRED:
        if event.get(key) in (None, ""):
            raise RefusalError(bad_parameter("is required", f"{where}.{key}"))
    _check_kinds(event, KEYS, where)
    if not 0 <= event["event_time"] < _END_OF_TIME:
        raise RefusalError(bad_parameter("must be in seconds since 1970", f"{where}.event_time"))
    _check_user(event.get("user") or {}, f"{where}.user")
    _check_properties(event.get("properties") or {}, f"{where}.properties")
    _check_page(event.get("page") or {}, f"{where}.page", source)
    return ServerEvent(
        name=event["event"],
        event_id=event.get("event_id") or "",
        event_time=event["event_time"],
        payload=event,
    )


def _check_kinds(section: Payload, kinds: Mapping[str, Kind], where: str) -> None:
    for key, kind in kinds.items():
        if section.get(key) is not None and not _IS_KIND[kind](section[key]):
            raise RefusalError(bad_parameter(f"must be {kind}", f"{where}.{key}"))


def _check_user(user: Payload, where: str) -> None:
    for key in HASHED_KEYS:
        if not all(_DIGEST.fullmatch(text) for text in _list_texts(user.get(key), f"{where}.{key}")):
            raise RefusalError(bad_parameter("must be hashed with SHA-256", f"{where}.{key}"))
    _check_kinds(user, dict.fromkeys(PLAIN_KEYS, Kind.TEXT), where)
    for key in PLAIN_KEYS:
        if _DIGEST.fullmatch(str(user.get(key))):
            raise RefusalError(bad_parameter("must not be hashed", f"{where}.{key}"))
    if user.get("ip") and not _is_ip_address(str(user["ip"])):
        raise RefusalError(bad_parameter("must be an IPv4 or IPv6 address", f"{where}.ip"))


def _list_texts(value: object, where: str) -> Iterator[str]:
    for item in value if isinstance(value, list) else [] if value is None else [value]:
        if not isinstance(item, str):
            raise RefusalError(bad_parameter("must be a string or a list of strings", where))
        yield item


def _is_ip_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _check_properties(order: Payload, where: str) -> None:
    _check_kinds(order, _PROPERTIES, where)
    currency, contents = order.get("currency"), order.get("contents")
    if currency is not None and not _CURRENCY.fullmatch(str(currency)):
        raise RefusalError(bad_parameter("must be a currency such as BRL", f"{where}.currency"))
    for index, item in enumerate(contents if isinstance(contents, list) else []):
        _check_kinds(item, _CONTENT, f"{where}.contents[{index}]")


def _check_page(page: Payload, where: str, source: str) -> None:
    _check_kinds(page, _PAGE, where)
    url = str(page.get("url") or "")
    if source == "web" and not url:
        raise RefusalError(bad_parameter("is required for web events", f"{where}.url"))
    if url and not url.lower().startswith(("http://", "https://")):
        raise RefusalError(bad_parameter("must be a web address", f"{where}.url"))

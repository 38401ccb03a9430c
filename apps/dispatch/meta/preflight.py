"""What Meta would refuse, found before sending: one bad event has its whole request refused.

Every problem of an event is listed, so that a person sees at once all there is to fix. `path` says where it
lies (`user_data.em`), `sentence` what to tell that person.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from apps.dispatch.meta.payload import HASHED_KEYS, is_browser_id
from apps.dispatch.platform import Problem

MAX_AGE = timedelta(days=7)

_REQUIRED = ("event_name", "event_time", "event_id", "action_source", "user_data")
_EVENT_KEYS = frozenset(
    {
        *_REQUIRED,
        *("event_source_url", "custom_data", "opt_out", "referrer_url", "original_event_data"),
        *("data_processing_options", "data_processing_options_country", "data_processing_options_state"),
        *("customer_segmentation", "attribution_data", "app_data", "messaging_channel"),
    }
)
_PLAIN_KEYS = frozenset(
    {
        *(
            "client_ip_address",
            "client_user_agent",
            "fbc",
            "fbp",
            "subscription_id",
            "fb_login_id",
            "lead_id",
        ),
        *("anon_id", "madid", "page_id", "page_scoped_user_id", "ctwa_clid", "ig_account_id", "ig_sid"),
    }
)
_SOURCES = frozenset(
    {
        *("email", "website", "app", "phone_call", "chat", "physical_store"),
        *("system_generated", "business_messaging", "other"),
    }
)
# Nobody can be found by these alone: an event that knows no more than one of the rows is refused.
_TOO_LITTLE: tuple[frozenset[str], ...] = (
    frozenset({"ct", "country", "st", "zp", "ge", "client_user_agent"}),
    frozenset({"db", "client_user_agent"}),
    frozenset({"fn", "ge"}),
    frozenset({"ln", "ge"}),
)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_DIGEST_OF_NOTHING = hashlib.sha256(b"").hexdigest()


class ProblemCode(StrEnum):
    """Stable words for what is wrong."""

    MISSING_KEY = "missing_key"
    UNKNOWN_KEY = "unknown_key"
    BAD_VALUE = "bad_value"
    TOO_OLD = "too_old"
    IN_FUTURE = "in_future"
    NOT_HASHED = "not_hashed"
    EMPTY_HASHED = "empty_hashed"
    HASHED_PLAIN_KEY = "hashed_plain_key"
    TOO_LITTLE_IDENTITY = "too_little_identity"
    MALFORMED_FBC = "malformed_fbc"
    MALFORMED_FBP = "malformed_fbp"
    NO_VALUE = "no_value"
    NO_CURRENCY = "no_currency"


Event = Mapping[str, object]


def check_event(event: Event, now: datetime) -> list[Problem]:
    """Empty when the event may go out."""
    return [problem for check in _CHECKS for problem in check(event, now)]


def _check_keys(event: Event, _now: datetime) -> Iterator[Problem]:
    for key in _REQUIRED:
        if event.get(key) in (None, ""):
            yield Problem(ProblemCode.MISSING_KEY, key, f"Every event needs {key}.")
    for key in event.keys() - _EVENT_KEYS:
        yield Problem(ProblemCode.UNKNOWN_KEY, key, f"Meta knows no {key} and refuses events that have it.")


def _check_time(event: Event, now: datetime) -> Iterator[Problem]:
    seconds = event.get("event_time")
    if not isinstance(seconds, int):
        if seconds not in (None, ""):
            yield Problem(ProblemCode.BAD_VALUE, "event_time", "The time must be a whole number of seconds.")
        return
    age = now.timestamp() - seconds
    if age > MAX_AGE.total_seconds():
        yield Problem(ProblemCode.TOO_OLD, "event_time", "Meta refuses events that are older than 7 days.")
    if age < 0:
        yield Problem(ProblemCode.IN_FUTURE, "event_time", "The event lies in the future.")


def _check_source(event: Event, _now: datetime) -> Iterator[Problem]:
    source, url = event.get("action_source"), event.get("event_source_url")
    if source and source not in _SOURCES:
        yield Problem(ProblemCode.BAD_VALUE, "action_source", "Meta does not know this action_source.")
    if source == "website" and not url:
        yield Problem(ProblemCode.MISSING_KEY, "event_source_url", "An event of a website needs its address.")
    if url and not str(url).lower().startswith(("http://", "https://")):
        yield Problem(ProblemCode.BAD_VALUE, "event_source_url", "The address of the page must be a web address.")


def _check_hashes(event: Event, _now: datetime) -> Iterator[Problem]:
    for key, value in _section(event, "user_data").items():
        path = f"user_data.{key}"
        texts = [str(text) for text in value] if isinstance(value, list) else [str(value)]
        if key in HASHED_KEYS:
            yield from _check_digests(path, texts)
        elif key not in _PLAIN_KEYS:
            yield Problem(ProblemCode.UNKNOWN_KEY, path, f"Meta knows no {key} and refuses events that have it.")
        elif any(_DIGEST.fullmatch(text) for text in texts):
            yield Problem(ProblemCode.HASHED_PLAIN_KEY, path, f"{key} must be sent as it is, never hashed.")


def _check_digests(path: str, texts: list[str]) -> Iterator[Problem]:
    if not texts or not all(_DIGEST.fullmatch(text) for text in texts):
        yield Problem(ProblemCode.NOT_HASHED, path, "Each value must be a SHA-256 digest in lower-case hex.")
    if _DIGEST_OF_NOTHING in texts:
        yield Problem(ProblemCode.EMPTY_HASHED, path, "An empty value was hashed; it must be left out.")


def _check_identity(event: Event, _now: datetime) -> Iterator[Problem]:
    known = {key for key, value in _section(event, "user_data").items() if value}
    if any(known <= row for row in _TOO_LITTLE):
        yield Problem(
            ProblemCode.TOO_LITTLE_IDENTITY,
            "user_data",
            "This is too little to find a person by; Meta refuses it.",
        )


def _check_browser_ids(event: Event, _now: datetime) -> Iterator[Problem]:
    user_data = _section(event, "user_data")
    for key, code in (("fbc", ProblemCode.MALFORMED_FBC), ("fbp", ProblemCode.MALFORMED_FBP)):
        if key in user_data and not is_browser_id(str(user_data[key])):
            sentence = f"{key} does not have the form that Meta gives it."
            yield Problem(code, f"user_data.{key}", sentence, repair=key)


def _check_money(event: Event, _now: datetime) -> Iterator[Problem]:
    if event.get("event_name") != "Purchase":
        return
    order = _section(event, "custom_data")
    value, currency = order.get("value"), order.get("currency")
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        yield Problem(ProblemCode.NO_VALUE, "custom_data.value", "A purchase needs a value, a number from 0 up.")
    if not _CURRENCY.fullmatch(str(currency or "")):
        yield Problem(ProblemCode.NO_CURRENCY, "custom_data.currency", "A purchase needs a currency such as BRL.")


def _section(event: Event, key: str) -> dict[str, object]:
    section = event.get(key)
    return section if isinstance(section, dict) else {}


_CHECKS: tuple[Callable[[Event, datetime], Iterator[Problem]], ...] = (
    _check_keys,
    _check_time,
    _check_source,
    _check_hashes,
    _check_identity,
    _check_browser_ids,
    _check_money,
)

"""What our own contract forbids us to send: an event that nobody could file, or a person in clear text. Pure.

The receiver is the customer's, so nothing more is asked of an event than that; a sale of unknown value goes out.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from apps.dispatch.http_gateway.payload import IDENTITY_NAMES
from apps.dispatch.platform import Problem, ServerEvent

MAX_AGE = timedelta(days=7)

_REQUIRED = ("event_id", "event_name", "event_time")
_SECTIONS = ("identity", "browser")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_NAMES = frozenset(IDENTITY_NAMES.values())


class ProblemCode(StrEnum):
    """Stable words for what is wrong."""

    MISSING_KEY = "missing_key"
    BAD_VALUE = "bad_value"
    TOO_OLD = "too_old"
    IN_FUTURE = "in_future"
    UNKNOWN_KEY = "unknown_key"
    NOT_HASHED = "not_hashed"


Event = Mapping[str, object]


def check_event(event: Event, now: datetime) -> list[Problem]:
    """Empty when the event may go out."""
    return [problem for check in _CHECKS for problem in check(event, now)]


def leave_out(event: ServerEvent, repair: str) -> ServerEvent:
    """Without one member of `identity` or `browser`."""
    kept = {
        name: {key: value for key, value in part.items() if key != repair}
        for name, part in event.items()
        if name in _SECTIONS and isinstance(part, dict)
    }
    return {**event, **kept}


def _check_keys(event: Event, _now: datetime) -> Iterator[Problem]:
    for key in _REQUIRED:
        if event.get(key) in (None, ""):
            yield Problem(ProblemCode.MISSING_KEY, key, f"Every event needs {key}.")


def _check_time(event: Event, now: datetime) -> Iterator[Problem]:
    written = event.get("event_time")
    if written in (None, ""):
        return
    moment = _read_time(written)
    if moment is None:
        yield Problem(ProblemCode.BAD_VALUE, "event_time", "The time must be written in ISO 8601 with an offset.")
    elif now - moment > MAX_AGE:
        yield Problem(ProblemCode.TOO_OLD, "event_time", "Events that are older than 7 days are not sent.")
    elif moment > now:
        yield Problem(ProblemCode.IN_FUTURE, "event_time", "The event lies in the future.")


def _read_time(written: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(written))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _check_value(event: Event, _now: datetime) -> Iterator[Problem]:
    value = event.get("value")
    if value is not None and not (isinstance(value, str) and _DECIMAL.fullmatch(value)):
        yield Problem(ProblemCode.BAD_VALUE, "value", "The value must be decimal text such as 197.90.")


def _check_identity(event: Event, _now: datetime) -> Iterator[Problem]:
    identity = event.get("identity", {})
    if not isinstance(identity, dict):
        yield Problem(ProblemCode.BAD_VALUE, "identity", "Who the person is must be an object of lists.")
        return
    for name, digests in identity.items():
        path = f"identity.{name}"
        if name not in _NAMES:
            yield Problem(ProblemCode.UNKNOWN_KEY, path, f"{name} is not part of the format.", repair=name)
        elif not _are_digests(digests):
            sentence = "Each value must be a SHA-256 digest in lower-case hex."
            yield Problem(ProblemCode.NOT_HASHED, path, sentence, repair=name)


def _are_digests(digests: object) -> bool:
    return isinstance(digests, list) and all(isinstance(text, str) and _DIGEST.fullmatch(text) for text in digests)


_CHECKS: tuple[Callable[[Event, datetime], Iterator[Problem]], ...] = (
    _check_keys,
    _check_time,
    _check_value,
    _check_identity,
)

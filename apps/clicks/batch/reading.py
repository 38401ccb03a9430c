"""What a customer's server may send to `/events/batch`: pure reading of one event of a batch.

Personal data comes hashed (SHA-256, 64 hexadecimal digits, one or a list). Clear text is refused by the field's name,
or hashed here if the sender's key allows it; it goes no further either way. What would lose an event for a slip that
costs little (an unknown field, an address inside a network) becomes a warning instead.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.clicks.batch.people import read_people
from apps.clicks.bots import is_crawler
from apps.clicks.page_data import read_data
from apps.clicks.tracking import PAGE_EVENTS, TEXT_LIMITS, Hit, TrackingError, read_hit
from apps.gateways.tracking import PERSONAL_KEYS, keep_tracking

MAX_EVENTS = 1000
OLDEST = timedelta(days=7)
AHEAD = timedelta(minutes=5)
CLICK, IDENTIFY = "click", "identify"
EVENT_NAMES = (CLICK, *PAGE_EVENTS, IDENTIFY)
# Names are compared without case and underscores, so Meta's "PageView" and ours are the same word.
_BY_WORD = {name.replace("_", ""): name for name in EVENT_NAMES}
# What only a checkout can tell, and tells by another way.
_SALES = frozenset(
    (
        *("purchase", "subscribe", "starttrial", "addpaymentinfo", "completepayment", "placeanorder", "order"),
        *("sale", "refund", "chargeback", "payment", "renewal"),
    )
)
_MAX_EVENT_ID = 100
_MAX_USER_AGENT = 4096
_PEOPLE = frozenset({"user", "email", "phone", "phone_e164", "external_id"})
_HIT_FIELDS = frozenset(TEXT_LIMITS) - _PEOPLE | {"consent_ads", "data"}
_KNOWN = _HIT_FIELDS | _PEOPLE | {"event_name", "event_time", "ip", "user_agent"}
_WARNED_UNKNOWN = 5
_NAME_SHOWN = 60
# Who somebody is needs no page, but a Hit has one; it is not stored.
_NO_PAGE = "http://"
_INSIDE = [
    ipaddress.ip_network(block)
    for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
]


@dataclass(frozen=True, slots=True)
class BatchEvent:
    """One event that can be recorded. `name` is one of EVENT_NAMES; `occurred_at` None means now.

    `warnings` maps a field that was left out to the word for why.
    """

    event_id: str
    name: str
    hit: Hit
    occurred_at: datetime | None = None
    ip: str | None = None
    user_agent: str = field(default="", repr=False)
    warnings: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_event(given: object, *, may_send_clear: bool, now: datetime) -> BatchEvent:
    """A BatchEvent of one member of `events`; raises TrackingError with a word for each field at fault."""
    if not isinstance(given, Mapping):
        raise TrackingError({"event": "not_an_object"})
    problems: dict[str, str] = {}
    warnings = dict(_warn_unknown(given))
    people = read_people(given, may_send_clear=may_send_clear)
    event_id, name = event_id_of(given), _name_of(given)
    at, time_problem = _read_time(given.get("event_time"), now)
    ip, ip_warning = _read_ip(given.get("ip"))
    own = {
        "event_id": _problem_of_id(given, event_id),
        "event_name": "" if name in EVENT_NAMES else name,
        "event_time": time_problem,
        "user_agent": "" if _is_user_agent(given.get("user_agent")) else "not_text",
    }
    hit = _read_hit({**given, "url": given.get("url") or _NO_PAGE} if name == IDENTIFY else given, problems)
    # The first of these also holds what no text may be: an event id with a space is a text to read_hit.
    problems |= people.problems | {field_name: word for field_name, word in own.items() if word}
    problems |= dict(_find_personal(given))
    if problems or hit is None:
        raise TrackingError(problems)
    user_agent = _printable(given.get("user_agent"))
    told = {"ip": ip_warning, "user_agent": "a_machine" if is_crawler(user_agent) else ""}
    warnings |= people.warnings | read_data(given.get("data"))[1] | {name: word for name, word in told.items() if word}
    return BatchEvent(
        event_id=event_id,
        name=name,
        hit=replace(hit, identity=people.identity),
        occurred_at=at,
        ip=ip,
        user_agent=user_agent,
        warnings=warnings,
    )


def event_id_of(given: object) -> str:
    """1 to 100 visible characters, empty where there are none such; a whole number counts as its digits."""
    value = given.get("event_id") if isinstance(given, Mapping) else None
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not 0 < len(text) <= _MAX_EVENT_ID:
        return ""
    return text if text.isprintable() and not any(map(str.isspace, text)) else ""


def _problem_of_id(given: Mapping[str, Any], event_id: str) -> str:
    """Ids are kept in clear, and written to the log."""
    if not event_id:
        return "not_an_event_id" if given.get("event_id") else "required"
    return "" if keep_tracking({"event_id": event_id}) else "personal"


def _name_of(given: Mapping[str, Any]) -> str:
    """One of EVENT_NAMES, else the word for what is wrong with it."""
    value = given.get("event_name")
    if value in (None, ""):
        return "required"
    word = value.replace("_", "").casefold() if isinstance(value, str) else ""
    return _BY_WORD.get(word) or ("a_sale" if word in _SALES else "not_an_event_name")


def _read_hit(given: Mapping[str, Any], problems: dict[str, str]) -> Hit | None:
    try:
        return read_hit({name: given[name] for name in _HIT_FIELDS & given.keys()})
    except TrackingError as error:
        problems |= error.fields
        return None


def _read_time(value: Any, now: datetime) -> tuple[datetime | None, str]:
    """(when, "") or (None, what is wrong); a moment that is still to come, by a clock that is ahead, becomes now."""
    if value is None:
        return None, ""
    at = _moment_of(value)
    if at is None:
        return None, "not_a_moment"
    if at < now - OLDEST:
        return None, "too_old"
    return (min(at, now), "") if at <= now + AHEAD else (None, "too_far_ahead")


def _moment_of(value: Any) -> datetime | None:
    """From ISO 8601 with an offset, or Unix seconds."""
    try:
        if isinstance(value, str):
            written = datetime.fromisoformat(value)
            return written.astimezone(UTC) if written.tzinfo else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        # A number that is no moment of any calendar year is a time too far away, whichever way.
        return None
    return None


def _read_ip(value: Any) -> tuple[str | None, str]:
    """(address, "") or (None, why it is left out): a wrong address must not cost the event."""
    if value in (None, ""):
        return None, ""
    try:
        address = ipaddress.ip_address(value.strip()) if isinstance(value, str) else None
    except ValueError:
        address = None
    if address is None or getattr(address, "scope_id", None):
        return None, "not_an_address"
    address = getattr(address, "ipv4_mapped", None) or address
    return (None, "inside_a_network") if _is_inside(address) else (str(address), "")


def _is_inside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether it is some machine's on the way, so that all visitors would share it."""
    special = address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
    return special or any(address in block for block in _INSIDE)


def _is_user_agent(value: Any) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= _MAX_USER_AGENT)


def _printable(value: str | None) -> str:
    return "".join(filter(str.isprintable, value or ""))


def _find_personal(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields beside `user` that are named after what they tell of a person."""
    for name, value in given.items():
        if name not in _KNOWN and name.casefold() in PERSONAL_KEYS and value not in (None, ""):
            yield name, "personal"


def _warn_unknown(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    unknown = [name for name in given if name not in _KNOWN and name.casefold() not in PERSONAL_KEYS]
    yield from ((name[:_NAME_SHOWN], "unknown") for name in unknown[:_WARNED_UNKNOWN])

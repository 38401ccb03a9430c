"""How one value of an untrusted body becomes a value of ours. A converter answers None for what does not fit.

Gateways write the same thing as a number or as a string, so both are read; a boolean is never taken for a
number.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import partial
from typing import Generic, TypeVar

from apps.gateways.currencies import CURRENCIES

T_co = TypeVar("T_co", covariant=True)

MONEY_LIMIT = 10**12
MONEY_DIGITS = 18
WHOLE_DIGITS = 18
COUNT_LIMIT = 2**31

# Brazil keeps no summer time since 2019.
BRASILIA = timezone(timedelta(hours=-3))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_2100 = datetime(2100, 1, 1, tzinfo=UTC)
_SECONDS_TO_2100 = 4_102_444_800
_PLAIN_NUMBER = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")
_LOCAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{5,8}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:?[0-9]{2})")


@dataclass(frozen=True, slots=True)
class Scalar(Generic[T_co]):
    """A kind of value: what a person would call it, and its converter from anything JSON can hold."""

    expected: str
    convert: Callable[[object], T_co | None]


def _to_text(value: object, *, limit: int) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        whole = _to_whole(value, limit=10**WHOLE_DIGITS)
        return None if whole is None else str(whole)
    if not isinstance(value, str) or len(value) > limit or "\0" in value or not value.strip():
        return None
    return value


def _to_number(value: object) -> int | Decimal | None:
    if isinstance(value, str):
        return Decimal(value) if _PLAIN_NUMBER.fullmatch(value) else None
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    return None


def _to_whole(value: object, *, limit: int) -> int | None:
    number = _to_number(value)
    if number is None or not 0 <= number < limit:
        return None
    whole = int(number)
    return whole if whole == number else None


def _to_money(value: object) -> Decimal | None:
    number = _to_number(value)
    if number is None or not 0 <= number < MONEY_LIMIT:
        return None
    money = Decimal(number)
    digits = money.as_tuple()
    if len(digits.digits) > MONEY_DIGITS or -int(digits.exponent) > MONEY_DIGITS:
        return None
    # Adding zero writes 1E+2 as 100 and -0 as 0.
    return money + 0


def _to_flag(value: object) -> bool | None:
    """PHP senders write 0 and 1, and a form has text only."""
    if isinstance(value, Decimal):
        return None
    return _FLAGS.get(str(value).lower()) if isinstance(value, bool | int | str) else None


def _to_currency(value: object) -> str | None:
    code = value.upper() if isinstance(value, str) and value.isascii() else ""
    return code if code in CURRENCIES else None


def _to_instant(value: object, *, per_second: int) -> datetime | None:
    ticks = _to_whole(value, limit=_SECONDS_TO_2100 * per_second)
    return None if ticks is None else _EPOCH + timedelta(microseconds=ticks * (1_000_000 // per_second))


def _to_written_instant(value: object) -> datetime | None:
    return _parse_time(value) if isinstance(value, str) and _INSTANT.fullmatch(value) else None


def _to_local_time(value: object, *, zone: tzinfo) -> datetime | None:
    if isinstance(value, str) and _LOCAL_TIME.fullmatch(value):
        return _parse_time(value, zone)
    return _to_written_instant(value)


def _parse_time(text: str, zone: tzinfo | None = None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        moment = (moment.replace(tzinfo=zone) if zone else moment).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if _EPOCH <= moment < _YEAR_2100 else None


def local_time(zone: tzinfo) -> "Scalar[datetime]":
    """A time as clocks in `zone` show it; where it names a zone of its own, that one counts."""
    return Scalar("a date and time of 1970 to 2100", partial(_to_local_time, zone=zone))


TEXT = Scalar("text of at most 1,000 characters", partial(_to_text, limit=1_000))
IDENTIFIER = Scalar("an identifier of at most 200 characters", partial(_to_text, limit=200))
TRACKED_VALUE = Scalar("text of at most 2,000 characters", partial(_to_text, limit=2_000))
MONEY = Scalar("an amount of money from 0 to below 10^12 in at most 18 digits", _to_money)
MINOR_UNITS = Scalar("an amount in whole minor units, below 10^12", partial(_to_whole, limit=MONEY_LIMIT))
COUNT = Scalar("a whole number from 0 to below 2^31", partial(_to_whole, limit=COUNT_LIMIT))
FLAG = Scalar("true or false", _to_flag)
CURRENCY = Scalar("an ISO 4217 currency code", _to_currency)
EPOCH_S = Scalar("seconds since 1970, before 2100", partial(_to_instant, per_second=1))
EPOCH_MS = Scalar("milliseconds since 1970, before 2100", partial(_to_instant, per_second=1_000))
INSTANT = Scalar("an ISO 8601 time with its zone, from 1970 to 2100", _to_written_instant)

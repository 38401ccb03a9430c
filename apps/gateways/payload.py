"""A reader for bodies nobody vouches for: a value comes out in the asked type, or its path is named."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

from apps.gateways.errors import PayloadError
from apps.gateways.scalars import (
    BRASILIA,
    COUNT,
    CURRENCY,
    EPOCH_MS,
    EPOCH_S,
    FLAG,
    IDENTIFIER,
    INSTANT,
    MINOR_UNITS,
    MONEY,
    TEXT,
    TRACKED_VALUE,
    Scalar,
    local_time,
)

T = TypeVar("T")

_TYPE_NAMES = {bool: "boolean", dict: "object", list: "list", str: "string"}


def _is_missing(value: object) -> bool:
    """Null, blank text, empty lists and empty objects; PHP writes an empty object as `[]`."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, list | dict) and not value)


def _type_name(value: object) -> str:
    return _TYPE_NAMES.get(type(value), "number")


@lru_cache(maxsize=4096)
def _steps_of(path: str) -> tuple[str, ...]:
    """Adapters ask for the same few paths again and again."""
    return tuple(path.split(".")) if path else ()


class Payload:
    """One JSON value or form, read by dotted paths.

    Several paths in one call are alternatives: the first that holds something is read. `maybe_...` answers
    None when none does, the plain form raises. A value of the wrong type raises in both, except a time: a
    `maybe_` time that cannot be read is None, since no sale is worth holding back for its clock.
    """

    __slots__ = ("_prefix", "_value")

    def __init__(self, value: object, prefix: str = "") -> None:
        self._value = value
        self._prefix = prefix

    def text(self, *paths: str) -> str:
        return self._require(paths, TEXT)

    def maybe_text(self, *paths: str) -> str | None:
        return self._read(paths, TEXT)

    def identifier(self, *paths: str) -> str:
        """An id as text, whether it is written as text or as a number."""
        return self._require(paths, IDENTIFIER)

    def maybe_identifier(self, *paths: str) -> str | None:
        return self._read(paths, IDENTIFIER)

    def money(self, *paths: str) -> Decimal:
        return self._require(paths, MONEY)

    def maybe_money(self, *paths: str) -> Decimal | None:
        return self._read(paths, MONEY)

    def minor_units(self, *paths: str, decimals: int = 2) -> Decimal:
        """Money written as a whole number of its smallest unit: 19700 with 2 decimals is 197.00."""
        return Decimal(self._require(paths, MINOR_UNITS)).scaleb(-decimals)

    def maybe_minor_units(self, *paths: str, decimals: int = 2) -> Decimal | None:
        units = self._read(paths, MINOR_UNITS)
        return None if units is None else Decimal(units).scaleb(-decimals)

    def currency(self, *paths: str) -> str:
        return self._require(paths, CURRENCY)

    def maybe_currency(self, *paths: str) -> str | None:
        return self._read(paths, CURRENCY)

    def integer(self, *paths: str) -> int:
        """A count, 0 or more: it fits a 32-bit column."""
        return self._require(paths, COUNT)

    def maybe_integer(self, *paths: str) -> int | None:
        return self._read(paths, COUNT)

    def flag(self, *paths: str) -> bool:
        return self._require(paths, FLAG)

    def maybe_flag(self, *paths: str) -> bool | None:
        return self._read(paths, FLAG)

    def epoch_s(self, *paths: str) -> datetime:
        return self._require(paths, EPOCH_S)

    def maybe_epoch_s(self, *paths: str) -> datetime | None:
        return self._read_leniently(paths, EPOCH_S)

    def epoch_ms(self, *paths: str) -> datetime:
        return self._require(paths, EPOCH_MS)

    def maybe_epoch_ms(self, *paths: str) -> datetime | None:
        return self._read_leniently(paths, EPOCH_MS)

    def maybe_instant(self, *paths: str) -> datetime | None:
        """An ISO 8601 time that names its zone."""
        return self._read_leniently(paths, INSTANT)

    def maybe_local_time(self, *paths: str, zone: tzinfo = BRASILIA) -> datetime | None:
        """A time without a zone, as "2026-03-02 11:53" or with seconds, of clocks in `zone`; or an ISO 8601 one."""
        return self._read_leniently(paths, local_time(zone))

    def has(self, path: str) -> bool:
        """Whether anything that is not empty is there; an object in whose place stands another type holds nothing."""
        try:
            return not _is_missing(self._value_at(path))
        except PayloadError:
            return False

    def at(self, *paths: str) -> "Payload":
        """A reader rooted at an object; where there is none, one in which everything is missing."""
        path, value = self._find(paths)
        if not isinstance(value, dict | None):
            raise PayloadError(self._name(path), "an object", _type_name(value))
        return Payload(value, self._name(path))

    def items(self, *paths: str) -> Iterator["Payload"]:
        """A reader for each entry of a list; a form's list arrives as an object with the keys 0, 1, 2 ..."""
        path, found = self._find(paths)
        if isinstance(found, dict) and all(key.isdecimal() for key in found):
            found = list(found.values())
        if not isinstance(found, list | None):
            raise PayloadError(self._name(path), "a list", _type_name(found))
        return (Payload(entry, f"{self._name(path)}.{index}") for index, entry in enumerate(found or ()))

    def strings(self, *paths: str) -> dict[str, str]:
        """The entries of an object that hold text, each whole. Others are left out: extras of a sale."""
        path, found = self._find(paths)
        if not isinstance(found, dict | None):
            raise PayloadError(self._name(path), "an object", _type_name(found))
        texts = {key: TRACKED_VALUE.convert(value) for key, value in (found or {}).items()}
        return {key: text for key, text in texts.items() if text is not None and TEXT.convert(key)}

    @property
    def value(self) -> object:
        """The decoded value itself, for what compares whole bodies; adapters read by path."""
        return self._value

    def _require(self, paths: tuple[str, ...], scalar: Scalar[T]) -> T:
        value = self._read(paths, scalar)
        if value is None:
            raise PayloadError(" or ".join(map(self._name, paths)), scalar.expected, "nothing")
        return value

    def _read(self, paths: tuple[str, ...], scalar: Scalar[T]) -> T | None:
        path, found = self._find(paths)
        if found is None:
            return None
        value = scalar.convert(found)
        if value is None:
            raise PayloadError(self._name(path), scalar.expected, _type_name(found))
        return value

    def _read_leniently(self, paths: tuple[str, ...], scalar: Scalar[T]) -> T | None:
        readings = (scalar.convert(found) for path in paths if (found := self._find((path,))[1]) is not None)
        return next((value for value in readings if value is not None), None)

    def _find(self, paths: tuple[str, ...]) -> tuple[str, object]:
        for path in paths:
            value = self._value_at(path)
            if not _is_missing(value):
                return path, value
        return paths[0], None

    def _value_at(self, path: str) -> object:
        value, steps = self._value, _steps_of(path)
        for depth, step in enumerate(steps):
            if isinstance(value, dict):
                value = value.get(step)
            elif _is_missing(value):
                return None
            else:
                raise PayloadError(self._name(".".join(steps[:depth])), "an object", _type_name(value))
        return value

    def _name(self, path: str) -> str:
        return ".".join(part for part in (self._prefix, path) if part) or "body"

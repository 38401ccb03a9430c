"""The values of a decoded body, one by one: where each stands, and what could stand there in its place."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from apps.gateways.currencies import CURRENCIES

Place: TypeAlias = tuple[str | int, ...]

# Fractions are decoded to Decimal, and go back as the numbers they were.
write_json = msgspec.json.Encoder(decimal_format="number").encode

_FLIPPED = {"true": "false", "false": "true", "1": "0", "0": "1"}
_OTHER_CURRENCIES = ("EUR", "USD")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of a body that is neither object nor list, and the keys that lead to it."""

    place: Place
    value: object = field(repr=False)

    @property
    def path(self) -> str:
        return ".".join(map(str, self.place))

    @property
    def is_empty(self) -> bool:
        return self.value is None or (isinstance(self.value, str) and not self.value.strip())


def leaves_of(value: object, place: Place = ()) -> Iterator[Leaf]:
    """In the order of the body; empty objects and lists have none."""
    if isinstance(value, dict | list):
        entries: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in entries:
            yield from leaves_of(inner, (*place, key))
    else:
        yield Leaf(place, value)


def with_values(value: Any, changes: Mapping[Place, object]) -> Any:
    """The same body with other values at some places; all else is shared, not copied."""
    for place, new in changes.items():
        value = _with_value(value, place, new)
    return value


def _with_value(value: Any, place: Place, new: object) -> Any:
    if not place:
        return new
    changed = value.copy()
    changed[place[0]] = _with_value(value[place[0]], place[1:], new)
    return changed


def variants_of(value: object) -> list[object]:
    """What is put in a value's place: nothing first, then likely values of the same kind, then unlikely ones."""
    if isinstance(value, bool):
        return [None, not value]
    if isinstance(value, int | Decimal):
        return [None, *([1 - value] if value in (0, 1) else []), value + 1, value + 1_000]
    return [None, *_other_texts(str(value))]


def _other_texts(text: str) -> Iterator[str]:
    if text.lower() in _FLIPPED:
        yield _FLIPPED[text.lower()]
    if text.upper() in CURRENCIES:
        other = next(code for code in _OTHER_CURRENCIES if code != text.upper())
        yield other if text.isupper() else other.lower()
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        yield from (str(Decimal(text) + more) for more in (1, 1_000))
    # In front too: some gateways append a reason to their word, which is cut off.
    yield from (f"{text}x", f"x{text}")

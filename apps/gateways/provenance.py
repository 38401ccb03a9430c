"""Where each field of an event comes from, found by experiment: change one value of the body, read again, compare.

Nothing in an adapter has to cooperate, so this tells what an adapter does, not what it means to do. A message is read
several times for each of its values: a tool for people, not for the way of a webhook.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from typing import Any, TypeAlias

from apps.core.identity import Person
from apps.gateways.base import Adapter
from apps.gateways.errors import PayloadError, SignatureError
from apps.gateways.events import GatewayEvent, Item
from apps.gateways.leaves import Leaf, Place, leaves_of, variants_of, with_values, write_json
from apps.gateways.request import WebhookRequest

Spot: TypeAlias = tuple[int, str]  # a field of one of a message's events: the event's number, the field's name
Values: TypeAlias = dict[str, object]

_LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Origin:
    """A field of an event, as "buyer.email" or "items.0.price". Without a path its value is the adapter's own."""

    name: str
    value: object = field(repr=False)
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a body is read. Where it holds several messages, each path begins with its message's number, from 0.

    `checked` is read and kept in no field: another value there can stop the reading. `proofs` hold the token that
    authenticates the sender. Nothing depends on `unused`, and `empty` is null or blank.
    """

    events: tuple[tuple[Origin, ...], ...]
    checked: tuple[str, ...]
    proofs: tuple[str, ...]
    unused: tuple[str, ...]
    empty: tuple[str, ...]


def explain(adapter: Adapter, request: WebhookRequest) -> Explanation:
    """Raises PayloadError for what `adapter.parse` cannot read."""
    adapter.parse(request)
    payloads = request.payloads()
    parts = [
        _Experiment(adapter, payload.value).explain(f"{number}." if len(payloads) > 1 else "")
        for number, payload in enumerate(payloads)
    ]
    merged = {
        item.name: tuple(chain.from_iterable(getattr(part, item.name) for part in parts))
        for item in fields(Explanation)
    }
    return Explanation(**merged)


def values_of(event: GatewayEvent) -> Values:
    """The fields of an event by name, those of the buyer, of tracking and of items each by its own."""
    return dict(_flatten("", event))


def _flatten(name: str, value: object) -> Iterator[tuple[str, object]]:
    members = _members_of(value)
    if members is None:
        yield name, value
    else:
        for key, member in members:
            yield from _flatten(f"{name}.{key}" if name else str(key), member)


def _members_of(value: object) -> Iterable[tuple[object, object]] | None:
    if isinstance(value, GatewayEvent | Person | Item):
        return [(item.name, getattr(value, item.name)) for item in fields(value)]
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, tuple) else None


@dataclass(frozen=True, slots=True)
class _Effect:
    """What a change did. After a deep one, which made another kind of message or none, `spots` can be mere victims."""

    spots: frozenset[Spot]
    is_deep: bool
    is_fatal: bool = False  # nothing could be read

    def reaches(self, spot: Spot) -> bool:
        return spot in self.spots and (spot[1] == "kind" or not self.is_deep)


class _Experiment:
    """One message, what is read from it, and the values that each field turned out to depend on."""

    def __init__(self, adapter: Adapter, message: object) -> None:
        self._adapter = adapter
        self._message = message
        self._events = self._read(message) or []
        self._before = [values_of(event) for event in self._events]
        self._leaves = list(leaves_of(message))
        self._effects = {leaf: self._try_variants(leaf) for leaf in self._leaves if not leaf.is_empty}
        self._sources: dict[Spot, dict[Leaf, None]] = defaultdict(dict)  # leaves in the order they were found in

    def explain(self, prefix: str) -> Explanation:
        self._attribute_changes()
        self._attribute_losses()
        self._attribute_redundancies()
        placed = set(chain.from_iterable(self._sources.values()))
        without = [leaf for leaf in self._effects if leaf not in placed]
        proofs = [leaf for leaf in without if self._is_proof(leaf)]
        checked = [leaf for leaf in without if any(effect.spots for effect in self._effects[leaf].values())]
        unused = [leaf for leaf in without if leaf not in {*proofs, *checked}]
        empty = [leaf for leaf in self._leaves if leaf.is_empty]
        events = tuple(tuple(self._origins(number, prefix)) for number in range(len(self._before)))
        return Explanation(events, *(_paths(group, prefix) for group in (checked, proofs, unused, empty)))

    def _tried(self) -> Iterator[tuple[Leaf, _Effect]]:
        return ((leaf, effect) for leaf, effects in self._effects.items() for effect in effects.values())

    def _attribute_changes(self) -> None:
        """A field comes from what changes it; when the kind changed, the rest of the event is of another sort."""
        for leaf, effect in self._tried():
            for spot in filter(effect.reaches, effect.spots):
                self._sources[spot][leaf] = None

    def _attribute_losses(self) -> None:
        """A field that no harmless change reached comes from the value that it repeats."""
        known = set(self._sources)
        for leaf, effect in self._tried():
            for number, name in effect.spots - known:
                if _repeats(self._before[number][name], leaf.value):
                    self._sources[number, name][leaf] = None

    def _attribute_redundancies(self) -> None:
        """A field that no single value decides may stand on several, each of which would do."""
        told = [
            (number, name) for number, values in enumerate(self._before) for name in values if _is_told(values[name])
        ]
        for number in range(len(self._before)):
            # An unknown word stays unknown, whatever is written in its place.
            self._sources.setdefault((number, "kind"), self._sources[number, "vendor_event"])
        alone = [spot for spot in told if not self._sources.get(spot)]
        joint = self._joint_changes() if alone else {}
        for spot in alone:
            found = self._needed(spot, joint.get(spot, {})) or self._lists_behind(spot) or self._flags_behind(spot)
            self._sources[spot] = dict.fromkeys(found)

    def _joint_changes(self) -> dict[Spot, dict[Place, object]]:
        """Change ever more values at a time: for each field the changes after which it gave way."""
        found: dict[Spot, dict[Place, object]] = {}
        for likely in (0, -1):
            changes: dict[Place, object] = {}
            for leaf, effects in self._effects.items():
                harmless = [value for value, effect in effects.items() if not effect.is_deep]
                attempt = {**changes, leaf.place: harmless[likely]} if harmless else changes
                effect = self._effect(attempt)
                changes = changes if effect.is_deep else attempt
                found = dict.fromkeys(filter(effect.reaches, effect.spots), attempt) | found
        return found

    def _needed(self, spot: Spot, changes: dict[Place, object]) -> list[Leaf]:
        for place in list(changes):
            fewer = {other: value for other, value in changes.items() if other != place}
            if self._effect(fewer).reaches(spot):
                changes = fewer
        return [leaf for leaf in self._effects if leaf.place in changes]

    def _lists_behind(self, spot: Spot) -> list[Leaf]:
        """A list of which the length tells: with one more entry, unlike its last, it gives the field another value."""
        number, name = spot
        steps = ((leaf.place[:depth], key) for leaf in self._leaves for depth, key in enumerate(leaf.place))
        for place in dict.fromkeys(place for place, key in steps if isinstance(key, int)):
            entries: Any = self._message
            for step in place:
                entries = entries[step]
            after = self._read(with_values(self._message, {place: [*entries, _unlike(entries[-1])]})) or self._events
            if number < len(after) and values_of(after[number]).get(name) not in (None, self._before[number][name]):
                return [Leaf(place, len(entries))]
        return []

    def _flags_behind(self, spot: Spot) -> list[Leaf]:
        """No adapter raises a flag always: a raised one that nothing lowers comes from what bears no other value."""
        unbending = [leaf for leaf, effects in self._effects.items() if all(one.is_fatal for one in effects.values())]
        return unbending if self._before[spot[0]][spot[1]] is True else []

    def _try_variants(self, leaf: Leaf) -> dict[object, _Effect]:
        return {value: self._effect({leaf.place: value}) for value in variants_of(leaf.value)}

    def _effect(self, changes: Mapping[Place, object]) -> _Effect:
        after = self._read(with_values(self._message, changes))
        if after is None or len(after) != len(self._before):
            everything = {(number, name) for number, values in enumerate(self._before) for name in values}
            spots = {spot for spot in everything if after is not None or spot[1] != "kind"}
            return _Effect(frozenset(spots), is_deep=True, is_fatal=after is None)
        pairs = [(number, values_of(event)) for number, event in enumerate(after) if event != self._events[number]]
        spots = {(number, name) for number, new in pairs for name in _differing(self._before[number], new)}
        return _Effect(frozenset(spots), is_deep=any(name == "kind" for _number, name in spots))

    def _read(self, message: object) -> list[GatewayEvent] | None:
        """As JSON, whatever the body was: adapters see the decoded values only."""
        try:
            return self._adapter.parse(WebhookRequest(write_json(message)))
        except PayloadError:
            return None

    def _is_proof(self, leaf: Leaf) -> bool:
        text = str(leaf.value)
        return self._verifies(text) and not self._verifies(f"{text}x")

    def _verifies(self, secret: str) -> bool:
        try:
            self._adapter.verify(WebhookRequest(write_json(self._message)), [secret], _LONG_AGO)
        except SignatureError:
            return False
        return True

    def _origins(self, number: int, prefix: str) -> Iterator[Origin]:
        values = self._before[number]
        for name, value in values.items():
            paths = _paths(self._sources.get((number, name), ()), prefix)
            if paths or (_is_told(value) and not _is_mere_default(name, values)):
                yield Origin(name, value, paths)


def _unlike(entry: object) -> object:
    changes = {leaf.place: variants_of(leaf.value)[1] for leaf in leaves_of(entry) if not leaf.is_empty}
    return with_values(entry, changes)


def _differing(old: Values, new: Values) -> Iterator[str]:
    """Names of changed fields; when the number of items changed, each of the others may stand in another's place."""
    moved = {name for name in old.keys() ^ new.keys() if name.startswith("items.")}
    for name, value in old.items():
        if value != new.get(name) and not (moved and name.startswith("items.")):
            yield name


def _is_mere_default(name: str, values: Values) -> bool:
    """A buyer of whom nothing is told still has the country that numbers are taken to be from."""
    others = (value for other, value in values.items() if other.startswith("buyer.") and other != name)
    return name == "buyer.phone_country" and not any(others)


def _is_told(value: object) -> bool:
    return value is not None and value is not False and value != ""


def _repeats(value: object, written: object) -> bool:
    """Money may be written in cents, and a word with a reason after it."""
    if isinstance(value, Decimal):
        return _significant(value) == _significant(written)
    said, text = str(value).casefold(), str(written).casefold()
    return _is_told(value) and text.startswith(said) and not text[len(said) :][:1].isalnum()


def _significant(number: object) -> str:
    return str(number).replace(".", "").strip("0")


def _paths(leaves: Iterable[Leaf], prefix: str) -> tuple[str, ...]:
    return tuple(prefix + leaf.path for leaf in leaves)

"""The known contract of a gateway: the shapes that its fixtures show, and what in a body differs from them.

The fixtures are the contract, so a format is learnt by adding one; `fields.txt` beside them lists the names that the
gateway documents and no adapter uses. Nothing here decides whether a body is read: that is the adapter's.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from apps.gateways.base import Adapter
from apps.gateways.request import WebhookRequest

MAX_DIFFERENCES = 50
ENTRIES = "[]"
_FOLDER = Path(__file__).parent
# A path that a gateway may have chosen: every step is `[]` or a word with a letter. Others are a seller's, a buyer's or
# an attacker's own, and no path of them is told or kept.
_STEP = r"(?:(?=[^.]*[A-Za-z_])[A-Za-z0-9_-]+|\[\])"
_PATH = re.compile(rf"(?=.{{1,300}}\Z){_STEP}(?:\.{_STEP})*")
_TYPES = {bool: "boolean", dict: "object", list: "list", str: "string", type(None): "null"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where a body departs from the contract; types only, never a value."""

    path: str
    expected: str
    found: str


@dataclass(slots=True)
class Shape:
    """What the fixtures show at one place: types, members (a list's entries share `[]`), and how often it was there."""

    types: set[str] = field(default_factory=set)
    members: dict[str, "Shape"] = field(default_factory=dict)
    seen: int = 0

    def learn(self, value: object) -> None:
        self.seen += 1
        self.types.add(_type_of(value))
        for name, member in _members(value):
            self.members.setdefault(name, Shape()).learn(member)

    def learn_path(self, path: str) -> None:
        shape = self
        for step in path.split("."):
            shape = shape.members.setdefault(step, Shape())


@dataclass(frozen=True, slots=True)
class Contract:
    """The shapes of one gateway: of all its bodies together, and of those with the same word for what happened."""

    whole: Shape
    by_word: dict[str, Shape]

    def new_fields(self, message: object) -> list[str]:
        """Paths in `message` that neither a fixture nor `fields.txt` has. Cheap: one look at each known object."""
        return [path for path in _new_fields(message, self.whole, "") if _PATH.fullmatch(path)]

    def differences(self, message: object, word: str) -> list[Difference]:
        """Where `message` departs from the bodies of its word; from all bodies of the gateway if the word is new."""
        known = self.by_word.get(word, self.whole)
        found = (item for item in _differences(message, known, self.whole, "") if _PATH.fullmatch(item.path))
        return list(islice(dict.fromkeys(found), MAX_DIFFERENCES))


@cache
def contract_of(adapter: Adapter) -> Contract:
    """Read from the adapter's folder, once in each process."""
    contract = Contract(Shape(), {})
    folder = _FOLDER / adapter.slug
    for path in sorted((folder / "fixtures").iterdir()):
        if path.name.endswith(".expected.json"):
            continue
        words = [event["vendor_event"] for event in json.loads(path.with_suffix(".expected.json").read_text())]
        for message in adapter.messages(WebhookRequest(path.read_bytes().strip())):
            contract.whole.learn(message.value)
            for word in set(words):
                contract.by_word.setdefault(word, Shape()).learn(message.value)
    for line in _documented_fields(folder):
        contract.whole.learn_path(line)
    for path_of_extras in adapter.free_paths:
        _set_free(contract, path_of_extras)
    return contract


def _documented_fields(folder: Path) -> Iterator[str]:
    listed = folder / "fields.txt"
    lines = listed.read_text().splitlines() if listed.exists() else []
    return (line for line in lines if line and not line.startswith("#"))


def _set_free(contract: Contract, path: str) -> None:
    """Forget the members of an object that holds the seller's own keys, and never miss or find any there."""
    for shape in (contract.whole, *contract.by_word.values()):
        node: Shape | None = shape
        for step in path.split("."):
            node = node.members.get(step) if node else None
        if node:
            node.members.clear()
            node.types.add("any")


def _new_fields(value: object, shape: Shape, prefix: str) -> Iterator[str]:
    if "any" in shape.types:
        return
    if isinstance(value, dict) and ENTRIES not in shape.members:
        for name in value.keys() - shape.members.keys():
            yield prefix + name
        for name, inner in value.items():
            member = shape.members.get(name) if isinstance(inner, dict | list) else None
            if member and member.members:
                yield from _new_fields(inner, member, f"{prefix}{name}.")
    elif isinstance(value, dict | list) and ENTRIES in shape.members:
        for _name, entry in _members(value):
            yield from _new_fields(entry, shape.members[ENTRIES], f"{prefix}{ENTRIES}.")


def _differences(value: object, shape: Shape, whole: Shape | None, path: str) -> Iterator[Difference]:
    if "any" in shape.types:
        return
    found = _type_of(value)
    if shape.types and found not in shape.types:
        yield Difference(path or "body", " or ".join(sorted(shape.types)), found)
        return
    present = list(_members(value))
    names = {name for name, _inner in present}
    for name, member in shape.members.items():
        if name not in names and name != ENTRIES and member.seen == shape.seen > 0:
            yield Difference(_join(path, name), " or ".join(sorted(member.types)), "nothing")
    for name, inner in present:
        known = shape.members.get(name)
        broader = whole.members.get(name) if whole else None
        if known:
            yield from _differences(inner, known, broader, _join(path, name))
        elif broader is None:
            yield Difference(_join(path, name), "nothing", _type_of(inner))


def _members(value: object) -> Iterable[tuple[str, Any]]:
    """Entries of a list share one name; in a form a list arrives as an object with the keys 0, 1, 2 ..."""
    if isinstance(value, dict) and not all(name.isdecimal() for name in value):
        return value.items()
    entries = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return ((ENTRIES, entry) for entry in entries)


def _type_of(value: object) -> str:
    return _TYPES.get(type(value), "number")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name

"""Who the visitors of a batch of sessions are: pure, so that any order can be tried without a database.

Sessions that name the same hash are of one person, and a session that names two people shows that they are one. Two
things hold that back. People whom somebody has told apart stay apart. And a hash shared by a crowd (the shop's own
e-mail, typed by its staff for every customer) says nothing of who is behind it: nobody gets more than `CROWD` hashes
of one kind.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

CROWD = 20
KINDS = ("em", "ph", "external_id")
BUYER_PREFIX = "buyer_"
"""Leads the keys under which a session keeps what a purchase told of its visitor: no platform is sent these."""


class Hash(NamedTuple):
    """One of KINDS, and a SHA-256."""

    kind: str
    digest: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The hashes that one session names; never none."""

    session: int
    hashes: tuple[Hash, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of the people whom a batch names: ids of people, the lower the older."""

    owners: Mapping[Hash, int] = field(default_factory=dict)
    sizes: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    apart: frozenset[frozenset[int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Joined:
    """`merged` turned out to be `kept`, because a session of theirs also named `because`, a hash of `merged`."""

    kept: int
    merged: int
    because: Hash


@dataclass(frozen=True, slots=True)
class Plan:
    """Where each session belongs in the end, and each new hash before anybody is merged.

    People who are yet to be made have negative numbers.
    """

    homes: Mapping[int, int]
    learned: Mapping[Hash, int]
    joined: tuple[Joined, ...]

    @property
    def newcomers(self) -> list[int]:
        """The new people whom something belongs to, in the order in which they were met."""
        return sorted({person for person in (*self.homes.values(), *self.learned.values()) if person < 0}, reverse=True)


def read_hashes(identity: Mapping[str, Iterable[str]]) -> tuple[Hash, ...]:
    """The hashes by which a session names somebody: the visitor's own, and those of who bought in it."""
    keys = [(kind, f"{prefix}{kind}") for prefix in ("", BUYER_PREFIX) for kind in KINDS]
    return tuple(dict.fromkeys(Hash(kind, digest) for kind, key in keys for digest in identity.get(key, ())))


def plan_links(evidence: Iterable[Evidence], known: Known) -> Plan:
    planner = _Planner(known)
    homes = {item.session: planner.place(item.hashes) for item in evidence}
    return Plan(
        homes={session: planner.find(person) for session, person in homes.items()},
        learned={
            item: person if person > 0 else planner.find(person)
            for item, person in planner.owners.items()
            if item not in known.owners
        },
        joined=tuple(Joined(planner.find(merged), merged, because) for merged, because in planner.causes.items()),
    )


def _age(person: int) -> tuple[bool, int]:
    """Sorts the oldest first: those who are stored, then newcomers."""
    return person < 0, abs(person)


class _Planner:
    """People as disjoint sets, each under its oldest member."""

    def __init__(self, known: Known) -> None:
        self.owners = dict(known.owners)
        self.causes: dict[int, Hash] = {}
        self._parents: dict[int, int] = {}
        self._sizes = {person: Counter(sizes) for person, sizes in known.sizes.items()}
        self._apart = set(known.apart)
        self._newest = 0

    def find(self, person: int) -> int:
        while person in self._parents:
            person = self._parents[person]
        return person

    def place(self, hashes: tuple[Hash, ...]) -> int:
        """The person whom these hashes name, who learns those that nobody has."""
        telling = [item for item in hashes if not self._is_crowds(item)] or hashes
        named = {self.find(self.owners[item]): item for item in reversed(telling) if item in self.owners}
        home, *others = sorted(named, key=_age) or [self._meet()]
        for other in others:
            self._join(home, other, named[other])
        for item in telling:
            self._teach(home, item)
        return home

    def _is_crowds(self, item: Hash) -> bool:
        owner = self.owners.get(item)
        sizes = self._size(owner) if owner is not None else {}
        return any(count >= CROWD for kind, count in sizes.items() if kind != item.kind)

    def _size(self, person: int) -> Counter[str]:
        return self._sizes.setdefault(self.find(person), Counter())

    def _meet(self) -> int:
        self._newest -= 1
        return self._newest

    def _join(self, home: int, other: int, because: Hash) -> None:
        together = self._size(home) + self._size(other)
        if frozenset((home, other)) in self._apart or max(together.values(), default=0) > CROWD:
            return
        self._parents[other] = home
        self._sizes[home] = together
        self._apart = {frozenset(self.find(person) for person in pair) for pair in self._apart}
        if other > 0:
            self.causes[other] = because

    def _teach(self, home: int, item: Hash) -> None:
        size = self._size(home)
        if item not in self.owners and size[item.kind] < CROWD:
            self.owners[item] = home
            size[item.kind] += 1

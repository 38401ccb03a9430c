"""Which dead letters are meant: of one queue, and narrowed by what is known of each. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self
from uuid import UUID


class Queue(StrEnum):
    """The queues of the flow, each with dead letters of its own."""

    DISPATCH = "capi-dispatch"  # sends that are dead or expired
    MATCH = "match-events"  # sales whose matching failed
    INGEST = "ingest-events"  # deliveries in quarantine


class Condition(StrEnum):
    """Words of SendStatus: the two ways in which a send can end unsent."""

    DEAD = "dead"
    EXPIRED = "expired"


# What is known only of a send.
OF_SENDS = ("status", "destination", "platform")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """None, an empty text and an empty tuple narrow nothing.

    `since` and `until` bound the time at which it came to stand still. `ids` are the letters' own names: event ids, and
    keys of conversions or quarantined deliveries; `sends` are keys of sends, where only one of an event's is meant.
    """

    queue: Queue = Queue.DISPATCH
    status: Condition | None = None
    reason: str = ""
    destination: UUID | None = None
    funnel: UUID | None = None
    platform: str = ""
    min_value: Decimal | None = None
    max_value: Decimal | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[str, ...] = ()
    sends: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What was asked for, as a replay keeps it."""
        asked = {name: value for name, value in asdict(self).items() if value not in (None, "", ())}
        return {name: list(value) if isinstance(value, tuple) else str(value) for name, value in asked.items()}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        return cls(**{name: _READERS.get(name, str)(value) for name, value in kept.items() if name in known})


_READERS: dict[str, Any] = {
    "queue": Queue,
    "status": Condition,
    "destination": UUID,
    "funnel": UUID,
    "min_value": Decimal,
    "max_value": Decimal,
    "since": datetime.fromisoformat,
    "until": datetime.fromisoformat,
    "ids": tuple,
    "sends": tuple,
}

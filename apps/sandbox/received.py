"""What came in, in words that fit every platform: good events, and what one request came to. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

Payload = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent:
    """A good event: what the platform goes by, and all of it as it was sent. `event_id` may be empty."""

    name: str
    event_id: str
    event_time: int
    payload: Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a request was refused: the platform's numbers, and the culprit (`data[2].user.email`)."""

    code: int
    subcode: int | None = None
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request and its answer. Refused, it has a fault and no events; `submitted` counts what was in it."""

    platform: str
    pixel_id: str
    version: str
    received_at: datetime
    token: str | None
    test_event_code: str
    submitted: int
    events: Sequence[ServerEvent]
    fault: Fault | None
    status: int
    answer: Mapping[str, object]

"""What a platform is to the outbox: build an event, check it, post a few of them, say what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from apps.dispatch.meta.payload import BrowserFacts, EventFacts
from apps.dispatch.meta.preflight import Problem
from apps.dispatch.verdict import Verdict

ServerEvent = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """Where one request goes. `api_version` and `base_url` are already resolved; the token is never shown."""

    base_url: str
    api_version: str
    pixel_id: str
    test_event_code: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one request. `http_status` is None and `body` empty when nothing came back."""

    verdict: Verdict
    http_status: int | None
    body: str
    elapsed_ms: int | None


class Platform(Protocol):
    """One ad platform. Only `post` does I/O, and it never raises for what the platform or the network does."""

    def resolve(self, *, base_url: str, api_version: str) -> tuple[str, str]:
        """(base URL, API version) with the hub's settings in place of what the destination leaves empty."""

    def build_event(self, facts: EventFacts, browser: BrowserFacts | None, now: datetime) -> ServerEvent: ...

    def check_event(self, event: ServerEvent, now: datetime) -> Sequence[Problem]: ...

    def post(self, target: Target, events: Sequence[ServerEvent]) -> Reply: ...

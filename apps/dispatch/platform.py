"""What a platform is to the outbox: build an event, check it, post some of them, say what came of it."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from apps.dispatch.facts import BrowserFacts, EventFacts
from apps.dispatch.verdict import Verdict

ServerEvent = dict[str, Any]
_HOST = re.compile(r"[^/?#]*")


def host_of(base_url: str) -> str:
    """Scheme and host: what breaks down as one. The rest of an address may hold a customer's secret."""
    scheme, _, rest = base_url.partition("://")
    return f"{scheme}://{_HOST.match(rest)[0]}"[:200]  # type: ignore[index]  # matches anything, if only ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where one request goes. `api_version` and `base_url` are already resolved; the token is never shown."""

    base_url: str
    api_version: str
    pixel_id: str
    test_event_code: str
    token: str = field(repr=False)

    @property
    def host(self) -> str:
        return host_of(self.base_url)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one request. `http_status` is None and `body` empty when nothing came back.

    `duplicates` are the ids of events that the platform says it had before, `refused` those that it did not take of a
    request that it took, each with a stable word for why. Few platforms say either.
    """

    verdict: Verdict
    http_status: int | None
    body: str
    elapsed_ms: int | None
    duplicates: Collection[str] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason for which the platform would refuse the event.

    `code` is a stable word of at most 40 characters, `path` says where the fault lies (`user_data.em`), `sentence` what
    to tell a person. `repair`, if any, is the key whose absence heals it: `Platform.leave_out` takes it.
    """

    code: str
    path: str
    sentence: str
    repair: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a platform takes. `batch` is what we send at most in one request, no more than `max_batch`.

    Older than `window` an event is refused, so nothing is sent within `margin` of that. A repeated event_id is dropped
    for `resend_window`: an event whose outcome is unknown is not sent again after it.
    """

    max_batch: int
    batch: int
    window: timedelta = timedelta(days=7)
    margin: timedelta = timedelta(hours=1)
    resend_window: timedelta = timedelta(hours=47)


class Platform(Protocol):
    """One ad platform. Only `post` does I/O, and it never raises for what the platform or the network does."""

    limits: Limits

    def resolve(self, *, base_url: str, api_version: str) -> tuple[str, str]:
        """(base URL, API version) with the hub's settings in place of what the destination leaves empty."""

    def build_event(self, facts: EventFacts, browser: BrowserFacts | None, now: datetime) -> ServerEvent:
        """JSON-ready, as the platform wants it."""

    def check_event(self, event: ServerEvent, now: datetime) -> Sequence[Problem]:
        """Everything for which the platform would refuse it, as strictly as the platform does."""

    def leave_out(self, event: ServerEvent, repair: str) -> ServerEvent:
        """The event without the key that `Problem.repair` or `Verdict.repair` named."""

    def post(self, target: Target, events: Sequence[ServerEvent]) -> Reply:
        """One request with all of these events."""

"""Meta's Conversions API as the outbox sees it: `POST {base}/{version}/{pixel}/events`, token in a header."""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

from django.conf import settings

from apps.core.http import OutboundClient
from apps.dispatch.exchange import exchange
from apps.dispatch.facts import BrowserFacts, EventFacts
from apps.dispatch.meta.errors import classify
from apps.dispatch.meta.payload import build_server_event
from apps.dispatch.meta.preflight import check_event
from apps.dispatch.platform import Limits, Problem, Reply, ServerEvent, Target


class MetaPlatform:
    """One client a process: its connections stay open between requests."""

    limits = Limits(max_batch=1000, batch=200)

    @cached_property
    def _client(self) -> OutboundClient:
        return OutboundClient(allow_loopback=settings.OUTBOUND_ALLOW_LOOPBACK)

    def resolve(self, *, base_url: str, api_version: str) -> tuple[str, str]:
        return (base_url or settings.META_GRAPH_URL).rstrip("/"), api_version or settings.META_API_VERSION

    def build_event(self, facts: EventFacts, browser: BrowserFacts | None, now: datetime) -> ServerEvent:
        return build_server_event(facts, browser, now)

    def check_event(self, event: ServerEvent, now: datetime) -> Sequence[Problem]:
        return check_event(event, now)

    def leave_out(self, event: ServerEvent, repair: str) -> ServerEvent:
        return {**event, "user_data": {key: value for key, value in event["user_data"].items() if key != repair}}

    def post(self, target: Target, events: Sequence[ServerEvent]) -> Reply:
        body: dict[str, Any] = {"data": list(events)}
        if target.test_event_code:
            body["test_event_code"] = target.test_event_code
        url = f"{target.base_url}/{target.api_version}/{quote(target.pixel_id, safe='')}/events"
        headers = {"Authorization": f"Bearer {target.token}"}
        return exchange(
            self._client,
            url,
            body,
            headers,
            lambda answer: classify(answer.status, answer.headers, answer.body, len(events)),
            events=len(events),
        )

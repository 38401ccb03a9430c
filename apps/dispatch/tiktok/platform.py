"""TikTok's Events API as the outbox sees it: `POST {base}/open_api/{version}/event/track/`, token in `Access-Token`."""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

from django.conf import settings

from apps.core.http import OutboundClient
from apps.dispatch.exchange import exchange
from apps.dispatch.facts import BrowserFacts, EventFacts
from apps.dispatch.platform import Limits, Problem, Reply, ServerEvent, Target
from apps.dispatch.tiktok.errors import classify
from apps.dispatch.tiktok.payload import build_web_event
from apps.dispatch.tiktok.preflight import check_event

API_VERSION = "v1.3"


class TikTokPlatform:
    """One client a process: its connections stay open between requests."""

    limits = Limits(max_batch=1000, batch=200)

    @cached_property
    def _client(self) -> OutboundClient:
        return OutboundClient(allow_loopback=settings.OUTBOUND_ALLOW_LOOPBACK)

    def resolve(self, *, base_url: str, api_version: str) -> tuple[str, str]:
        return (base_url or settings.TIKTOK_API_URL).rstrip("/"), api_version or API_VERSION

    def build_event(self, facts: EventFacts, browser: BrowserFacts | None, now: datetime) -> ServerEvent:
        return build_web_event(facts, browser, now)

    def check_event(self, event: ServerEvent, now: datetime) -> Sequence[Problem]:
        return check_event(event, now)

    def leave_out(self, event: ServerEvent, repair: str) -> ServerEvent:
        return {**event, "user": {key: value for key, value in event["user"].items() if key != repair}}

    def post(self, target: Target, events: Sequence[ServerEvent]) -> Reply:
        body: dict[str, Any] = {"event_source": "web", "event_source_id": target.pixel_id, "data": list(events)}
        if target.test_event_code:
            body["test_event_code"] = target.test_event_code
        url = f"{target.base_url}/open_api/{quote(target.api_version, safe='')}/event/track/"
        return exchange(
            self._client,
            url,
            body,
            {"Access-Token": target.token},
            lambda answer: classify(answer.status, answer.headers, answer.body, len(events)),
            events=len(events),
        )

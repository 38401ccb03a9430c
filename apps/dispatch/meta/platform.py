"""Meta's Conversions API as the outbox sees it: `POST {base}/{version}/{pixel}/events`, token in a header."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

from django.conf import settings

from apps.core.http import Ambiguous, NotSent, OutboundClient, OutboundError, Reason, Refused
from apps.dispatch.meta.errors import classify
from apps.dispatch.meta.payload import BrowserFacts, EventFacts, build_server_event
from apps.dispatch.meta.preflight import Problem, check_event
from apps.dispatch.platform import Reply, ServerEvent, Target
from apps.dispatch.verdict import NextStep, Outcome, Verdict

# What went wrong without a whole answer -> what that says of the event, and what to do
_WITHOUT_ANSWER: dict[type[OutboundError], tuple[Outcome, NextStep]] = {
    NotSent: (Outcome.TRANSIENT, NextStep.RETRY),
    Ambiguous: (Outcome.AMBIGUOUS, NextStep.RETRY),
    Refused: (Outcome.PERMANENT, NextStep.REVIEW),
}


class MetaPlatform:
    """One client a process: its connections stay open between requests."""

    @cached_property
    def _client(self) -> OutboundClient:
        return OutboundClient(allow_loopback=settings.OUTBOUND_ALLOW_LOOPBACK)

    def resolve(self, *, base_url: str, api_version: str) -> tuple[str, str]:
        return (base_url or settings.META_GRAPH_URL).rstrip("/"), api_version or settings.META_API_VERSION

    def build_event(self, facts: EventFacts, browser: BrowserFacts | None, now: datetime) -> ServerEvent:
        return build_server_event(facts, browser, now)

    def check_event(self, event: ServerEvent, now: datetime) -> Sequence[Problem]:
        return check_event(event, now)

    def post(self, target: Target, events: Sequence[ServerEvent]) -> Reply:
        body: dict[str, Any] = {"data": list(events)}
        if target.test_event_code:
            body["test_event_code"] = target.test_event_code
        url = f"{target.base_url}/{target.api_version}/{quote(target.pixel_id, safe='')}/events"
        headers = {"Authorization": f"Bearer {target.token}"}
        try:
            answer = self._client.post_json(url, json.dumps(body).encode(), headers)
        except OutboundError as error:
            return Reply(_judge_silence(error), None, "", None)
        verdict = classify(answer.status, answer.headers, answer.body, len(events))
        return Reply(verdict, answer.status, answer.body.decode("utf-8", "replace"), answer.elapsed_ms)


def _judge_silence(error: OutboundError) -> Verdict:
    """A token that does not fit into a header was badly pasted: the event must wait for a good one."""
    if error.reason is Reason.HEADER:
        return Verdict(Outcome.TOKEN, NextStep.REPLACE_TOKEN, error.reason)
    outcome, next_step = _WITHOUT_ANSWER[type(error)]
    return Verdict(outcome, next_step, error.reason)

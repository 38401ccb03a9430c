"""The customer's own server as the outbox sees it: one signed POST to the destination's address, and no version."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property

from django.conf import settings

from apps.core.http import OutboundClient, OutboundError
from apps.dispatch.exchange import judge_silence, patience
from apps.dispatch.facts import BrowserFacts, EventFacts
from apps.dispatch.http_gateway.errors import read_answer
from apps.dispatch.http_gateway.payload import build_event, sign_request
from apps.dispatch.http_gateway.preflight import MAX_AGE, check_event, leave_out
from apps.dispatch.platform import Limits, Problem, Reply, ServerEvent, Target

# Room for a reason for each event of the largest request.
_LONGEST_ANSWER = 512 * 1024
# Every customer's receiver is a host of its own.
_HOSTS = 200


class HttpGateway:
    """Receivers drop repeats for ever (docs/http-gateway.md), so what may have arrived is resent to the end."""

    limits = Limits(max_batch=1000, batch=200, window=MAX_AGE, resend_window=MAX_AGE)

    @cached_property
    def _client(self) -> OutboundClient:
        return OutboundClient(allow_loopback=settings.OUTBOUND_ALLOW_LOOPBACK, max_body=_LONGEST_ANSWER, hosts=_HOSTS)

    def resolve(self, *, base_url: str, api_version: str) -> tuple[str, str]:
        """The whole address, path and query included; "" where nobody gave one, which is refused when posted to."""
        return base_url or settings.CAPI_GATEWAY_URL, ""

    def build_event(self, facts: EventFacts, browser: BrowserFacts | None, now: datetime) -> ServerEvent:
        return build_event(facts, browser, now)

    def check_event(self, event: ServerEvent, now: datetime) -> Sequence[Problem]:
        return check_event(event, now)

    def leave_out(self, event: ServerEvent, repair: str) -> ServerEvent:
        return leave_out(event, repair)

    def post(self, target: Target, events: Sequence[ServerEvent]) -> Reply:
        now = datetime.now(UTC)
        request = sign_request(target, events, now)
        try:
            answer = self._client.post_json(target.base_url, request.body, request.headers, patience(len(events)))
        except OutboundError as error:
            return Reply(judge_silence(error), None, "", None)
        sent = [str(event["event_id"]) for event in events]
        reading = read_answer(answer.status, answer.headers, answer.body, sent, now)
        return Reply(
            reading.verdict,
            answer.status,
            answer.body.decode("utf-8", "replace"),
            answer.elapsed_ms,
            duplicates=reading.duplicates,
            refused=reading.refused,
        )

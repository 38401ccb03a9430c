"""One whole request against the documented rules: good as a whole, or refused as a whole.

Versions, tokens, the form of the body, then the events in their order. The first fault ends it: Meta
processes nothing of a request that holds one bad event, and tells of one fault only.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from apps.sandbox.meta.events import check_event
from apps.sandbox.meta.reading import (
    GraphCall,
    count_events,
    read_events,
    read_parameters,
    read_test_event_code,
)
from apps.sandbox.meta.refusals import UNKNOWN_OBJECT, Refusal, RefusalError
from apps.sandbox.meta.tokens import check_token, find_token
from apps.sandbox.meta.versions import check_version
from apps.sandbox.received import ServerEvent

# Meta's ids are numbers; letters are let through so that a demo can speak of `pixel-a`.
_PIXEL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What came of a request. With a refusal, `events` is empty and `submitted` counts what was in it."""

    token: str | None
    test_event_code: str = ""
    events: Sequence[ServerEvent] = ()
    submitted: int = 0
    refusal: Refusal | None = None


def examine_call(call: GraphCall) -> Examined:
    """Never raises: whatever was sent, the answer is events or a refusal."""
    try:
        parameters = read_parameters(call)
    except RefusalError as refused:
        return Examined(token=find_token(call.authorization, call.query), refusal=refused.refusal)
    token = find_token(call.authorization, parameters)
    try:
        check_version(call.version, call.received_at)
        check_token(token, call.received_at)
        _check_pixel_id(call.pixel_id)
        test_event_code = read_test_event_code(parameters)
        events = [
            check_event(event, f"data[{index}]", call.received_at)
            for index, event in enumerate(read_events(parameters))
        ]
    except RefusalError as refused:
        return Examined(token=token, submitted=count_events(parameters), refusal=refused.refusal)
    return Examined(token=token, test_event_code=test_event_code, events=events, submitted=len(events))


def _check_pixel_id(pixel_id: str) -> None:
    if not _PIXEL_ID.fullmatch(pixel_id):
        raise RefusalError(UNKNOWN_OBJECT)

"""One whole request against the documented rules: good as a whole, or refused as a whole for its first fault."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.sandbox.json_texts import find_unkeepable, parse_json
from apps.sandbox.received import ServerEvent
from apps.sandbox.tiktok.events import check_event
from apps.sandbox.tiktok.refusals import UNREADABLE_BODY, Refusal, RefusalError, bad_parameter
from apps.sandbox.tiktok.tokens import check_token

MAX_EVENTS = 1000
EVENT_SOURCES = ("web", "app", "offline", "crm")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackCall:
    """One `POST /open_api/<version>/event/track/`. `token` is None without the header."""

    version: str
    token: str | None
    content_type: str
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What came of a request. With a refusal, `events` is empty and `submitted` counts what was in it."""

    event_source_id: str = ""
    test_event_code: str = ""
    events: Sequence[ServerEvent] = ()
    submitted: int = 0
    refusal: Refusal | None = None


def examine_track(call: TrackCall) -> Examined:
    """Never raises: whatever was sent, the answer is events or a refusal."""
    parameters: Mapping[str, object] = {}
    try:
        parameters = _read_parameters(call)
        check_token(call.token)
        source = _read_source(parameters)
        pixel_id = _read_text(parameters, "event_source_id")
        if not pixel_id:
            raise RefusalError(bad_parameter("is required", "event_source_id"))
        test_event_code = _read_text(parameters, "test_event_code")
        events = [check_event(item, f"data[{index}]", source) for index, item in enumerate(_read_data(parameters))]
    except RefusalError as refused:
        return _describe_refused(parameters, refused.refusal)
    return Examined(event_source_id=pixel_id, test_event_code=test_event_code, events=events, submitted=len(events))


def _read_parameters(call: TrackCall) -> dict[str, object]:
    if call.content_type != "application/json":
        raise RefusalError(UNREADABLE_BODY)
    try:
        given = parse_json(call.body.decode())
    except ValueError:
        raise RefusalError(UNREADABLE_BODY) from None
    if not isinstance(given, dict):
        raise RefusalError(UNREADABLE_BODY)
    problem = find_unkeepable(given)
    if problem:
        raise RefusalError(bad_parameter(problem))
    return given


def _read_source(parameters: Mapping[str, object]) -> str:
    source = _read_text(parameters, "event_source")
    if source not in EVENT_SOURCES:
        raise RefusalError(bad_parameter(f"must be one of {', '.join(EVENT_SOURCES)}", "event_source"))
    return source


def _read_text(parameters: Mapping[str, object], key: str) -> str:
    value = parameters.get(key)
    if value is not None and not isinstance(value, str):
        raise RefusalError(bad_parameter("must be a string", key))
    return value or ""


def _read_data(parameters: Mapping[str, object]) -> list[object]:
    data = parameters.get("data")
    if not isinstance(data, list) or not data:
        raise RefusalError(bad_parameter("must be a list of events", "data"))
    if len(data) > MAX_EVENTS:
        raise RefusalError(bad_parameter(f"must hold at most {MAX_EVENTS} events", "data"))
    return data


def _describe_refused(parameters: Mapping[str, object], refusal: Refusal) -> Examined:
    pixel_id, data = parameters.get("event_source_id"), parameters.get("data")
    return Examined(
        event_source_id=pixel_id if isinstance(pixel_id, str) else "",
        submitted=len(data) if isinstance(data, list) else 0,
        refusal=refusal,
    )

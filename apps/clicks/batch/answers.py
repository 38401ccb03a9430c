"""What a batch's sender is told of each event, in sentences of the reader's language."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from apps.clicks.batch.reading import BatchEvent, event_id_of, read_event
from apps.clicks.batch.services import Outcome, Told, find_funnels, record_batch
from apps.clicks.sentences import sentence_on
from apps.clicks.tracking import TrackingError
from apps.tenants.models import SigningKey

REFUSED = "refused"
Problems = dict[str, str]
"""Field -> the word for what is wrong with it."""


def answer_events(key: SigningKey, given: Sequence[object], now: datetime) -> list[dict[str, Any]]:
    """Record what can be and answer on each, in order. An event id twice is one event, unless the first was refused."""
    read = [_read(event, key, now) for event in given]
    keys = {event.hit.text("public_key") for event in read if isinstance(event, BatchEvent)}
    funnels = find_funnels(key.tenant_id, keys)
    read = [_in_a_funnel(event, funnels) for event in read]
    first: dict[str, BatchEvent] = {}
    for event in read:
        if isinstance(event, BatchEvent):
            first.setdefault(event.event_id, event)
    pairs = [(event, funnels[event.hit.text("public_key")]) for event in first.values()]
    told = record_batch(key.tenant_id, pairs)
    return [
        _tell(event, told[event.event_id], is_first=first[event.event_id] is event)
        if isinstance(event, BatchEvent)
        else _refuse(one, event)
        for one, event in zip(given, read, strict=True)
    ]


def _read(given: object, key: SigningKey, now: datetime) -> BatchEvent | Problems:
    try:
        return read_event(given, may_send_clear=key.may_send_clear, now=now)
    except TrackingError as error:
        return error.fields


def _in_a_funnel(event: BatchEvent | Problems, funnels: Mapping[str, object]) -> BatchEvent | Problems:
    is_lost = isinstance(event, BatchEvent) and event.hit.text("public_key") not in funnels
    return {"public_key": "unknown_funnel"} if is_lost else event


def _tell(event: BatchEvent, told: Told, *, is_first: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "event_id": event.event_id,
        "status": told.outcome if is_first else Outcome.DUPLICATE,
        "session_id": told.session_id,
    }
    if told.click_id:
        answer["click_id"] = told.click_id
    if event.warnings:
        answer["warnings"] = _sentences(event.warnings)
    return answer


def _refuse(given: object, problems: Problems) -> dict[str, Any]:
    return {"event_id": event_id_of(given) or None, "status": REFUSED, "errors": _sentences(problems)}


def _sentences(words: Mapping[str, str]) -> dict[str, str]:
    return {name: sentence_on(name, word) for name, word in words.items()}

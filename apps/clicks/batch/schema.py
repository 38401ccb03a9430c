"""`POST /events/batch` in the OpenAPI document: drf-spectacular reads DRF views, and this is none (api.py)."""

from typing import Any

from django.urls import reverse

from apps.clicks.batch.answers import REFUSED
from apps.clicks.batch.people import MAX_HASHES, USER_KEYS
from apps.clicks.batch.reading import EVENT_NAMES, MAX_EVENTS
from apps.clicks.batch.services import Outcome
from apps.clicks.tracking import TEXT_LIMITS

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_COUNTS: Schema = {name: {"type": "integer"} for name in ("recorded", "duplicates", "refused")}
_SENTENCES: Schema = {"type": "object", "additionalProperties": _TEXT, "description": "A sentence for each field."}
_HASH: Schema = {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}
_HASHES: Schema = {"oneOf": [_HASH, {"type": "array", "items": _HASH, "maxItems": MAX_HASHES}]}
_HEADERS = {
    "X-Hubtrack-Key": "The id of a signing key.",
    "X-Hubtrack-Timestamp": "Unix seconds, at most 5 minutes off.",
    "X-Hubtrack-Signature": "v1=<HMAC-SHA256 of timestamp, dot and raw body, in hexadecimal digits>",
}
_PROBLEMS = {
    "400": "Not a batch; nothing was stored.",
    "401": "Key, timestamp and signature do not fit each other and the body.",
    "413": "Over 1 MiB.",
    "429": "Too often; Retry-After says when to come again.",
    "503": "Nothing was stored; send it again after Retry-After.",
}
_PERSONAL = frozenset({"email", "phone", "phone_e164", "external_id"})


def add_batch(result: Schema, **_: Any) -> Schema:
    """A postprocessing hook of drf-spectacular."""
    result["paths"][reverse("events-batch")] = {"post": _operation()}
    result["components"]["schemas"] |= {"BatchEvent": _event(), "BatchResult": _result()}
    return result


def _operation() -> Schema:
    body = {
        "type": "object",
        "required": ["events"],
        "properties": {"events": _list_of("BatchEvent") | {"maxItems": MAX_EVENTS}},
    }
    answer = {"type": "object", "properties": {"results": _list_of("BatchResult"), **_COUNTS}}
    return {
        "operationId": "events_batch_create",
        "description": f"Up to {MAX_EVENTS:,} events of a customer's own server, each recorded once by its event_id.",
        "tags": ["events"],
        "parameters": [
            {"in": "header", "name": name, "description": text, "required": True, "schema": _TEXT}
            for name, text in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "200": {
                "description": "A result for each event, in the order given.",
                "content": {"application/json": {"schema": answer}},
            }
        }
        | {status: {"description": text} for status, text in _PROBLEMS.items()},
    }


def _list_of(name: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


def _event() -> Schema:
    texts = {name: {**_TEXT, "maxLength": limit} for name, limit in TEXT_LIMITS.items() if name not in _PERSONAL}
    return {
        "type": "object",
        "required": ["event_id", "event_name", "public_key"],
        "properties": texts
        | dict.fromkeys(_PERSONAL, _HASHES)
        | {
            "event_name": {**_TEXT, "description": f"One of {', '.join(EVENT_NAMES)}, or the pixel's name for it."},
            "event_time": {"oneOf": [{**_TEXT, "format": "date-time"}, {"type": "number"}]},
            "ip": {**_TEXT, "description": "The visitor's."},
            "user_agent": {**_TEXT, "description": "The visitor's."},
            "consent_ads": {"type": "boolean", "nullable": True},
            "data": {"type": "object", "description": "Of what: value, currency, content_ids and the like."},
            "user": {"type": "object", "properties": dict.fromkeys(USER_KEYS, _HASHES)},
        },
    }


def _result() -> Schema:
    return {
        "type": "object",
        "required": ["event_id", "status"],
        "properties": {
            "event_id": {**_TEXT, "nullable": True},
            "status": {**_TEXT, "enum": [*map(str, Outcome), REFUSED]},
            "session_id": _TEXT,
            "click_id": _TEXT,
            "errors": _SENTENCES,
            "warnings": _SENTENCES,
        },
    }

"""Invented events and calls in the documented shape, each good until a test spoils one thing in it."""

import hashlib
import json
import time
from datetime import UTC, datetime
from typing import Any

from apps.sandbox.meta.reading import GraphCall

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PIXEL = "123456789012345"
PATH = f"/v26.0/{PIXEL}/events"
TOKEN = "token-of-ana"
BEARER = {"Authorization": f"Bearer {TOKEN}"}

Json = dict[str, Any]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


EMAIL = digest("ana@example.com")
PHONE = digest("5511987654321")
FBC = "fb.1.1795326000000.IwAR1abcDEF"


def user(**changes: Any) -> Json:
    """Changes to user_data, as a change of an event; None takes a key out."""
    known = {"em": [EMAIL], "client_user_agent": "Mozilla/5.0", "client_ip_address": "203.0.113.7", **changes}
    return {"user_data": {key: value for key, value in known.items() if value is not None}}


def make_event(now: datetime | None = None, **changes: Any) -> Json:
    """A website Purchase a minute old; None takes a key out."""
    event = {
        "event_name": "Purchase",
        "event_time": int(now.timestamp() if now else time.time()) - 60,
        "event_id": "order-1001",
        "action_source": "website",
        "event_source_url": "https://shop.example.com/thanks",
        **user(),
        "custom_data": {"value": 97.0, "currency": "BRL"},
        **changes,
    }
    return {key: value for key, value in event.items() if value is not None}


def make_call(*events: object, **changes: Any) -> GraphCall:
    """A JSON call at NOW."""
    facts: Json = {
        "version": "v26.0",
        "pixel_id": PIXEL,
        "authorization": f"Bearer {TOKEN}",
        "query": {},
        "form": None,
        "body": json.dumps({"data": list(events)}).encode(),
        "received_at": NOW,
        **changes,
    }
    return GraphCall(**facts)

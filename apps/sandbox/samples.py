"""What the page teaches by example: a first event that is accepted, and the words to rehearse with."""

import hashlib
import json
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from apps.sandbox.meta.versions import LATEST


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A word in a token, the code and subcode that Meta answers, TikTok's code, and what that stands for."""

    word: str
    code: str
    tiktok_code: str
    meaning: StrPromise


# In the order of apps.sandbox.meta.tokens.REHEARSALS, which with those of tiktok.tokens decides what really happens.
REHEARSALS = (
    Rehearsed("expired", "190 / 463", "40105", _("The token has expired.")),
    Rehearsed("revoked", "190 / 460", "40105", _("The token was revoked, for example by a new password.")),
    Rehearsed("forbidden", "100 / 33", "40001", _("The token lives, but may not use this pixel.")),
    Rehearsed("expiring", "", "", _("Events are accepted; debug_token says that it ends in 12 hours.")),
)


def write_curl(address: str) -> str:
    """A command for a POSIX shell, which fills in the time: an old event would be refused."""
    event = {
        "event_name": "Purchase",
        "event_time": 0,
        "event_id": "order-1001",
        "action_source": "website",
        "event_source_url": "https://shop.example.com/thanks",
        "user_data": {"em": [hashlib.sha256(b"ana@example.com").hexdigest()]},
        "custom_data": {"value": 97.0, "currency": "BRL"},
    }
    body = json.dumps({"data": [event]}).replace('"event_time": 0', "\"event_time\": '$(date +%s)'")
    return (
        f"curl -X POST {address}/{LATEST}/1234567890/events \\\n"
        "  -H 'Authorization: Bearer any-token' \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d '{body}'"
    )

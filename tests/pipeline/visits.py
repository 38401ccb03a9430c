"""Visits as a page tells them, on a clock that the test turns: time passes by moving what is stored into the past."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.test import Client

from apps.clicks.models import Click, PageEvent, Session
from apps.dispatch.models import CapiEvent
from apps.pipeline.stages import flush_batch
from apps.tenants.scoping import unscoped
from tests.platforms import ScriptedPlatform
from tests.worlds import LANDING, World

PHONE = "Mozilla/5.0 (Linux; Android 15) Chrome/142.0"
VISIT = "hts" + "7" * 24


@dataclass
class Visit:
    """One browser on the pages of `world`'s funnel."""

    world: World
    session_id: str = VISIT
    agent: str = PHONE

    def tell(self, action: str = "pageview", **members: Any) -> dict[str, Any]:
        body = {"public_key": self.world.funnel.public_key, "url": LANDING, "session_id": self.session_id, **members}
        answer = Client(headers={"user-agent": self.agent}).post(
            f"/api/v1/track/{action}", json.dumps(body), content_type="text/plain"
        )
        assert answer.status_code == 201, answer.content
        told: dict[str, Any] = answer.json()
        return told


def turn_clock(**by: float) -> None:
    """Let this much time pass for everything that is stored."""
    passed = timedelta(**by)
    with unscoped():
        Session.objects.update(first_seen_at=F("first_seen_at") - passed, last_seen_at=F("last_seen_at") - passed)
        Session.objects.filter(flush_at__year__gt=1970).update(flush_at=F("flush_at") - passed)
        Click.objects.update(clicked_at=F("clicked_at") - passed)
        PageEvent.objects.update(occurred_at=F("occurred_at") - passed)


def flush() -> int:
    """What the lane would do now; how many events it took out of the buffer."""
    with unscoped():
        before = PageEvent.objects.filter(is_buffered=True).count()
        while flush_batch().rows:
            pass
        return before - PageEvent.objects.filter(is_buffered=True).count()


def told(platform: ScriptedPlatform, name: str = "PageView") -> list[dict[str, Any]]:
    """What the platform was sent under this name, oldest first."""
    return [event for body in platform.received for event in body["data"] if event["event_name"] == name]


def planned() -> list[tuple[str, list[tuple[str, str]]]]:
    """(event name, [(status, reason) of each send]) of all that is in the outbox, oldest first."""
    with unscoped():
        events = CapiEvent.objects.order_by("pk").prefetch_related("sends")
        return [(event.event_name, [(send.status, send.reason) for send in event.sends.all()]) for event in events]

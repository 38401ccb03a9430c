"""Facts that come late, and what the lanes then make of them."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from apps.conversions.models import Conversion
from apps.matching.models import Match
from apps.pipeline.stages import link_people_batch, match_batch
from apps.tenants.scoping import unscoped
from tests.clicks.batches import make_server
from tests.worlds import LANDING, World

MINUTE = timedelta(minutes=1)
BUYER = "beatriz@example.com"


def run_lanes() -> list[tuple[int, int]]:
    """Until they are at rest: (sales matched, sessions linked) of each turn but the last, which finds nothing."""
    turns: list[tuple[int, int]] = []
    with unscoped():
        while not turns or any(turns[-1]):
            turns.append((match_batch().rows, link_people_batch().rows))
            assert len(turns) < 10, turns
    return turns[:-1]


def let_pass(**by: float) -> None:
    """As if the sales had come so much earlier."""
    passed = timedelta(**by)
    columns = ("received_at", "changed_at", "match_due_at")
    with unscoped():
        Conversion.objects.update(**{name: F(name) - passed for name in columns})


def identify(world: World, session_id: str, **person: str) -> None:
    hit = {"public_key": world.funnel.public_key, "url": LANDING, "session_id": session_id, **person}
    assert world.client.post("/api/v1/track/pageview", hit, content_type="application/json").status_code == 201


def match_of(order_id: str = "HP1") -> Match:
    with unscoped():
        found: Match = Match.objects.select_related("click").get(conversion__order_id=order_id)
    return found


def chosen(order_id: str = "HP1") -> tuple[str, str, str | None]:
    match = match_of(order_id)
    return match.decision, match.rule, match.click.public_id if match.click else None


def look_at(order_id: str = "HP1") -> datetime | None:
    with unscoped():
        found: datetime | None = Conversion.objects.get(order_id=order_id).match_due_at
    return found


def send_late_click(world: World, session_id: str, **members: Any) -> str:
    """A click that the customer's server tells of ten minutes after it happened."""
    at = (timezone.now() - 10 * MINUTE).isoformat()
    server = make_server(world, may_send_clear=True)
    told = server.one(server.event(event_name="click", event_time=at, session_id=session_id, **members))
    click_id: str = told["click_id"]
    return click_id

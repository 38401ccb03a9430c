"""Sales that a platform refuses, by the way that sales come, and what else ends as a dead letter."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.conversions.models import Conversion
from apps.conversions.services import MAX_MATCH_FAILURES
from apps.dispatch.models import Replay, Send
from apps.dispatch.services.replays import continue_replays
from apps.funnels.models import Destination
from apps.tenants.scoping import unscoped
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.worlds import World, hotmart

REFUSED = graph_error(100, 2804009)
TOO_OLD = graph_error(100, 2804003)


def sell_refused(world: World, platform: ScriptedPlatform, *orders: str, answer: Any = REFUSED, **sale: Any) -> None:
    """One request each, all answered alike; afterwards the platform accepts."""
    for order in orders:
        platform.answers = [answer]
        world.post_webhook(hotmart(order_id=order, **sale))
        world.run_stages()
    platform.answers = [ACCEPT]


def the_send(order_id: str = "HP1") -> Send:
    with unscoped():
        send: Send = Send.objects.select_related("event", "destination").get(event__conversion__order_id=order_id)
    return send


def change_sends(order_id: str, **values: Any) -> None:
    with unscoped():
        changed = Send.objects.filter(event__conversion__order_id=order_id).update(**values)
    assert changed


def fail_matching_of(world: World, order_id: str) -> Conversion:
    """A sale whose matching has failed for the last time."""
    world.post_webhook(hotmart(order_id=order_id))
    with unscoped():
        order: Conversion = Conversion.objects.get(order_id=order_id)
        Conversion.objects.filter(pk=order.pk).update(match_failures=MAX_MATCH_FAILURES, match_due_at=None)
    return order


def add_pixel(world: World, pixel: str = "999") -> Destination:
    """A second pixel of the funnel, in use."""
    body = {"destinations": [{"platform": "meta", "pixel_id": pixel, "access_token": "another-token"}]}
    assert world.patch(f"funnels/{world.funnel.pk}", body).status_code == 200
    assert world.post(f"funnels/{world.funnel.pk}/publish").status_code == 200
    with unscoped():
        made: Destination = Destination.objects.get(pixel_id=pixel, funnel=world.funnel)
    return made


def letters(world: World, **query: str) -> list[dict[str, Any]]:
    answer = world.get("dead-letters", **query)
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


def orders_of(rows: list[dict[str, Any]]) -> list[str]:
    return [row["order_id"] for row in rows]


def ask_replay(world: World, **body: Any) -> dict[str, Any]:
    answer = world.post("dead-letters/replay", body)
    assert answer.status_code == 202, answer.content
    started: dict[str, Any] = answer.json()
    return started


def run_replays(turns: int = 100) -> int:
    """As if the time between the turns had passed; how many turns there were."""
    with unscoped():
        for turn in range(turns):
            Replay.objects.update(next_at=timezone.now() - timedelta(seconds=1))
            if not continue_replays():
                return turn
    raise AssertionError("the replays never end")


def progress(world: World, replay: dict[str, Any]) -> dict[str, Any]:
    answer = world.get(f"replays/{replay['replay_id']}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def skips(replay: dict[str, Any]) -> dict[str, int]:
    return {item["reason"]: item["count"] for item in replay["skipped"]}

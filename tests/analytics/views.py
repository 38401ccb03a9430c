"""A funnel's signal quality as a client reads it, and visitors who leave signals."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.clicks.models import Click
from apps.pipeline.stages import match_batch
from apps.tenants.scoping import unscoped
from tests.clicks.hits import least, send
from tests.worlds import World, hotmart

BROWSER = "Mozilla/5.0 (Linux; Android 14) Chrome/130"
FBCLID = "IwZXh0bgNhZW0CMTAAYnJpZBEwTnN4Q0tWdXBhWGxvQ2ZqR3"
FBC = f"fb.1.1763640000000.{FBCLID}"
FBP = "fb.1.1763640000000.1098765432"
PERSON = {"email": "beatriz@example.com", "phone": "(11) 98765-4321"}


def read_signals(world: World, funnel_id: Any = None, **query: str) -> dict[str, Any]:
    path = f"/api/v1/funnels/{funnel_id or world.funnel.pk}/signals"
    answer = world.client.get(path, query, headers={**world.auth, "Accept-Language": "en"})
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def stage_of(body: dict[str, Any], name: str) -> dict[str, Any]:
    (stage,) = [stage for stage in body["stages"] if stage["stage"] == name]
    found: dict[str, Any] = stage
    return found


def having(body: dict[str, Any], stage: str) -> dict[str, tuple[int, int]]:
    """signal -> (having, of)."""
    return {item["signal"]: (item["having"], item["of"]) for item in stage_of(body, stage)["signals"]}


def totals(body: dict[str, Any]) -> list[tuple[int, int]]:
    """(now, before) of clicks, checkouts, sales."""
    return [(stage["total"], stage["total_before"]) for stage in body["stages"]]


def causes_of(body: dict[str, Any]) -> dict[str, tuple[int, int, str]]:
    """cause -> (count, of, example)."""
    return {item["cause"]: (item["count"], item["of"], item["example"]) for item in body["causes"]}


def visit(world: World, **values: Any) -> dict[str, Any]:
    """A click by a browser that names itself; its ids."""
    answer = send(world, body=least(world, **values), headers={"User-Agent": BROWSER})
    assert answer.status_code == 201, answer.content
    ids: dict[str, Any] = answer.json()
    return ids


def begin_checkout(world: World, session_id: str) -> None:
    assert send(world, "initiate_checkout", least(world, session_id=session_id)).status_code == 201


def sell(world: World, order_id: str, event: str = "PURCHASE_APPROVED", **changes: Any) -> None:
    assert world.post_webhook(hotmart(event, order_id, **changes)).status_code == 202
    with unscoped():
        match_batch()


def change_click(ids: dict[str, Any], **columns: Any) -> None:
    with unscoped():
        assert Click.objects.filter(public_id=ids["click_id"]).update(**columns) == 1


def move_click(ids: dict[str, Any], days: float) -> None:
    """To so many days ago."""
    change_click(ids, clicked_at=timezone.now() - timedelta(days=days))

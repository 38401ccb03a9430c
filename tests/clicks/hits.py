"""Hits as a page sends them, and what the database then holds."""

import json
from typing import Any

from apps.clicks.models import Click, PageEvent, Session
from apps.tenants.scoping import unscoped
from tests.worlds import LANDING, World

PATHS = ["click", "pageview", "initiate_checkout"]


def send(world: World, path: str = "click", body: Any = None, **kwargs: Any) -> Any:
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    return world.client.post(
        f"/api/v1/track/{path}", content, content_type=kwargs.pop("content_type", "application/json"), **kwargs
    )


def least(world: World, **members: Any) -> dict[str, Any]:
    return {"public_key": world.funnel.public_key, "url": LANDING, **members}


def stored() -> tuple[int, int, int]:
    """(sessions, clicks, page events)."""
    with unscoped():
        return Session.objects.count(), Click.objects.count(), PageEvent.objects.count()

"""An Appmax account behind the stand-in of its API, and the steps of a sale that waits for it."""

import json
from collections.abc import Callable
from typing import Any

from django.db.models.functions import Now

from apps.conversions.models import Quarantine
from apps.funnels import selectors
from apps.gateways.request import WebhookRequest
from apps.pipeline.lanes import find_due_lanes
from apps.pipeline.stages import replay_quarantine_batch
from apps.tenants.scoping import unscoped
from tests.gateways.api_stand_in import Asked
from tests.gateways.samples import sample_named
from tests.pipeline.database import quarantined
from tests.pipeline.senders import send_signed
from tests.worlds import World

TOKEN = "API-TOKEN/of ana&more"
SALE = sample_named("appmax", "order_approved_card.json").document
ORDER_ID = str(SALE["data"]["id"])
# What Appmax knows, by id; an entry that is a pair is an answer's status and text.
Orders = dict[str, Any]


def answer_from(orders: Orders) -> Callable[[Asked], tuple[int, str]]:
    def answer(asked: Asked) -> tuple[int, str]:
        if asked.query.get("access-token") != TOKEN:
            return 401, json.dumps({"success": False, "data": None})
        order = orders.get(asked.path.removeprefix("/api/v3/order/"))
        if isinstance(order, tuple):
            return order
        return 200 if order else 404, json.dumps({"success": bool(order), "data": order, "status": 200})

    return answer


def give_credentials(world: World, credentials: dict[str, str], gateway: str = "appmax") -> None:
    changed = world.patch(
        f"funnels/{world.funnel.pk}", {"endpoints": [{"gateway": gateway, "credentials": credentials}]}
    )
    assert changed.status_code == 200, changed.content
    selectors.forget_remembered()


def post_appmax(world: World, document: Any, **headers: str) -> str:
    """The outcome's word."""
    request = WebhookRequest(json.dumps(document).encode(), {"content-type": "application/json", **headers})
    answer = send_signed(world, "appmax", request)
    assert answer.status_code == 202
    status: str = answer.json()["status"]
    return status


def confirm() -> int:
    """One turn of the ingest lane."""
    with unscoped():
        return replay_quarantine_batch().rows


def make_due() -> None:
    """The next turn's time has come."""
    with unscoped():
        Quarantine.objects.filter(due_at__isnull=False).update(due_at=Now())


def states() -> list[tuple[str, str, int, bool]]:
    """State, path, attempts and whether a time is set, of every kept delivery."""
    return [(kept.state, kept.path, kept.attempts, kept.due_at is not None) for kept in quarantined()]


def is_due() -> bool:
    with unscoped():
        return find_due_lanes().ingest

"""What the tests of the ledger share: worlds with two destinations, and the books as plain numbers."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from apps.dispatch.ledger.queries import Scope, read_ledger
from apps.dispatch.ledger.rules import Ledger
from apps.dispatch.models import Send
from apps.funnels.models import Destination
from apps.tenants.scoping import unscoped
from tests.worlds import PIXEL, World, hotmart

SECOND_PIXEL = "222222222222222"
Books = dict[tuple[str, str], tuple[int, Decimal]]
"""(bucket, currency): (orders, amount)."""


def add_destination(world: World, pixel_id: str = SECOND_PIXEL, *, publish: bool = True) -> Destination:
    change = {"destinations": [{"platform": "meta", "pixel_id": pixel_id, "access_token": "token-of-ana"}]}
    assert world.patch(f"funnels/{world.funnel.pk}", change).status_code == 200
    if publish:
        assert world.post(f"funnels/{world.funnel.pk}/publish", {"confirm": True}).status_code == 200
    return destination_of(world, pixel_id)


def destination_of(world: World, pixel_id: str = PIXEL) -> Destination:
    with unscoped():
        row: Destination = Destination.objects.get(funnel=world.funnel, pixel_id=pixel_id)
    return row


def set_funnel(world: World, **changes: Any) -> None:
    """Changed and published."""
    assert world.patch(f"funnels/{world.funnel.pk}", changes).status_code == 200
    assert world.post(f"funnels/{world.funnel.pk}/publish", {"confirm": True}).status_code == 200


def long_ago(world: World) -> None:
    """As if all that was configured had been so for two hours: the ledger forgives a minute between clocks."""
    with unscoped():
        for version in world.funnel.versions.all():
            type(version).objects.filter(pk=version.pk).update(published_at=version.published_at - timedelta(hours=2))
        for row in Destination.objects.filter(funnel=world.funnel):
            Destination.objects.filter(pk=row.pk).update(created_at=row.created_at - timedelta(hours=2))


def sell(world: World, order_id: str = "HP1", **changes: Any) -> None:
    world.post_webhook(hotmart(order_id=order_id, **changes))
    world.run_stages()


def ledger_of(world: World) -> Ledger:
    return read_ledger(Scope(tenant_id=world.tenant_id))


def books(world: World, destination: Destination | None = None) -> Books:
    """What one destination holds, or all together."""
    found: Books = {}
    for line in ledger_of(world).buckets:
        if destination is None or line.destination_id == destination.pk:
            key = line.bucket.value, line.sum.currency
            orders, amount = found.get(key, (0, Decimal(0)))
            found[key] = orders + line.sum.orders, amount + line.sum.amount
    return found


def stand(status: str, **changes: Any) -> None:
    """Every send, as if it had come to stand there."""
    with unscoped():
        Send.objects.update(status=status, **changes)


def expire_in(hours: float, **changes: Any) -> None:
    with unscoped():
        Send.objects.update(deadline=timezone.now() + timedelta(hours=hours), **changes)


def read_ledger_json(world: World, **query: str) -> dict[str, Any]:
    answer = world.client.get("/api/v1/ledger", query, headers={**world.auth, "Accept-Language": "en"})
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body

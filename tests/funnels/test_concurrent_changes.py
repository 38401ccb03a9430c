"""Changes of one funnel at the same time: each starts from what the one before it left."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from apps.core.db import release_connection
from apps.funnels.models import Destination, Endpoint, Funnel, FunnelVersion, RolloutChange
from apps.funnels.services import publish_funnel, update_funnel
from apps.tenants.scoping import tenant_scope, unscoped
from tests.worlds import World

pytestmark = pytest.mark.django_db(transaction=True)


def all_at_once(works: list[Callable[[], Any]]) -> list[Any]:
    def run(work: Callable[[], Any]) -> Any:
        try:
            return work()
        finally:
            release_connection()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def caller(world: World, method: str, path: str, body: Any = None) -> Callable[[], int]:
    def call() -> int:
        send = getattr(Client(), method)
        content = json.dumps(body or {})
        answer = send(f"/api/v1/{path}", content, content_type="application/json", headers=world.auth)
        return int(answer.status_code)

    return call


def test_the_same_new_parts_from_all_sides_are_made_once(world: World) -> None:
    with unscoped():
        Endpoint.objects.filter(gateway="stripe").delete()
    change = {
        "endpoints": [{"gateway": "stripe", "secret": "whsec_2"}],
        "destinations": [{"platform": "tiktok", "pixel_id": "T1", "access_token": "t"}],
    }

    statuses = all_at_once([caller(world, "patch", f"funnels/{world.funnel.pk}", change)] * 8)

    assert statuses == [200] * 8
    with unscoped():
        assert Destination.objects.filter(platform="tiktok").count() == 1
        assert Endpoint.objects.filter(gateway="stripe").count() == 1


def test_the_same_switch_from_all_sides_is_recorded_once(world: World) -> None:
    change = {"endpoints": [{"gateway": "hotmart", "rollout": "shadow", "live_percent": 30}]}

    statuses = all_at_once([caller(world, "patch", f"funnels/{world.funnel.pk}", change)] * 8)

    assert statuses == [200] * 8
    with unscoped():
        assert [row.changes for row in RolloutChange.objects.all()] == [
            {"rollout": ["live", "shadow"], "live_percent": [100, 30]}
        ]


def test_publishing_from_all_sides_makes_one_version(world: World) -> None:
    world.patch(f"funnels/{world.funnel.pk}", {"attribution_window_days": 30})

    statuses = all_at_once([caller(world, "post", f"funnels/{world.funnel.pk}/publish")] * 8)

    assert statuses == [200] * 8
    with unscoped():
        assert list(FunnelVersion.objects.order_by("number").values_list("number", flat=True)) == [1, 2]


def stale(world: World) -> Funnel:
    """The funnel as a request read it before another one changed it."""
    with unscoped():
        found: Funnel = Funnel.objects.get(pk=world.funnel.pk)
    return found


def test_a_change_takes_back_no_other_members_change(world: World) -> None:
    with tenant_scope(world.tenant_id):
        seen_before = stale(world)
        update_funnel(stale(world), {"attribution_window_days": 30})
        update_funnel(seen_before, {"name": "Novo"})

    after = stale(world)
    assert (after.name, after.attribution_window_days) == ("Novo", 30)


def test_a_change_takes_back_no_publication(world: World) -> None:
    with tenant_scope(world.tenant_id):
        seen_before = stale(world)
        update_funnel(stale(world), {"attribution_window_days": 30})
        version = publish_funnel(stale(world))
        update_funnel(seen_before, {"name": "Novo"})

    assert stale(world).published_id == version.pk


def test_a_publication_publishes_what_is_saved_by_now(world: World) -> None:
    with tenant_scope(world.tenant_id):
        seen_before = stale(world)
        update_funnel(stale(world), {"attribution_window_days": 30})
        version = publish_funnel(seen_before)

    assert version.config["attribution_window_days"] == 30


def test_a_publication_waits_for_a_change_that_is_under_way(world: World) -> None:
    with ThreadPoolExecutor(1) as threads:
        with tenant_scope(world.tenant_id), transaction.atomic():
            update_funnel(stale(world), {"attribution_window_days": 30})
            published = threads.submit(all_at_once, [caller(world, "post", f"funnels/{world.funnel.pk}/publish")])
            assert not published.done()
        assert published.result(30) == [200]

    with unscoped():
        assert FunnelVersion.objects.order_by("-number")[0].config["attribution_window_days"] == 30

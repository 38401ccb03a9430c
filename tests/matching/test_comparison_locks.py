"""Drafts compared while others work: one worker at a time, and no sale that waits for it to be recorded."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import transaction

from apps.conversions.models import Conversion
from apps.core.db import release_connection
from apps.funnels.models import Funnel
from apps.funnels.selectors import published_configs
from apps.matching.models import Comparison
from apps.matching.services import claim_comparison, publish_checked, start_comparison
from apps.matching.services import publish as service
from apps.tenants.scoping import tenant_scope, unscoped
from tests.matching.planted import change_draft, plant_sale
from tests.worlds import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_only_one_worker_compares_at_a_time(world: World, other_world: World) -> None:
    with unscoped():
        started = [start_comparison(place.funnel, 30) for place in (world, other_world)]

    def claim_elsewhere() -> Comparison | None:
        try:
            with unscoped(), transaction.atomic():
                return claim_comparison()
        finally:
            release_connection()

    with ThreadPoolExecutor(1) as elsewhere, unscoped():
        with transaction.atomic():
            ours = claim_comparison()
            meanwhile = elsewhere.submit(claim_elsewhere).result(30)
        afterwards = elsewhere.submit(claim_elsewhere).result(30)

    assert (ours, meanwhile, afterwards) == (started[0], None, started[0])


def test_sales_are_recorded_while_a_draft_is_compared(world: World) -> None:
    """Their reference to the funnel waits for nobody who only compares."""

    def record_elsewhere() -> str:
        try:
            return str(plant_sale(world, "HP1").order_id)
        finally:
            release_connection()

    with ThreadPoolExecutor(1) as elsewhere, unscoped(), transaction.atomic():
        start_comparison(Funnel.objects.get(pk=world.funnel.pk), 30)
        recorded = elsewhere.submit(record_elsewhere).result(30)

    with unscoped():
        assert [recorded] == [row.order_id for row in Conversion.objects.all()] == ["HP1"]


def test_sales_are_recorded_while_a_draft_is_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their reference to the funnel waits for nobody who only compares."""
    recorded: list[str] = []
    change_draft(world, attribution_window_days=14)

    def record_elsewhere() -> None:
        try:
            recorded.append(plant_sale(world, "HP1").order_id)
        finally:
            release_connection()

    def look(*given: object) -> dict[str, Any]:
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(record_elsewhere).result(30)
        return {}

    monkeypatch.setattr(service, "_preview", look)
    with tenant_scope(world.tenant_id):
        publish_checked(Funnel.objects.get(pk=world.funnel.pk))

    assert recorded == ["HP1"]
    with unscoped():
        assert published_configs([world.funnel.pk])[world.funnel.pk].attribution_window_days == 14

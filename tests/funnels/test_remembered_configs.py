"""Published configurations are read once, and which one runs is asked each time."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.funnels.models import FunnelVersion
from apps.funnels.selectors import FunnelConfig, published_configs
from apps.tenants.scoping import unscoped
from tests.worlds import World

pytestmark = pytest.mark.django_db


def running(world: World) -> FunnelConfig:
    with unscoped():
        return published_configs([world.funnel.pk])[world.funnel.pk]


def test_what_is_known_takes_one_statement_and_a_new_version_runs_at_once(world: World) -> None:
    before = running(world)
    with CaptureQueriesContext(connection) as queries:
        running(world)
    asked = len(queries)

    world.patch(f"funnels/{world.funnel.pk}", {"unknown_consent": "block"})
    world.post(f"funnels/{world.funnel.pk}/publish")

    assert asked == 1
    assert (before.unknown_consent, running(world).unknown_consent) == ("send", "block")


def test_a_restored_database_may_use_the_same_key_for_another_version(world: World) -> None:
    before = running(world)
    with unscoped():
        version = FunnelVersion.objects.get()
        config = {**version.config, "unknown_consent": "block"}
        FunnelVersion.objects.update(config=config, published_at=timezone.now())

    assert (before.unknown_consent, running(world).unknown_consent) == ("send", "block")

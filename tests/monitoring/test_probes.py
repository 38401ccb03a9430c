"""Readiness on a bad day: a server that is gone is named with 503, never a 500."""

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client
from redis.exceptions import ConnectionError as RedisGone

from apps.monitoring import probes
from apps.pipeline.management.commands import relay
from tests.worlds import World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("server", "error"),
    [("database", OperationalError), ("database", InterfaceError), ("redis", RedisGone), ("broker", OSError)],
)
def test_a_server_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch, server: str, error: type[Exception]) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setitem(probes.PROBES, server, fail)

    answer = Client().get("/readyz")

    assert answer.status_code == 503
    assert {name for name, well in answer.json().items() if well is False} == {server}


def test_all_servers_answer() -> None:
    assert Client().get("/readyz").json() == {"status": "ok", "database": True, "redis": True, "broker": True}
    assert Client().get("/healthz").status_code == 200


def test_the_metrics_name_every_lane() -> None:
    page = Client().get("/metrics").content.decode()

    assert [f'hubtrack_lane_due{{lane="{lane}"}}' in page for lane in ("match", "dispatch", "quarantine")] == [True] * 3


def test_the_metrics_tell_what_waits_in_quarantine(world: World) -> None:
    world.post_webhook({"event": "PURCHASE_APPROVED"})
    world.post_webhook({"event": "PURCHASE_APPROVED"})

    page = Client().get("/metrics").content.decode()

    assert 'hubtrack_quarantine{gateway="hotmart",state="waiting"} 2.0' in page
    assert 'hubtrack_quarantine_oldest_seconds{gateway="hotmart",state="waiting"}' in page
    assert 'hubtrack_webhooks_quarantined_total{gateway="hotmart"}' in page


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_the_relay_outlives_a_database_that_is_gone(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def fail() -> int:
        raise error

    monkeypatch.setattr(relay, "wake_due_lanes", fail)
    monkeypatch.setattr(relay, "close_old_connections", lambda: None)

    assert relay._turn() == relay.RECOVERY_S

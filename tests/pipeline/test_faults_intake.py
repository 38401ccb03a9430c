"""Faults between a gateway and the database that no other suite covers: lost answers, forbidden writes, sleepers."""

from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from apps.pipeline import front
from tests.pipeline.answers import assert_problem
from tests.pipeline.database import conversions, deliveries
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart


class Died(BaseException):
    """As SIGKILL would: nobody answers."""


def die_after_storing(world: World, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    real_receive = front._receive

    def receive_and_die(environ: Any) -> Any:
        real_receive(environ)
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(front, "_receive", receive_and_die)
        with pytest.raises(Died):
            world.post_webhook(body)


def test_what_was_stored_and_not_answered_is_one_order_when_it_comes_again(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = hotmart(order_id="HP1")
    die_after_storing(world, body, monkeypatch)
    stored_before = len(deliveries())

    again = world.post_webhook(body)
    world.run_stages()

    assert stored_before == 1
    assert again.status_code == 202
    assert [row.order_id for row in conversions()] == ["HP1"]
    assert len(platform.event_ids) == 1


@pytest.mark.django_db(transaction=True)
def test_a_database_that_may_not_write_is_never_a_yes(world: World) -> None:
    world.address = f"/api/v1/webhooks/hotmart/{world.endpoint_key()}"
    with connection.cursor() as cursor:
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        cursor.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    connection.close_pool()  # type: ignore[attr-defined] # what is connected already would not notice
    try:
        refused = world.post_webhook(hotmart(order_id="HP1"))
        refused_click = world.post_click()
        refused_draft = world.post("funnels", {"name": "Another"})
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
            cursor.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
    stored = world.post_webhook(hotmart(order_id="HP1"))

    for answer in (refused, refused_click, refused_draft):
        assert_problem(answer, 503, "try_again")
    assert stored.status_code == 202
    assert [row.order_id for row in conversions()] == ["HP1"]


@pytest.mark.django_db
def test_an_idle_transaction_does_not_live_long() -> None:
    """One that is left open holds back vacuum, and with it everything that is claimed and settled in rows."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        ours = cursor.fetchone()[0]

    assert ours == "30s"
    assert "idle_in_transaction_session_timeout=30s" in settings.DATABASES["default"]["OPTIONS"]["options"]

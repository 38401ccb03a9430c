"""Notices of new fields over REST."""

from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.pipeline.senders import sale_of, send_signed
from tests.worlds import World, hotmart


def novel(**changes: Any) -> dict[str, Any]:
    return {**hotmart(order_id="HP1"), "novel": 1, **changes}


def test_notices_are_listed_newest_first_and_filtered(world: World, other_world: World) -> None:
    world.post_webhook(novel())
    send_signed(world, "orders", sale_of("orders").request_with({**sale_of("orders").document, "novel": 1}))
    other_world.post_webhook(novel(theirs=1))

    listed = world.get("drift").json()["results"]
    filtered = world.get("drift", gateway="hotmart").json()["results"]

    assert [row["gateway"] for row in listed] == ["orders", "hotmart"]
    assert filtered == listed[1:]
    assert [filtered[0][name] for name in ("gateway", "version", "path")] == ["hotmart", "2.0.0", "novel"]
    assert sorted(filtered[0]) == ["first_seen_at", "gateway", "id", "last_seen_at", "path", "version"]
    assert world.get("drift", gateway="kiwify").json()["results"] == []


def test_an_unknown_gateway_is_no_filter(world: World) -> None:
    assert world.get("drift", gateway="nobody").status_code == 422
    assert world.client.get("/api/v1/drift").status_code == 401


def test_a_page_of_notices_is_the_same_statements_however_long(world: World) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert world.get("drift").status_code == 200
        return len(captured.captured_queries)

    world.post_webhook(novel())
    statements()
    one = statements()
    world.post_webhook({**hotmart(), **{f"field_{number}": 1 for number in range(30)}})

    assert statements() == one

"""The first page: what waits for a person, each number leading to exactly the rows that it counts."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.conversions.models import Conversion, Quarantine
from apps.dispatch.admin import dashboard
from apps.dispatch.models import Send
from apps.tenants.scoping import unscoped
from tests.admin.console import Console, new_staff
from tests.platforms import ScriptedPlatform, graph_error
from tests.worlds import World, hotmart

TITLES = ["Quarantine", "Dead sends", "Parked sends", "Matching set aside", "Oldest sale to match", "Oldest send due"]


def _cards(console: Console) -> dict[str, dashboard.Card]:
    answer = console.client.get("/admin/")
    assert answer.status_code == 200
    return {str(card.title): card for card in answer.context["cards"]}


def _rows_behind(console: Console, title: str) -> int:
    return len(console.client.get(_cards(console)[title].address).context["cl"].result_list)


def test_a_calm_day_shows_nothing_to_do(console: Console) -> None:
    cards = _cards(console)

    assert [*cards] == TITLES
    assert [card.value for card in cards.values()] == ["0", "0", "0", "0", "-", "-"]
    assert all(card.is_calm for card in cards.values())


def test_what_waits_for_support_is_counted_and_listed(
    console: Console, world: World, platform: ScriptedPlatform
) -> None:
    for order_id, error in (("HP1", graph_error(100, 2804019)), ("HP2", graph_error(190))):
        platform.answers = [error]
        world.post_webhook(hotmart(order_id=order_id))
        world.run_stages()
    world.post_webhook({"version": "2.0.0", "event": "PURCHASE_APPROVED"})
    with unscoped():
        Conversion.objects.filter(order_id="HP1").update(match_failures=5)

    cards = _cards(console)

    for title in TITLES[:4]:
        assert (cards[title].value, cards[title].is_calm) == ("1", False), title
        assert _rows_behind(console, title) == 1


def test_what_support_has_dealt_with_is_not_counted(console: Console, world: World) -> None:
    world.post_webhook({"version": "2.0.0", "event": "PURCHASE_APPROVED"})
    with unscoped():
        Quarantine.objects.update(state=Quarantine.State.REPLAYED)

    assert _cards(console)["Quarantine"].value == "0"


def test_the_oldest_wait_is_told(console: Console, world: World) -> None:
    for order_id in ("HP1", "HP2"):
        world.post_webhook(hotmart(order_id=order_id))
    with unscoped():
        Conversion.objects.filter(order_id="HP1").update(match_due_at=timezone.now() - timedelta(hours=3))

    card = _cards(console)["Oldest sale to match"]

    assert (card.value.replace("\xa0", " "), card.is_calm) == ("3 hours", False)
    assert _rows_behind(console, "Oldest sale to match") == 2


def test_a_fresh_wait_is_no_reason_to_worry(console: Console, world: World) -> None:
    world.post_webhook(hotmart())

    card = _cards(console)["Oldest sale to match"]

    assert (card.value, card.is_calm) == ("under a minute", True)


def test_the_oldest_send_is_told(console: Console, world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(2, is_transient=True)]
    world.post_webhook(hotmart())
    world.run_stages()
    assert _cards(console)["Oldest send due"].value == "-"

    with unscoped():
        Send.objects.update(due_at=timezone.now() - timedelta(days=2))

    assert _cards(console)["Oldest send due"].value.replace("\xa0", " ") == "2 days"
    assert _rows_behind(console, "Oldest send due") == 1


def test_counting_stops_early(console: Console, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "COUNTED_UP_TO", 2)
    for _turn in range(4):
        world.post_webhook({"version": "2.0.0", "event": "PURCHASE_APPROVED"})

    with CaptureQueriesContext(connection) as captured:
        cards = _cards(console)

    counts = [entry["sql"] for entry in captured if "COUNT(" in entry["sql"]]
    assert cards["Quarantine"].value == "2+"
    assert len(counts) == 4
    assert all("LIMIT 3" in sql for sql in counts)


def test_cards_follow_permissions(db: None) -> None:
    clerk = new_staff("conversions.view_quarantine")

    assert [*_cards(clerk)] == ["Quarantine"]
    assert clerk.client.get("/admin/").context["search_address"] == ""


def test_without_any_permission_the_page_is_still_there(db: None) -> None:
    clerk = new_staff()

    assert _cards(clerk) == {}


def test_the_box_finds_a_sale(console: Console, world: World) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    page = console.client.get("/admin/")

    answer = console.client.get(page.context["search_address"], {"q": "HP1"})

    assert '<input type="search" name="q"' in page.content.decode()
    assert [row.order_id for row in answer.context["cl"].result_list] == ["HP1"]

"""Dead letters over REST: what stands still in each queue, why, what it is worth, and what to do."""

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.dispatch.models import Send
from apps.dispatch.services import release_parked
from apps.tenants.scoping import unscoped
from tests.consents import say
from tests.dispatch.dead import (
    REFUSED,
    TOO_OLD,
    add_pixel,
    change_sends,
    fail_matching_of,
    letters,
    orders_of,
    sell_refused,
    the_send,
)
from tests.platforms import ScriptedPlatform, graph_error
from tests.worlds import PIXEL, World, hotmart

ENGLISH = {"accept-language": "en"}


def summary(world: World) -> dict[str, Any]:
    answer = world.get("dead-letters/summary")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def export(world: World, **query: str) -> list[dict[str, str]]:
    answer = world.get("dead-letters.csv", **query)
    assert answer.status_code == 200, answer
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


# --- The list ---


def test_a_refused_sale_is_shown_whole(world: World, platform: ScriptedPlatform) -> None:
    world.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    sell_refused(world, platform, "HP1")

    (letter,) = letters(world)

    send = the_send()
    assert send.settled_at
    assert letter == {
        "queue": "capi-dispatch",
        "id": send.event.event_id,
        "event_id": send.event.event_id,
        "event_name": "Purchase",
        "order_id": "HP1",
        "destination_id": str(send.destination_id),
        "platform": "meta",
        "pixel_id": PIXEL,
        "funnel_id": str(world.funnel.pk),
        "funnel": "Curso de Confeitaria",
        "value": "197.90",
        "currency": "BRL",
        "status": "dead",
        "reason": "graph_100_2804009",
        "sentence": "The platform refused it: something in its data is not as it must be.",
        "next_step": "Look at what was sent and at the platform's answer. When the cause is mended, send it again.",
        "since": send.settled_at.isoformat().replace("+00:00", "Z"),
        "attempts": 1,
        "last_answer": {"outcome": "permanent", "http_status": 400, "code": 100, "subcode": 2804009},
        "may_be_replayed": True,
        "why_not": "",
    }


def test_words_are_in_the_readers_language(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")

    sentences = [
        world.client.get("/api/v1/dead-letters", headers={**world.auth, "accept-language": language}).json()["results"]
        for language in ("en", "pt-BR")
    ]

    assert sentences[0][0]["sentence"].startswith("The platform refused it")
    assert sentences[0][0]["reason"] == sentences[1][0]["reason"]


def test_only_what_is_dead_or_expired_is_listed_newest_first(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    sell_refused(world, platform, "HP2", answer=TOO_OLD)
    sell_refused(world, platform, "HP3")
    sell_refused(world, platform, "HP4", answer=graph_error(190))
    with unscoped():
        Send.objects.filter(event__conversion__order_id="HP4").update(status="accepted")

    rows = letters(world)

    assert [(row["order_id"], row["status"]) for row in rows] == [("HP3", "dead"), ("HP2", "expired"), ("HP1", "dead")]


def test_nothing_dead_is_an_empty_list(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()

    assert letters(world) == []
    assert summary(world)["piles"] == []
    assert export(world) == []


def test_pages_lead_through_both_kinds_in_order_and_back(world: World, platform: ScriptedPlatform) -> None:
    for number in range(7):
        sell_refused(world, platform, f"HP{number}", answer=TOO_OLD if number % 3 == 0 else REFUSED)

    seen: list[list[str]] = []
    page = world.get("dead-letters", page_size="3").json()
    seen.append(orders_of(page["results"]))
    while page["next"]:
        page = world.client.get(page["next"], headers=world.auth).json()
        seen.append(orders_of(page["results"]))
    back = world.client.get(page["previous"], headers=world.auth).json()

    assert seen == [["HP6", "HP5", "HP4"], ["HP3", "HP2", "HP1"], ["HP0"]]
    assert orders_of(back["results"]) == ["HP3", "HP2", "HP1"]


def test_filters_narrow_the_list(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "CHEAP", price=10.5)
    sell_refused(world, platform, "DEAR", price=900)
    sell_refused(world, platform, "OLD", answer=TOO_OLD, price=50)
    own = str(the_send("DEAR").destination_id)
    other = add_pixel(world)

    def found(**query: str) -> list[str]:
        return orders_of(letters(world, **query))

    assert found(status="dead") == ["DEAR", "CHEAP"]
    assert found(status="expired") == ["OLD"]
    assert found(reason="graph_100_2804009") == ["DEAR", "CHEAP"]
    assert found(reason="graph_100_2804003") == ["OLD"]
    assert found(min_value="50") == ["OLD", "DEAR"]
    assert found(min_value="10.51", max_value="50.00") == ["OLD"]
    assert found(destination=own) == ["OLD", "DEAR", "CHEAP"]
    assert found(destination=str(other.pk)) == []
    assert found(funnel=str(world.funnel.pk), platform="meta", status="expired") == ["OLD"]
    assert found(platform="tiktok") == found(funnel=str(uuid4())) == found(reason="graph_1") == []


def test_since_and_until_bound_when_it_came_to_stand_still(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1", "HP2")
    noon = timezone.now().replace(microsecond=0)
    change_sends("HP1", settled_at=noon - timedelta(hours=2))
    change_sends("HP2", settled_at=noon)

    def found(**query: str) -> list[str]:
        return orders_of(letters(world, **query))

    assert found(since=(noon - timedelta(hours=1)).isoformat()) == ["HP2"]
    assert found(until=(noon - timedelta(hours=1)).isoformat()) == ["HP1"]
    assert found(since=noon.isoformat(), until=noon.isoformat()) == ["HP2"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"queue": "dead"}, "queue"),
        ({"status": "accepted"}, "status"),
        ({"reason": "x" * 61}, "reason"),
        ({"reason": "a\x00b"}, "reason"),
        ({"destination": "1"}, "destination"),
        ({"funnel": "' OR 1=1"}, "funnel"),
        ({"platform": "google"}, "platform"),
        ({"min_value": "a lot"}, "min_value"),
        ({"min_value": "-1"}, "min_value"),
        ({"min_value": "NaN"}, "min_value"),
        ({"max_value": "1e99"}, "max_value"),
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-13-01"}, "until"),
        ({"queue": "match-events", "destination": str(uuid4())}, "destination"),
        ({"queue": "ingest-events", "status": "dead"}, "status"),
    ],
)
@pytest.mark.parametrize("path", ["dead-letters", "dead-letters.csv"])
def test_what_cannot_be_asked_is_named(world: World, path: str, query: dict[str, str], field: str) -> None:
    answer = world.get(path, **query)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])


def test_a_cursor_of_somebodys_own_making_is_not_found(world: World) -> None:
    assert world.get("dead-letters", cursor="cD1hYmM=").status_code == 404


def test_without_a_key_there_is_nothing(world: World) -> None:
    for path in ("dead-letters", "dead-letters.csv", "dead-letters/summary", "replays"):
        assert world.client.get(f"/api/v1/{path}").status_code == 401


# --- Whether it may be sent again ---


def test_what_forbids_a_replay_is_said_beforehand(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click(consent_ads=True)
    sell_refused(world, platform, "NO", sck=ids["click_id"])
    say(world, False, session_id=ids["session_id"])
    others = {"email": "carla@example.com", "phone": "911112222"}
    sell_refused(world, platform, "LATE", "UNSURE", "FINE", **others)
    change_sends("LATE", deadline=timezone.now() - timedelta(seconds=1))
    change_sends("UNSURE", is_unsure=True, first_attempt_at=timezone.now() - timedelta(hours=48))

    found = {row["order_id"]: (row["may_be_replayed"], row["why_not"]) for row in letters(world)}

    assert found == {
        "NO": (False, "consent_denied"),
        "LATE": (False, "too_late"),
        "UNSURE": (False, "unknown_outcome"),
        "FINE": (True, ""),
    }


def test_a_funnel_that_sends_only_after_a_yes_says_so(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    world.patch(f"funnels/{world.funnel.pk}", {"unknown_consent": "block"})
    world.post(f"funnels/{world.funnel.pk}/publish")

    (letter,) = letters(world)

    assert (letter["may_be_replayed"], letter["why_not"]) == (False, "consent_unknown")


# --- The other queues ---


def test_a_sale_that_could_not_be_matched_is_a_letter_of_its_queue(world: World, platform: ScriptedPlatform) -> None:
    order = fail_matching_of(world, "HP1")

    (letter,) = letters(world, queue="match-events")

    assert letters(world) == letters(world, queue="match-events", reason="other") == []
    assert letters(world, queue="match-events", min_value="200") == []
    shown = {name: letter[name] for name in ("id", "order_id", "value", "currency", "reason", "attempts")}
    assert shown == {
        "id": str(order.pk),
        "order_id": "HP1",
        "value": "197.90",
        "currency": "BRL",
        "reason": "matching_failed",
        "attempts": 5,
    }
    assert (letter["event_id"], letter["destination_id"], letter["last_answer"]) == (None, None, None)
    assert (letter["may_be_replayed"], letter["queue"]) == (True, "match-events")


def test_what_could_not_be_read_is_a_letter_of_its_queue(world: World) -> None:
    world.post_webhook(b"{")
    world.post_webhook(hotmart("PURCHASE_SETTLED"))

    rows = letters(world, queue="ingest-events")

    assert [row["reason"] for row in rows] == ["unknown", "quarantined"]
    assert [row["funnel"] for row in rows] == ["Curso de Confeitaria"] * 2
    assert [row["value"] for row in rows] == [None, None]
    assert len(letters(world, queue="ingest-events", reason="unknown")) == 1
    assert len(letters(world, queue="ingest-events", funnel=str(world.funnel.pk))) == 2
    assert letters(world, queue="ingest-events", funnel=str(uuid4())) == []
    assert letters(world, queue="ingest-events", min_value="1") == []


# --- Sums ---


def test_sums_are_told_by_queue_reason_and_destination(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1", "HP2", price=100.25)
    sell_refused(world, platform, "HP3", price=10, currency="USD")
    sell_refused(world, platform, "HP4", answer=TOO_OLD, price=7)
    fail_matching_of(world, "HP5")
    world.post_webhook(b"{")

    found = summary(world)

    queues = {item["queue"]: item["count"] for item in found["queues"]}
    assert queues == {"capi-dispatch": 4, "match-events": 1, "ingest-events": 1}
    piles = [(pile["queue"], pile["reason"], pile["pixel_id"], pile["count"], pile["money"]) for pile in found["piles"]]
    dollars, reais = {"currency": "USD", "amount": "10.00"}, {"currency": "BRL", "amount": "200.50"}
    assert piles == [
        ("capi-dispatch", "graph_100_2804009", PIXEL, 3, [reais, dollars]),
        ("capi-dispatch", "graph_100_2804003", PIXEL, 1, [{"currency": "BRL", "amount": "7.00"}]),
        ("match-events", "matching_failed", None, 1, [{"currency": "BRL", "amount": "197.90"}]),
        ("ingest-events", "quarantined", None, 1, []),
    ]
    oldest = the_send("HP1").settled_at
    assert oldest
    assert found["piles"][0]["oldest"] == oldest.isoformat().replace("+00:00", "Z")
    assert found["piles"][0]["sentence"]


def test_an_empty_queue_is_told_with_its_zero(world: World) -> None:
    assert summary(world)["queues"] == [
        {"queue": queue, "count": 0, "oldest": None} for queue in ("capi-dispatch", "match-events", "ingest-events")
    ]


def test_other_events_of_a_sale_add_letters_and_no_money(world: World, platform: ScriptedPlatform) -> None:
    world.patch(f"funnels/{world.funnel.pk}", {"event_names": {"payment_pending": "AddPaymentInfo"}})
    world.post(f"funnels/{world.funnel.pk}/publish")
    platform.answers = [REFUSED]
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", "HP1"))
    world.post_webhook(hotmart("PURCHASE_APPROVED", "HP1"))
    world.run_stages()

    (pile,) = summary(world)["piles"]

    assert (pile["count"], pile["money"]) == (2, [{"currency": "BRL", "amount": "197.90"}])


# --- Export ---


def test_the_export_holds_all_that_match(world: World, platform: ScriptedPlatform) -> None:
    world.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    sell_refused(world, platform, "HP1", "HP2")
    sell_refused(world, platform, "HP3", answer=TOO_OLD)

    rows = export(world, status="dead")

    assert [row["order_id"] for row in rows] == ["HP2", "HP1"]
    send = the_send("HP1")
    assert send.settled_at
    assert rows[1] == {
        "queue": "capi-dispatch",
        "id": send.event.event_id,
        "event_id": send.event.event_id,
        "event_name": "Purchase",
        "order_id": "HP1",
        "status": "dead",
        "reason": "graph_100_2804009",
        "sentence": "The platform refused it: something in its data is not as it must be.",
        "next_step": "Look at what was sent and at the platform's answer. When the cause is mended, send it again.",
        "since": send.settled_at.isoformat(),
        "value": "197.900",
        "currency": "BRL",
        "funnel": "Curso de Confeitaria",
        "platform": "meta",
        "pixel_id": PIXEL,
        "destination_id": str(send.destination_id),
        "attempts": "1",
        "http_status": "400",
        "code": "100",
        "subcode": "2804009",
    }


def test_the_export_is_a_file_with_the_queues_name(world: World) -> None:
    world.post_webhook(b"{")

    answer = world.get("dead-letters.csv", queue="ingest-events")

    assert answer.streaming
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="dead-letters-ingest-events.csv"'
    assert [row["reason"] for row in export(world, queue="ingest-events")] == ["quarantined"]


def test_a_strangers_formula_is_only_a_text(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, '=HYPERLINK("http://evil.example.com")')

    (row,) = export(world)

    assert row["order_id"] == '\'=HYPERLINK("http://evil.example.com")'


def test_more_rows_than_a_chunk_are_exported_once_each(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.dispatch.letters.rows.CHUNK", 2)
    sell_refused(world, platform, "HP1", "HP2", "HP3", "HP4")
    sell_refused(world, platform, "HP5", answer=TOO_OLD)

    assert [row["order_id"] for row in export(world)] == ["HP5", "HP4", "HP3", "HP2", "HP1"]


# --- Whose they are, and what they cost ---


def test_nobody_sees_another_accounts_letters(world: World, other_world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    fail_matching_of(world, "HP2")
    world.post_webhook(b"{")
    own = str(the_send().destination_id)

    for queue in ("capi-dispatch", "match-events", "ingest-events"):
        assert letters(other_world, queue=queue) == export(other_world, queue=queue) == []
    assert letters(other_world, destination=own) == letters(other_world, funnel=str(world.funnel.pk)) == []
    assert summary(other_world)["piles"] == []
    assert [item["count"] for item in summary(world)["queues"]] == [1, 1, 1]


def test_a_page_takes_the_same_statements_however_long_it_is(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP0")

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert letters(world)
        return len(queries)

    letters(world)  # the key's first use of the minute is written down
    with_one = count()
    sell_refused(world, platform, *(f"HP{number}" for number in range(1, 9)))

    assert count() == with_one == 7


def test_a_token_is_never_read_for_a_list(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")

    with CaptureQueriesContext(connection) as queries:
        letters(world)
        summary(world)

    assert [query["sql"] for query in queries if "access_token" in query["sql"]] == []


def test_what_was_parked_and_resumed_is_no_dead_letter(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1", answer=graph_error(190))
    with unscoped():
        release_parked()

    assert letters(world) == []

"""GET /api/v1/ledger: its shape, its filters, its pages, and whose orders it shows."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.conversions.models import Conversion
from apps.dispatch.ledger import queries, sql
from apps.dispatch.models import Send
from apps.tenants.scoping import unscoped
from tests.dispatch.ledger import add_destination, destination_of, long_ago, read_ledger_json, sell, stand
from tests.platforms import ScriptedPlatform, graph_error
from tests.worlds import World, hotmart

BUCKETS = {"accepted", "duplicate", "waiting", "parked", "blocked", "excluded", "dead", "expired"}


def ask(world: World, **query: str) -> Any:
    return world.client.get("/api/v1/ledger", query, headers={**world.auth, "Accept-Language": "en"})


def test_the_answer_has_the_shape_of_the_design(world: World, platform: ScriptedPlatform) -> None:
    sell(world, price=197.9)

    assert read_ledger_json(world) == {
        "buckets": [
            {
                "destination_id": str(destination_of(world).pk),
                "bucket": "accepted",
                "currency": "BRL",
                "orders": 1,
                "amount": "197.90",
                "refunded_amount": "0.00",
            }
        ],
        "totals": [{"currency": "BRL", "orders": 1, "amount": "197.90"}],
        "balanced": True,
    }


def test_an_account_without_sales_is_balanced(world: World) -> None:
    assert read_ledger_json(world) == {"buckets": [], "totals": [], "balanced": True}


def test_an_order_in_no_bucket_unbalances_it_and_is_named(world: World) -> None:
    long_ago(world)
    world.post_webhook(hotmart(order_id="HP1"))
    with unscoped():
        Conversion.objects.update(match_due_at=None)

    body = read_ledger_json(world)

    assert (body["balanced"], body["buckets"]) == (False, [])
    assert body["totals"] == [{"currency": "BRL", "orders": 1, "amount": "197.90"}]
    assert [(row["order_id"], row["bucket"], row["event_id"]) for row in body["missing"]] == [("HP1", "missing", None)]
    assert body["missing"][0]["next_step"].startswith("This must never be. Tell support the order's number")


def test_a_bucket_leads_to_its_orders(world: World, platform: ScriptedPlatform) -> None:
    sell(world, "HP1")
    platform.answers = [graph_error(190)]
    sell(world, "HP2", price=10)

    body = read_ledger_json(world, bucket="parked", destination=str(destination_of(world).pk))

    (row,) = body["results"]
    assert (body["next"], body["previous"]) == (None, None)
    assert {name: row[name] for name in ("order_id", "gateway", "amount", "currency", "bucket", "reason")} == {
        "order_id": "HP2",
        "gateway": "hotmart",
        "amount": "10.00",
        "currency": "BRL",
        "bucket": "parked",
        "reason": "graph_190",
    }
    assert row["event_id"] == world.event("HP2")["event_id"]
    assert row["sentence"] == "The platform does not accept the access token any more."
    assert row["next_step"].startswith("Make a new token at the platform")


def test_every_bucket_can_be_asked_for(world: World) -> None:
    for bucket in (*sorted(BUCKETS), "missing"):
        assert read_ledger_json(world, bucket=bucket)["results"] == []


def test_a_bucket_alone_spans_destinations_and_a_destination_all_buckets(
    world: World, platform: ScriptedPlatform
) -> None:
    second = add_destination(world)
    sell(world)
    stand("accepted")

    both = read_ledger_json(world, bucket="accepted")["results"]
    one = read_ledger_json(world, destination=str(second.pk))["results"]

    assert {row["destination_id"] for row in both} == {str(second.pk), str(destination_of(world).pk)}
    assert [row["destination_id"] for row in one] == [str(second.pk)]


def test_pages_follow_each_other_there_and_back(world: World, platform: ScriptedPlatform) -> None:
    add_destination(world)
    english = {**world.auth, "Accept-Language": "en"}
    for number in range(3):
        world.post_webhook(hotmart(order_id=f"HP{number}"))

    pages = [read_ledger_json(world, bucket="waiting", page_size="4")]
    world.post_webhook(hotmart(order_id="HP9"))
    pages.append(world.client.get(pages[0]["next"], headers=english).json())
    back = world.client.get(pages[1]["previous"], headers=english).json()

    rows = [(row["order_id"], row["destination_id"]) for page in pages for row in page["results"]]
    assert [len(page["results"]) for page in pages] == [4, 2]
    assert [order_id for order_id, _destination in rows] == ["HP2", "HP2", "HP1", "HP1", "HP0", "HP0"]
    assert len(set(rows)) == 6
    assert (pages[0]["previous"], pages[1]["next"]) == (None, None)
    assert back["results"] == pages[0]["results"]
    assert back["previous"] is not None
    newest = world.client.get(back["previous"], headers=english).json()
    assert [row["order_id"] for row in newest["results"]] == ["HP9", "HP9"]
    assert (newest["previous"], bool(newest["next"])) == (None, True)


@pytest.mark.parametrize(
    "cursor", ["x", "bi4x", "%00", "1e3", "bi4xLjEyMw==", "cS4xLjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMQ=="]
)
def test_a_cursor_that_somebody_wrote_is_not_found(world: World, cursor: str) -> None:
    answer = ask(world, bucket="waiting", cursor=cursor)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("size", ["0", "-1", "x", "1000000000"])
def test_a_page_size_that_is_none_is_the_usual_one(world: World, size: str) -> None:
    world.post_webhook(hotmart(order_id="HP1"))

    assert len(read_ledger_json(world, bucket="waiting", page_size=size)["results"]) == 1


def test_periods_and_funnels_narrow_it(world: World, platform: ScriptedPlatform) -> None:
    sell(world, "HP1", at_ms=int((timezone.now() - timedelta(days=3)).timestamp() * 1000))
    sell(world, "HP2")
    day = f"{timezone.now() - timedelta(days=1):%Y-%m-%d}"
    moment = (timezone.now() - timedelta(days=1)).isoformat()

    def orders(**query: str) -> int:
        return sum(total["orders"] for total in read_ledger_json(world, **query)["totals"])

    assert [orders(), orders(since=day), orders(since=moment), orders(until=moment)] == [2, 1, 1, 1]
    assert orders(since=moment.replace("+", " ")) == 1
    assert orders(since=moment[:19]) == 1
    assert orders(funnel=str(world.funnel.pk)) == 2
    assert [row["order_id"] for row in read_ledger_json(world, bucket="accepted", until=moment)["results"]] == ["HP1"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since": "yesterday"}, "since"),
        ({"since": ""}, "since"),
        ({"since": "31/02/2026"}, "since"),
        ({"since": "2026-02-31"}, "since"),
        ({"since": "2026-11-22T10:00:00 Mars/Phobos"}, "since"),
        ({"until": "9999-12-31T23:59:59-23:00"}, "until"),
        ({"until": "0001-01-01T00:00:00+23:00"}, "until"),
        ({"since": "\x00"}, "since"),
        ({"since": "2026-11-22", "until": "2026-11-21"}, "until"),
        ({"since": "2026-11-22", "until": "2026-11-22"}, "until"),
        ({"funnel": "1"}, "funnel"),
        ({"funnel": ""}, "funnel"),
        ({"destination": "1 OR 1=1"}, "destination"),
        ({"bucket": "pending"}, "bucket"),
        ({"bucket": ""}, "bucket"),
        ({"bucket": "\x00"}, "bucket"),
    ],
)
def test_what_is_asked_wrongly_is_named(world: World, query: dict[str, str], field: str) -> None:
    answer = ask(world, **query)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])


def test_an_unknown_bucket_is_told_the_known_ones(world: World) -> None:
    assert ask(world, bucket="lost").json()["errors"]["bucket"].startswith("one of: accepted, duplicate, waiting")


@pytest.mark.parametrize("name", ["funnel", "destination"])
def test_what_is_unknown_or_anothers_is_not_found(world: World, other_world: World, name: str) -> None:
    foreign = other_world.funnel.pk if name == "funnel" else destination_of(other_world).pk

    for pk in (uuid.uuid4(), foreign):
        assert ask(world, **{name: str(pk)}).status_code == 404


def test_nobody_sees_anothers_orders(world: World, other_world: World, platform: ScriptedPlatform) -> None:
    sell(other_world)

    assert read_ledger_json(world)["totals"] == []
    assert read_ledger_json(world, bucket="accepted")["results"] == []
    assert [row["order_id"] for row in read_ledger_json(other_world, bucket="accepted")["results"]] == ["HP1"]


def test_a_cursor_of_another_account_shows_only_ones_own(
    world: World, other_world: World, platform: ScriptedPlatform
) -> None:
    sell(world, "MINE")
    for number in range(2):
        sell(other_world, f"HP{number}")

    theirs = read_ledger_json(other_world, bucket="accepted", page_size="1")["next"]

    answer = world.client.get(theirs, headers=world.auth).json()
    assert [row["order_id"] for row in answer["results"]] in (["MINE"], [])
    assert "HP" not in str(answer["results"])


def test_without_a_key_nothing_is_told(world: World) -> None:
    for path in ("ledger", "ledger/at-risk"):
        assert world.client.get(f"/api/v1/{path}").status_code == 401


@pytest.mark.parametrize("query", [{}, {"bucket": "accepted"}])
def test_the_number_of_statements_does_not_grow(
    world: World, platform: ScriptedPlatform, query: dict[str, str]
) -> None:
    read_ledger_json(world, **query)  # notes the key's first use of the day
    with CaptureQueriesContext(connection) as few:
        read_ledger_json(world, **query)
    for number in range(5):
        sell(world, f"HP{number}")

    with CaptureQueriesContext(connection) as many:
        read_ledger_json(world, **query)

    assert len(many) == len(few)


def _slowly(*args: Any, **kwargs: Any) -> str:
    return "SELECT NULL::uuid, NULL::uuid, NULL::text, '', 0, 0, 0 FROM (SELECT pg_sleep(60)) AS slow"


@pytest.mark.django_db(transaction=True)
def test_what_takes_too_long_is_given_up_with_advice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "add_up", _slowly)
    monkeypatch.setattr(queries, "MAX_SECONDS", 0.2)

    answer = ask(world)

    assert (answer.status_code, answer.json()["code"]) == (503, "too_much_to_count")
    assert answer.json()["detail"].startswith("Ask for fewer days with `since` and `until`")
    assert "Retry-After" not in answer.headers
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("15s",)


@pytest.mark.django_db(transaction=True)
def test_another_failure_of_the_database_is_not_called_slow(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = "SELECT 1 FROM (SELECT pg_terminate_backend(pg_backend_pid())) AS gone"
    monkeypatch.setattr(sql, "add_up", lambda *args: gone)

    answer = ask(world)

    assert (answer.status_code, answer.json()["code"]) == (503, "try_again")


def test_nothing_personal_is_shown(world: World, platform: ScriptedPlatform) -> None:
    sell(world)

    shown = str(read_ledger_json(world, bucket="accepted")) + str(read_ledger_json(world))

    with unscoped():
        order = Conversion.objects.get()
        assert Send.objects.count() == 1
    secrets = ["beatriz", order.email_sha256, order.phone_sha256, "token-of-ana"]
    assert [word for word in secrets if word in shown] == []

"""REST of matches: the queue, one match with its history, and each decision with its refusals."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.matching.models import Match
from apps.tenants.scoping import unscoped
from tests.matching.unsure import match_all, reviews, sell_between_two, sell_unsure, the_match
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart

ACTIONS = ["accept", "reject", "choose"]


def listed(world: World, **query: str) -> list[dict[str, Any]]:
    answer = world.get("matches", **query)
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


def decide(world: World, action: str, pk: int | None = None, **body: Any) -> Any:
    return world.post(f"matches/{the_match().pk if pk is None else pk}/{action}", body)


def untouched() -> tuple[str, bool, int]:
    match = the_match()
    return match.review, match.is_used, len(reviews())


def test_the_queue_lists_what_waits_newest_first(world: World) -> None:
    for number in range(3):
        sell_unsure(world, f"HP{number}", email=f"b{number}@example.com")
    sure = world.click()
    world.post_webhook(hotmart(order_id="HP9", sck=sure["click_id"]))
    match_all()
    world.post(f"matches/{the_match('HP1').pk}/accept")

    waiting = listed(world, review="pending_review")

    assert [row["order_id"] for row in waiting] == ["HP2", "HP0"]
    assert [row["order_id"] for row in listed(world)] == ["HP9", "HP2", "HP1", "HP0"]
    assert [row["order_id"] for row in listed(world, decision="auto")] == ["HP9"]
    assert [row["order_id"] for row in listed(world, review="accepted", decision="review")] == ["HP1"]
    assert [row["order_id"] for row in listed(world, order_id="HP2")] == ["HP2"]
    assert listed(world, order_id="HP77") == []


def test_a_match_that_waits_shows_all_that_a_person_needs(world: World) -> None:
    ids = sell_unsure(world)

    (row,) = listed(world)

    assert world.get(f"matches/{row['id']}").json() == row
    assert (row["order_id"], row["gateway"], row["amount"], row["currency"]) == ("HP1", "hotmart", "197.90", "BRL")
    assert (row["decision"], row["rule"], row["click_id"]) == ("review", "email_hash", ids["click_id"])
    assert (row["is_used"], row["better"]) == (False, None)
    assert 0.6 <= row["confidence"] < 0.85
    assert [item["click_id"] for item in row["evidence"]] == [ids["click_id"]]
    assert row["review"]["state"] == "pending_review"
    assert row["review"]["due_at"] == the_match().review_due_at.isoformat().replace("+00:00", "Z")  # type: ignore[union-attr]
    assert row["review"]["history"] == []
    assert row["explanation"]


def test_a_match_that_needs_no_person_has_no_review(world: World) -> None:
    ids = world.click()
    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))
    match_all()

    (row,) = listed(world)

    assert (row["decision"], row["is_used"], row["review"]) == ("auto", True, None)
    assert world.conversion("HP1")["match"]["review"] is None


def test_accepting_answers_with_the_match_as_it_is_now(world: World, platform: ScriptedPlatform) -> None:
    ids = sell_unsure(world)

    answer = decide(world, "accept", note="she wrote to us")

    assert answer.status_code == 200
    row = answer.json()
    assert (row["is_used"], row["click_id"], row["review"]["state"]) == (True, ids["click_id"], "accepted")
    (step,) = row["review"]["history"]
    assert (step["outcome"], step["note"]) == ("accepted", "she wrote to us")
    assert (step["proposed_click_id"], step["click_id"]) == (ids["click_id"], ids["click_id"])
    assert step["actor"].startswith("API: ")
    assert world.key not in step["actor"]
    world.run_stages()
    assert world.event("HP1")["status"] == "accepted"


def test_rejecting_keeps_the_proposal_to_be_seen(world: World) -> None:
    ids = sell_unsure(world)

    row = decide(world, "reject").json()

    assert (row["is_used"], row["click_id"], row["review"]["state"]) == (False, ids["click_id"], "rejected")
    (step,) = row["review"]["history"]
    assert (step["proposed_click_id"], step["click_id"], step["note"]) == (ids["click_id"], None, "")


def test_choosing_names_the_click(world: World) -> None:
    proposed, other = sell_between_two(world)

    row = decide(world, "choose", click_id=other["click_id"]).json()

    assert (row["is_used"], row["click_id"], row["rule"]) == (True, other["click_id"], "chosen_by_person")
    (step,) = row["review"]["history"]
    assert (step["outcome"], step["proposed_click_id"], step["click_id"]) == (
        *("chosen", proposed["click_id"]),
        other["click_id"],
    )


def test_conversions_and_events_show_the_same_match(world: World) -> None:
    sell_unsure(world)
    decide(world, "reject", note="not hers")

    (row,) = listed(world)
    own = {"id", "order_id", "gateway", "amount", "currency"}
    shown = {name: value for name, value in row.items() if name not in own}

    assert own < row.keys()
    assert world.conversion("HP1")["match"] == shown
    assert world.event("HP1")["match"] == shown


@pytest.mark.parametrize("action", ACTIONS)
def test_a_second_decision_is_refused_with_409(world: World, action: str) -> None:
    ids = sell_unsure(world)
    decide(world, "accept")
    before = untouched()

    answer = decide(world, action, click_id=ids["click_id"])

    assert (answer.status_code, answer.json()["code"]) == (409, "not_possible")
    assert answer.json()["detail"]
    assert untouched() == before


@pytest.mark.parametrize("action", ACTIONS)
def test_what_waits_for_nobody_is_refused_with_409(world: World, action: str) -> None:
    ids = world.click()
    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))
    match_all()

    answer = decide(world, action, click_id=ids["click_id"])

    assert answer.status_code == 409
    assert untouched() == ("", True, 0)


@pytest.mark.parametrize("action", ACTIONS)
def test_another_accounts_match_does_not_exist(world: World, other_world: World, action: str) -> None:
    ids = sell_unsure(world)
    pk = the_match().pk

    assert listed(other_world) == []
    assert other_world.get(f"matches/{pk}").status_code == 404
    assert decide(other_world, action, click_id=ids["click_id"]).status_code == 404
    assert untouched() == ("pending_review", False, 0)


@pytest.mark.parametrize("pk", [0, 999_999_999, 10**30])
def test_an_unknown_id_is_404(world: World, pk: int) -> None:
    sell_unsure(world)

    assert world.get(f"matches/{pk}").status_code == 404
    assert [decide(world, action, pk, click_id="x").status_code for action in ACTIONS] == [404, 404, 404]
    assert untouched() == ("pending_review", False, 0)


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_without_a_key_sees_or_decides(world: World, method: str) -> None:
    sell_unsure(world)
    path = "/api/v1/matches" if method == "get" else f"/api/v1/matches/{the_match().pk}/accept"

    assert getattr(world.client, method)(path).status_code == 401
    assert untouched() == ("pending_review", False, 0)


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("accept", {"note": "x" * 501}, "note"),
        ("accept", {"note": "a\x00b"}, "note"),
        ("reject", {"note": {"a": 1}}, "note"),
        ("reject", {"note": None}, "note"),
        ("choose", {}, "click_id"),
        ("choose", {"click_id": ""}, "click_id"),
        ("choose", {"click_id": "x" * 33}, "click_id"),
        ("choose", {"click_id": "htc-of-nobody"}, "click_id"),
        ("choose", {"click_id": ["a"]}, "click_id"),
        ("choose", {"click_id": "a\x00"}, "click_id"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(world: World, action: str, body: Any, field: str) -> None:
    sell_unsure(world)

    answer = decide(world, action, **body)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert untouched() == ("pending_review", False, 0)


@pytest.mark.parametrize("body", [[], "accept", 7, None])
def test_a_body_that_is_no_object_decides_nothing(world: World, body: Any) -> None:
    sell_unsure(world)

    answer = world.post(f"matches/{the_match().pk}/choose", body)

    assert answer.status_code in (400, 422)
    assert untouched() == ("pending_review", False, 0)


def test_another_accounts_click_cannot_be_chosen(world: World, other_world: World) -> None:
    sell_unsure(world)
    foreign = other_world.click(email="beatriz@example.com")["click_id"]

    answer = decide(world, "choose", click_id=foreign)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["click_id"])
    assert untouched() == ("pending_review", False, 0)


@pytest.mark.parametrize("query", [{"review": "maybe"}, {"decision": "perhaps"}, {"order_id": "a\x00b"}])
def test_an_unknown_word_in_the_query_is_named(world: World, query: dict[str, str]) -> None:
    answer = world.get("matches", **query)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, list(query))


def test_a_page_takes_the_same_statements_whatever_it_holds(world: World) -> None:
    counts = []
    for size in (1, 10):
        for number in range(size):
            sell_unsure(world, f"HP{size}-{number}", email=f"b{size}x{number}@example.com")
            world.post(f"matches/{the_match(f'HP{size}-{number}').pk}/accept")
        for path in ("matches", "conversions"):
            with CaptureQueriesContext(connection) as queries:
                world.get(path)
            counts.append(len(queries))

    assert counts[:2] == counts[2:]
    with unscoped():
        assert Match.objects.count() == 11


def test_pages_are_followed_to_their_end(world: World) -> None:
    for number in range(3):
        sell_unsure(world, f"HP{number}", email=f"b{number}@example.com")

    first = world.get("matches", page_size="2").json()
    second = world.client.get(first["next"], headers=world.auth).json()

    assert [row["order_id"] for row in first["results"] + second["results"]] == ["HP2", "HP1", "HP0"]
    assert second["next"] is None


def test_the_schema_tells_of_reviews(world: World) -> None:
    schema = world.client.get("/api/v1/schema/", headers={"accept": "application/json"}).json()

    paths = {path for path in schema["paths"] if path.startswith("/api/v1/matches")}
    assert paths == {
        "/api/v1/matches",
        "/api/v1/matches/{id}",
        *(f"/api/v1/matches/{{id}}/{action}" for action in ACTIONS),
    }
    assert "review" in schema["components"]["schemas"]["MatchDetail"]["properties"]

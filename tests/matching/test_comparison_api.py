"""Comparisons over REST: start one, watch it, read what would change; and everything that is refused."""

from typing import Any

import pytest

from apps.matching.models import Comparison
from apps.pipeline.stages import compare_batch
from apps.tenants.scoping import unscoped
from tests.matching.planted import ago, change_draft, plant_clicked_sale, plant_sale, plant_two_clicks, plant_visit
from tests.worlds import World

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def _in_english(world: World) -> None:
    world.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"


def start(world: World, body: Any = None, funnel: object = None) -> Any:
    return world.post(f"funnels/{funnel or world.funnel.pk}/comparisons", body)


def run(world: World, **settings: Any) -> dict[str, Any]:
    """A draft with these settings, compared to the end, as the API tells it."""
    change_draft(world, **settings)
    started = start(world)
    assert started.status_code == 202, started.content
    with unscoped():
        while compare_batch().rows:
            pass
    told: dict[str, Any] = world.get(f"comparisons/{started.json()['id']}").json()
    return told


def differences(world: World, comparison: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = world.get(f"comparisons/{comparison['id']}/differences", **query).json()["results"]
    return rows


def count_comparisons() -> int:
    with unscoped():
        return Comparison.objects.count()


def test_a_comparison_is_accepted_and_tells_what_it_will_do(world: World) -> None:
    plant_clicked_sale(world, "HP1", clicked_before=3)
    change_draft(world, attribution_window_days=14, attribution_model="first_click")

    answer = start(world, {"days": 60})

    assert answer.status_code == 202
    told = answer.json()
    assert {name: told[name] for name in ("funnel_id", "days", "state", "total", "done", "percent", "summary")} == {
        "funnel_id": str(world.funnel.pk),
        "days": 60,
        "state": "running",
        "total": 1,
        "done": 0,
        "percent": 0,
        "summary": [],
    }
    assert told["settings"] == [
        {"name": "attribution_window_days", "running": 7, "draft": 14},
        {"name": "attribution_model", "running": "last_click", "draft": "first_click"},
    ]
    assert told["finished_at"] is None
    assert world.get(f"comparisons/{told['id']}").json() == told


def test_thirty_days_unless_another_number_is_given(world: World) -> None:
    assert start(world).json()["days"] == 30


def test_who_asked_is_kept(world: World) -> None:
    start(world)

    with unscoped():
        actor = Comparison.objects.get().actor
    assert actor.startswith("API: ")
    assert world.key not in actor


def test_a_finished_comparison_adds_up(world: World) -> None:
    plant_clicked_sale(world, "BR10", clicked_before=10, money="197.90 BRL")
    plant_clicked_sale(world, "US10", clicked_before=10, money="49.99 USD")
    plant_sale(world, "NONE", "0.10 BRL")

    told = run(world, attribution_window_days=14)

    assert (told["state"], told["total"], told["done"], told["percent"]) == ("done", 3, 3, 100)
    assert told["summary"] == [
        {"kind": "compared", "currency": "BRL", "sales": 2, "amount": "198.000"},
        {"kind": "compared", "currency": "USD", "sales": 1, "amount": "49.990"},
        {"kind": "gained", "currency": "BRL", "sales": 1, "amount": "197.900"},
        {"kind": "gained", "currency": "USD", "sales": 1, "amount": "49.990"},
    ]
    assert told["finished_at"] >= told["created_at"]


def test_each_difference_says_both_outcomes_and_explains_them(world: World) -> None:
    click_id = plant_clicked_sale(world, "HP1", clicked_before=10, money="197.90 BRL")

    (row,) = differences(world, run(world, attribution_window_days=14))

    sure = round(row["after"]["confidence"] * 100)
    assert row == {
        "order_id": "HP1",
        "kind": "gained",
        "amount": "197.900",
        "currency": "BRL",
        "before": {"decision": "unmatched", "rule": "", "confidence": 0.0, "click_id": ""},
        "after": {
            "decision": "auto",
            "rule": "explicit_click_id",
            "confidence": row["after"]["confidence"],
            "click_id": click_id,
        },
        "explanation": (
            f"Now: no click. With the draft: click {click_id} "
            f"(the click id that came back through the gateway; {sure} % sure)."
        ),
    }


def test_a_proposal_and_a_visit_are_explained_as_what_they_are(world: World) -> None:
    visit = plant_visit(world, ago(2))
    plant_sale(world, "SEEN", session_ref=visit.public_id)
    plant_clicked_sale(world, "ASKED", clicked_before=3)

    rows = differences(world, run(world, view_through_days=3, auto_threshold=0.999))

    said = {row["order_id"]: row["explanation"] for row in rows}
    assert said["SEEN"] == "Now: no click. With the draft: no ad click, but a visit of the buyer's."
    assert "With the draft: a person is asked about click htc" in said["ASKED"]


def test_differences_come_by_kind_and_page_by_page(world: World) -> None:
    for number in range(3):
        plant_clicked_sale(world, f"LOST{number}", clicked_before=6)
    plant_two_clicks(world, "MOVED")
    comparison = run(world, attribution_window_days=5, attribution_model="first_click")

    page = world.get(f"comparisons/{comparison['id']}/differences", page_size="3").json()
    rest = world.client.get(page["next"], headers=world.auth).json()

    assert [row["order_id"] for row in page["results"] + rest["results"]] == ["MOVED", "LOST2", "LOST1", "LOST0"]
    assert rest["next"] is None
    kinds = {kind: differences(world, comparison, kind=kind) for kind in ("gained", "lost", "reattributed")}
    assert {kind: [row["order_id"] for row in rows] for kind, rows in kinds.items()} == {
        "gained": [],
        "lost": ["LOST2", "LOST1", "LOST0"],
        "reattributed": ["MOVED"],
    }


def test_an_unknown_kind_is_refused_by_name(world: World) -> None:
    comparison = run(world)

    answer = world.get(f"comparisons/{comparison['id']}/differences", kind="won")

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["kind"])
    assert "gained, lost, reattributed" in answer.json()["errors"]["kind"]


@pytest.mark.parametrize("days", [0, -1, 91, 10**30, "many", None, 1.5, [], {}, True])
def test_a_period_that_is_none_is_refused(world: World, days: object) -> None:
    answer = start(world, {"days": days})

    assert (answer.status_code, answer.json()["code"], list(answer.json()["errors"])) == (
        422,
        "invalid_input",
        ["days"],
    )
    assert count_comparisons() == 0


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 422), (b'"30"', 422), (b"null", 422), (b"\xff", 400)]
)
def test_a_body_that_is_no_object_is_refused(world: World, body: bytes, status: int) -> None:
    address = f"/api/v1/funnels/{world.funnel.pk}/comparisons"

    answer = world.client.post(address, body, content_type="application/json", headers=world.auth)

    assert answer.status_code == status
    assert count_comparisons() == 0


def test_a_draft_that_never_ran_has_nothing_to_be_compared_with(world: World) -> None:
    draft = world.post("funnels", {"name": "Rascunho"}).json()

    answer = start(world, funnel=draft["id"])

    assert (answer.status_code, answer.json()["code"]) == (409, "not_possible")
    assert "Publish the funnel first." in answer.json()["detail"]
    assert count_comparisons() == 0


def test_a_second_comparison_at_once_is_told_of_the_first(world: World) -> None:
    first = start(world).json()

    second = start(world)

    assert (second.status_code, second.json()["code"]) == (409, "not_possible")
    assert first["id"] in second.json()["detail"]
    assert count_comparisons() == 1


def test_another_account_knows_nothing_of_it(world: World, other_world: World) -> None:
    plant_clicked_sale(world, "HP1", clicked_before=10)
    comparison = run(world, attribution_window_days=14)

    answers = [
        other_world.get(f"comparisons/{comparison['id']}"),
        other_world.get(f"comparisons/{comparison['id']}/differences"),
        start(other_world, funnel=world.funnel.pk),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 3
    assert count_comparisons() == 1


@pytest.mark.parametrize("path", [f"comparisons/{UNKNOWN}", f"comparisons/{UNKNOWN}/differences", "comparisons/1"])
def test_an_unknown_comparison_is_not_found(world: World, path: str) -> None:
    assert world.get(path).status_code == 404


def test_an_unknown_funnel_is_not_found(world: World) -> None:
    assert start(world, funnel=UNKNOWN).status_code == 404


@pytest.mark.parametrize("path", [f"comparisons/{UNKNOWN}", f"comparisons/{UNKNOWN}/differences"])
def test_a_key_is_needed(world: World, path: str) -> None:
    assert world.client.get(f"/api/v1/{path}").status_code == 401
    assert world.client.post(f"/api/v1/funnels/{world.funnel.pk}/comparisons").status_code == 401
    assert count_comparisons() == 0


def test_a_cursor_written_by_hand_is_not_found(world: World) -> None:
    comparison = run(world)

    assert world.get(f"comparisons/{comparison['id']}/differences", cursor="xyz").status_code == 404

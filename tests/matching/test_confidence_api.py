"""REST of measured confidence and weights: its shapes, its refusals, and nobody else's."""

import json
from typing import Any

import pytest

from apps.funnels.models import Funnel
from apps.matching.grade_words import explain_proposal
from apps.matching.grading import grade
from apps.matching.models import FittedWeights
from apps.matching.services.measure import MIN_ANSWERS
from apps.matching.signals import AGAINST
from apps.matching.weights import PRODUCT
from apps.tenants.scoping import unscoped
from tests.matching.known_sales import by_address, by_email, known, shared_network, store, sure_of
from tests.worlds import World

NOWHERE = "00000000-0000-4000-8000-000000000000"


def _fit(world: World, sales: int = MIN_ANSWERS) -> dict[str, Any]:
    store(world, shared_network(sales))
    answer = world.post("matching/weights", {"days": 90})
    assert answer.status_code == 201, answer.content
    kept: dict[str, Any] = answer.json()
    return kept


def _put(world: World, funnel: object, body: Any) -> Any:
    path = f"/api/v1/funnels/{funnel}/weights"
    return world.client.put(path, json.dumps(body), content_type="application/json", headers=world.auth)


def _draft(world: World) -> str:
    with unscoped():
        return str(Funnel.objects.get(pk=world.funnel.pk).weight_set)


def test_confidence_is_answered_with_figures_and_their_caveat(world: World) -> None:
    told = shared_network(60)
    store(world, told)

    found = world.get("matching/confidence").json()

    caveat, proposal = found.pop("caveat"), found.pop("proposal")
    assert found == json.loads(json.dumps(grade(known(told), PRODUCT).to_json()))
    assert found["sales"] == 60
    assert sum(item["right"]["of"] for item in found["bins"]) + found["undecided"] == 60
    assert "with the id hidden" in caveat
    assert proposal == "None: these sales are too few to show that 99 % are right, or too many are wrong."


@pytest.mark.parametrize(
    ("score", "proposal"),
    [
        (0.9, "50 %: from there on 99 % or more are right, chance allowed for. Go lower only with care:"),
        (0.3, "None: these sales are too few"),
    ],
)
def test_a_proposal_below_what_runs_says_what_it_risks(score: float, proposal: str) -> None:
    assert explain_proposal(grade(by_email(400, 0), sure_of(shared=score))).startswith(proposal)


def test_a_proposal_above_what_runs_says_no_more_than_that() -> None:
    found = grade(by_email(400, 0) + by_address(100, 100), sure_of(shared=0.95, nearby=0.9))

    assert explain_proposal(found) == "91 %: from there on 99 % or more are right, chance allowed for."


def test_an_account_without_sales_gets_an_answer_too(world: World) -> None:
    found = world.get("matching/confidence", days="1", weights="").json()

    assert (found["sales"], found["bins"], found["proposed_threshold"]) == (0, [], None)
    assert (found["precision"]["value"], found["calibration_error"]) == (None, None)


@pytest.mark.parametrize("days", ["0", "366", "-1", "ninety", "1.5"])
def test_days_out_of_reach_are_refused(world: World, days: str) -> None:
    refused = world.get("matching/confidence", days=days)

    assert (refused.status_code, set(refused.json()["errors"])) == (422, {"days"})


@pytest.mark.parametrize("name", ["fitted-9", "x" * 41, "product-0", "\x00"])
def test_confidence_of_unknown_weights_is_refused(world: World, name: str) -> None:
    refused = world.get("matching/confidence", weights=name)

    assert (refused.status_code, set(refused.json()["errors"])) == (422, {"weights"})


def test_fitted_weights_are_answered_with_their_report(world: World) -> None:
    kept = _fit(world)

    assert set(kept) == {"name", "created_at", "actor", "weights", "report"}
    assert kept["name"] == kept["weights"]["name"] == "fitted-1"
    assert kept["actor"].startswith("API: ")
    report = kept["report"]
    assert (report["days"], report["fitted_on"], report["reported_on"]) == (90, 350, 150)
    assert [report[name]["weights"] for name in ("product", "fitted")] == ["product-1", "fitted-1"]
    linked = next(fit for fit in report["tiers"] if fit["tier"] == "linked")
    assert (linked["is_fitted"], linked["explanation"]) == (
        False,
        "Keeps the product's weights: there are 0 clicks, 0 right and 0 wrong; 200 with 30 of each are needed.",
    )
    for tier in kept["weights"]["tiers"].values():
        assert all((weight < 0) == (name in AGAINST) for name, weight in tier["weights"].items())


def test_fitting_to_too_few_answers_is_refused_and_keeps_nothing(world: World) -> None:
    store(world, shared_network(20))

    refused = world.post("matching/weights", {})

    assert refused.status_code == 409
    assert refused.json()["detail"] == (
        "Fitting needs at least 500 sales whose click is known; the last 90 days have 20."
    )
    with unscoped():
        assert not FittedWeights.objects.exists()


@pytest.mark.parametrize("body", [{"days": 0}, {"days": None}, {"days": [90]}, []])
def test_a_fit_that_is_asked_for_wrongly_is_refused(world: World, body: Any) -> None:
    assert world.post("matching/weights", json.dumps(body)).status_code == 422


def test_weights_are_listed_beside_the_products_own(world: World, other_world: World) -> None:
    _fit(other_world)
    before = world.get("matching/weights").json()
    _fit(world)
    world.post("matching/weights", {"days": 90})

    first = world.get("matching/weights", page_size="1").json()
    second = world.client.get(first["next"], headers=world.auth).json()

    assert (before["results"], before["next"], before["previous"]) == ([], None, None)
    assert before["product"] == first["product"] == {"name": "product-1", "weights": PRODUCT.to_json()}
    assert [row["name"] for row in first["results"] + second["results"]] == ["fitted-2", "fitted-1"]
    assert second["next"] is None


def test_a_funnels_draft_takes_weights_and_gives_them_back(world: World) -> None:
    _fit(world)

    chosen = _put(world, world.funnel.pk, {"name": "fitted-1"})
    world.post(f"funnels/{world.funnel.pk}/publish", {"confirm": True})
    runs = _put(world, world.funnel.pk, {"name": ""})

    assert (chosen.status_code, chosen.json()) == (200, {"name": "fitted-1", "running": ""})
    assert runs.json() == {"name": "", "running": "fitted-1"}
    assert world.get("matching/confidence", weights="fitted-1").json()["weights"] == "fitted-1"


@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": "fitted-7"}, {"name": "x" * 41}, {"name": {}}])
def test_weights_that_the_account_has_not_are_refused(world: World, body: Any) -> None:
    refused = _put(world, world.funnel.pk, body)

    assert (refused.status_code, set(refused.json()["errors"])) == (422, {"name"})
    assert _draft(world) == ""


def test_another_accounts_weights_and_funnels_are_out_of_reach(world: World, other_world: World) -> None:
    _fit(other_world)

    assert _put(world, world.funnel.pk, {"name": "fitted-1"}).status_code == 422
    assert world.get("matching/confidence", weights="fitted-1").status_code == 422
    assert world.get("matching/confidence").json()["sales"] == 0
    assert _put(world, other_world.funnel.pk, {"name": ""}).status_code == 404
    assert _put(world, NOWHERE, {"name": ""}).status_code == 404
    assert (_draft(world), _draft(other_world)) == ("", "")


@pytest.mark.parametrize("path", ["matching/confidence", "matching/weights"])
def test_a_key_is_needed(world: World, path: str) -> None:
    assert world.client.get(f"/api/v1/{path}").status_code == 401

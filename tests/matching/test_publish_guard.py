"""Publishing asks first where much of what is matched would change, and else goes on as it always did."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.conversions.models import Conversion
from apps.funnels.models import Funnel, FunnelVersion
from apps.funnels.selectors import published_configs
from apps.matching.models import Comparison, FittedWeights
from apps.matching.services import publish as service
from apps.matching.weights import PRODUCT
from apps.tenants.scoping import tenant_scope, unscoped
from tests.matching.planted import change_draft, plant_clicked_sale, plant_two_clicks
from tests.worlds import World

MIN_SALES = service.MIN_SALES


@pytest.fixture(autouse=True)
def _asks_of_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MIN_SALES", 1)


def publish(world: World, body: Any = None) -> Any:
    return world.post(f"funnels/{world.funnel.pk}/publish", body)


def running(world: World) -> dict[str, Any]:
    with unscoped():
        return published_configs([world.funnel.pk])[world.funnel.pk].to_json()


def versions(world: World) -> int:
    with unscoped():
        return FunnelVersion.objects.filter(funnel=world.funnel).count()


def plant_matched(world: World, count: int, money: str = "10.00 BRL") -> None:
    for number in range(count):
        plant_clicked_sale(world, f"SAME{money}{number}", clicked_before=1, money=money)


def plant_gain(world: World, order_id: str = "GAIN", money: str = "10.00 BRL", days: float = 1) -> None:
    """A sale that only a window of more than 10 days matches."""
    plant_clicked_sale(world, order_id, clicked_before=10, money=money, days=days)


WIDER = {"attribution_window_days": 14}


def test_a_large_change_is_not_published_and_says_what_it_is(world: World) -> None:
    plant_matched(world, 9)
    plant_gain(world)
    change_draft(world, **WIDER)

    answer = publish(world)

    told = answer.json()
    assert (answer.status_code, told["code"], told["changed_percent"]) == (409, "needs_confirmation", 10.0)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert told["summary"] == [
        {"kind": "compared", "currency": "BRL", "sales": 10, "amount": "100.000"},
        {"kind": "gained", "currency": "BRL", "sales": 1, "amount": "10.000"},
    ]
    assert "10.0 % would change" in told["detail"]
    assert '{"confirm": true}' in told["detail"]
    assert f"/api/v1/funnels/{world.funnel.pk}/comparisons" in told["detail"]
    assert (versions(world), running(world)["attribution_window_days"]) == (1, 7)


@pytest.mark.parametrize(("same", "status"), [(8, 200), (9, 409)])
def test_of_very_few_sales_nobody_is_asked(
    world: World, same: int, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MIN_SALES", MIN_SALES)
    plant_matched(world, same)
    plant_gain(world)
    change_draft(world, **WIDER)

    assert publish(world).status_code == status


def test_the_same_request_confirmed_publishes(world: World) -> None:
    plant_gain(world)
    change_draft(world, **WIDER)
    refused = publish(world)

    answer = publish(world, {"confirm": True})

    assert (refused.status_code, answer.status_code) == (409, 200)
    assert (answer.json()["status"], answer.json()["unpublished_changes"]) == ("published", False)
    assert (versions(world), running(world)["attribution_window_days"]) == (2, 14)


@pytest.mark.parametrize(("same", "status"), [(18, 409), (19, 200), (20, 200)])
def test_up_to_five_percent_of_the_sales_nobody_is_asked(world: World, same: int, status: int) -> None:
    plant_matched(world, same)
    plant_gain(world)
    change_draft(world, **WIDER)

    answer = publish(world)

    assert answer.status_code == status
    assert versions(world) == (2 if status == 200 else 1)


@pytest.mark.parametrize(("money", "status"), [("10.00 BRL", 200), ("12.00 BRL", 409), ("10.00 USD", 409)])
def test_money_counts_by_currency(world: World, money: str, status: int) -> None:
    plant_matched(world, 20)
    plant_gain(world, money=money)
    change_draft(world, **WIDER)

    assert publish(world).status_code == status
    assert versions(world) == (2 if status == 200 else 1)


SETTINGS: list[dict[str, Any]] = [
    {"attribution_window_days": 5},
    {"attribution_model": "first_click"},
    {"auto_threshold": 0.999},
    {"auto_threshold": 1.0, "review_threshold": 0.999},
    {"weight_set": "blind"},
]


@pytest.mark.parametrize("changes", SETTINGS, ids="-".join)
def test_every_matching_setting_is_looked_at(world: World, changes: dict[str, Any]) -> None:
    plant_two_clicks(world, "TWO")
    plant_clicked_sale(world, "OLD", clicked_before=6)
    blind = PRODUCT.to_json() | {"name": "blind"}
    blind["tiers"] = {tier: {"bias": -9.0, "weights": {}} for tier in blind["tiers"]}
    with tenant_scope(world.tenant_id):
        FittedWeights.objects.create(name="blind", weights=blind)
    change_draft(world, **changes)

    assert publish(world).json()["code"] == "needs_confirmation"
    assert publish(world, {"confirm": True}).status_code == 200


OTHERS: list[dict[str, Any]] = [
    {"landing_url": "https://cursosdaana.example.com/nova"},
    {"unknown_consent": "block"},
    {"page_events": "server_only"},
    {"review_hours": 48},
    {"review_timeout": "accept"},
]


@pytest.mark.parametrize("changes", OTHERS, ids="-".join)
def test_other_settings_are_published_without_a_look_at_sales(
    world: World, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_gain(world)
    change_draft(world, **changes)
    looks: list[object] = []
    monkeypatch.setattr(service, "_preview", lambda *given: looks.append(given))

    answer = publish(world)

    assert (answer.status_code, versions(world), looks) == (200, 2, [])


def test_an_unchanged_draft_is_published_at_once(world: World) -> None:
    plant_gain(world)

    answer = publish(world)

    assert (answer.status_code, versions(world)) == (200, 1)


def test_a_funnel_without_sales_is_published_at_once(world: World) -> None:
    change_draft(world, **WIDER)

    assert publish(world).status_code == 200
    assert running(world)["attribution_window_days"] == 14


def test_the_first_publication_asks_nothing(world: World) -> None:
    with unscoped():
        Funnel.objects.filter(pk=world.funnel.pk).update(published=None, attribution_window_days=30)
    plant_gain(world)

    assert publish(world).status_code == 200
    assert running(world)["attribution_window_days"] == 30


def test_only_the_last_seven_days_are_looked_at(world: World) -> None:
    plant_gain(world, days=8)
    change_draft(world, **WIDER)

    assert publish(world).status_code == 200


def test_another_accounts_sales_do_not_count(world: World, other_world: World) -> None:
    plant_gain(other_world)
    change_draft(world, **WIDER)

    assert publish(world).status_code == 200


def test_of_very_many_sales_the_newest_are_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_SALES", 3)
    monkeypatch.setattr(service, "CHUNK", 2)
    plant_matched(world, 3)
    plant_gain(world, "OLDER", days=2)
    change_draft(world, **WIDER)
    unasked = publish(world)
    change_draft(world, attribution_window_days=7)
    publish(world)
    plant_gain(world, "NEWEST", days=0.5)
    change_draft(world, **WIDER)

    asked = publish(world)

    assert (unasked.status_code, asked.status_code) == (200, 409)
    assert asked.json()["summary"] == [
        {"kind": "compared", "currency": "BRL", "sales": 3, "amount": "30.000"},
        {"kind": "gained", "currency": "BRL", "sales": 1, "amount": "10.000"},
    ]


def test_what_a_draft_lacks_is_said_before_what_it_would_change(world: World) -> None:
    plant_gain(world)
    change_draft(world, landing_url="", **WIDER)

    for body in (None, {"confirm": True}):
        answer = publish(world, body)

        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["landing_url"])
    assert versions(world) == 1


@pytest.mark.parametrize("body", [{"confirm": False}, {}, {"confirm": "no"}])
def test_what_is_no_confirmation_confirms_nothing(world: World, body: dict[str, Any]) -> None:
    plant_gain(world)
    change_draft(world, **WIDER)

    assert publish(world, body).status_code == 409
    assert versions(world) == 1


@pytest.mark.parametrize("body", [{"confirm": "perhaps"}, {"confirm": None}, {"confirm": [True]}, {"confirm": 2}])
def test_a_confirmation_that_is_neither_yes_nor_no_is_refused(world: World, body: dict[str, Any]) -> None:
    plant_gain(world)
    change_draft(world, **WIDER)

    answer = publish(world, body)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["confirm"])
    assert versions(world) == 1


def test_a_request_without_any_body_publishes(world: World) -> None:
    change_draft(world, **WIDER)

    answer = world.client.generic("POST", f"/api/v1/funnels/{world.funnel.pk}/publish", headers=world.auth)

    assert (answer.status_code, versions(world)) == (200, 2)


def test_a_foreign_funnel_is_not_found_whatever_is_confirmed(world: World, other_world: World) -> None:
    change_draft(world, **WIDER)

    answer = other_world.post(f"funnels/{world.funnel.pk}/publish", {"confirm": True})

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert versions(world) == 1


@pytest.mark.parametrize("funnel", ["1", "00000000-0000-4000-8000-000000000000"])
def test_an_unknown_funnel_is_not_found(world: World, funnel: str) -> None:
    assert world.post(f"funnels/{funnel}/publish").status_code == 404


def test_a_key_is_needed(world: World) -> None:
    change_draft(world, **WIDER)

    assert world.client.post(f"/api/v1/funnels/{world.funnel.pk}/publish").status_code == 401
    assert versions(world) == 1


def test_looking_leaves_nothing_behind(world: World) -> None:
    plant_gain(world)
    change_draft(world, **WIDER)

    publish(world)

    with unscoped():
        assert Comparison.objects.count() == 0
        assert Conversion.objects.get().match_due_at is None


def count_statements(world: World, sales: int) -> int:
    for number in range(sales):
        plant_gain(world, f"GAIN{number}")
    change_draft(world, **WIDER)
    with CaptureQueriesContext(connection) as captured:
        assert publish(world).status_code == 409
    return len(captured)


def test_looking_takes_as_many_statements_whatever_the_number_of_sales(world: World, other_world: World) -> None:
    assert count_statements(world, 1) == count_statements(other_world, 20)

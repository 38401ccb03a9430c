"""Which orders are live at a percentage, and the record that every switch of an endpoint leaves."""

from itertools import pairwise
from typing import Any

import pytest

from apps.funnels.models import Endpoint, RolloutChange, Trial
from apps.funnels.rollout import is_live
from apps.funnels.services import switch_endpoint
from apps.gateways.hotmart.adapter import HotmartAdapter
from apps.gateways.registry import CANDIDATES
from apps.tenants.models import ApiKey
from apps.tenants.scoping import tenant_scope, unscoped
from tests.worlds import SECRETS, World

ENDPOINT = "5f0f8a3e-6a0b-4c1e-9d7e-0123456789ab"
ORDERS = [f"HP{number:010}" for number in range(1_000)]


def live_at(percent: int, endpoint: str = ENDPOINT) -> set[str]:
    return {order for order in ORDERS if is_live(endpoint, order, percent)}


def switch(world: World, **values: Any) -> Any:
    return world.patch(f"funnels/{world.funnel.pk}", {"endpoints": [{"gateway": "hotmart", **values}]})


def endpoint_of(world: World) -> Endpoint:
    with unscoped():
        found: Endpoint = Endpoint.objects.get(tenant=world.tenant_id, gateway="hotmart")
    return found


def report(world: World) -> dict[str, Any]:
    answer = world.get(f"endpoints/{endpoint_of(world).pk}/rollout")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def changes(world: World) -> list[dict[str, Any]]:
    return [change["changes"] for change in report(world)["changes"]]


@pytest.fixture
def candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hotmart's adapter has a next version to try."""
    monkeypatch.setitem(CANDIDATES, "hotmart", HotmartAdapter())


def test_at_the_ends_all_orders_are_alike() -> None:
    assert live_at(0) == set()
    assert live_at(100) == set(ORDERS)


@pytest.mark.parametrize("percent", [1, 5, 30, 50, 70, 99])
def test_the_share_is_right(percent: int) -> None:
    """Within four standard deviations of a fair coin."""
    deviation = (len(ORDERS) * percent / 100 * (1 - percent / 100)) ** 0.5

    assert abs(len(live_at(percent)) - len(ORDERS) * percent / 100) <= 4 * deviation


def test_what_was_live_at_a_lower_percentage_stays_live() -> None:
    shares = [live_at(percent) for percent in range(101)]

    assert all(lower <= higher for lower, higher in pairwise(shares))
    assert live_at(30) < live_at(60)


def test_another_endpoint_has_other_orders_live() -> None:
    """Else the same buyers would be left out of every trial."""
    other = live_at(50, endpoint=ENDPOINT.replace("5", "6"))

    assert 0.35 < len(live_at(50) & other) / len(live_at(50)) < 0.65


def test_a_switch_is_kept_with_who_when_and_what(world: World) -> None:
    answer = switch(world, rollout="shadow", live_percent=30)

    with unscoped():
        key = ApiKey.objects.get(tenant=world.tenant_id)
    (kept,) = report(world)["changes"]
    assert answer.status_code == 200
    assert kept == {
        "changed_at": kept["changed_at"],
        "actor": f"API: {key.name} ({key.prefix}…)",
        "changes": {"rollout": ["live", "shadow"], "live_percent": [100, 30]},
    }
    assert world.key not in str(report(world))
    assert (endpoint_of(world).rollout, endpoint_of(world).live_percent) == ("shadow", 30)


def test_switches_are_shown_newest_first_beside_what_counts_now(world: World) -> None:
    switch(world, rollout="shadow")
    switch(world, rollout="live", live_percent=30)
    switch(world, live_percent=60)

    told = report(world)

    assert [change["changes"] for change in told["changes"]] == [
        {"live_percent": [30, 60]},
        {"rollout": ["shadow", "live"], "live_percent": [100, 30]},
        {"rollout": ["live", "shadow"]},
    ]
    assert (told["rollout"], told["live_percent"], told["candidate"]) == ("live", 60, "off")
    moments = [change["changed_at"] for change in told["changes"]]
    assert moments == sorted(moments, reverse=True)


def test_the_report_of_an_untouched_endpoint_is_empty(world: World) -> None:
    assert report(world) == {
        "rollout": "live",
        "live_percent": 100,
        "candidate": "off",
        "changes": [],
        "recorded": [],
        "compared": 0,
        "different": 0,
        "fields_differing": {},
        "money": [],
        "orders": [],
    }


def test_switching_to_the_same_is_no_change(world: World) -> None:
    switch(world, rollout="live", live_percent=100, candidate="off")
    assert changes(world) == []

    switch(world, rollout="shadow", live_percent=100)
    switch(world, rollout="shadow")

    assert changes(world) == [{"rollout": ["live", "shadow"]}], "and only what changed is named"


def test_a_change_of_something_else_switches_nothing(world: World) -> None:
    switch(world, rollout="shadow")

    switch(world, secret="another-secret")
    world.patch(f"funnels/{world.funnel.pk}", {"name": "Novo", "endpoints": []})

    assert len(changes(world)) == 1
    assert endpoint_of(world).rollout == "shadow"


def test_the_other_endpoints_are_left_alone(world: World) -> None:
    funnel = switch(world, rollout="off").json()

    assert {item["gateway"]: item["rollout"] for item in funnel["endpoints"]} == {
        slug: "off" if slug == "hotmart" else "live" for slug in SECRETS
    }
    with unscoped():
        assert RolloutChange.objects.get().endpoint_id == endpoint_of(world).pk


def test_a_new_endpoint_may_start_in_shadow(world: World) -> None:
    made = world.post(
        "funnels", {"name": "Novo", "endpoints": [{"gateway": "kiwify", "secret": "s", "rollout": "shadow"}]}
    ).json()

    (endpoint,) = made["endpoints"]
    told = world.get(f"endpoints/{endpoint['id']}/rollout").json()
    assert endpoint["rollout"] == told["rollout"] == "shadow"
    assert [change["changes"] for change in told["changes"]] == [{"rollout": ["live", "shadow"]}]


@pytest.mark.parametrize("to", ["shadow", "live"])
def test_there_is_no_trial_without_a_next_version(world: World, to: str) -> None:
    answer = switch(world, candidate=to, rollout="shadow", secret="another-secret")

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["endpoints.candidate"])
    assert changes(world) == []
    unchanged = endpoint_of(world)
    assert (unchanged.candidate, unchanged.rollout, unchanged.secret) == ("off", "live", SECRETS["hotmart"])


def test_a_trial_of_a_next_version_is_a_switch_like_others(world: World, candidate: None) -> None:
    statuses = [switch(world, candidate=to).status_code for to in ("shadow", "shadow", "live", "off")]

    assert statuses == [200] * 4
    assert changes(world) == [
        {"candidate": ["live", "off"]},
        {"candidate": ["shadow", "live"]},
        {"candidate": ["off", "shadow"]},
    ]


def test_a_next_version_of_one_gateway_is_none_of_another(world: World, candidate: None) -> None:
    answer = world.patch(f"funnels/{world.funnel.pk}", {"endpoints": [{"gateway": "kiwify", "candidate": "shadow"}]})

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["endpoints.candidate"])


def test_a_trial_can_be_ended_once_there_is_no_next_version_any_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as until_then:
        until_then.setitem(CANDIDATES, "hotmart", HotmartAdapter())
        switch(world, candidate="live")

    answer = switch(world, candidate="off")

    assert (answer.status_code, endpoint_of(world).candidate) == (200, "off")


def test_a_switch_starts_from_what_the_database_holds(world: World) -> None:
    seen_before = endpoint_of(world)
    switch(world, rollout="shadow")

    with tenant_scope(world.tenant_id):
        again = switch_endpoint(seen_before, {"rollout": "shadow"}, "somebody")
        back = switch_endpoint(seen_before, {"rollout": "live", "candidate": Trial.OFF}, "x" * 300)

    assert again is None
    assert back is not None
    assert (back.changes, back.actor) == ({"rollout": ["shadow", "live"]}, "x" * 200)


def test_a_funnel_that_is_refused_switches_nothing(world: World) -> None:
    without_token = {"platform": "meta", "pixel_id": "7"}
    body = {"endpoints": [{"gateway": "hotmart", "rollout": "off"}], "destinations": [without_token]}

    answer = world.patch(f"funnels/{world.funnel.pk}", body)

    assert answer.status_code == 422
    assert (changes(world), endpoint_of(world).rollout) == ([], "live")

"""The report on an adapter's next version: how many readings differ, in what, and what that is in money."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.conversions.selectors import ORDERS_SHOWN
from apps.funnels import selectors
from apps.gateways.registry import CANDIDATES
from apps.tenants.scoping import unscoped
from tests.pipeline.candidates import BROKEN, Changed, Halving, Same
from tests.worlds import World, hotmart

Try = Callable[..., None]


def endpoint_id(world: World, gateway: str = "hotmart") -> uuid.UUID:
    with unscoped():
        pk: uuid.UUID = world.funnel.endpoints.get(gateway=gateway).pk
    return pk


def report(world: World, gateway: str = "hotmart") -> dict[str, Any]:
    answer = world.get(f"endpoints/{endpoint_id(world, gateway)}/rollout")
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


@pytest.fixture
def try_(world: World, monkeypatch: pytest.MonkeyPatch) -> Try:
    def switched(candidate: Any, mode: str = "shadow") -> None:
        monkeypatch.setitem(CANDIDATES, "hotmart", candidate)
        world.patch(f"funnels/{world.funnel.pk}", {"endpoints": [{"gateway": "hotmart", "candidate": mode}]})
        selectors.forget_remembered()

    return switched


def test_before_any_trial_there_is_nothing_to_compare(world: World) -> None:
    world.post_webhook(hotmart(order_id="HP1"))

    told = report(world)

    assert (told["rollout"], told["live_percent"], told["candidate"], told["changes"]) == ("live", 100, "off", [])
    assert told["recorded"] == [{"status": "approved", "currency": "BRL", "orders": 1, "amount": "197.900"}]
    assert (told["compared"], told["different"], told["fields_differing"], told["money"], told["orders"]) == (
        *(0, 0, {}, [], []),
    )


def test_the_report_counts_and_sums_what_was_compared(world: World, try_: Try) -> None:
    try_(Same())
    world.post_webhook(hotmart(order_id="HP1", price=100))
    try_(Halving())
    world.post_webhook(hotmart(order_id="HP2", price=10))
    world.post_webhook(hotmart(order_id="HP3", price=7, currency="USD"))
    try_(Changed(product_name="Outro", installments=2))
    world.post_webhook(hotmart(order_id="HP4", price=1))
    try_(BROKEN["a bug"])
    world.post_webhook(hotmart(order_id="HP5", price=30))

    told = report(world)

    assert (told["candidate"], told["compared"], told["different"]) == ("shadow", 5, 4)
    differing = told["fields_differing"]
    assert (differing["amount"], differing["installments"], differing["kind"]) == (3, 2, 1)
    assert list(differing.values()) == sorted(differing.values(), reverse=True)
    assert told["money"] == [
        {"currency": "BRL", "current": "141.000", "candidate": "106.000"},
        {"currency": "USD", "current": "7.000", "candidate": "3.500"},
    ]
    assert [order["order_id"] for order in told["orders"]] == ["HP5", "HP4", "HP3", "HP2"]
    newest = told["orders"][2]
    assert newest.pop("received_at")
    assert newest == {
        "order_id": "HP3",
        "version": 1,
        "candidate": 2,
        "currency": "USD",
        "amount": "7.000",
        "candidate_amount": "3.500",
        "differences": [{"field": "amount", "current": "7.000", "candidate": "3.500"}],
    }


def test_the_switches_are_told_newest_first(world: World, try_: Try) -> None:
    for mode in ("shadow", "live", "off"):
        try_(Same(), mode)

    changes = report(world)["changes"]

    assert [change["changes"] for change in changes] == [
        {"candidate": ["live", "off"]},
        {"candidate": ["shadow", "live"]},
        {"candidate": ["off", "shadow"]},
    ]
    assert all(change["actor"] for change in changes)


def test_live_the_recorded_totals_are_the_candidates(world: World, try_: Try) -> None:
    try_(Halving(), "live")
    world.post_webhook(hotmart(order_id="HP1", price=100))

    told = report(world)

    assert told["recorded"] == [{"status": "approved", "currency": "BRL", "orders": 1, "amount": "50.000"}]
    assert told["money"] == [{"currency": "BRL", "current": "100.000", "candidate": "50.000"}]


def test_each_endpoint_has_a_report_of_its_own(world: World, other_world: World, try_: Try) -> None:
    try_(Halving())
    world.post_webhook(hotmart())
    other_world.post_webhook(hotmart())

    assert report(world, "stripe")["compared"] == 0
    assert report(other_world)["compared"] == 0
    assert report(world)["compared"] == 1


def test_another_tenants_endpoint_is_not_found(world: World, other_world: World) -> None:
    path = f"endpoints/{endpoint_id(other_world)}/rollout"

    assert world.get(path).status_code == 404
    assert world.get(f"endpoints/{uuid.uuid4()}/rollout").status_code == 404
    assert world.client.get(f"/api/v1/{path}").status_code == 401


def test_a_long_trial_costs_the_same_statements_and_shows_the_newest(world: World, try_: Try) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            report(world)
        return len(captured.captured_queries)

    try_(Halving())
    world.post_webhook(hotmart(order_id="HP0"))
    statements()
    one = statements()
    for number in range(1, ORDERS_SHOWN + 5):
        world.post_webhook(hotmart(order_id=f"HP{number}"))

    assert statements() == one
    told = report(world)
    assert (told["compared"], told["different"], len(told["orders"])) == (
        ORDERS_SHOWN + 5,
        ORDERS_SHOWN + 5,
        ORDERS_SHOWN,
    )
    assert told["orders"][0]["order_id"] == f"HP{ORDERS_SHOWN + 4}"

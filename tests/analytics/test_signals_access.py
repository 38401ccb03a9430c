"""Whose signals are told to whom, what is refused, and what the answer costs."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.conversions.models import Conversion
from apps.funnels.services import create_funnel
from apps.tenants.scoping import tenant_scope, unscoped
from tests.analytics.views import BROWSER, FBCLID, PERSON, begin_checkout, read_signals, sell, totals, visit
from tests.worlds import LANDING, World


def test_other_funnels_and_tenants_are_not_counted(world: World, other_world: World) -> None:
    with tenant_scope(world.tenant_id):
        second = create_funnel({"name": "Outro curso", "landing_url": LANDING})
    visit(world, public_key=second.public_key)
    visit(other_world)
    begin_checkout(other_world, visit(other_world)["session_id"])
    sell(other_world, "HP1")
    sell(world, "HP1")
    sell(world, "HP2", "PURCHASE_BILLET_PRINTED", email="carlos@example.com", phone="")
    with tenant_scope(world.tenant_id):
        Conversion.objects.update(funnel=second)

    assert totals(read_signals(world)) == [(0, 0)] * 3
    assert totals(read_signals(world, second.pk)) == [(1, 0), (1, 0), (1, 0)]
    assert totals(read_signals(other_world)) == [(2, 0), (1, 0), (1, 0)]


@pytest.mark.parametrize("unknown", [False, True])
def test_a_funnel_that_is_not_ones_own_is_not_found(world: World, other_world: World, unknown: bool) -> None:
    funnel_id = uuid.uuid4() if unknown else other_world.funnel.pk

    answer = world.get(f"funnels/{funnel_id}/signals")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_without_a_key_nothing_is_told(world: World) -> None:
    assert world.client.get(f"/api/v1/funnels/{world.funnel.pk}/signals").status_code == 401


@pytest.mark.parametrize("days", ["0", "31", "-1", "1.5", "", "week", "٣", "007", "1" * 5000])
def test_days_that_are_no_such_number_are_refused(world: World, days: str) -> None:
    answer = world.get(f"funnels/{world.funnel.pk}/signals", days=days)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["days"])


def test_the_number_of_statements_does_not_grow(world: World) -> None:
    read_signals(world)  # notes the key's first use of the day
    with CaptureQueriesContext(connection) as few:
        read_signals(world)
    for number in range(12):
        ids = visit(world, fbclid=f"{FBCLID}{number}", **PERSON)
        begin_checkout(world, ids["session_id"])
        sell(world, f"HP{number}", sck=ids["click_id"])

    with CaptureQueriesContext(connection) as many:
        body = read_signals(world)

    assert totals(body) == [(12, 0), (12, 0), (12, 0)]
    assert len(many) == len(few)
    assert len([query for query in many.captured_queries if "counted" in query["sql"]]) == 4


def test_every_statement_names_tenant_funnel_and_period(world: World) -> None:
    with CaptureQueriesContext(connection) as captured:
        read_signals(world)

    asked = [query["sql"].replace("-", "") for query in captured.captured_queries if "counted" in query["sql"]]
    assert len(asked) == 4
    assert [sql for sql in asked if world.tenant_id.hex not in sql or world.funnel.pk.hex not in sql] == []


def test_nothing_personal_is_shown(world: World) -> None:
    ids = visit(world, fbclid=FBCLID.lower(), fbc="broken", **PERSON)
    sell(world, "HP1", sck=ids["click_id"])

    answer = world.get(f"funnels/{world.funnel.pk}/signals")

    with unscoped():
        order = Conversion.objects.get()
    shown = answer.content.decode()
    secrets = [*PERSON.values(), order.email_sha256, order.phone_sha256, "127.0.0.1", BROWSER, FBCLID.lower()]
    assert ids["click_id"] in shown
    assert [word for word in secrets if word in shown] == []

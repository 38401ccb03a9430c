"""What a sale costs follows from the few rows that look-ups give, not from what is stored nor from the batch's size."""

import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.clicks.models import Click, Session
from apps.conversions.models import Conversion
from apps.funnels.selectors import published_configs
from apps.matching import sql
from apps.matching.models import Match
from apps.matching.services import match_conversions
from apps.tenants.scoping import unscoped
from tests.worlds import LANDING, World, hotmart

MANY = 5_000
ADDRESS = "200.160.2.3"
PSYCOPG_REMEMBERS = 4_096
_SESSIONS = """
INSERT INTO clicks_session (public_id, tenant_id, funnel_id, identity, email_sha256, phone_sha256, fbp)
SELECT 'hts' || lpad(i::text, 24, '0'), %(tenant)s, %(funnel)s, '{}', 'e' || i, 'p' || i, 'fb.1.1.' || i / 2
FROM generate_series(1, %(many)s) AS i
"""
_CLICKS = """
INSERT INTO clicks_click (public_id, tenant_id, funnel_id, session_id, landing_url, referrer, fbclid, fbc, fbp, ttclid,
                          gclid, utm, src, sck, xcod, user_agent, event_id, correlation_id, ip)
SELECT 'htc' || lpad(id::text, 24, '0'), tenant_id, funnel_id, id, 'https://a.example.com', '', 'c' || id, 'f' || id,
       fbp, '', '', '{}', '', '', '', '', '', '', '10.0.0.0'::inet + id
FROM clicks_session
"""
_INTENDED = {
    "clicks_click_public_id": 1,
    "clicks_session_public_id": 1,
    "session_of_email": 2,
    "session_of_phone": 3,
    "session_of_browser": 1,
    "click_fbclid": 1,
    "click_fbc": 1,
    "click_network": 1,
    "click_session_time": 1,
    "clicks_session_pkey": 2,
    "clicks_click_pkey": 1,
}


@pytest.fixture
def sale(world: World) -> Conversion:
    """One that nothing leads to any click yet."""
    world.post_webhook(hotmart(order_id="HP1", email="nobody@example.com", phone=""))
    with unscoped():
        found: Conversion = Conversion.objects.get()
    return found


def matched(sales: list[Conversion]) -> dict[int, Match]:
    with unscoped():
        return match_conversions(sales, published_configs(row.funnel_id for row in sales))


def plant(world: World, number: int, session_id: str = "", **values: Any) -> None:
    """So many clicks of one visit, a second apart, the last just now; each with `values`, and a browser of its own."""
    session_id = session_id or world.click()["session_id"]
    with unscoped():
        session = Session.objects.get(public_id=session_id)
        Click.objects.bulk_create(
            Click(
                tenant_id=session.tenant_id,
                funnel_id=session.funnel_id,
                session=session,
                public_id=f"htc{session.pk:012d}{Click.objects.count() + turn:012d}",
                clicked_at=timezone.now() - timedelta(seconds=number - turn),
                landing_url=LANDING,
                correlation_id="req_plant",
                **{"fbp": f"fb.1.1.{turn}"} | values,
            )
            for turn in range(number)
        )


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_every_look_up_uses_its_index_and_no_table_is_read_through(world: World, mode: str) -> None:
    facts = {"tenant": world.tenant_id, "funnel": world.funnel.pk, "many": MANY}
    with connection.cursor() as cursor:
        for statement in (_SESSIONS, _CLICKS):
            cursor.execute(statement, facts)
        cursor.execute("ANALYZE clicks_session, clicks_click")

        cursor.execute(f"PREPARE find (jsonb) AS {sql.FIND.replace('%s', '$1')}")
        cursor.execute(f"SET LOCAL plan_cache_mode = {mode}")
        cursor.execute("EXPLAIN EXECUTE find ('[]')")
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("DEALLOCATE find")

    used = re.findall(r"Scan (?:Backward )?using (\w+) on clicks_", plan)
    # A unique text has two indexes that serve alike.
    assert Counter(re.sub(r"public_id_\w+", "public_id", name) for name in used) == _INTENDED
    assert re.findall(r"(?:Seq|Bitmap Heap) Scan on clicks_\w+", plan) == []


def test_psycopg_need_not_take_the_statement_apart_each_time() -> None:
    assert len(sql.FIND) <= PSYCOPG_REMEMBERS


@pytest.mark.parametrize(("carries_ours", "statements"), [(True, 3), (False, 4)])
def test_a_batch_takes_the_same_statements_whatever_its_size(
    world: World, sale: Conversion, carries_ours: bool, statements: int
) -> None:
    """One more tells whether ids that lead nowhere are another tenant's."""
    sale.click_ref = world.click()["click_id"] if carries_ours else "htc" + "0" * 24
    counts = []
    for size in (1, 20, 200):
        with unscoped():
            for number in range(size):
                sale.pk, sale.order_id = None, f"HP{size}-{number}"
                sale.save(force_insert=True)
            sales = list(Conversion.objects.filter(order_id__startswith=f"HP{size}-"))
            configs = published_configs([world.funnel.pk])
            with CaptureQueriesContext(connection) as queries:
                found = match_conversions(sales, configs)
        assert len(found) == size
        counts.append(len([query for query in queries if "SAVEPOINT" not in query["sql"]]))

    assert counts == [statements] * 3


def test_no_sale_no_statement(world: World, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0), unscoped():
        assert match_conversions([], {}) == {}


def test_what_is_stored_is_what_was_said(world: World, sale: Conversion) -> None:
    sale.click_ref = world.click()["click_id"]
    first = matched([sale])[sale.pk]
    sale.click_ref = world.click()["click_id"]

    second = matched([sale])[sale.pk]

    with unscoped():
        stored = Match.objects.get()
    said = {column: getattr(second, column) for column in sql.MATCH_COLUMNS}
    assert {column: getattr(stored, column) for column in sql.MATCH_COLUMNS} == said
    assert second.pk == first.pk == stored.pk
    assert second.click_id != first.click_id


def test_of_a_crowd_at_one_address_the_newest_are_weighed_and_the_record_says_so(
    world: World, sale: Conversion
) -> None:
    plant(world, 60, ip=ADDRESS)
    sale.buyer_ip = ADDRESS

    match = matched([sale])[sale.pk]

    with unscoped():
        people = Click.objects.filter(ip=ADDRESS).order_by("-clicked_at")
        newest = set(people.values_list("public_id", flat=True)[: sql.NEWEST])
    assert {item["click_id"] for item in match.evidence} == newest
    assert match.record["cut"] == ["address"]
    assert {item["crowd"] for item in match.evidence} == {sql.CROWD}


def test_of_a_click_id_repeated_without_end_the_newest_are_weighed_and_the_record_says_so(
    world: World, other_world: World, sale: Conversion
) -> None:
    plant(other_world, 60, fbclid="IwAR-again")
    plant(world, 60, fbclid="IwAR-again")
    plant(world, 60, fbclid="IwAR-again", is_automated=True)
    sale.tracking = {"fbclid": "IwAR-again"}

    match = matched([sale])[sale.pk]

    with unscoped():
        people = Click.objects.filter(tenant_id=world.tenant_id, fbclid="IwAR-again", is_automated=False)
        newest = set(people.order_by("-pk").values_list("public_id", flat=True)[: sql.NEWEST])
    weighed = {item["click_id"] for item in match.evidence if "fbc" in item["shares"]}
    assert weighed == newest
    assert match.record["cut"] == ["fbc"]


@pytest.mark.parametrize(("machines", "is_found"), [(20, True), (300, False)])
def test_so_many_clicks_of_a_visit_are_looked_at_and_no_more(
    world: World, sale: Conversion, machines: int, is_found: bool
) -> None:
    ids = world.click()
    with unscoped():
        Click.objects.update(clicked_at=timezone.now() - timedelta(hours=1))
    plant(world, machines, ids["session_id"], is_automated=True)
    sale.session_ref = ids["session_id"]

    match = matched([sale])[sale.pk]

    assert [item["click_id"] for item in match.evidence] == ([ids["click_id"]] if is_found else [])

"""The report on an endpoint's page: what it recorded, and what an adapter on trial would change."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.conversions.models import AdapterComparison
from apps.core.admin.panels import ROWS_SHOWN
from apps.gateways.events import Kind
from tests.admin.console import (
    DIGEST,
    SCRIPT,
    Console,
    address,
    compare_adapters,
    endpoint_of,
    new_staff,
    text_of,
)
from tests.conversions.deliveries import conversion, record
from tests.conversions.deliveries import endpoint_of as live_endpoint_of
from tests.conversions.facts import fact
from tests.worlds import World

COMPARED = "The next version of the adapter beside the one in use"
_TAGS = re.compile(r"<[^>]*>")


def _report(console: Console, world: World) -> str:
    """The card's own HTML."""
    html = text_of(console.page(endpoint_of(world)))
    (card,) = [part for part in html.split("<section>") if "Orders recorded here" in part]
    return card.partition("</section>")[0]


def _rows(report: str) -> list[list[str]]:
    return [
        [" ".join(_TAGS.sub(" ", cell).split()) for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)]
        for row in re.findall(r"<tr>.*?</tr>", report, re.DOTALL)
    ]


def _sell(world: World, kind: Kind, order_id: str, amount: str | None, **members: Any) -> None:
    record(live_endpoint_of(world), fact(kind, 0, amount, **members), order_id=order_id)


def test_orders_are_counted_by_status_with_their_money(console: Console, world: World, other_world: World) -> None:
    for order_id, amount in (("HP1", "1000.00"), ("HP2", "97.005")):
        _sell(world, Kind.APPROVED, order_id, amount, currency="BRL")
    _sell(world, Kind.APPROVED, "HP3", "10.00", currency="USD")
    _sell(world, Kind.PAYMENT_PENDING, "HP4", None)
    _sell(other_world, Kind.APPROVED, "HP5", "5.00", currency="BRL")

    report = _report(console, world)

    assert [row for row in _rows(report) if row] == [
        ["approved", "2", "1097.005 BRL"],
        ["approved", "1", "10.00 USD"],
        ["pending", "1", "0.00"],
    ]
    assert COMPARED not in report


def test_an_endpoint_without_orders_says_so(console: Console, world: World) -> None:
    assert "None." in _report(console, world)


def test_readings_are_compared_by_field_and_by_money(console: Console, world: World) -> None:
    compare_adapters(world, "HP1")
    compare_adapters(world, "HP2", differences=[{"field": "amount", "current": "1", "candidate": "2"}])
    compare_adapters(world, "HP3", differences=[], candidate_amount=Decimal("97.000"))
    compare_adapters(world, "HP4", differences=[], currency="USD", amount=Decimal(5), candidate_amount=Decimal(5))

    report = _report(console, world)

    assert "4 readings compared, 2 of them different." in report
    rows = [row for row in _rows(report) if row]
    assert rows[:4] == [
        ["amount", "2"],
        ["identity", "1"],
        ["BRL", "291.00", "296.80", "5.80"],
        ["USD", "5.00", "5.00", "0.00"],
    ]
    assert [row[1:] for row in rows[4:]] == [
        ["HP2", "97.00 BRL", "99.90 BRL", "amount"],
        ["HP1", "97.00 BRL", "99.90 BRL", "amount, identity"],
    ]


def test_the_report_leads_to_each_and_to_all_that_differ(console: Console, world: World) -> None:
    row = compare_adapters(world, "HP1")
    compare_adapters(world, "HP2", differences=[])

    report = _report(console, world)

    assert f'href="{address(row, "change")}"' in report
    (listing,) = re.findall(r'href="([^"]*)">All that were read differently', report)
    assert [found.order_id for found in console.client.get(listing).context["cl"].result_list] == ["HP1"]


def test_not_more_than_a_card_holds_is_shown(console: Console, world: World) -> None:
    for number in range(ROWS_SHOWN + 1):
        compare_adapters(world, f"HP{number}")

    report = _report(console, world)

    assert report.count("/admin/conversions/adaptercomparison/") == ROWS_SHOWN + 1, "a link each, and one to all"


def test_the_report_is_of_one_tenant_and_reads_through_its_index(console: Console, world: World) -> None:
    with CaptureQueriesContext(connection) as captured:
        console.page(endpoint_of(world))

    read = [entry["sql"] for entry in captured if re.search('FROM "conversions_(conversion|adapter)', entry["sql"])]
    assert len(read) >= 4
    assert [sql for sql in read if world.tenant_id.hex not in sql.replace("-", "")] == []


def test_the_report_is_for_who_may_see_orders(world: World) -> None:
    clerk = new_staff("funnels.view_endpoint", email="clerk@example.com")
    expert = new_staff("funnels.view_endpoint", "conversions.view_conversion")

    pages = [text_of(person.page(endpoint_of(world))) for person in (clerk, expert)]

    assert ["Orders recorded here" in page for page in pages] == [False, True]


def test_what_strangers_wrote_into_a_reading_is_not_run(console: Console, world: World) -> None:
    row = compare_adapters(world, SCRIPT, differences=[{"field": SCRIPT, "current": SCRIPT, "candidate": "2"}])

    for answer in (console.page(endpoint_of(world)), console.page(row), console.list(AdapterComparison)):
        assert SCRIPT not in answer.content.decode()
        assert SCRIPT in text_of(answer)


def test_the_page_of_a_comparison_shows_both_readings(console: Console, world: World) -> None:
    _sell(world, Kind.APPROVED, "HP1", "97.00")
    row = compare_adapters(world, "HP1")

    html = text_of(console.page(row))

    assert [cells for cells in _rows(html) if cells] == [
        ["amount", "97.000", "99.900"],
        ["identity", "", f"{{'em': ['{DIGEST[:12]}…']}}"],
    ]
    assert DIGEST not in html
    assert f'href="{address(conversion("HP1"), "change")}">HP1</a>' in html
    assert "support-document" not in html.split("</style>")[-1]


@pytest.mark.parametrize(("order_id", "shown"), [("HP9", ">HP9<"), ("", ">-<")])
def test_a_comparison_of_an_order_that_is_not_there_has_no_link(
    order_id: str, shown: str, console: Console, world: World
) -> None:
    html = text_of(console.page(compare_adapters(world, order_id)))

    assert shown in html
    assert re.findall(r"/admin/conversions/conversion/\d", html) == []

"""The ledger in the console: the account is chosen, its books are drawn, and each count leads to its orders."""

import uuid
from xml.etree.ElementTree import fromstring

import pytest
from django.urls import reverse
from django.utils.http import urlencode

from apps.conversions.models import Conversion
from apps.dispatch.ledger import sql
from apps.dispatch.ledger.picture import Bar, Part, draw_bars
from apps.dispatch.ledger.queries import MAX_SECONDS
from apps.tenants.models import Tenant
from apps.tenants.scoping import unscoped
from tests.admin.console import SCRIPT, Console, new_staff, text_of
from tests.dispatch.ledger import add_destination, destination_of, long_ago, sell
from tests.platforms import ScriptedPlatform, graph_error
from tests.worlds import World, hotmart


def page(world: World, **query: str) -> str:
    return f"{reverse('admin:dispatch_ledger', args=[world.tenant_id])}?{urlencode(query)}"


def read(console: Console, address: str) -> str:
    answer = console.client.get(address)
    assert answer.status_code == 200, address
    return text_of(answer)


def svg(html: str) -> str:
    return html[html.index("<svg xmlns") : html.index("</svg>", html.index("<svg xmlns")) + len("</svg>")]


def drawn(html: str) -> list[str]:
    return [str(item.get("class")) for item in fromstring(svg(html)).iter() if item.tag.endswith("rect")]


def lose(world: World, order_id: str) -> None:
    long_ago(world)
    world.post_webhook(hotmart(order_id=order_id))
    with unscoped():
        Conversion.objects.filter(order_id=order_id).update(match_due_at=None)


def test_every_bucket_is_drawn_listed_and_leads_to_its_sends(
    console: Console, world: World, platform: ScriptedPlatform
) -> None:
    sell(world, "HP1")
    platform.answers = [graph_error(100)]
    sell(world, "HP2", price=10)

    html = read(console, page(world))

    destination = destination_of(world)
    query = {"destination__id__exact": str(destination.pk), "status__exact": "dead"}
    sends = (
        f"{reverse('admin:dispatch_send_changelist')}?{urlencode({'tenant__id__exact': str(world.tenant_id), **query})}"
    )
    assert drawn(html) == ["ledger-accepted", "ledger-dead"]
    assert "197.90 BRL" in html
    assert f'href="{sends}"' in html
    assert 'role="alert"' not in html
    assert len(console.client.get(sends).context["cl"].result_list) == 1


def test_one_missing_order_is_red_named_and_wide_enough_to_be_seen(
    console: Console, world: World, platform: ScriptedPlatform
) -> None:
    for number in range(5):
        sell(world, f"HP{number}")
    lose(world, f"LOST{SCRIPT}")

    answer = console.client.get(page(world))

    html = answer.content.decode()
    assert "The ledger does not balance" in html
    assert "hotmart LOST&lt;script&gt;" in html
    assert SCRIPT not in html
    assert drawn(text_of(answer).replace(SCRIPT, "")) == ["ledger-accepted", "ledger-missing"]


def test_a_count_leads_to_its_orders_with_what_to_do(
    console: Console, world: World, platform: ScriptedPlatform
) -> None:
    platform.answers = [graph_error(190)]
    sell(world, "HP1")
    place = {"bucket": "parked", "destination": str(destination_of(world).pk)}
    assert f"?{urlencode({'days': '30', **place})}" in read(console, page(world))

    html = read(console, page(world, **place))

    assert "HP1" in html
    assert "The platform does not accept the access token any more." in html
    assert "Make a new token at the platform" in html
    assert "<svg xmlns" not in html.partition("ledger")[2]


def test_an_order_without_an_event_is_listed_too(console: Console, world: World) -> None:
    lose(world, "LOST")

    html = read(console, page(world, bucket="missing", destination=str(destination_of(world).pk)))

    assert "The sale was never planned for any platform." in html


def test_what_is_asked_for_wrongly_is_left_out(
    console: Console, world: World, other_world: World, platform: ScriptedPlatform
) -> None:
    sell(world)
    foreign = str(destination_of(other_world).pk)

    for query in (
        {"days": "8"},
        {"days": "x"},
        {"bucket": "pending", "destination": str(destination_of(world).pk)},
        {"bucket": "accepted", "destination": foreign},
        {"bucket": "accepted", "destination": "\0"},
    ):
        assert drawn(read(console, page(world, **query))) == ["ledger-accepted"]


def test_periods_are_chosen_by_links(console: Console, world: World, platform: ScriptedPlatform) -> None:
    sell(world)
    with unscoped():
        (order,) = Conversion.objects.all()
        Conversion.objects.update(approved_at=order.approved_at.replace(year=2020))

    html = read(console, page(world, days="7"))

    assert f'href="{page(world, days="0")}"' in html
    assert html.count('aria-current="page"') == 1
    assert "No order was approved in this time." in html
    assert drawn(read(console, page(world, days="0"))) == ["ledger-accepted"]


def test_an_account_without_sales_is_told_how_to_get_one(console: Console, world: World) -> None:
    html = read(console, page(world))

    assert "give the funnel's webhook address to the gateway and make a test purchase" in html
    assert "<rect" not in html


def test_each_account_has_its_own_books(
    console: Console, world: World, other_world: World, platform: ScriptedPlatform
) -> None:
    sell(other_world, price=50)

    assert "No order was approved in this time." in read(console, page(world))
    assert "50.00 BRL" in read(console, page(other_world))


def test_each_destination_and_currency_has_a_bar(console: Console, world: World, platform: ScriptedPlatform) -> None:
    add_destination(world)
    sell(world, "HP1")
    sell(world, "US1", currency="USD")

    labels = [item.text for item in fromstring(svg(read(console, page(world)))).iter() if item.tag.endswith("text")]

    assert sorted(str(label) for label in labels) == [
        f"meta {pixel} {currency}" for pixel in ("123456789012345", "222222222222222") for currency in ("BRL", "USD")
    ]


def test_an_account_is_found_by_a_part_of_its_name(console: Console, world: World, other_world: World) -> None:
    picker = reverse("admin:dispatch_ledgers")

    assert page(world).rstrip("?") in read(console, f"{picker}?q=cursos")
    assert page(other_world).rstrip("?") not in read(console, f"{picker}?q=cursos")
    assert page(other_world).rstrip("?") in read(console, picker)
    assert "No account has this in its name." in read(console, f"{picker}?q=%25{SCRIPT}")
    assert console.client.get(f"{picker}?q=%00").status_code == 200


def test_the_accounts_own_page_leads_there(console: Console, world: World) -> None:
    with unscoped():
        html = text_of(console.page(Tenant.objects.get(pk=world.tenant_id)))

    assert f'href="{page(world).rstrip("?")}' in html


def test_only_who_may_see_sends_sees_it(world: World) -> None:
    allowed, other = new_staff("dispatch.view_send"), new_staff("clicks.view_click", email="other@example.com")

    for address in (page(world), reverse("admin:dispatch_ledgers")):
        assert allowed.client.get(address).status_code == 200
        assert other.client.get(address).status_code == 403


def test_an_unknown_account_is_not_found(console: Console) -> None:
    assert console.client.get(reverse("admin:dispatch_ledger", args=[uuid.uuid4()])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_books_that_take_too_long_are_given_up_with_advice(
    console: Console, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "add_up", lambda *args: "SELECT pg_sleep(60)")
    monkeypatch.setattr("apps.dispatch.ledger.queries.MAX_SECONDS", 0.2)

    html = read(console, page(world))

    assert "Ask for fewer days" in html
    assert MAX_SECONDS == 10.0


def part(bucket: str, orders: int) -> Part:
    return Part(bucket, orders, f"{bucket}: {orders}")


def widths(*parts: Part) -> list[float]:
    root = fromstring(draw_bars([Bar("Meta", parts)], title="t", description="d"))
    return [float(str(item.get("width"))) for item in root.iter() if item.tag.endswith("rect")]


def test_a_bar_is_filled_in_proportion() -> None:
    assert widths(part("accepted", 3), part("dead", 0), part("waiting", 1)) == [270.0, 90.0]


def test_what_is_tiny_can_still_be_seen() -> None:
    wide, narrow = widths(part("accepted", 1_000_000), part("missing", 1))

    assert 2.9 < narrow < 3.1
    assert abs(wide + narrow - 360) < 0.2


def test_an_empty_bar_and_no_bar_at_all_are_drawn() -> None:
    assert widths(part("accepted", 0)) == []
    assert fromstring(draw_bars([], title="t", description="d")).get("viewBox") == "0 0 360 34"


def test_texts_of_the_picture_are_escaped() -> None:
    drawing = draw_bars([Bar(SCRIPT, [Part("accepted", 1, SCRIPT)])], title=SCRIPT, description=SCRIPT)

    assert SCRIPT not in drawing
    assert drawing.count("&lt;script&gt;") == 4

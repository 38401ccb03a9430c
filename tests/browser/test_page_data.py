"""What hits carry besides their action: the pixel's cookies, of what an event is; and pixels that must not fire."""

from typing import Any

import pytest

from apps.clicks.models import PageEvent
from apps.funnels.models import Funnel
from apps.funnels.services import publish_funnel
from apps.tenants.scoping import tenant_scope, unscoped
from tests.browser.visitor import FAKE_PIXELS, FBCLID, Visitor

pytestmark = pytest.mark.django_db(transaction=True)
AD = f"/oferta?fbclid={FBCLID}"
FBP = "fb.1.1763640000000.1098765432"


def choose(visitor: Visitor, word: str) -> None:
    with tenant_scope(visitor.world.tenant_id):
        Funnel.objects.filter(pk=visitor.world.funnel.pk).update(page_events=word)
        publish_funnel(Funnel.objects.get(pk=visitor.world.funnel.pk))


def test_every_hit_carries_the_pixels_cookies(visitor: Visitor) -> None:
    visitor.page.add_init_script(FAKE_PIXELS)
    visitor.open(AD)
    visitor.wait_for_click_id()
    visitor.run("hubtrack.push({event: 'view_content', external_id: 'u1'})")
    visitor.wait_for("identify")
    visitor.wait_for("view_content")

    fbc = visitor.hub.told("click")[0]["fbc"]
    assert fbc.endswith(f".{FBCLID}")
    assert {(hit["fbc"], hit["fbp"]) for hit in visitor.hub.hits} == {(fbc, FBP)}


def test_where_there_is_no_pixel_there_is_no_fbp(visitor: Visitor) -> None:
    visitor.open("/oferta")
    told = visitor.wait_for("pageview")

    assert (told["fbc"], told["fbp"]) == ("", "")
    assert visitor.kept_cookies() == [f"_ht_{visitor.key[-8:]}"]


def test_an_event_says_what_it_is_of(visitor: Visitor) -> None:
    visitor.open(AD)
    visitor.wait_for("pageview")
    data = {
        "value": 197.9,
        "currency": "BRL",
        "content_ids": ["A1", "B2"],
        "content_name": "Curso de Confeitaria",
        "content_type": "product",
        "num_items": 2,
    }
    visitor.page.evaluate("(data) => hubtrack.push({event: 'add_to_cart', data})", data)

    assert visitor.wait_for("add_to_cart")["data"] == data
    assert "data" not in visitor.hub.told("pageview")[0]
    visitor.wait(stored_data)
    assert stored_data() == {**data, "value": "197.9"}


def stored_data() -> dict[str, Any]:
    with unscoped():
        event = PageEvent.objects.filter(name="add_to_cart").first()
    return event.data if event else {}


def test_what_else_the_page_puts_there_stays_there(visitor: Visitor) -> None:
    visitor.page.add_init_script(FAKE_PIXELS)
    visitor.open(AD)
    visitor.wait_for("pageview")
    visitor.run("hubtrack.push({event: 'view_content', data: {value: 7, em: 'ana@example.com', currency: 'BRL'}})")

    assert visitor.wait_for("view_content")["data"] == {"value": 7, "currency": "BRL"}
    assert "ana@example.com" not in str(visitor.hub.hits)
    pixel = next(item for item in visitor.run("told") if item[2] == "ViewContent")
    assert pixel[3] == {"value": 7, "em": "ana@example.com", "currency": "BRL"}


@pytest.mark.parametrize(
    "data",
    [
        "(() => { const ids = []; ids.push(ids); return {content_ids: ids}; })()",
        "{value: 7n}",
        "{get value() { throw 1; }}",
        "{content_name: 'x'.repeat(9000)}",
        "() => {}",
    ],
)
def test_what_cannot_be_told_costs_only_itself(visitor: Visitor, data: str) -> None:
    visitor.page.add_init_script(FAKE_PIXELS)
    visitor.open(AD)
    visitor.wait_for("pageview")
    visitor.run(f"hubtrack.push({{event: 'view_content', data: {data}}})")

    assert "data" not in visitor.wait_for("view_content")
    assert visitor.run("told.filter((item) => item[2] === 'ViewContent' || item[1] === 'ViewContent').length") == 2
    assert visitor.errors == []


@pytest.mark.parametrize(("word", "fires"), [("hybrid", True), ("browser_only", True), ("server_only", False)])
def test_pixels_fire_unless_the_server_alone_tells(visitor: Visitor, word: str, fires: bool) -> None:
    choose(visitor, word)
    visitor.page.add_init_script(FAKE_PIXELS)
    visitor.open(AD)
    visitor.wait_for("pageview")
    visitor.run("hubtrack.push({event: 'view_content'})")
    visitor.wait_for("view_content")
    visitor.page.wait_for_load_state("load")
    visitor.rest()

    told = {item[2] for item in visitor.run("told") if item[0] == "fbq"}
    assert told == ({"PageView", "ViewContent"} if fires else set())
    assert bool(visitor.run("told.length")) is fires

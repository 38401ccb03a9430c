"""With the hub down, slow or broken a page behaves as if the script were not there, and nothing is lost."""

from itertools import product

import pytest

from apps.clicks.models import Click, PageEvent
from apps.tenants.scoping import unscoped
from tests.browser.conftest import find_chromium
from tests.browser.visitor import CHECKOUT, FBCLID, Visitor

pytestmark = pytest.mark.django_db(transaction=True)
AD = f"/oferta?fbclid={FBCLID}"
NOWHERE = "http://localhost:9"


def assert_as_without_us(visitor: Visitor) -> None:
    """It works, its own code ran, and no line in its console is ours; a browser itself tells of failed requests."""
    assert visitor.run("document.readyState") == "complete"
    assert visitor.href() == CHECKOUT
    visitor.page.click("#buy")
    visitor.page.wait_for_selector("h1")
    assert visitor.paid == [CHECKOUT]
    assert visitor.errors == []
    assert [line for line in visitor.logged if not line.startswith("Failed to load resource")] == []


@pytest.mark.parametrize("kind", ["tag", "inline"])
def test_the_hub_is_down(visitor: Visitor, kind: str) -> None:
    visitor.put_page("/oferta", snippet=getattr(visitor, kind).replace(visitor.hub.url, NOWHERE))
    visitor.open(AD)
    visitor.rest()

    assert_as_without_us(visitor)


@pytest.mark.parametrize(
    ("kind", "status"),
    [*product(["tag", "inline"], ["500 Broken", "404 Gone"]), ("inline", "200 But Not A Script")],
)
def test_the_hub_is_broken(visitor: Visitor, kind: str, status: str) -> None:
    visitor.hub.status = status
    visitor.put_page("/oferta", snippet=getattr(visitor, kind))
    visitor.open(AD)
    visitor.wait(lambda: visitor.hub.asked)
    visitor.rest()

    assert visitor.hub.hits == []
    visitor.logged = [line for line in visitor.logged if "MIME type" not in line]
    assert_as_without_us(visitor)


def test_a_slow_hub_does_not_hold_up_the_load_event(visitor: Visitor) -> None:
    visitor.hub.is_open.clear()
    visitor.open(AD)
    visitor.wait(lambda: visitor.hub.asked)

    assert visitor.run("performance.getEntriesByType('navigation')[0].loadEventEnd") > 0
    assert_as_without_us(visitor)


def test_nor_does_the_tag_hold_up_the_page(visitor: Visitor) -> None:
    """Browsers wait with the load event for any script in the page's own markup; all that matters comes before."""
    visitor.hub.is_open.clear()
    visitor.put_page("/oferta", snippet=visitor.tag)
    visitor.page.goto(visitor.site.url(AD), wait_until="domcontentloaded")
    visitor.wait(lambda: visitor.hub.asked)

    assert visitor.run("document.readyState") == "interactive"
    visitor.page.click("#buy")
    visitor.page.wait_for_selector("h1")
    assert visitor.paid == [CHECKOUT]


@pytest.mark.parametrize("status", ["500 Broken", "503 Busy", "429 Slowly"])
def test_what_was_not_answered_is_sent_on_the_next_page(visitor: Visitor, status: str) -> None:
    visitor.open("/oferta")
    visitor.wait_for("pageview")
    visitor.hub.status = status
    visitor.run(f"history.pushState({{}}, '', '{AD}')")
    lost = [visitor.wait_for("click"), visitor.wait_for("pageview", 2)]
    visitor.rest()
    visitor.hub.status = ""
    visitor.open("/oferta")
    visitor.wait(lambda: len(visitor.hub.hits) == 6)
    visitor.wait(lambda: visitor.kept()["stored"] == [])

    assert {hit["event_id"] for hit in lost} < {hit["event_id"] for hit in visitor.hub.hits[3:]}
    with unscoped():
        assert Click.objects.get().fbclid == FBCLID
        assert PageEvent.objects.count() == 3


def test_a_hit_that_the_hub_refuses_is_not_repeated(visitor: Visitor) -> None:
    visitor.open("/oferta")
    visitor.wait_for("pageview")
    visitor.hub.status = "422 No"
    visitor.run("hubtrack.push({event: 'view_content'})")
    visitor.wait_for("view_content")
    visitor.wait(lambda: visitor.kept()["stored"] == [])
    visitor.hub.status = ""
    visitor.open("/oferta")
    visitor.wait_for("pageview", 2)
    visitor.rest()

    assert len(visitor.hub.told("view_content")) == 1


def test_what_waits_is_bounded(visitor: Visitor) -> None:
    visitor.open("/oferta")
    visitor.wait_for("pageview")
    visitor.hub.status = "500 Broken"
    visitor.run("for (let i = 0; i < 50; i++) hubtrack.push({event: 'view_content'})")
    visitor.wait_for("view_content", 50)

    assert visitor.run("JSON.parse(localStorage.getItem(Object.keys(localStorage)[0])).length") == 20


def test_the_last_hit_leaves_with_the_visitor(visitor: Visitor) -> None:
    visitor.open(AD)
    visitor.wait_for_click_id()
    visitor.page.click("#buy")
    visitor.page.wait_for_selector("h1")

    assert visitor.wait_for("initiate_checkout")["url"] == visitor.site.url(AD)


def test_a_browser_that_cannot_keep_requests_alive_sends_a_beacon(visitor: Visitor) -> None:
    visitor.page.add_init_script("""
        delete Request.prototype.keepalive;
        const fetched = window.fetch;
        window.fetch = (url, options) => url.includes("initiate") ? new Promise(() => {}) : fetched(url, options);
    """)
    visitor.open(AD)
    visitor.wait_for_click_id()
    visitor.page.click("#buy")
    visitor.page.wait_for_selector("h1")

    assert visitor.wait_for("initiate_checkout")["source"] == "script"


def test_an_unknown_key_is_no_harm(visitor: Visitor) -> None:
    visitor.put_page("/oferta", snippet=visitor.tag.replace(visitor.key, "pk_nobody"))
    visitor.open(AD)
    visitor.wait(lambda: visitor.hub.asked)

    assert_as_without_us(visitor)
    assert visitor.hub.hits == []


def test_a_missing_browser_fails_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(pytest.fail.Exception, match="need a real Chromium: install one of chromium, "):
        find_chromium()

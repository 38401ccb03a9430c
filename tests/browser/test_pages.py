"""Every way in which a browser shows a page: routes without loads, returns, prerendering, strict policies."""

from typing import Any

import pytest

from apps.clicks.models import Click
from apps.tenants.scoping import unscoped
from tests.browser.visitor import FBCLID, LINK, NO_STORAGE, Visitor

pytestmark = pytest.mark.django_db(transaction=True)
AD = f"/oferta?fbclid={FBCLID}"
PRERENDERING = """
    let isPrerendering = true;
    Object.defineProperty(Document.prototype, "prerendering", {get: () => isPrerendering});
    window.activate = () => { isPrerendering = false; document.dispatchEvent(new Event("prerenderingchange")); };
"""
# Works as well with the snippet in one element as with the one in line.
CSP = "default-src 'none'; script-src 'nonce-abc123' {more}; connect-src http://localhost:*"


def urls(hits: list[dict[str, Any]]) -> list[str]:
    return [hit["url"].partition(".localhost")[2].partition("/")[2] for hit in hits]


def test_routes_of_a_single_page_app_are_page_views(visitor: Visitor) -> None:
    visitor.open(AD)
    visitor.wait_for("pageview")
    for count, move in enumerate(
        ["history.pushState({}, '', '/passo-2')", "history.replaceState({}, '', '/passo-3')", "history.back()"], 2
    ):
        visitor.run(move)
        visitor.wait_for("pageview", count)
    visitor.run("location.hash = '#/rota'")
    visitor.wait_for("pageview", 5)

    assert urls(visitor.hub.told("pageview")) == [AD[1:], "passo-2", "passo-3", AD[1:], f"{AD[1:]}#/rota"]
    assert len(visitor.hub.told("click")) == 1
    assert len({hit["event_id"] for hit in visitor.hub.hits}) == 6
    assert len({hit["session_id"] for hit in visitor.hub.hits}) == 1


def test_what_leads_nowhere_is_no_page_view(visitor: Visitor) -> None:
    visitor.open(AD)
    visitor.wait_for("pageview")
    visitor.run("history.replaceState({scroll: 7}, '')")
    visitor.run("history.pushState({}, '', location.href)")
    visitor.run("location.hash = '#comprar'")
    visitor.rest()

    assert len(visitor.hub.told("pageview")) == 1


def test_the_apps_own_routing_stays_as_it_was(visitor: Visitor) -> None:
    visitor.open(AD)
    visitor.wait_for_script()
    answer = visitor.run("""() => {
        const result = [history.pushState({step: 2}, "", "/passo-2"), history.state.step, location.pathname];
        try { history.pushState({}, "", "https://elsewhere.example.com/"); } catch (error) { result.push(error.name); }
        return result;
    }""")

    assert answer == [None, 2, "/passo-2", "SecurityError"]


def test_a_link_of_a_later_route_is_decorated(visitor: Visitor) -> None:
    visitor.put_page("/app", body="<main></main>")
    visitor.open(f"/app?fbclid={FBCLID}")
    visitor.wait_for("click")
    visitor.run(f"document.querySelector('main').innerHTML = `{LINK}`")

    assert visitor.wait_for_click_id().startswith("htc")


def test_a_return_by_the_back_button_is_a_page_view(visitor: Visitor) -> None:
    visitor.site.pages["/depois"] = "<title>Depois</title>"
    visitor.page.add_init_script("addEventListener('pageshow', (event) => { window.isBack = event.persisted; })")
    visitor.open(AD)
    click_id = visitor.wait_for_click_id()
    visitor.wait_for("pageview")
    visitor.page.goto(visitor.site.url("/depois"))
    visitor.page.evaluate("history.back()")
    visitor.wait_for("pageview", 2)

    assert visitor.run("isBack") is True, "the page came out of the cache, its scripts did not run anew"
    assert visitor.href().endswith(click_id)
    assert len(visitor.hub.told("click")) == 1
    first, second = visitor.hub.told("pageview")
    assert first["event_id"] != second["event_id"]
    assert first["session_id"] == second["session_id"]


def test_a_prerendered_page_is_seen_when_it_is_shown(visitor: Visitor) -> None:
    visitor.page.add_init_script(PRERENDERING)
    visitor.open(AD)
    visitor.wait_for_script()
    visitor.rest()
    assert visitor.hub.hits == []
    assert visitor.kept() == {"stored": [], "cookies": []}

    visitor.run("activate()")

    assert visitor.wait_for("click")["fbclid"] == FBCLID
    visitor.wait_for("pageview")


@pytest.mark.parametrize("more", ["", "'strict-dynamic'"])
@pytest.mark.parametrize("kind", ["tag", "inline"])
def test_a_strict_policy_needs_only_the_snippets_nonce(visitor: Visitor, kind: str, more: str) -> None:
    visitor.site.headers["Content-Security-Policy"] = CSP.format(more=more)
    visitor.put_page("/oferta", snippet=getattr(visitor, kind).replace("<script", '<script nonce="abc123"'))
    visitor.open(AD)

    assert visitor.wait_for_click_id().startswith("htc")
    assert [line for line in visitor.logged if "favicon" not in line] == []


def test_without_the_nonce_the_page_is_as_without_us(visitor: Visitor) -> None:
    visitor.site.headers["Content-Security-Policy"] = CSP.format(more="")
    visitor.open(AD)
    visitor.rest()

    assert (visitor.hub.asked, visitor.errors) == ([], [])
    assert visitor.page.inner_text("#buy") == "Comprar"


def test_with_storage_blocked_the_sale_is_still_found(visitor: Visitor) -> None:
    visitor.page.add_init_script(NO_STORAGE)
    visitor.open(AD)
    click_id = visitor.wait_for_click_id()
    sent = visitor.hub.told("click")[0]

    assert sent["fbc"].endswith(f".{FBCLID}")
    with unscoped():
        assert Click.objects.get().public_id == click_id
    assert (visitor.errors, visitor.logged) == ([], [])
    assert visitor.kept_cookies() == []


def test_two_snippets_are_one(visitor: Visitor) -> None:
    visitor.put_page("/oferta", snippet=visitor.tag + visitor.inline + visitor.tag)
    visitor.open(AD)
    visitor.wait_for_click_id()
    visitor.wait_for("pageview")
    visitor.rest()

    assert sorted(hit["action"] for hit in visitor.hub.hits) == ["click", "pageview"]


def test_an_element_of_our_name_is_no_obstacle(visitor: Visitor) -> None:
    visitor.put_page("/oferta", body=f'<div id="hubtrack"></div>{LINK}')
    visitor.open(AD)

    assert visitor.wait_for_click_id().startswith("htc")


@pytest.mark.parametrize(
    "entry",
    ["null", "7", "'x'", "[]", "{event: 'constructor'}", "{email: {}, phone: 7, external_id: []}", "{event: {}}",
     "{get email() { throw 1; }}"],
)  # fmt: skip
def test_nonsense_in_the_data_layer_harms_nobody(visitor: Visitor, entry: str) -> None:
    visitor.open(AD)
    visitor.wait_for_click_id()
    visitor.run(f"hubtrack.push({entry}); hubtrack.push({{event: 'view_content'}})")

    visitor.wait_for("view_content")
    assert (visitor.errors, visitor.logged) == ([], [])

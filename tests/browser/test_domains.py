"""The script on a tracking domain of the customer's: what the browser keeps, gets back, and forgets."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from apps.clicks import middleware
from apps.clicks.domains import cookies
from apps.clicks.models import Click, Session
from apps.tenants.scoping import unscoped
from tests.browser.visitor import FBCLID, Visitor
from tests.clicks.proven import PHONE, add_proven

pytestmark = pytest.mark.django_db(transaction=True)
HOST = "track.loja.localhost"
AD = f"/oferta?utm_source=facebook&fbclid={FBCLID}"
FBP = "fb.1.1763640000000.1098765432"
DAY_S = 86400
# The pixel's cookie, which ends with the browser unless somebody keeps it.
PIXEL_COOKIE = f'document.cookie = "_fbp={FBP};path=/;domain=loja.localhost";'


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    middleware.forget_domains()
    cookies.forget_policies()
    yield
    middleware.forget_domains()


@pytest.fixture
def there(visitor: Visitor) -> Visitor:
    """At the same shop, whose snippet names the shop's own tracking domain."""
    add_proven(visitor.world, HOST)
    visitor.put_page("/oferta", snippet=snippet_of(visitor))
    return visitor


def snippet_of(visitor: Visitor) -> str:
    port = urlsplit(visitor.hub.url).port
    return visitor.inline.replace(visitor.hub.url, f"http://{HOST}:{port}")


def kept(visitor: Visitor) -> dict[str, Any]:
    return {cookie["name"]: cookie for cookie in visitor.context.cookies()}


def test_the_hubs_cookie_is_the_browsers_alone(there: Visitor) -> None:
    there.open(AD)
    click_id = there.wait_for_click_id()
    session_id = there.wait_for("pageview")["session_id"]
    there.wait(lambda: kept(there).get("_htv", {}).get("value") == f"{session_id}.{click_id}")

    cookie = kept(there)["_htv"]
    assert (cookie["domain"], cookie["path"], cookie["httpOnly"], cookie["sameSite"]) == (HOST, "/", True, "Lax")
    assert 89 * DAY_S < cookie["expires"] - time.time() < 91 * DAY_S
    assert "_htv" not in there.run("document.cookie")
    assert (there.errors, there.logged) == ([], [])


def test_all_goes_to_the_domain_and_nothing_to_the_hubs_own_host(there: Visitor) -> None:
    asked: list[str] = []
    there.page.on("request", lambda request: asked.append(urlsplit(request.url).hostname or ""))
    there.open(AD)
    there.wait_for_click_id()

    assert set(asked) == {"www.loja.localhost", HOST}


def test_the_click_comes_back_when_the_scripts_own_cookie_is_gone(there: Visitor) -> None:
    there.open(AD)
    click_id = there.wait_for_click_id()
    there.wait(lambda: click_id in str(kept(there).get("_htv")))
    for name in [name for name in kept(there) if name.startswith("_ht_")]:
        there.context.clear_cookies(name=name)
    there.run("localStorage.clear()")
    assert sorted(kept(there)) == ["_fbc", "_htv"]

    there.open("/oferta")

    assert there.wait_for_click_id() == click_id
    last = there.wait_for("pageview", 2)
    assert last["click_id"] == ""
    assert last["session_id"] != there.hub.told("pageview")[0]["session_id"]
    there.wait(lambda: carried_by(last["session_id"]) == click_id)
    assert len(there.hub.told("click")) == 1


def carried_by(session_id: str) -> str:
    with unscoped():
        session = Session.objects.filter(public_id=session_id).first()
    return session.click_ref if session else ""


def test_a_new_ad_click_counts_more_than_the_remembered_one(there: Visitor) -> None:
    there.open(AD)
    first = there.wait_for_click_id()
    there.wait(lambda: first in str(kept(there).get("_htv")))
    there.context.clear_cookies(name=next(name for name in kept(there) if name.startswith("_ht_")))

    there.open("/oferta?fbclid=IwAR1-Another")
    there.wait_for("click", 2)
    there.wait(lambda: there.href().partition("sck=")[2] not in ("", first) and "sck=htc" in there.href())

    with unscoped():
        newest = Click.objects.latest("pk").public_id
    assert there.href().endswith(f"sck={newest}")
    there.wait(lambda: newest in str(kept(there)["_htv"]))


def test_the_pixels_cookie_outlives_the_browser(there: Visitor) -> None:
    there.page.add_init_script(f"if (!document.cookie.includes('_fbp')) {PIXEL_COOKIE}")
    there.open(AD)
    there.wait_for_click_id()
    there.wait(lambda: kept(there)["_fbp"]["expires"] > 0)

    cookie = kept(there)["_fbp"]
    assert (cookie["value"], cookie["domain"], cookie["httpOnly"]) == (FBP, ".loja.localhost", False)
    assert cookie["expires"] - time.time() > 89 * DAY_S
    assert f"_fbp={FBP}" in there.run("document.cookie")


def test_after_a_no_nothing_is_kept(there: Visitor) -> None:
    there.page.add_init_script(f"if (!window.hubtrack) {PIXEL_COOKIE}")
    there.open(AD)
    there.wait_for_click_id()
    there.wait(lambda: "_htv" in kept(there))

    there.run("hubtrack.consent(false)")
    there.wait(lambda: not {"_htv", "_fbc", "_fbp"} & set(kept(there)))

    told = there.hub.told("consent")[-1]
    assert {"fbc", "fbp"} & set(told) == set()
    with unscoped():
        assert Session.objects.get().consent_ads is False
    assert there.errors == []


def test_before_a_yes_nothing_is_kept(there: Visitor) -> None:
    there.block_unknown_consent()
    there.open(AD)
    there.wait_for_script()
    there.rest()
    assert (kept(there), there.hub.hits) == ({}, [])

    there.run("hubtrack.consent(true)")

    there.wait(lambda: "_htv" in kept(there))


def test_a_page_of_another_site_does_without(there: Visitor) -> None:
    there.site.host = "www.outra.localhost"
    there.open(AD)
    click_id = there.wait_for_click_id()
    there.wait_for("pageview")
    there.rest()

    assert click_id.startswith("htc"), "the page could read the answer"
    assert "_htv" not in kept(there)
    assert (there.errors, there.logged) == ([], [])


def test_a_link_there_makes_the_next_page_know_its_click(there: Visitor) -> None:
    world = there.world
    made = world.post(
        "links",
        {"funnel": str(world.funnel.pk), "destination": there.site.url("/oferta"), "chosen_host": "www.loja.localhost"},
    ).json()
    there.page.set_extra_http_headers({"User-Agent": PHONE})
    there.page.goto(f"http://{HOST}:{urlsplit(there.hub.url).port}/{made['key']}?fbclid={FBCLID}")
    click_id = there.wait_for_click_id()
    there.wait_for("pageview")

    with unscoped():
        click = Click.objects.get()
    assert click.public_id == click_id
    assert kept(there)["_fbc"]["value"] == click.fbc == there.hub.told("pageview")[0]["fbc"]
    assert click.fbc.endswith(f".{FBCLID}")
    assert kept(there)["_htv"]["httpOnly"] is True

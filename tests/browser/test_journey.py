"""From the ad to the sale, in a real browser."""

import re
from typing import Any

import pytest

from apps.clicks.models import Click, PageEvent, Source
from apps.core.identity import hash_email, hash_phone
from apps.tenants.scoping import unscoped
from tests.browser.visitor import CHECKOUT, FAKE_PIXELS, FBCLID, Visitor
from tests.platforms import ScriptedPlatform
from tests.worlds import hotmart

pytestmark = pytest.mark.django_db(transaction=True)
AD = f"/oferta?utm_source=facebook&utm_campaign=Lan%C3%A7amento&fbclid={FBCLID}&sck=grupo&xcod=7"


def the_click() -> Click:
    with unscoped():
        click: Click = Click.objects.select_related("session").get()
    return click


def test_an_ad_click_is_found_again_in_the_sale(visitor: Visitor, platform: ScriptedPlatform) -> None:
    visitor.open(AD)
    visitor.wait_for_click_id()
    visitor.page.click("#buy")
    visitor.page.wait_for_selector("h1")
    carried = visitor.paid[-1].partition("sck=")[2]

    assert visitor.world.post_webhook(hotmart(sck=carried)).status_code == 202
    visitor.world.run_stages()

    match = visitor.world.conversion("HP0000000001")["match"]
    assert (match["decision"], match["rule"], match["click_id"]) == ("auto", "explicit_click_id", carried)
    assert the_click().public_id == carried
    assert visitor.paid == [f"{CHECKOUT}&sck={carried}"]
    assert (visitor.errors, visitor.logged) == ([], [])


def test_what_the_hub_learns_of_an_arrival(visitor: Visitor) -> None:
    visitor.page.set_extra_http_headers({"Referer": "https://www.facebook.com/"})
    visitor.open(AD)
    visitor.wait_for_click_id()
    visitor.wait_for("pageview")

    click = the_click()
    assert click.source == Source.SCRIPT
    assert click.landing_url == visitor.site.url(AD)
    assert (click.fbclid, click.sck, click.xcod) == (FBCLID, "grupo", "7")
    assert click.utm == {"utm_source": "facebook", "utm_campaign": "Lançamento"}
    assert re.fullmatch(rf"fb\.1\.\d{{13}}\.{FBCLID}", click.fbc)
    assert click.fbp == ""
    assert click.clock_skew_ms is not None
    assert abs(click.clock_skew_ms) < 60_000
    assert click.session.public_id == visitor.hub.told("pageview")[0]["session_id"]
    cookies = {cookie["name"]: cookie for cookie in visitor.context.cookies()}
    assert cookies["_fbc"]["value"] == click.fbc
    assert (cookies["_fbc"]["domain"], cookies["_fbc"]["path"]) == (".loja.localhost", "/")
    assert "_fbp" not in cookies


def test_the_pixels_own_cookies_are_used(visitor: Visitor) -> None:
    fbc = f"fb.1.1763640000000.{FBCLID}.AQICAQMC"
    visitor.page.add_init_script(f'{FAKE_PIXELS}; document.cookie = "_fbc={fbc};path=/";')
    visitor.open(AD)
    visitor.wait_for_click_id()

    click = the_click()
    assert (click.fbc, click.fbp) == (fbc, "fb.1.1763640000000.1098765432")


def test_another_ad_click_replaces_the_cookie(visitor: Visitor) -> None:
    visitor.open(AD)
    first = visitor.wait_for("click")["fbc"]
    visitor.open("/oferta?fbclid=IwAR1-Another")
    second = visitor.wait_for("click", 2)["fbc"]
    visitor.open("/oferta")
    visitor.wait_for("pageview", 3)

    cookies = [cookie["value"] for cookie in visitor.context.cookies() if cookie["name"] == "_fbc"]
    assert first.endswith(FBCLID)
    assert second.endswith(".IwAR1-Another")
    assert cookies == [second]


def test_an_arrival_is_one_click(visitor: Visitor) -> None:
    visitor.open(AD)
    click_id = visitor.wait_for_click_id()
    visitor.page.reload()
    visitor.wait_for("pageview", 2)
    visitor.open("/oferta")
    visitor.wait_for("pageview", 3)

    assert len(visitor.hub.told("click")) == 1
    assert {hit["session_id"] for hit in visitor.hub.hits} == {the_click().session.public_id}
    visitor.wait(lambda: visitor.href().endswith(f"sck={click_id}"))


def test_without_an_ad_the_link_carries_the_session(visitor: Visitor) -> None:
    visitor.open("/oferta")
    session_id = visitor.wait_for("pageview")["session_id"]

    visitor.wait(lambda: f"sck={session_id}" in visitor.href())
    assert visitor.hub.told("click") == []


def test_a_click_that_comes_in_the_address_is_taken_over(visitor: Visitor) -> None:
    ids = visitor.world.click()
    visitor.open(f"/oferta?utm_source=facebook&sck={ids['click_id']}")
    visitor.wait_for("pageview")

    visitor.wait(lambda: visitor.href().endswith(f"sck={ids['click_id']}"))
    visitor.wait(lambda: ids["session_id"] in str(visitor.context.cookies()))
    assert visitor.hub.told("click") == []
    with unscoped():
        assert PageEvent.objects.get().session.public_id == ids["session_id"]


def test_the_pixels_tell_the_same_events_by_the_same_ids(visitor: Visitor) -> None:
    visitor.page.add_init_script(FAKE_PIXELS)
    visitor.open(AD)
    visitor.wait_for("pageview")
    visitor.run("hubtrack.push({event: 'view_content', data: {value: 197.9, currency: 'BRL'}})")
    visitor.run("hubtrack.push({event: 'add_to_cart'})")
    visitor.run("document.querySelector('#buy').addEventListener('click', (event) => event.preventDefault())")
    visitor.page.click("#buy")
    visitor.wait_for("initiate_checkout")

    names = {
        "pageview": "PageView",
        "view_content": "ViewContent",
        "add_to_cart": "AddToCart",
        "initiate_checkout": "InitiateCheckout",
    }
    sent = {names[action]: visitor.hub.told(action)[0]["event_id"] for action in names}
    told = visitor.run("told")
    assert {item[2]: item[4]["eventID"] for item in told if item[0] == "fbq"} == sent
    assert {item[1]: item[3]["event_id"] for item in told if item[0] == "ttq"} == sent
    assert [item[3] for item in told if item[2] == "ViewContent"] == [{"value": 197.9, "currency": "BRL"}]
    assert len(told) == 8


def test_a_pixel_that_comes_late_still_tells_the_page_view(visitor: Visitor) -> None:
    late = (
        "addEventListener('DOMContentLoaded', () => { window.told = []; window.fbq = (...given) => told.push(given); })"
    )
    visitor.put_page("/oferta", head=f"<script>{late}</script>", snippet=visitor.tag)
    visitor.open(AD)
    sent = visitor.wait_for("pageview")

    visitor.wait(lambda: visitor.run("told.length"))
    assert visitor.run("told") == [["track", "PageView", {}, {"eventID": sent["event_id"]}]]


IDENTITIES: list[dict[str, Any]] = [
    {"email": " Ana@Example.COM ", "phone": "(11) 98765-4321", "external_id": "User 42"},
    {"email": "joão\u200b@exemplo.com.br", "phone": "+55 (055) 3222-1234", "external_id": "7"},
    {"email": "", "phone": "0055 11 98765 4321", "external_id": ""},
]


@pytest.mark.parametrize("person", IDENTITIES)
def test_identity_is_hashed_in_the_browser_as_the_hub_would(visitor: Visitor, person: dict[str, Any]) -> None:
    visitor.open(AD)
    visitor.wait_for_click_id()
    visitor.page.evaluate("(person) => hubtrack.push(person)", person)
    sent = visitor.wait_for("identify")

    assert sent.get("email") == hash_email(person["email"])
    assert sent.get("phone") == hash_phone(person["phone"])
    assert not any(text in str(visitor.hub.hits) for text in person.values() if len(text) > 1)
    visitor.wait(lambda: the_click().session.phone_sha256 == hash_phone(person["phone"]))
    assert sorted(the_click().session.identity)[-2:] == ["ph", "ph_e164"]


@pytest.mark.parametrize("phone", ["98765", "11 1111-1111", "+55 11 1", "ramal 12", "20 98765 4321 0"])
def test_what_would_be_a_guess_is_not_sent(visitor: Visitor, phone: str) -> None:
    visitor.open(AD)
    visitor.wait_for_script()
    visitor.page.evaluate("(phone) => hubtrack.push({phone, external_id: 'u1'})", phone)

    sent = visitor.wait_for("identify")
    assert {"phone", "phone_e164"} & set(sent) == set()


def test_hashes_go_through_and_identity_given_before_the_script_counts(visitor: Visitor) -> None:
    digest = hash_email("ana@example.com")
    visitor.put_page("/oferta", head=f"<script>window.hubtrack = [{{email: '{digest}'}}]</script>")
    visitor.open(AD)

    assert visitor.wait_for("identify")["email"] == digest


def test_without_web_crypto_nothing_of_a_person_is_sent(visitor: Visitor) -> None:
    visitor.page.add_init_script("Object.defineProperty(Crypto.prototype, 'subtle', {get: () => undefined})")
    visitor.open(AD)
    visitor.wait_for_click_id()
    visitor.run("hubtrack.push({email: 'ana@example.com', event: 'view_content'})")
    visitor.wait_for("view_content")
    visitor.rest()

    assert visitor.hub.told("identify") == []
    assert "email" not in str(visitor.hub.hits)
    assert (visitor.errors, visitor.logged) == ([], [])

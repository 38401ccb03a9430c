"""Nothing before a yes where the funnel says so, and nothing after a no."""

from typing import Any

import pytest

from apps.clicks.models import Click, ConsentRecord, Session
from apps.tenants.scoping import unscoped
from tests.browser.visitor import FAKE_PIXELS, FBCLID, Visitor

pytestmark = pytest.mark.django_db(transaction=True)
AD = f"/oferta?utm_source=facebook&fbclid={FBCLID}"
NOTHING: dict[str, Any] = {"stored": [], "cookies": []}
TCF = """
    const callbacks = [];
    window.__tcfapi = (command, version, callback) => callbacks.push(callback);
    window.answerTcf = (consents, eventStatus, gdprApplies = true) => callbacks.forEach(
        (callback) => callback({gdprApplies, eventStatus, purpose: {consents}}, true));
"""
# What a platform does when its visitor answers, and the purposes or groups it then names.
YES = {
    "own": "hubtrack.consent(true)",
    "data layer": "hubtrack.push({consent: true})",
    "tcf": "answerTcf({1: true, 3: true, 4: true, 7: true}, 'useractioncomplete')",
    "onetrust": """document.cookie = "OptanonAlertBoxClosed=2026-11-22;path=/"; OnetrustActiveGroups = ",C0001,C0004,";
                   dispatchEvent(new Event("OneTrustGroupsUpdated"))""",
    "cookiebot": """Cookiebot = {hasResponse: true, consent: {marketing: true}};
                    dispatchEvent(new Event("CookiebotOnAccept"))""",
    "google": "gtag('consent', 'update', {ad_storage: 'granted', ad_user_data: 'granted'})",
}
NO = {
    "own": "hubtrack.consent(false)",
    "data layer": "hubtrack.push({consent: false})",
    "tcf": "answerTcf({1: true, 3: true, 4: false, 7: true}, 'useractioncomplete')",
    "onetrust": """document.cookie = "OptanonAlertBoxClosed=2026-11-22;path=/"; OnetrustActiveGroups = ",C0001,C0002,";
                   dispatchEvent(new Event("OneTrustGroupsUpdated"))""",
    "cookiebot": """Cookiebot = {hasResponse: true, consent: {marketing: false}};
                    dispatchEvent(new Event("CookiebotOnDecline"))""",
    "google": "gtag('consent', 'update', {ad_storage: 'granted', ad_user_data: 'denied'})",
}


@pytest.fixture
def asked(visitor: Visitor) -> Visitor:
    """On a page with a consent platform of every kind, none of them answered yet."""
    visitor.page.add_init_script(FAKE_PIXELS.replace("document.cookie", "window.unused"))
    visitor.page.add_init_script(
        f"{TCF}; window.dataLayer = []; window.gtag = function() {{ dataLayer.push(arguments); }}"
    )
    return visitor


def seen_of(visitor: Visitor) -> tuple[Any, ...]:
    """All that would betray the visitor: hits, pixels, storage, link."""
    return visitor.hub.hits, visitor.run("told"), visitor.kept(), visitor.href().count("=ht")


def test_before_a_word_nothing_is_stored_or_sent(asked: Visitor) -> None:
    asked.block_unknown_consent()
    asked.open(AD)
    asked.wait_for_script()
    asked.run("hubtrack.push({email: 'ana@example.com', event: 'view_content'}); history.pushState({}, '', '/passo-2')")
    asked.run("document.querySelector('#buy').addEventListener('click', (event) => event.preventDefault())")
    asked.page.click("#buy")
    asked.rest()

    assert seen_of(asked) == ([], [], NOTHING, 0)
    assert (asked.errors, asked.logged) == ([], [])


@pytest.mark.parametrize("means", YES)
def test_a_yes_sends_what_waited(asked: Visitor, means: str) -> None:
    asked.block_unknown_consent()
    asked.open(AD)
    asked.wait_for_script()
    asked.run("hubtrack.push({email: 'ana@example.com', event: 'view_content'})")
    asked.rest()
    assert asked.hub.hits == []

    asked.run(YES[means])

    asked.wait(lambda: {"click", "pageview", "view_content", "identify"} <= {hit["action"] for hit in asked.hub.hits})
    asked.wait(lambda: "sck=htc" in asked.href())
    assert {hit["consent_ads"] for hit in asked.hub.hits} == {True}
    assert [hit["fbclid"] for hit in asked.hub.told("click")] == [FBCLID]
    assert asked.hub.told("pageview")[0]["url"] == asked.site.url(AD)
    with unscoped():
        assert Click.objects.get().consent_ads is True


@pytest.mark.parametrize("means", NO)
def test_a_no_is_the_end(asked: Visitor, means: str) -> None:
    asked.block_unknown_consent()
    asked.open(AD)
    asked.wait_for_script()
    asked.run(NO[means])
    asked.run("hubtrack.push({email: 'ana@example.com', event: 'view_content'})")
    asked.page.reload()
    asked.wait_for_script()
    asked.run(NO[means])
    asked.rest()

    assert seen_of(asked) == ([], [], NOTHING, 0)


def test_a_yes_is_remembered_on_the_next_page(asked: Visitor) -> None:
    asked.block_unknown_consent()
    asked.open(AD)
    asked.wait_for_script()
    asked.run("hubtrack.consent(true)")
    asked.wait_for_click_id()
    asked.page.reload()

    assert asked.wait_for("pageview", 2)["consent_ads"] is True
    assert len(asked.hub.told("click")) == 1


@pytest.mark.parametrize("means", NO)
def test_a_withdrawal_is_told_once_and_then_nothing(asked: Visitor, means: str) -> None:
    asked.open(AD)
    asked.wait_for_click_id()
    asked.run(YES["own"])
    asked.wait_for("consent")
    asked.run(NO[means])
    told = asked.wait_for("consent", 2)
    asked.wait(lambda: asked.kept()["stored"] == [])
    before = len(asked.hub.hits)
    asked.run("hubtrack.push({email: 'ana@example.com', event: 'view_content'}); history.pushState({}, '', '/passo-2')")
    asked.open(AD)
    asked.wait_for_script()
    asked.run(NO[means])
    asked.rest()

    assert told["consent_ads"] is False
    assert len(asked.hub.hits) == before
    assert asked.kept()["stored"] == []
    assert "=ht" not in asked.href()
    with unscoped():
        assert Session.objects.get().consent_ads is False
        assert list(ConsentRecord.objects.order_by("pk").values_list("consent_ads", flat=True)) == [True, False]


def test_a_withdrawal_is_remembered_where_silence_means_yes(asked: Visitor) -> None:
    asked.open(AD)
    asked.wait_for_click_id()
    asked.run("hubtrack.consent(false)")
    asked.wait_for("consent")
    asked.wait(lambda: asked.kept()["stored"] == [])
    before = len(asked.hub.hits)
    asked.open(AD)
    asked.wait_for_script()
    asked.rest()

    assert len(asked.hub.hits) == before
    ours = [cookie["value"] for cookie in asked.context.cookies() if cookie["name"].startswith("_ht")]
    assert ours == [".0...n"], "one letter, and nothing that tells visitors apart"


def test_the_links_of_the_page_forget_as_well(asked: Visitor) -> None:
    asked.open(AD)
    click_id = asked.wait_for_click_id()
    asked.run("hubtrack.consent(false)")

    asked.wait(lambda: click_id not in asked.href())
    assert asked.href().startswith("https://pay.hotmart.com/A1234567B?off=x%20y&checkoutMode=10")


@pytest.mark.parametrize(
    "hold",
    [
        "gtag('consent', 'default', {ad_storage: 'denied'})",
        "addEventListener('x', () => 0); setTimeout(() => 0)",
    ],
)
def test_a_platforms_no_by_default_holds_until_the_answer(asked: Visitor, hold: str) -> None:
    asked.page.add_init_script(hold)
    asked.open(AD)
    asked.wait_for_script()
    asked.rest()
    is_held = "denied" in hold

    assert (asked.hub.hits == []) is is_held
    asked.run(YES["google"])
    assert asked.wait_for("click")["fbclid"] == FBCLID


def test_who_says_yes_after_a_no_is_seen_from_then_on(asked: Visitor) -> None:
    asked.open(AD)
    asked.wait_for_click_id()
    first = asked.hub.told("click")[0]["session_id"]
    asked.run("hubtrack.consent(false)")
    asked.wait_for("consent")
    asked.run("hubtrack.consent(true)")
    again = asked.wait_for("pageview", 2)

    assert again["consent_ads"] is True
    assert again["session_id"] != first


def test_one_platforms_no_counts_more_than_anothers_yes(asked: Visitor) -> None:
    asked.block_unknown_consent()
    asked.open(AD)
    asked.wait_for_script()
    asked.run(NO["google"])
    asked.run(YES["cookiebot"])
    asked.rest()

    assert asked.hub.hits == []


@pytest.mark.parametrize("word", ["'yes'", "1", "null", "undefined", "{}"])
def test_what_is_no_word_changes_nothing(asked: Visitor, word: str) -> None:
    asked.block_unknown_consent()
    asked.open(AD)
    asked.wait_for_script()
    asked.run(f"hubtrack.consent({word})")
    asked.rest()

    assert seen_of(asked) == ([], [], NOTHING, 0)
    assert asked.errors == []

"""The cookies that the hub sets on a tracking domain: which, for whom, how long, and what they bring back."""

import re
from collections.abc import Iterator
from http.cookies import Morsel
from typing import Any

import pytest
from django.db import OperationalError

from apps.clicks import api, middleware, redirects
from apps.clicks.domains import cookies
from apps.clicks.models import Click, PageEvent, Session, TrackingLink
from apps.core.ids import new_id
from apps.funnels.models import Funnel, UnknownConsent
from apps.funnels.services import create_funnel, publish_funnel
from apps.tenants.scoping import tenant_scope, unscoped
from tests.clicks.hits import send
from tests.clicks.proven import HOST, PHONE, SITE, add_proven, bring, send_there
from tests.worlds import World

NINETY_DAYS_S = 7_776_000
FBC = "fb.2.1763640000000.IwAR0-Some_OpaqueValue"
FBP = "fb.2.1763640000000.1098765432"
CHECKOUT = "https://pay.hotmart.com/A1"
SESSION, CLICK = "hts0123456789abcdefghijklmn", "htc0123456789abcdefghijklmn"


@pytest.fixture(autouse=True)
def _forget(settings: Any) -> Iterator[None]:
    settings.PUBLIC_URL = "https://hub.example.com"
    forget_all()
    yield
    forget_all()


def forget_all() -> None:
    middleware.forget_domains()
    redirects.forget_links()
    cookies.forget_policies()


@pytest.fixture
def there(world: World) -> World:
    """Ana's account with a proven domain; the client's cookies are that host's."""
    add_proven(world)
    return world


def block_unknown(world: World) -> None:
    with tenant_scope(world.tenant_id):
        Funnel.objects.filter(pk=world.funnel.pk).update(unknown_consent=UnknownConsent.BLOCK)
        publish_funnel(Funnel.objects.get(pk=world.funnel.pk))
    forget_all()


def follow(world: World, query: str = "", *, host: str = HOST, **headers: str) -> Any:
    with tenant_scope(world.tenant_id):
        link, _ = TrackingLink.objects.get_or_create(
            funnel=world.funnel, destination=CHECKOUT, defaults={"tenant_id": world.tenant_id}
        )
    sent = {"Host": host, "User-Agent": PHONE, **headers}
    return world.client.get(f"/{link.key}", headers=sent, QUERY_STRING=query)


def said(answer: Any) -> dict[str, str]:
    return {name: morsel.value for name, morsel in answer.cookies.items()}


def rules(morsel: "Morsel[str]") -> dict[str, Any]:
    names = ("domain", "path", "max-age", "secure", "httponly", "samesite")
    return {name: morsel[name] for name in names}


def latest_click() -> Click:
    with unscoped():
        click: Click = Click.objects.select_related("session").latest("pk")
    return click


def test_a_hit_is_remembered_where_scripts_cannot_read(there: World) -> None:
    answer = send_there(there, "click")

    ids = answer.json()
    assert said(answer) == {"_htv": f"{ids['session_id']}.{ids['click_id']}"}
    assert rules(answer.cookies["_htv"]) == {
        "domain": "",
        "path": "/",
        "max-age": NINETY_DAYS_S,
        "secure": True,
        "httponly": True,
        "samesite": "Lax",
    }


def test_without_https_cookies_are_not_held_back(there: World, settings: Any) -> None:
    settings.PUBLIC_URL = "http://hub.example.com"

    assert send_there(there, "click").cookies["_htv"]["secure"] == ""


@pytest.mark.parametrize("path", ["pageview", "identify", "initiate_checkout"])
def test_without_a_click_there_is_nothing_to_remember(there: World, path: str) -> None:
    assert said(send_there(there, path)) == {}


def test_a_page_event_takes_no_click_back(there: World) -> None:
    """Its answer may come after that of the click that was sent beside it."""
    send_there(there, "click")

    assert said(send_there(there, "pageview", session_id=new_id("hts"))) == {}


def test_the_pixels_cookies_are_set_again_as_they_are(there: World) -> None:
    bring(there.client, _fbc=f"{FBC}.AQICAQMC", _fbp=FBP)

    answer = send_there(there, "pageview")

    again = {"domain": "loja.com.br", "path": "/", "max-age": NINETY_DAYS_S, "secure": True, "samesite": "Lax"}
    assert (said(answer)["_fbc"], said(answer)["_fbp"]) == (f"{FBC}.AQICAQMC", FBP)
    assert [rules(answer.cookies[name]) for name in ("_fbc", "_fbp")] == [{**again, "httponly": ""}] * 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_fbc", "x"),
        ("_fbc", "fb.2.1763640000000."),
        ("_fbc", "fb.2.176364000000.abc"),
        ("_fbc", "fb.2.1763640000000.a b"),
        ("_fbc", "fb.2.1763640000000.a.b.c"),
        ("_fbc", "FB.2.1763640000000.abc"),
        ("_fbc", "fb.2.1763640000000." + "a" * 2100),
        ("_fbp", "fb.2.1763640000000.abc"),
        ("_fbp", "fb.2.1763640000000"),
        ("_fbp", "fb.1234.1763640000000.1"),
        ("_fbp", "fb.2.\xd9\xa1763640000000.1"),
    ],
)
def test_what_is_not_in_metas_format_is_neither_kept_nor_believed(there: World, name: str, value: str) -> None:
    bring(there.client, **{name: value})

    answer = send_there(there)

    assert said(answer) == {}
    with unscoped():
        assert (Session.objects.get().fbc, Session.objects.get().fbp) == ("", "")


def test_nothing_of_the_pixels_is_invented(there: World) -> None:
    answer = send_there(there, "click", fbclid="IwAR0-Some_OpaqueValue", fbc=FBC, fbp=FBP)

    assert list(said(answer)) == ["_htv"]


def test_what_a_hit_lacks_the_cookies_fill_in(there: World) -> None:
    bring(there.client, _fbc=FBC, _fbp=FBP)

    send_there(there, "pageview")

    with unscoped():
        session = Session.objects.get()
    assert (session.fbc, session.fbp) == (FBC, FBP)


def test_what_a_hit_says_counts_before_the_cookies(there: World) -> None:
    bring(there.client, _fbc=FBC, _fbp=FBP)

    send_there(there, "click", fbc="fb.1.1763640000009.other", fbp="fb.1.1763640000009.7")

    assert (latest_click().fbc, latest_click().fbp) == ("fb.1.1763640000009.other", "fb.1.1763640000009.7")


def test_the_cookie_of_an_older_ad_is_not_taken_for_this_one(there: World) -> None:
    bring(there.client, _fbc=FBC)

    send_there(there, "click", fbclid="IwAR1-Another")

    assert latest_click().fbc == ""


def test_an_ad_click_survives_the_loss_of_the_scripts_own_cookie(there: World) -> None:
    clicked = send_there(there, "click").json()

    answer = send_there(there, "pageview", session_id=new_id("hts"))

    assert answer.json()["click_id"] == clicked["click_id"]
    assert answer.json()["session_id"] != clicked["session_id"]
    with unscoped():
        event = PageEvent.objects.select_related("session").get()
    assert event.session.click_ref == clicked["click_id"]


def test_whoever_brings_no_session_is_in_that_of_the_cookie(there: World) -> None:
    clicked = send_there(there, "click").json()

    answer = send_there(there, "pageview")

    assert answer.json() == clicked


def test_a_page_that_knows_its_click_is_told_nothing_new(there: World) -> None:
    first, second = send_there(there, "click").json(), send_there(there, "click", session_id=new_id("hts")).json()

    answer = send_there(there, "pageview", **first)

    assert answer.json() == {"session_id": first["session_id"]}
    assert said(answer)["_htv"] == f"{first['session_id']}.{first['click_id']}"
    assert first["click_id"] != second["click_id"]


def test_a_new_click_takes_the_place_of_the_old(there: World) -> None:
    old = send_there(there, "click").json()

    answer = send_there(there, "click", session_id=new_id("hts"))

    assert answer.json()["click_id"] != old["click_id"]
    assert said(answer)["_htv"].endswith(f".{answer.json()['click_id']}")


@pytest.mark.parametrize(
    "value",
    [
        f"{SESSION}.{CLICK}",
        f"{SESSION}.",
        SESSION,
        "x",
        "",
        ".",
        f"{SESSION}.{CLICK}.{CLICK}",
        f"{CLICK}.{SESSION}",
        f"{SESSION}.{CLICK}x",
        f"{SESSION.upper()}.{CLICK}",
        "' OR 1=1 --.x",
    ],
)
def test_an_invented_cookie_counts_for_nothing(there: World, value: str) -> None:
    bring(there.client, _htv=value)

    answer = send_there(there, "pageview", session_id="htsabcdefghijklmnopqrstuv01")

    assert (answer.status_code, sorted(answer.json())) == (201, ["session_id"])
    with unscoped():
        assert Session.objects.get().click_ref == ""


def test_another_accounts_ids_count_for_nothing(there: World, other_world: World) -> None:
    theirs = other_world.click()
    bring(there.client, _htv=f"{theirs['session_id']}.{theirs['click_id']}")

    answer = send_there(there, "pageview")

    assert list(answer.json()) == ["session_id"]
    assert answer.json()["session_id"] != theirs["session_id"]
    with unscoped():
        mine = Session.objects.get(tenant_id=there.tenant_id)
        assert (mine.click_ref, Session.objects.get(tenant_id=other_world.tenant_id).page_events.count()) == ("", 0)


def test_a_click_of_another_funnel_waits_for_its_own_pages(there: World) -> None:
    clicked = send_there(there, "click").json()
    with tenant_scope(there.tenant_id):
        other = create_funnel({"name": "Curso de Bolos"})

    elsewhere = send_there(there, "pageview", public_key=other.public_key)
    back = send_there(there, "pageview")

    assert list(elsewhere.json()) == ["session_id"]
    assert back.json()["click_id"] == clicked["click_id"]


@pytest.mark.parametrize("path", ["click", "pageview", "identify", "initiate_checkout"])
def test_after_a_no_nothing_is_left(there: World, path: str) -> None:
    bring(there.client, _htv=f"{SESSION}.{CLICK}", _fbc=FBC, _fbp=FBP)

    answer = send_there(there, path, consent_ads=False)

    assert answer.status_code == 201
    assert said(answer) == {"_htv": "", "_fbc": "", "_fbp": ""}
    assert [answer.cookies[name]["domain"] for name in ("_htv", "_fbc", "_fbp")] == ["", "loja.com.br", "loja.com.br"]
    assert {morsel["max-age"] for morsel in answer.cookies.values()} == {0}
    with unscoped():
        session = Session.objects.get()
    assert (session.fbc, session.fbp) == ("", "")
    assert session.public_id != SESSION
    assert CLICK not in session.click_ref


def test_a_no_without_cookies_sets_none(there: World) -> None:
    assert said(send_there(there, consent_ads=False)) == {}


def test_a_no_said_by_itself_takes_them_away_too(there: World) -> None:
    ids = send_there(there, "click", consent_ads=True).json()

    answer = send_there(there, "consent", session_id=ids["session_id"], consent_ads=False)

    assert (answer.status_code, said(answer)) == (204, {"_htv": ""})
    with unscoped():
        assert Session.objects.get().consent_ads is False


def test_a_yes_said_by_itself_sets_none(there: World) -> None:
    answer = send_there(there, "consent", session_id=SESSION, consent_ads=True)

    assert (answer.status_code, said(answer)) == (204, {})


@pytest.mark.parametrize(("word", "kept"), [(None, []), (True, ["_fbc"]), (False, [])])
def test_where_silence_is_no_yes_it_takes_a_yes(there: World, word: bool | None, kept: list[str]) -> None:
    block_unknown(there)
    bring(there.client, _fbc=FBC)

    answer = send_there(there, consent_ads=word)

    assert [name for name, value in said(answer).items() if value] == kept
    with unscoped():
        assert Session.objects.get().fbc == (FBC if kept else "")


def test_silence_there_takes_nothing_away_either(there: World) -> None:
    block_unknown(there)
    bring(there.client, _htv=f"{SESSION}.{CLICK}")

    assert said(send_there(there)) == {}


@pytest.mark.parametrize("origin", ["https://www.loja.com.br", "https://loja.com.br", "http://a.b.loja.com.br:8080"])
def test_a_page_of_the_site_may_send_cookies(there: World, origin: str) -> None:
    answer = send_there(there, "click", origin=origin)
    asked = there.client.options("/api/v1/track/click", headers={"Host": HOST, "Origin": origin})

    for one in (answer, asked):
        assert one["Access-Control-Allow-Origin"] == origin
        assert one["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in one["Vary"]
    assert "_htv" in said(answer)


@pytest.mark.parametrize("origin", ["https://evil.com", "https://loja.com.br.evil.com", "https://com.br", "null"])
def test_a_page_of_another_site_may_not(there: World, origin: str) -> None:
    bring(there.client, _htv=f"{SESSION}.{CLICK}", _fbc=FBC)

    answer = send_there(there, origin=origin)
    refused = send_there(there, origin=origin, consent_ads=False)

    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer
    assert "Origin" in answer["Vary"]
    assert said(answer) == said(refused) == {}
    with unscoped():
        assert {(session.fbc, session.click_ref) for session in Session.objects.all()} == {("", "")}


@pytest.mark.parametrize("origin", [SITE, f"https://{HOST}", "https://testserver"])
def test_on_the_hubs_own_host_there_are_none(world: World, origin: str) -> None:
    bring(world.client, _htv=f"{SESSION}.{CLICK}", _fbc=FBC, _fbp=FBP)

    answer = send(world, "pageview", {"public_key": world.funnel.public_key, "url": SITE}, headers={"Origin": origin})

    assert (answer["Access-Control-Allow-Origin"], said(answer)) == ("*", {})
    assert "Access-Control-Allow-Credentials" not in answer
    with unscoped():
        assert (Session.objects.get().fbc, Session.objects.get().public_id == SESSION) == ("", False)


def test_what_is_refused_sets_none(there: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OperationalError("gone")

    bad = send_there(there, url="")
    monkeypatch.setattr(api, "find_funnel", fail)
    down = send_there(there)

    assert [(answer.status_code, said(answer)) for answer in (bad, down)] == [(422, {}), (503, {})]
    assert down["Access-Control-Allow-Credentials"] == "true", "the page must be able to read that it failed"


def test_a_link_sets_them_for_an_ad_click(there: World) -> None:
    answer = follow(there, "fbclid=IwAR0-Some_OpaqueValue&utm_source=fb")

    click = latest_click()
    kept = said(answer)
    assert sorted(kept) == ["_fbc", "_htv"]
    assert kept["_htv"] == f"{click.session.public_id}.{click.public_id}"
    assert re.fullmatch(r"fb\.2\.\d{13}\.IwAR0-Some_OpaqueValue", kept["_fbc"])
    assert click.fbc == kept["_fbc"]
    assert answer.cookies["_htv"]["httponly"] is True
    assert (answer.cookies["_fbc"]["domain"], answer.cookies["_fbc"]["httponly"]) == ("loja.com.br", "")


def test_a_link_keeps_the_cookie_of_the_same_ad_click(there: World) -> None:
    bring(there.client, _fbc=FBC, _fbp=FBP)

    answer = follow(there, "fbclid=IwAR0-Some_OpaqueValue")

    assert (said(answer)["_fbc"], said(answer)["_fbp"]) == (FBC, FBP)
    assert (latest_click().fbc, latest_click().fbp) == (FBC, FBP)


def test_another_ad_click_gets_another(there: World) -> None:
    bring(there.client, _fbc=FBC)

    answer = follow(there, "fbclid=IwAR1-Another")

    assert said(answer)["_fbc"].endswith(".IwAR1-Another")
    assert latest_click().fbc == said(answer)["_fbc"]


@pytest.mark.parametrize("fbclid", ["a.b.c", "%22%3E%3Cscript%3E", "a%0D%0ASet-Cookie:x", "x" * 2049, "a%20b"])
def test_of_an_odd_ad_click_no_cookie_is_made(there: World, fbclid: str) -> None:
    answer = follow(there, f"fbclid={fbclid}")

    assert (answer.status_code, list(said(answer))) == (302, ["_htv"])


def test_a_link_without_an_ad_carries_the_click_that_came_before(there: World) -> None:
    clicked = send_there(there, "click").json()

    answer = follow(there)

    assert answer["Location"] == f"{CHECKOUT}?sck={clicked['click_id']}"
    assert said(answer)["_htv"] == f"{clicked['session_id']}.{clicked['click_id']}"
    assert latest_click().session.public_id == clicked["session_id"]


@pytest.mark.parametrize("query", ["utm_source=email", "gclid=g", "src=reels"])
def test_a_link_of_another_campaign_is_a_click_of_its_own(there: World, query: str) -> None:
    before = send_there(there, "click").json()

    answer = follow(there, query)

    click = latest_click()
    assert click.public_id != before["click_id"]
    assert f"sck={click.public_id}" in answer["Location"]
    assert (click.session.public_id, said(answer)["_htv"]) == (
        before["session_id"],
        f"{before['session_id']}.{click.public_id}",
    )


def test_an_id_in_the_address_counts_before_the_cookie(there: World) -> None:
    in_address = there.click()
    send_there(there, "click")

    answer = follow(there, f"sck={in_address['click_id']}")

    assert in_address["click_id"] in answer["Location"]
    assert latest_click().session.public_id == in_address["session_id"]


def test_a_link_where_silence_is_no_yes_reads_and_sets_none(there: World) -> None:
    block_unknown(there)
    bring(there.client, _htv=f"{SESSION}.{CLICK}", _fbc=FBC, _fbp=FBP)

    answer = follow(there, "utm_source=fb")

    assert (answer.status_code, said(answer)) == (302, {})
    assert (latest_click().fbc, latest_click().fbp) == ("", "")
    assert latest_click().session.public_id != SESSION


@pytest.mark.parametrize("headers", [{"User-Agent": "facebookexternalhit/1.1"}, {"Sec-Purpose": "prefetch"}])
def test_a_machine_is_given_none(there: World, headers: dict[str, str]) -> None:
    answer = follow(there, "fbclid=IwAR0-Some_OpaqueValue", **headers)

    assert (answer.status_code, said(answer)) == (302, {})
    assert latest_click().is_automated


def test_a_link_on_the_hubs_own_host_sets_none(there: World) -> None:
    answer = follow(there, "fbclid=IwAR0-Some_OpaqueValue", host="testserver")

    assert (answer.status_code, said(answer), latest_click().fbc) == (302, {}, "")


def test_a_click_that_is_lost_sets_none(there: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OperationalError("gone")

    follow(there)
    monkeypatch.setattr(redirects, "record_click", fail)

    answer = follow(there, "fbclid=x")

    assert (answer.status_code, said(answer), answer["Location"]) == (302, {}, f"{CHECKOUT}?fbclid=x")

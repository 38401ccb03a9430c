"""The tracking endpoints from outside: what a page posts, what is answered, what is stored."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.clicks.models import Click, PageEvent
from apps.core.identity import hash_email, hash_phone
from apps.funnels import selectors
from apps.tenants.scoping import tenant_scope, unscoped
from tests.clicks.hits import PATHS, least, send, stored
from tests.worlds import LANDING, World, post_raw

BROWSER = "Mozilla/5.0 (Linux; Android 14) Chrome/130"
EVERYTHING = {
    "referrer": "https://www.facebook.com/",
    "fbclid": "IwAR0-Some.Opaque_Value",
    "fbc": "fb.1.1763640000000.IwAR0-Some.Opaque_Value",
    "fbp": "fb.1.1763640000000.123456789",
    "ttclid": "E.C.P.tt",
    "gclid": "Cj0KC-g",
    "utm_source": "facebook",
    "utm_medium": "cpc",
    "utm_campaign": "Confeitaria | Frio",
    "utm_content": "video-3",
    "utm_term": "lookalike",
    "utm_id": "120210",
    "src": "fb",
    "sck": "a|b",
    "xcod": "x1",
    "event_id": "browser-event-1",
}


def the_click() -> Click:
    with unscoped():
        found: Click = Click.objects.select_related("session").get()
    return found


def test_a_click_is_answered_with_its_ids(world: World) -> None:
    answer = send(world, body=least(world))

    assert answer.status_code == 201
    ids = answer.json()
    assert sorted(ids) == ["click_id", "session_id"]
    assert (ids["click_id"][:3], ids["session_id"][:3]) == ("htc", "hts")
    assert all(len(made) <= 32 and made.isalnum() for made in ids.values())
    click = the_click()
    assert (click.public_id, click.session.public_id) == (ids["click_id"], ids["session_id"])


def test_a_click_is_stored_with_all_it_told(world: World) -> None:
    with tenant_scope(world.tenant_id):
        answer = send(
            world,
            body=least(world, **EVERYTHING, consent_ads=True, email="Ana@example.com", phone="(11) 98765-4321"),
            headers={"User-Agent": BROWSER, "X-Request-Id": "request-0001"},
        )

    assert answer.status_code == 201
    click = the_click()
    told = {name: value for name, value in EVERYTHING.items() if not name.startswith("utm_")}
    assert {name: getattr(click, name) for name in told} == told
    assert click.utm == {name: value for name, value in EVERYTHING.items() if name.startswith("utm_")}
    assert (click.landing_url, click.user_agent, click.ip) == (LANDING, BROWSER, "127.0.0.1")
    assert (click.tenant_id, click.funnel_id) == (world.tenant_id, world.funnel.pk)
    assert (click.consent_ads, click.session.consent_ads, click.correlation_id) == (True, True, "request-0001")
    assert click.session.consent_at is not None
    assert (click.session.email_sha256, click.session.phone_sha256) == (
        hash_email("ana@example.com"),
        hash_phone("11987654321"),
    )
    assert sorted(click.session.identity) == ["em", "ph", "ph_e164", "ph_other"]


def test_hashes_made_by_the_page_are_taken_as_they_are(world: World) -> None:
    email, phone = hash_email("ana@example.com") or "", hash_phone("11987654321") or ""

    send(world, body=least(world, email=email.upper(), phone=phone))

    session = the_click().session
    assert (session.email_sha256, session.phone_sha256) == (email, phone)
    assert session.identity == {"em": [email], "ph": [phone]}


def test_a_long_click_id_is_stored_byte_for_byte(world: World) -> None:
    fbclid = ("IwZXh0bgNhZW0-_.aZ09" * 103)[:2048]

    answer = send(world, body=least(world, fbclid=fbclid))

    assert answer.status_code == 201
    assert the_click().fbclid == fbclid


@pytest.mark.parametrize("path", ["pageview", "initiate_checkout"])
def test_a_page_event_is_stored_and_answered_with_its_session(world: World, path: str) -> None:
    answer = send(world, path, least(world, event_id="browser-1"))

    assert answer.status_code == 201
    assert list(answer.json()) == ["session_id"]
    with unscoped():
        event = PageEvent.objects.select_related("session").get()
    assert (event.name, event.url, event.event_id) == (path, LANDING, "browser-1")
    assert (event.session.public_id, event.tenant_id) == (answer.json()["session_id"], world.tenant_id)
    assert stored() == (1, 0, 1)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "content_type", ["text/plain;charset=UTF-8", "text/plain", "", "application/x-www-form-urlencoded"]
)
def test_a_beacon_is_read_whatever_it_is_called(world: World, path: str, content_type: str) -> None:
    assert send(world, path, least(world), content_type=content_type).status_code == 201


@pytest.mark.parametrize("path", PATHS)
def test_any_site_may_post_but_without_cookies(world: World, path: str) -> None:
    headers = {"Origin": "https://loja.example.com"}
    preflight = world.client.options(
        f"/api/v1/track/{path}",
        headers={**headers, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-odd, \x01"},
    )
    answers = [preflight, send(world, path, least(world), headers=headers), send(world, path, "{", headers=headers)]

    assert [answer.status_code for answer in answers] == [204, 201, 400]
    assert preflight.content == b""
    for answer in answers:
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert answer["Access-Control-Allow-Methods"] == "POST, OPTIONS"
        assert answer["Access-Control-Allow-Headers"] == "Content-Type"
        assert "Access-Control-Allow-Credentials" not in answer
        assert not answer.cookies


@pytest.mark.django_db(transaction=True)
def test_a_chunked_hit_is_read(world: World) -> None:
    headers = {"transfer-encoding": "chunked", "content-type": "text/plain", "content-length": ""}

    answer = post_raw("/api/v1/track/click", json.dumps(least(world)).encode(), headers)

    assert answer.status_code == 201


@pytest.mark.parametrize(
    "value",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=1>',
        "{{7*7}}${7*7}",
        "a\r\nSet-Cookie: x=1",
        "=HYPERLINK(1)",
        "\u202e",
    ],
)
def test_odd_values_are_stored_as_they_are(world: World, value: str) -> None:
    answer = send(world, body=least(world, utm_source=value, sck=value, fbclid=value, fbc=value, referrer=value))

    assert answer.status_code == 201
    click = the_click()
    assert [click.utm["utm_source"], click.sck, click.fbclid, click.fbc, click.referrer] == [value] * 5
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("", ""),
        (BROWSER, BROWSER),
        ("x" * 10_000, "x" * 1_000),
        ("() { :;}; echo", "() { :;}; echo"),
        ("a\x00b\x1bc", "abc"),
    ],
)
def test_a_user_agent_is_kept_without_what_cannot_be_printed(world: World, sent: str, kept: str) -> None:
    send(world, body=least(world), headers={"User-Agent": sent})

    assert the_click().user_agent == kept


@pytest.mark.parametrize(
    ("proxies", "chain", "kept"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 172.16.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "127.0.0.1"),
        (1, "evil", None),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "2001:DB8::9", "2001:db8::9"),
        (1, ", ".join(["6.6.6.6"] * 100), "6.6.6.6"),
    ],
)
def test_the_visitors_address(world: World, settings: Any, proxies: int, chain: str, kept: str | None) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies

    answer = send(world, body=least(world), headers={"X-Forwarded-For": chain, "X-Real-IP": "6.6.6.6"})

    assert answer.status_code == 201
    assert the_click().ip == kept


@pytest.mark.parametrize("path", PATHS)
def test_a_hit_is_one_statement(world: World, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors._funnels, "_seconds", 1e9)
    counts = []

    for _ in range(3):
        with CaptureQueriesContext(connection) as captured:
            send(world, path, least(world))
        counts.append(len(captured))

    assert counts == [2, 1, 1], "the first one looks the funnel up"


def test_no_login_and_no_csrf_token_is_needed(world: World) -> None:
    world.client = Client(enforce_csrf_checks=True)
    world.client.cookies.load({"sessionid": "forged", "csrftoken": "forged"})

    assert send(world, body=least(world)).status_code == 201

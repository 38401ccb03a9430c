"""`/<key>` from outside: where a visitor is sent, what is stored, and what happens when something is gone."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import Error, IntegrityError, InterfaceError, OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import Resolver404, URLResolver, get_resolver, resolve

from apps.clicks import redirects, services
from apps.clicks.links import CHECKOUT_HOSTS
from apps.clicks.models import Click, Source, TrackingLink, new_link_key
from apps.core import rate_limit
from apps.funnels.models import Endpoint
from apps.funnels.services import create_funnel
from apps.tenants.scoping import tenant_scope, unscoped
from tests.clicks.hits import stored
from tests.worlds import LANDING, World, post_raw

PHONE = "Mozilla/5.0 (Linux; Android 14; SM-A546E) Chrome/130.0 Mobile Safari/537.36"
FBCLID = "IwZXh0bgNhZW0CMTEAAR0-_.aZ09~IwAR"
CHECKOUT = "https://pay.hotmart.com/A1?off=abc"


@pytest.fixture(autouse=True)
def _forget_links() -> Iterator[None]:
    redirects.forget_links()
    rate_limit.forget_outage()
    yield
    redirects.forget_links()


@pytest.fixture
def link(world: World) -> TrackingLink:
    return make_link(world, CHECKOUT)


def make_link(world: World, destination: str, **values: Any) -> TrackingLink:
    with tenant_scope(world.tenant_id):
        made: TrackingLink = TrackingLink.objects.create(funnel=world.funnel, destination=destination, **values)
    return made


def follow(world: World, link: TrackingLink, query: str = "", *, method: str = "get", **headers: str) -> Any:
    headers = {"User-Agent": PHONE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return getattr(world.client, method)(f"/{link.key}", headers=headers, QUERY_STRING=query)


def the_click() -> Click:
    with unscoped():
        found: Click = Click.objects.select_related("session").get()
    return found


def test_a_visitor_is_led_on_with_the_click_id(world: World, link: TrackingLink) -> None:
    answer = follow(world, link, f"fbclid={FBCLID}&utm_source=fb")

    click = the_click()
    assert answer.status_code == 302
    assert answer["Location"] == f"{CHECKOUT}&fbclid={FBCLID}&utm_source=fb&sck={click.public_id}"
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert answer.content == b""
    assert not answer.cookies


def test_the_click_is_stored_with_all_it_told(world: World, link: TrackingLink) -> None:
    follow(
        world,
        link,
        f"fbclid={FBCLID}&utm_campaign=A%7CB&src=s&ttclid=t&gclid=g&xcod=x&nome=Ana",
        Referer="https://l.facebook.com/",
        Cookie="_fbp=fb.1.1763640000000.123456789",
        X_Request_Id="request-0001",
    )

    click = the_click()
    assert (click.source, click.link_id, click.is_automated) == (Source.LINK, link.pk, False)
    assert (click.tenant_id, click.funnel_id) == (world.tenant_id, world.funnel.pk)
    assert (click.fbclid, click.ttclid, click.gclid, click.src, click.xcod) == (FBCLID, "t", "g", "s", "x")
    assert (click.utm, click.fbp, click.fbc) == ({"utm_campaign": "A|B"}, "fb.1.1763640000000.123456789", "")
    assert (click.referrer, click.user_agent, click.ip) == ("https://l.facebook.com/", PHONE, "127.0.0.1")
    assert (click.correlation_id, click.consent_ads) == ("request-0001", None)
    assert click.landing_url == (f"{CHECKOUT}&fbclid={FBCLID}&utm_campaign=A%7CB&src=s&ttclid=t&gclid=g&xcod=x"), (
        "without what names a person"
    )


def test_a_click_of_the_script_says_what_it_is(world: World) -> None:
    world.click()

    assert (the_click().source, the_click().link_id, the_click().is_automated) == (Source.API, None, False)


def test_a_landing_page_gets_the_fields_of_the_funnels_gateways(world: World) -> None:
    follow(world, make_link(world, f"{LANDING}#precos"), "utm_content=video-3")

    answer = follow(world, make_link(world, f"{LANDING}#precos"), "utm_content=video-3")

    parts = urlsplit(answer["Location"])
    with unscoped():
        click_id = Click.objects.latest("pk").public_id
    assert parts.fragment == "precos"
    assert parse_qs(parts.query) == {
        "utm_content": [f"{click_id}|video-3"],
        **{name: [click_id] for name in ("sck", "src", "trk", "client_reference_id")},
    }


def test_a_funnel_without_gateways_carries_in_sck(world: World) -> None:
    with tenant_scope(world.tenant_id):
        bare = create_funnel({"name": "Sem gateway"})
        link = TrackingLink.objects.create(funnel=bare, destination=LANDING)

    answer = follow(world, link)

    assert answer["Location"] == f"{LANDING}?sck={the_click().public_id}"
    with unscoped():
        assert Endpoint.objects.filter(funnel=bare).count() == 0


def test_a_key_survives_a_change_of_case(world: World, link: TrackingLink) -> None:
    link.key = link.key.upper()

    assert follow(world, link.__class__(key=f"l{link.key[1:]}")).status_code == 302


def test_a_visitor_on_the_way_to_the_checkout_keeps_the_id_of_the_ads_click(world: World, link: TrackingLink) -> None:
    first = world.click(fbclid=FBCLID)

    answer = follow(world, link, f"sck={first['click_id']}")

    assert answer["Location"] == f"{CHECKOUT}&sck={first['click_id']}"
    with unscoped():
        sessions = set(Click.objects.values_list("session__public_id", flat=True))
    assert sessions == {first["session_id"]}
    assert stored() == (1, 2, 0)


def test_a_new_ad_counts_for_itself(world: World, link: TrackingLink) -> None:
    first = world.click(fbclid="an-older-ad")

    answer = follow(world, link, f"sck={first['click_id']}&fbclid={FBCLID}")

    with unscoped():
        newest = Click.objects.latest("pk")
    assert newest.public_id != first["click_id"]
    assert answer["Location"] == f"{CHECKOUT}&sck={newest.public_id}&fbclid={FBCLID}"


def test_another_tenants_session_is_not_entered(world: World, other_world: World, link: TrackingLink) -> None:
    theirs = other_world.click()

    answer = follow(world, link, f"x={theirs['session_id']}&fbclid=a")

    assert answer.status_code == 302
    with unscoped():
        mine = Click.objects.select_related("session").get(tenant=world.tenant_id)
    assert mine.session.public_id != theirs["session_id"]


MACHINES = [
    ("head", {}),
    ("get", {"User-Agent": "facebookexternalhit/1.1"}),
    ("get", {"User-Agent": ""}),
    ("get", {"Sec_Purpose": "prefetch;prerender"}),
    ("get", {"Purpose": "prefetch"}),
    ("get", {"X_Moz": "prefetch"}),
]


@pytest.mark.parametrize(("method", "headers"), MACHINES)
def test_a_machine_is_led_on_and_kept_apart(
    world: World, link: TrackingLink, method: str, headers: dict[str, str]
) -> None:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}

    answer = follow(world, link, f"fbclid={FBCLID}", method=method, **headers)

    assert answer.status_code == 302
    assert answer["Location"] == f"{CHECKOUT}&fbclid={FBCLID}", "no id of a click that nobody made"
    assert (the_click().is_automated, the_click().source) == (True, Source.LINK)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_links_are_followed_not_written_to(world: World, link: TrackingLink, method: str) -> None:
    answer = follow(world, link, method=method)

    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert stored() == (0, 0, 0)


def test_an_unknown_key_is_not_found(world: World) -> None:
    answer = world.client.get(f"/{new_link_key()}?url=https://evil.com")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert len(answer.content) < 500
    assert stored() == (0, 0, 0)


def test_an_inactive_link_is_not_found(world: World) -> None:
    answer = follow(world, make_link(world, CHECKOUT, is_active=False))

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert stored() == (0, 0, 0)


def test_a_link_switched_off_is_gone_within_two_seconds(
    world: World, link: TrackingLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redirects._fresh, "_seconds", -1.0)
    assert follow(world, link).status_code == 302
    with unscoped():
        TrackingLink.objects.update(is_active=False)

    assert follow(world, link).status_code == 404
    assert redirects._REMEMBERED_S <= 2


HOSTILE = [
    "url=//evil.com&next=https://evil.com&redirect=javascript:alert(1)",
    "utm_source=%0d%0aSet-Cookie:%20x=1",
    "utm_source=a\r\nLocation: https://evil.com",
    "utm_source=<script>alert(1)</script>",
    "utm_source=\xff\xfe%FF%C0%AF",
    "utm_source=%00",
    "#@evil.com/",
    "@evil.com",
    "\\evil.com",
    "//evil.com",
    "fbclid=" + "x" * 10_000,
    "x=" + "y" * 10_000,
    "&".join(f"p{number}=1" for number in range(3_000)),
    "a[]=1&a[]=2&__proto__=x&constructor=y",
    "utm_source=%ED%A0%80",
    "&" * 1_000,
    "=",
    "%",
]


@pytest.mark.parametrize("query", HOSTILE, ids=lambda query: query[:24])
def test_no_visitor_decides_where_a_link_leads(world: World, link: TrackingLink, query: str) -> None:
    answer = follow(world, link, query)

    assert answer.status_code == 302
    location = answer["Location"]
    assert location.startswith(f"{CHECKOUT}&")
    assert location.isascii()
    assert location.isprintable()
    assert "\\" not in location
    assert len(location) <= 8_100
    parts = urlsplit(location)
    assert (parts.scheme, parts.netloc, parts.path, parts.fragment) == ("https", "pay.hotmart.com", "/A1", "")
    assert not answer.cookies
    assert parse_qs(parts.query)["sck"] == [the_click().public_id]


@pytest.mark.django_db(transaction=True)
def test_raw_bytes_pass_through_the_whole_server(world: World, link: TrackingLink) -> None:
    answer = post_raw(f"/{link.key}?fbclid={FBCLID}&x=%C3%A9%FF", b"", {"user-agent": PHONE}, method="GET")

    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{CHECKOUT}&fbclid={FBCLID}&x=%C3%A9%FF&sck={the_click().public_id}"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("file:///etc/passwd", "file:///etc/passwd"), ("a\x1bb", "ab"), ("x" * 4096, "x" * 4096), ("x" * 4097, "")],
)
def test_a_referrer_is_kept_whole_or_not_at_all(world: World, link: TrackingLink, sent: str, kept: str) -> None:
    follow(world, link, Referer=sent)

    assert the_click().referrer == kept


def test_an_address_too_long_to_store_leaves_the_links_own(world: World, link: TrackingLink) -> None:
    answer = follow(world, link, f"fbclid={FBCLID}&x={'y' * 5_000}")

    assert "y" * 5_000 in answer["Location"]
    assert (the_click().landing_url, the_click().fbclid) == (CHECKOUT, FBCLID)


def test_a_redirect_is_one_statement(world: World, link: TrackingLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redirects._fresh, "_seconds", 1e9)
    counts = []

    for _ in range(3):
        with CaptureQueriesContext(connection) as captured:
            assert follow(world, link, f"fbclid={FBCLID}").status_code == 302
        counts.append(len(captured))

    assert counts == [2, 1, 1], "the first one looks the link up"


def fail_with(error: Exception) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


TROUBLES = [OperationalError("gone"), InterfaceError("closed"), IntegrityError("the link was deleted")]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_without_a_database_a_known_link_still_leads_on(
    world: World, link: TrackingLink, monkeypatch: pytest.MonkeyPatch, trouble: Error
) -> None:
    follow(world, link)
    before = stored()
    monkeypatch.setattr(redirects._fresh, "_seconds", 0.0)
    redirects._fresh.forget()
    monkeypatch.setattr(redirects, "_read", fail_with(trouble))
    monkeypatch.setattr(services, "_write", fail_with(trouble))

    answer = follow(world, link, f"fbclid={FBCLID}")

    assert (answer.status_code, answer["Location"]) == (302, f"{CHECKOUT}&fbclid={FBCLID}")
    assert stored() == before


def test_without_a_database_an_unknown_link_says_try_again(
    world: World, link: TrackingLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redirects, "_read", fail_with(OperationalError("gone")))

    answer = follow(world, link)

    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "try_again", "5")


def test_a_database_that_keeps_one_waiting_spares_the_next(
    world: World, link: TrackingLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def hang(*_: Any, **__: Any) -> None:
        asked.append("database")
        raise OperationalError("timed out")

    follow(world, link)
    monkeypatch.setattr(redirects, "_SLOW_S", 0.0)
    monkeypatch.setattr(services, "_write", hang)

    answers = [follow(world, link) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [302, 302, 302]
    assert asked == ["database"]


def test_a_quick_failure_spares_nobody(world: World, link: TrackingLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redirects, "_SLOW_S", 1e9)
    with monkeypatch.context() as broken:
        broken.setattr(services, "_write", fail_with(OperationalError("a dead connection")))
        assert follow(world, link)["Location"] == CHECKOUT

    assert follow(world, link)["Location"] == f"{CHECKOUT}&sck={the_click().public_id}"


def test_a_visitor_over_the_limit_reaches_the_shop_unrecorded(
    world: World, link: TrackingLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(world, link)
    redirects._fresh.forget()
    monkeypatch.setattr(redirects, "seconds_to_wait", lambda key, ip: 3)

    answer = follow(world, link, "x=1")

    assert (answer.status_code, answer["Location"]) == (302, f"{CHECKOUT}&x=1")
    assert stored() == (1, 1, 0)


def test_whoever_guesses_keys_is_told_to_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redirects, "seconds_to_wait", lambda key, ip: 3)

    with CaptureQueriesContext(connection) as captured:
        answer = world.client.get(f"/{new_link_key()}")

    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (429, "too_many", "3")
    assert len(captured) == 0


def test_a_link_shadows_no_other_address() -> None:
    last = get_resolver().url_patterns[-1]

    assert resolve(f"/{new_link_key()}").url_name == "follow-link"
    assert isinstance(last, URLResolver)
    assert [str(pattern.pattern) for pattern in last.url_patterns] == ["^(?P<key>l[0-9A-Va-v]{10})$"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/admin", "/"])
def test_other_addresses_stay_what_they_were(path: str) -> None:
    assert resolve(path).url_name != "follow-link"


@pytest.mark.parametrize(
    "path",
    [
        "/l",
        "/l012345678",
        "/l01234567890",
        "/k0123456789",
        "/l012345678w",
        "/l0123456789/",
        "/l0123456789/x",
        "/xl0123456789",
    ],
)
def test_what_is_no_key_is_no_link(path: str) -> None:
    with pytest.raises(Resolver404):
        resolve(path)


def test_every_known_checkout_is_led_to_with_its_own_field(world: World) -> None:
    fields = {}
    for host, gateway in CHECKOUT_HOSTS.items():
        answer = follow(world, make_link(world, f"https://pay.{host}/1"))
        fields[gateway] = [name for name, values in parse_qs(urlsplit(answer["Location"]).query).items() if values]

    assert fields == {
        "hotmart": ["sck"],
        "kiwify": ["sck"],
        "braip": ["sck"],
        "stripe": ["client_reference_id"],
        "perfectpay": ["src"],
        "appmax": ["utm_content"],
        "eduzz": ["trk"],
    }

"""Which requests a tracking domain answers, for whom, and what any other Host gets."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from apps.clicks import middleware, redirects
from apps.clicks.models import TrackingDomain, TrackingLink
from apps.clicks.script import EMPTY
from apps.core import rate_limit
from apps.core.rate_limit import Limit
from apps.tenants.scoping import tenant_scope, unscoped
from tests.clicks.hits import stored
from tests.clicks.proven import HOST, PHONE, SITE, add_proven, send_there
from tests.worlds import LANDING, World


@pytest.fixture(autouse=True)
def _forget(settings: Any) -> Iterator[None]:
    settings.PUBLIC_URL = "https://hub.example.com"
    for forget in (middleware.forget_domains, redirects.forget_links, rate_limit.forget_outage):
        forget()
    yield
    middleware.forget_domains()
    redirects.forget_links()


def get(world: World, path: str, host: str = HOST, **headers: str) -> Any:
    return world.client.get(path, headers={"Host": host, "User-Agent": PHONE, **headers})


def make_link(world: World) -> TrackingLink:
    with tenant_scope(world.tenant_id):
        made: TrackingLink = TrackingLink.objects.create(funnel=world.funnel, destination=LANDING)
    return made


def fail(*_: Any) -> None:
    raise OperationalError("gone")


def config_of(answer: Any) -> dict[str, Any]:
    found = re.search(rb"\)\((\{.*\})\);?$", answer.content)
    assert found, answer.content
    config: dict[str, Any] = json.loads(found[1])
    return config


@pytest.mark.parametrize("named", [HOST, f"{HOST}:8443", HOST.upper(), f"{HOST}."])
def test_the_script_comes_from_the_domain_itself(world: World, named: str) -> None:
    add_proven(world)

    answer = get(world, f"/t/{world.funnel.public_key}.js", named)

    config = config_of(answer)
    assert (answer.status_code, config["hub"], config["cookies"]) == (200, f"https://{named}", ".loja.com.br")
    assert get(world, config["script"]).status_code == 200
    assert not answer.cookies


def test_on_the_hubs_own_host_there_are_no_cookies_to_send(world: World) -> None:
    add_proven(world)

    assert "cookies" not in config_of(world.client.get(f"/t/{world.funnel.public_key}.js"))


def test_hits_and_links_work_there(world: World) -> None:
    add_proven(world)
    link = make_link(world)

    answers = [send_there(world, "click"), send_there(world, "pageview"), get(world, f"/{link.key}")]

    assert [answer.status_code for answer in answers] == [201, 201, 302]
    assert stored()[1:] == (2, 1)


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/admin/", "/admin/login/", "/api/v1/funnels", "/api/v1/domains", "/api/v1/schema/", "/healthz"),
        *("/static/admin/css/base.css", "/t", "/api/v1/track", "//t/x.js", "/x/t/y.js", "/lshort", "/metrics"),
    ],
)
def test_nothing_else_is_there(world: World, path: str) -> None:
    add_proven(world)

    answer = get(world, path, **world.auth)

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["code"] == "not_found"


def test_of_other_accounts_there_is_nothing_there(world: World, other_world: World) -> None:
    add_proven(world)
    theirs = make_link(other_world)

    script = get(world, f"/t/{other_world.funnel.public_key}.js")
    hits = [send_there(other_world, path) for path in ("click", "pageview", "identify")]
    word = send_there(other_world, "consent", session_id="hts-1", consent_ads=True)
    unknown = send_there(world, public_key="pk_nobody")

    assert (script.status_code, script.content) == (404, EMPTY)
    assert [hit.status_code for hit in hits] == [404, 404, 404]
    assert word.status_code == 404
    assert {hit.json()["detail"] for hit in hits} == {unknown.json()["detail"]}
    assert get(world, f"/{theirs.key}").json()["code"] == get(world, "/l0123456789").json()["code"] == "not_found"
    assert stored() == (0, 0, 0)
    assert world.client.get(f"/{theirs.key}", headers={"User-Agent": PHONE}).status_code == 302


@pytest.mark.parametrize("state", ["unproven", "removed", "nobody's"])
def test_a_host_that_is_not_proven_stays_unknown(world: World, state: str) -> None:
    domain = add_proven(world)
    if state == "unproven":
        with unscoped():
            TrackingDomain.objects.update(proven_at=None)
    if state == "removed":
        with unscoped():
            domain.delete()
    host = "other.loja.com.br" if state == "nobody's" else HOST

    assert get(world, f"/t/{world.funnel.public_key}.js", host).status_code == 400
    assert send_there(world, "click", host=host).status_code == 400
    assert stored() == (0, 0, 0)


@pytest.mark.parametrize(
    "host", [f"{HOST}.evil.com", f"evil.{HOST}", f"x{HOST}", f"{HOST}@evil.com", f"{HOST}/", f"{HOST}, a"]
)
def test_a_host_that_looks_like_it_is_another(world: World, host: str) -> None:
    add_proven(world)

    assert get(world, f"/t/{world.funnel.public_key}.js", host).status_code == 400


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-Host"])
def test_only_the_host_header_names_a_domain(world: World, other_world: World, name: str) -> None:
    add_proven(world)

    forged = get(other_world, f"/t/{other_world.funnel.public_key}.js", "testserver", **{name: HOST})
    hidden = get(world, "/api/v1/funnels", HOST, **{name: "testserver"}, **world.auth)

    assert config_of(forged)["hub"] == "https://testserver"
    assert hidden.status_code == 404


def test_the_hub_answers_to_no_other_host_for_it(world: World) -> None:
    """What is proven opens its own name alone."""
    add_proven(world)
    get(world, f"/t/{world.funnel.public_key}.js")

    assert get(world, "/healthz", "other.loja.com.br").status_code == 400
    assert get(world, "/healthz", "testserver").status_code == 200


def test_where_any_host_is_the_hubs_a_proven_one_is_still_a_domain(world: World, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    add_proven(world)

    assert get(world, "/healthz", "any.example.org").status_code == 200
    assert get(world, "/healthz", HOST).status_code == 404


def test_what_a_page_asks_again_is_not_looked_up_again(world: World) -> None:
    add_proven(world)
    with CaptureQueriesContext(
        connection,
    ) as first:
        get(world, "/admin/")
    with CaptureQueriesContext(connection) as again:
        get(world, "/admin/")
        get(world, "/x", "other.loja.com.br")
        get(world, "/x", "other.loja.com.br")

    assert (len(first), len(again)) == (1, 1)
    assert "clicks_trackingdomain" in again[0]["sql"]


@pytest.mark.parametrize(
    "host", ["testserver", "hub.example.com", "localhost", "127.0.0.1", "[::1]", "200.160.2.3", "a" * 300 + ".com"]
)
def test_what_cannot_be_a_domain_is_not_looked_up(world: World, host: str) -> None:
    with CaptureQueriesContext(connection) as asked:
        get(world, "/nothing/here", f"{host}:8000")

    assert [query for query in asked if "trackingdomain" in query["sql"]] == []


def test_invented_hosts_fill_no_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware._fresh, "_size", 5)
    for number in range(12):
        get(world, "/x", f"t{number}.invented.example.org")

    assert len(middleware._fresh._answers) <= 5
    assert middleware._last_known._answers == {}


def test_without_the_database_a_host_cannot_be_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    add_proven(world)
    monkeypatch.setattr(middleware, "_read", fail)

    answer = get(world, f"/t/{world.funnel.public_key}.js")

    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "try_again", "5")
    assert get(world, "/healthz", "testserver").status_code == 200


def test_one_that_was_known_goes_on_without_the_database(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    add_proven(world)
    link = make_link(world)
    get(world, f"/{link.key}")
    middleware._fresh.forget()
    monkeypatch.setattr(middleware, "_read", fail)

    assert get(world, f"/{link.key}").status_code == 302
    assert get(world, "/admin/").status_code == 404


def test_one_that_was_lost_does_not_come_back_in_an_outage(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    add_proven(world)
    get(world, "/x")
    with unscoped():
        TrackingDomain.objects.update(proven_at=None)
    middleware._fresh.forget()
    get(world, "/x")
    middleware._fresh.forget()
    monkeypatch.setattr(middleware, "_read", fail)

    assert get(world, f"/t/{world.funnel.public_key}.js").status_code == 503


def test_where_any_host_is_the_hubs_an_outage_makes_none_a_stranger(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    monkeypatch.setattr(middleware, "_read", fail)

    assert get(world, "/healthz", "any.example.org").status_code == 200


def test_https_is_asked_for_under_the_domains_own_name(world: World, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    add_proven(world)
    link = make_link(world)

    answer = get(world, f"/{link.key}?fbclid=x")

    assert (answer.status_code, answer["Location"]) == (301, f"https://{HOST}/{link.key}?fbclid=x")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        *((HOST, 200), (HOST.upper(), 200), ("other.loja.com.br", 404), ("testserver", 404), ("", 404)),
        *(("a\x00b", 404), ("x" * 5000, 404), (f"{HOST}/", 404), ("127.0.0.1", 404)),
    ],
)
@pytest.mark.parametrize("host", ["testserver", HOST])
def test_a_proxy_may_ask_what_is_proven(world: World, host: str, asked: str, status: int) -> None:
    add_proven(world)

    answer = world.client.get("/t/domains", {"domain": asked}, headers={"Host": host})

    assert (answer.status_code, answer.content) == (status, b"")
    assert answer["Cache-Control"] == "no-store"


def test_a_proxy_asks_without_https(world: World, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    add_proven(world)

    assert world.client.get("/t/domains", {"domain": HOST}).status_code == 200


def test_an_unproven_domain_gets_no_certificate(world: World) -> None:
    add_proven(world, proven_at=None)

    assert world.client.get("/t/domains", {"domain": HOST}).status_code == 404
    assert world.client.get("/t/domains").status_code == 404
    assert world.client.post("/t/domains").status_code == 405


def test_who_asks_too_often_waits(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TRUSTED_PROXY_COUNT = 1
    monkeypatch.setattr("apps.clicks.visitors.PER_ADDRESS", Limit(f"ip-{world.tenant_id}", rate=1 / 60, burst=2))
    headers = {"X-Forwarded-For": "200.160.2.3"}

    answers = [world.client.get("/t/domains", {"domain": HOST}, headers=headers) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 60


def test_without_the_database_no_certificate_is_promised(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    add_proven(world)
    monkeypatch.setattr(middleware, "_read", fail)

    assert world.client.get("/t/domains", {"domain": HOST}).status_code == 503


@pytest.mark.parametrize("origin", [SITE, "https://evil.com", ""])
def test_a_hit_without_a_body_is_refused_as_anywhere(world: World, origin: str) -> None:
    add_proven(world)

    headers = {"Host": HOST, "Origin": origin}
    answer = world.client.post("/api/v1/track/click", b"", content_type="text/plain", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable_body")
    assert not answer.cookies

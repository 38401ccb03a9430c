"""What a customer's page loads: the loader at a stable address, and the script under its digest."""

import gzip
import json
import re
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from apps.clicks import script
from apps.clicks.minify import minify
from apps.funnels.models import Funnel, UnknownConsent
from apps.funnels.services import publish_funnel
from apps.gateways.registry import ADAPTERS
from apps.tenants.scoping import tenant_scope
from tests.worlds import World

# Of the script; the loader with its settings comes on top.
MAX_COMPRESSED = 5 * 1024
FOR_MINUTES, FOR_EVER = "public, max-age=300", "public, max-age=31536000, immutable"


def load(world: World, name: str = "", **headers: str) -> Any:
    return world.client.get(f"/t/{name or world.funnel.public_key}.js", headers=headers)


def config_of(answer: Any) -> dict[str, Any]:
    found = re.search(rb"\)\((\{.*\})\);?$", answer.content)
    assert found, answer.content
    config: dict[str, Any] = json.loads(found[1])
    return config


def test_the_loader_hands_the_funnels_settings_over(world: World, settings: Any) -> None:
    settings.PUBLIC_URL = "https://hub.example.com"

    answer = load(world)

    config = config_of(answer)
    assert (answer.status_code, answer["Cache-Control"]) == (200, FOR_MINUTES)
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert (config["key"], config["consent"]) == (world.funnel.public_key, "send")
    assert config["hub"] == "https://testserver"
    assert config["script"] == f"/t/{script.read_script().digest}.js"
    assert config["checkouts"][0] == ["pay.hotmart.com", "sck", "xcod", "src"]
    assert config["pixels"] is True
    assert sorted(config) == ["checkouts", "consent", "hub", "key", "pixels", "script"]


def test_the_published_policy_runs_until_the_draft_is_published(world: World) -> None:
    with tenant_scope(world.tenant_id):
        Funnel.objects.filter(pk=world.funnel.pk).update(unknown_consent=UnknownConsent.BLOCK)
        before = config_of(load(world))["consent"]
        publish_funnel(Funnel.objects.get(pk=world.funnel.pk))

    assert (before, config_of(load(world))["consent"]) == ("send", "block")


@pytest.mark.parametrize(("word", "fires"), [("hybrid", True), ("browser_only", True), ("server_only", False)])
def test_the_published_version_says_whether_pixels_fire(world: World, word: str, fires: bool) -> None:
    with tenant_scope(world.tenant_id):
        Funnel.objects.filter(pk=world.funnel.pk).update(page_events=word)
        before = config_of(load(world))["pixels"]
        publish_funnel(Funnel.objects.get(pk=world.funnel.pk))

    assert (before, config_of(load(world))["pixels"]) == (True, fires)


def test_a_version_of_before_the_choice_fires_pixels(world: World) -> None:
    with tenant_scope(world.tenant_id):
        version = Funnel.objects.select_related("published").get(pk=world.funnel.pk).published
        assert version
        del version.config["page_events"]
        version.save()
        Funnel.objects.filter(pk=world.funnel.pk).update(page_events="server_only")

    assert config_of(load(world))["pixels"] is True


def test_an_unpublished_funnel_follows_its_draft(world: World) -> None:
    with tenant_scope(world.tenant_id):
        Funnel.objects.filter(pk=world.funnel.pk).update(
            published=None, unknown_consent=UnknownConsent.BLOCK, page_events="server_only"
        )

    config = config_of(load(world))
    assert (config["consent"], config["pixels"]) == ("block", False)


def test_a_forged_host_is_not_repeated(world: World, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["hub.example.com"]

    answer = world.client.get(f"/t/{world.funnel.public_key}.js", headers={"Host": "evil.example.com"})

    assert answer.status_code == 400
    assert b"evil" not in answer.content


@pytest.mark.parametrize("name", ["pk_nobody", "pk_", "x", "pk_x'--", "0" * 19, "%3Cscript%3E", "pk_" + "x" * 400])
def test_an_unknown_address_is_an_empty_script(world: World, name: str) -> None:
    answer = load(world, name)

    assert (answer.status_code, answer.content) == (404, script.EMPTY)
    assert answer["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize("trouble", [OperationalError("gone"), InterfaceError("closed")])
def test_without_the_database_the_loader_is_empty_and_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise trouble

    monkeypatch.setattr(Funnel.objects, "select_related", fail)

    answer = load(world)

    assert (answer.status_code, answer.content, answer["Cache-Control"]) == (503, script.EMPTY, "no-store")


def test_the_script_is_kept_for_a_year(world: World) -> None:
    served = script.read_script()

    plain = load(world, served.digest)
    small = load(world, served.digest, **{"Accept-Encoding": "br, gzip"})

    assert plain["Cache-Control"] == small["Cache-Control"] == FOR_EVER
    assert (plain.content, plain.headers.get("Content-Encoding")) == (served.content, None)
    assert (gzip.decompress(small.content), small["Content-Encoding"]) == (served.content, "gzip")
    assert "Accept-Encoding" in plain["Vary"]
    assert "Accept-Encoding" in small["Vary"]


def test_a_loader_of_yesterday_gets_the_script_of_today_but_not_for_ever(world: World) -> None:
    answer = load(world, "0" * 20)

    assert (answer.status_code, answer.content) == (200, script.read_script().content)
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["", "0" * 20, "nobody"])
def test_any_page_may_load_it_and_nobody_is_remembered(world: World, name: str) -> None:
    answer = load(world, name, Origin="https://loja.example.com")

    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert not answer.cookies


@pytest.mark.parametrize(("name", "vary"), [("", None), ("nobody", None), ("0" * 20, "Accept-Encoding")])
def test_caches_keep_one_copy_for_all_visitors(world: World, name: str, vary: str | None) -> None:
    answer = load(world, name, **{"Accept-Language": "en", "Cookie": "a=b"})

    assert answer.headers.get("Vary") == vary


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_can_only_be_read(world: World, method: str) -> None:
    assert getattr(world.client, method)(f"/t/{world.funnel.public_key}.js").status_code == 405


def test_the_script_fits_into_five_kilobytes(world: World) -> None:
    loader = len(gzip.compress(load(world).content, 9))
    track = len(script.read_script().compressed)

    print(f"script {track} B, loader {loader} B, together {track + loader} B of {MAX_COMPRESSED}")
    assert track <= MAX_COMPRESSED


def test_each_gateway_that_has_a_checkout_gets_the_field_its_adapter_reads() -> None:
    fields = {
        host.strip(".").split(".")[-2 if host.endswith(".com") else -3]: field for host, field, *_ in script.CHECKOUTS
    }
    wanted = {slug: adapter.click_id_field for slug, adapter in ADAPTERS.items() if slug != "orders"}

    assert fields == wanted


def test_short_names_are_given_where_nothing_else_has_them() -> None:
    source = """
        const member = 1; /* a comment */
        const lonely = (given, event) => given + lonely.member + "quoted" + 'single';
        const quoted = { value: lonely, single: member };
        let single = [...lonely, quoted];
    """

    assert minify(source) == (
        "let member=1;let a=(b,c)=>b+a.member+\"quoted\"+'single';"
        "let quoted={value:a,single:member};let single=[...a,quoted];"
    )


def test_what_says_nothing_is_left_out() -> None:
    source = """
        const first = (given) => { return { name: given, }; };
        const [name] = first(constant);
        for (const each of name) { first((each, name) => each); }
    """

    assert minify(source) == "let b=c=>{return{name:c}};let[name]=b(constant);for(let a of name){b((a,name)=>a)}"


def test_the_sources_have_no_shorthand_members() -> None:
    """What minify() relies on: in `{name}` the name would be a member that looks like a variable."""
    for path in sorted(script._BROWSER.glob("*.js")):
        code = re.sub(r"/\*.*?\*/|//.*", "", path.read_text(), flags=re.DOTALL if path.name == "loader.js" else 0)
        objects = re.findall(r"\{ ([^{}\n]*) \}", code)
        members = [member for found in objects for member in re.sub(r"\([^()]*\)", "", found).split(", ")]
        assert [member for member in members if re.fullmatch(r"\w+", member)] == []

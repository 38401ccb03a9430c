"""Meta's tokens over real HTTP: who asks whom with what, and that no secret leaves by any other door."""

import logging
import traceback
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from apps.core.log import redact
from apps.dispatch.meta.tokens import MetaTokens
from apps.dispatch.platform import Target
from apps.dispatch.tokens.keeper import RenewalError
from apps.dispatch.tokens.rules import Inspection, State
from tests.dispatch.tokens import APP_ID, APP_SECRET, debug
from tests.platforms import ScriptedPlatform, graph_error, scripted_platform

TOKEN = "EAABtokenOfAna"
SECRETS = (TOKEN, APP_SECRET, "EAASfresh")


def target(url: str, token: str = TOKEN) -> Target:
    return Target(base_url=url, api_version="v26.0", pixel_id="1", test_event_code="", token=token)


def asked(platform: ScriptedPlatform) -> list[tuple[str, dict[str, list[str]]]]:
    return [(urlsplit(path).path, parse_qs(urlsplit(path).query)) for path in platform.paths]


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = True


@pytest.fixture
def app(settings: Any) -> None:
    settings.META_APP_ID, settings.META_APP_SECRET = APP_ID, APP_SECRET


def test_without_an_app_the_token_asks_about_itself(platform: ScriptedPlatform) -> None:
    platform.answers = [debug()]

    told = MetaTokens().inspect(target(platform.url))

    assert told == Inspection(state=State.NEVER, scopes=("ads_management",))
    assert asked(platform) == [("/v26.0/debug_token", {"input_token": [TOKEN]})]
    assert platform.tokens == [f"Bearer {TOKEN}"]


@pytest.mark.usefixtures("app")
def test_the_hubs_app_asks_first(platform: ScriptedPlatform) -> None:
    platform.answers = [debug(app_id=APP_ID, type="SYSTEM_USER")]

    told = MetaTokens().inspect(target(platform.url))

    assert (told.state, told.is_renewable) == (State.NEVER, True)
    assert platform.tokens == [f"Bearer {APP_ID}|{APP_SECRET}"]


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("no", [graph_error(100), debug(is_valid=False, error={"code": 100})])
def test_of_a_token_of_another_app_the_token_itself_is_asked(platform: ScriptedPlatform, no: Any) -> None:
    platform.answers = [no, debug()]

    told = MetaTokens().inspect(target(platform.url))

    assert (told.state, told.is_renewable) == (State.NEVER, False)
    assert platform.tokens == [f"Bearer {APP_ID}|{APP_SECRET}", f"Bearer {TOKEN}"]


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("trouble", [graph_error(4), graph_error(2), (502, b"<html>")])
def test_a_platform_in_trouble_is_not_asked_twice(platform: ScriptedPlatform, trouble: Any) -> None:
    platform.answers = [trouble]
    platform.headers = {"Retry-After": "60"}

    told = MetaTokens().inspect(target(platform.url))

    assert told.state is State.UNKNOWN
    assert len(platform.paths) == 1


@pytest.mark.usefixtures("app", "platform")
def test_the_apps_secret_goes_to_no_address_of_a_customers() -> None:
    with scripted_platform() as elsewhere:
        elsewhere.answers = [debug(app_id=APP_ID, type="SYSTEM_USER")]
        told = MetaTokens().inspect(target(elsewhere.url))
        for call in (MetaTokens().renew, lambda at: MetaTokens().revoke(at, "old")):
            with pytest.raises(RenewalError, match="no_app"):
                call(target(elsewhere.url))

    assert (told.state, told.is_renewable) == (State.NEVER, False)
    assert elsewhere.tokens == [f"Bearer {TOKEN}"]
    assert not any(APP_ID in path or APP_SECRET in path for path in elsewhere.paths)


def test_a_token_that_fits_into_no_header_or_finds_nobody_is_unknown(platform: ScriptedPlatform) -> None:
    badly_pasted = MetaTokens().inspect(target(platform.url, "two\nlines"))
    nobody = MetaTokens().inspect(target("http://127.0.0.1:9"))

    assert (badly_pasted.state, badly_pasted.problem, badly_pasted.is_told) == (State.UNKNOWN, "header", False)
    assert (nobody.state, nobody.problem, nobody.is_told) == (State.UNKNOWN, "connect", False)
    assert platform.paths == []


@pytest.mark.usefixtures("app")
def test_a_renewal_asks_for_sixty_days(platform: ScriptedPlatform) -> None:
    platform.answers = [(200, {"access_token": "EAASfresh", "token_type": "bearer", "expires_in": 5_184_000})]

    fresh = MetaTokens().renew(target(platform.url))

    assert fresh == "EAASfresh"
    assert asked(platform) == [
        (
            "/v26.0/oauth/access_token",
            {
                "grant_type": ["fb_exchange_token"],
                "client_id": [APP_ID],
                "client_secret": [APP_SECRET],
                "fb_exchange_token": [TOKEN],
                "set_token_expires_in_60_days": ["true"],
            },
        )
    ]
    assert platform.tokens == [None]


@pytest.mark.usefixtures("app")
def test_the_fresh_token_revokes_the_old_one(platform: ScriptedPlatform) -> None:
    platform.answers = [(200, {"success": True})]

    MetaTokens().revoke(target(platform.url, "EAASfresh"), TOKEN)

    assert asked(platform) == [
        ("/v26.0/oauth/revoke", {"client_id": [APP_ID], "client_secret": [APP_SECRET], "revoke_token": [TOKEN]})
    ]
    assert platform.tokens == ["Bearer EAASfresh"]


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (graph_error(190, 463), "http_400"),
        ((200, {"access_token": TOKEN}), "http_200"),
        ((200, {"expires_in": 1}), "http_200"),
        ((502, b"<html>"), "http_502"),
    ],
)
def test_an_exchange_without_a_fresh_token_fails(platform: ScriptedPlatform, answer: Any, why: str) -> None:
    platform.answers = [answer]

    with pytest.raises(RenewalError) as caught:
        MetaTokens().renew(target(platform.url))

    assert str(caught.value) == why


@pytest.mark.usefixtures("app")
def test_a_revocation_that_was_not_confirmed_fails(platform: ScriptedPlatform) -> None:
    platform.answers = [(200, {"success": False})]

    with pytest.raises(RenewalError, match="http_200"):
        MetaTokens().revoke(target(platform.url), "old")


@pytest.fixture
def closed(settings: Any) -> str:
    """An address where nobody listens, which is the hub's own Graph host."""
    settings.META_GRAPH_URL = address = "http://127.0.0.1:9"
    return address


@pytest.mark.usefixtures("app")
def test_errors_carry_a_word_and_no_secret(closed: str) -> None:
    keeper = MetaTokens()

    for call in (keeper.renew, lambda at: keeper.revoke(at, TOKEN)):
        with pytest.raises(RenewalError) as caught:
            call(target(closed))
        told = "".join(traceback.format_exception(caught.value))
        assert str(caught.value) == "connect"
        assert not [secret for secret in SECRETS if secret in told]
    assert TOKEN not in repr(target(closed))


@pytest.mark.usefixtures("app")
def test_not_even_the_http_librarys_own_lines_show_a_token(
    platform: ScriptedPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    platform.answers = [debug(), (200, {"access_token": "EAASfresh"}), (200, {"success": True})]
    keeper = MetaTokens()

    with caplog.at_level(logging.DEBUG):
        keeper.inspect(target(platform.url))
        keeper.renew(target(platform.url))
        keeper.revoke(target(platform.url, "EAASfresh"), TOKEN)

    printed = "\n".join(redact(record.getMessage()) for record in caplog.records)
    assert "/v26.0/oauth/access_token?" in printed
    assert not [secret for secret in SECRETS if secret in printed]

"""Credentials for a gateway's own API: they go in and never come out, and are checked with the gateway itself."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import constants

from apps.funnels.admin.endpoints import MAX_CHECKS
from apps.funnels.models import Endpoint, RolloutChange
from apps.funnels.selectors import credentials_of
from apps.funnels.services import replace_credentials
from tests.admin.console import (
    Console,
    address,
    all_rows,
    endpoint_of,
    endpoint_values,
    fresh,
    messages_of,
    new_staff,
    text_of,
)
from tests.gateways.api_stand_in import Asked, StandIn, gateway_api
from tests.worlds import SECRETS, World

HOTMART_KEYS = ("client_id", "client_secret", "basic")


def _typed(**texts: str) -> dict[str, str]:
    return {f"new_credentials_{name}": text for name, text in texts.items()}


def test_credentials_have_a_box_each_named_as_the_gateway_names_them(console: Console, world: World) -> None:
    html = text_of(console.page(endpoint_of(world)))

    for name in HOTMART_KEYS:
        assert f'type="password" name="new_credentials_{name}"' in html
    assert 'for="id_new_credentials_0">Client ID</label>' in html


def test_credentials_go_in_and_never_come_out(console: Console, world: World) -> None:
    texts = {name: f"{name}-of-ana" for name in HOTMART_KEYS}

    answer = console.save(endpoint_of(world), **endpoint_values(), **_typed(**texts))

    saved = fresh(endpoint_of(world))
    assert credentials_of(saved) == texts
    assert (saved.secret, all_rows(RolloutChange)) == (SECRETS["hotmart"], [])
    assert "New credentials" in LogEntry.objects.get().get_change_message()
    html = answer.content.decode() + console.page(saved).content.decode()
    assert [text for text in texts.values() if text in html] == []


def test_an_empty_box_keeps_the_credential_in_use(console: Console, world: World) -> None:
    replace_credentials(endpoint_of(world), {"client_id": "id-1", "client_secret": "secret-1"})

    console.save(endpoint_of(world), **endpoint_values(), **_typed(client_id="", client_secret=" secret-2 ", basic=""))

    assert credentials_of(fresh(endpoint_of(world))) == {"client_id": "id-1", "client_secret": "secret-2"}


def test_without_any_typed_nothing_is_written(console: Console, world: World) -> None:
    console.save(endpoint_of(world), **endpoint_values(), **_typed(client_id=" ", client_secret="", basic=""))

    assert fresh(endpoint_of(world)).credentials is None


def test_a_form_that_fails_gives_no_credential_back(console: Console, world: World) -> None:
    answer = console.save(
        endpoint_of(world), **endpoint_values(rollout="sideways"), **_typed(client_secret="secret-of-ana")
    )

    assert "secret-of-ana" not in answer.content.decode()
    assert fresh(endpoint_of(world)).credentials is None


def test_a_credential_that_the_gateway_does_not_have_is_not_taken(console: Console, world: World) -> None:
    console.save(endpoint_of(world), **endpoint_values(), **_typed(client_id="id-1", api_token="a-token"))

    assert json.loads(fresh(endpoint_of(world)).credentials) == {"client_id": "id-1"}


def test_where_there_is_no_api_no_credentials_are_asked_for(console: Console, world: World) -> None:
    endpoint = endpoint_of(world, "orders")

    html = text_of(console.page(endpoint))
    console.save(endpoint, **endpoint_values(), **_typed(api_token="a-token"))

    assert "New credentials" not in html
    assert fresh(endpoint).credentials is None
    assert "New credentials" not in text_of(console.client.get(address(Endpoint, "add")))


def test_the_page_says_whether_credentials_are_saved(console: Console, world: World) -> None:
    before = text_of(console.page(endpoint_of(world)))
    replace_credentials(endpoint_of(world), {"client_id": "id-of-ana"})
    after = text_of(console.page(endpoint_of(world)))

    assert [">saved<" in html for html in (before, after)] == [False, True]
    assert [">none<" in html for html in (before, after)] == [True, False]
    assert "id-of-ana" not in after


TOKEN = "the-token-of-ana"


def _braip(asked: Asked) -> tuple[int, str]:
    return (200, '{"data": []}') if asked.headers["authorization"] == f"Bearer {TOKEN}" else (401, "{}")


@pytest.fixture
def braip(settings: Any) -> Iterator[StandIn]:
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    with gateway_api(_braip) as stand_in:
        settings.GATEWAY_API_URLS = {"braip": stand_in.url}
        yield stand_in


def _levels(answer: Any) -> list[int]:
    return [message.level for message in answer.context["messages"]]


def test_credentials_that_work_are_a_success(console: Console, world: World, braip: StandIn) -> None:
    endpoint = endpoint_of(world, "braip")
    replace_credentials(endpoint, {"api_token": TOKEN})

    answer = console.act("check_credentials", endpoint)

    assert messages_of(answer) == [f"{endpoint}: Braip knows these credentials. Nothing else is needed here."]
    assert _levels(answer) == [constants.SUCCESS]
    assert TOKEN not in answer.content.decode()
    assert [entry.get_change_message() for entry in LogEntry.objects.all()] == ["Credentials checked"]


def test_credentials_that_do_not_work_are_a_warning(console: Console, world: World, braip: StandIn) -> None:
    replace_credentials(endpoint_of(world, "braip"), {"api_token": "of-yesterday"})

    answer = console.act("check_credentials", endpoint_of(world, "braip"))

    assert "Braip does not know these credentials." in messages_of(answer)[0]
    assert _levels(answer) == [constants.WARNING]
    assert len(braip.asked) == 1


def test_without_credentials_nobody_is_asked(console: Console, world: World, braip: StandIn) -> None:
    answer = console.act("check_credentials", endpoint_of(world, "braip"))

    assert messages_of(answer)[0].endswith("Fill in: Token da API.")
    assert (_levels(answer), braip.asked) == ([constants.WARNING], [])


def test_a_gateway_without_an_api_says_so(console: Console, world: World) -> None:
    answer = console.act("check_credentials", endpoint_of(world, "orders"))

    assert "This gateway has no credentials to check" in messages_of(answer)[0]
    assert _levels(answer) == [constants.WARNING]
    assert not LogEntry.objects.exists()


def test_several_are_checked_each_with_its_own_sentence(console: Console, world: World, braip: StandIn) -> None:
    replace_credentials(endpoint_of(world, "braip"), {"api_token": TOKEN})

    answer = console.act("check_credentials", endpoint_of(world, "braip"), endpoint_of(world, "orders"))

    assert sorted(_levels(answer)) == [constants.SUCCESS, constants.WARNING]


def test_too_many_at_once_are_refused_whole(
    console: Console, world: World, braip: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_credentials(endpoint_of(world, "braip"), {"api_token": TOKEN})
    monkeypatch.setattr("apps.funnels.admin.endpoints.MAX_CHECKS", 0)

    answer = console.act("check_credentials", endpoint_of(world, "braip"))

    assert MAX_CHECKS == 10
    assert messages_of(answer) == ["Nothing was done: select at most 0 rows at a time."]
    assert braip.asked == []


def test_the_page_has_a_button(console: Console, world: World) -> None:
    html = console.page(endpoint_of(world)).content.decode()

    assert '<input type="hidden" name="action" value="check_credentials">' in html


def test_who_may_only_look_checks_nothing(world: World, braip: StandIn) -> None:
    replace_credentials(endpoint_of(world, "braip"), {"api_token": TOKEN})
    looker = new_staff("funnels.view_endpoint")

    answer = looker.act("check_credentials", endpoint_of(world, "braip"))

    assert "check_credentials" not in looker.page(endpoint_of(world)).content.decode()
    assert [text for text in messages_of(answer) if "Braip" in text] == []
    assert braip.asked == []

"""Checking an endpoint's credentials with the gateway itself, from the console."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import constants

from apps.funnels.admin.endpoints import MAX_CHECKS
from apps.funnels.services import replace_credentials
from tests.admin.console import Console, endpoint_of, messages_of, new_staff
from tests.gateways.api_stand_in import Asked, StandIn, gateway_api
from tests.worlds import World

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

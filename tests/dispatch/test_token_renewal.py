"""A token of the hub's own app is exchanged before it ends: at the faithful stand-in, and through every failure."""

import time
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from apps.dispatch.models import Batch, TokenCheck
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.tokens import renewal, services
from apps.funnels.models import Destination
from apps.funnels.services import replace_token
from apps.tenants.scoping import unscoped
from tests.dispatch.test_token_watch import add_destination
from tests.dispatch.tokens import APP_ID, APP_SECRET, ask, debug, in_days, make_due, the_check
from tests.logs import capture_logs
from tests.platforms import ScriptedPlatform, graph_error
from tests.sandbox_server import sandbox_server
from tests.worlds import World

FRESH = {"access_token": "EAASfresh", "token_type": "bearer", "expires_in": 5_184_000}


def ours(days: float) -> Any:
    """`debug_token` of a system user's token of the hub's app."""
    return debug(app_id=APP_ID, type="SYSTEM_USER", expires_at=in_days(days))


def steps(platform: ScriptedPlatform) -> list[str]:
    return [urlsplit(path).path.rpartition("/")[2] for path in platform.paths]


def tokens() -> list[str]:
    with unscoped():
        return [row.access_token for row in Destination.objects.order_by("created_at")]


@pytest.fixture(autouse=True)
def _app_and_no_pause(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.META_APP_ID, settings.META_APP_SECRET = APP_ID, APP_SECRET
    monkeypatch.setattr(renewal, "LOOK_EVERY_S", 0.0)


@pytest.fixture
def stand_in(settings: Any) -> Iterator[str]:
    with sandbox_server() as url:
        settings.META_GRAPH_URL = url
        yield url


def set_token(token: str) -> None:
    with unscoped():
        replace_token(Destination.objects.get(), token)


def test_a_token_with_twenty_days_left_is_renewed_tried_saved_and_the_old_one_ended(
    world: World, stand_in: str
) -> None:
    old = f"system-of-ana-{time.time_ns()}-until-{in_days(19)}"
    set_token(old)

    with capture_logs() as lines:
        asked = ask()

    (fresh,) = tokens()
    check, platform = the_check(), PLATFORMS["meta"]
    now = timezone.now()
    assert asked == 1
    assert fresh.startswith("EAAS")
    assert (check.state, check.problem, check.alarmed_at) == ("expires", "", None)
    assert check.expires_at and timedelta(days=59) < check.expires_at - now < timedelta(days=61)
    assert check.refreshed_at and now - check.refreshed_at < timedelta(minutes=1)
    with unscoped():
        assert check.token_saved_at == Destination.objects.get().token_saved_at
    assert [line["event"] for line in lines] == ["token.renewed"]
    assert platform.resolve(base_url="", api_version="")[0] == stand_in
    set_token(old)
    ask()
    assert (the_check().state, the_check().problem) == ("invalid", "graph_190_460")


@pytest.mark.usefixtures("world", "stand_in")
@pytest.mark.parametrize("token", [f"until-{in_days(21)}", "expiring", "for-ever"])
def test_the_stand_ins_other_tokens_are_left_alone_or_renewed_by_their_end(token: str) -> None:
    set_token(token)

    ask()

    assert (tokens() == [token]) is (token != "expiring")


def test_the_steps_come_in_this_order(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [ours(10), (200, FRESH), ours(60), (200, {"success": True})]

    ask()

    assert steps(platform) == ["debug_token", "access_token", "debug_token", "revoke"]
    assert parse_qs(urlsplit(platform.paths[2]).query)["input_token"] == ["EAASfresh"]
    assert platform.tokens[3] == "Bearer EAASfresh"
    assert tokens() == ["EAASfresh"]


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([graph_error(190)], "http_400"),
        ([(502, b"<html>")], "http_502"),
        ([(200, FRESH), graph_error(100)], "graph_100"),
        ([(200, FRESH), debug(is_valid=False)], "graph_190"),
        ([(200, FRESH), ours(5)], "not_longer"),
    ],
    ids=["refused", "no answer", "unknown", "stillborn", "no longer than the old one"],
)
def test_a_step_that_fails_leaves_the_old_token_at_work(
    world: World, platform: ScriptedPlatform, answers: list[Any], why: str
) -> None:
    platform.answers = [ours(10), *answers]

    with capture_logs() as lines:
        ask()

    check = the_check()
    assert [(line["event"], line["reason"]) for line in lines] == [("token.not_renewed", why)]
    assert tokens() == ["token-of-ana"]
    assert (check.state, check.refreshed_at) == ("expires", None)
    assert "revoke" not in steps(platform)


def test_what_failed_is_tried_again_an_hour_later(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [ours(10), (502, b"<html>"), ours(10), (200, FRESH), ours(60), (200, {"success": True})]

    ask()
    make_due()
    ask()

    assert tokens() == ["EAASfresh"]


def test_a_token_that_was_not_revoked_changes_nothing(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [ours(10), (200, FRESH), ours(60), graph_error(1)]

    with capture_logs() as lines:
        ask()

    assert [(line["event"], line.get("reason")) for line in lines] == [
        ("token.renewed", None),
        ("token.not_revoked", "http_400"),
    ]
    assert tokens() == ["EAASfresh"]


def test_all_destinations_with_the_token_change_to_the_fresh_one(
    world: World, other_world: World, platform: ScriptedPlatform
) -> None:
    add_destination(world, "222", "token-of-ana")
    add_destination(world, "333", "another")
    platform.judge_path = lambda path: debug() if "input_token=another" in path else None
    platform.answers = [ours(10), (200, FRESH), ours(60), (200, {"success": True})]

    with capture_logs() as lines:
        ask()

    assert sorted(tokens()) == ["EAASfresh", "EAASfresh", "EAASfresh", "another"]
    assert [line["rows"] for line in lines if line["event"] == "token.renewed"] == [3]
    with unscoped():
        renewed = TokenCheck.objects.filter(refreshed_at__isnull=False)
        assert renewed.count() == 3
        assert {row.tenant_id for row in renewed} == {world.tenant_id, other_world.tenant_id}


def test_a_token_that_a_person_saved_meanwhile_stays(world: World, platform: ScriptedPlatform) -> None:
    with unscoped():
        (row,) = services._claim(10)
        Destination.objects.filter(pk=row.pk).update(access_token="of-a-person", token_saved_at=timezone.now())
        platform.answers = [ours(10), (200, FRESH), ours(60), (200, {"success": True})]
        services._learn(services._group([row])[0], services._group([row])[0].ask())

    assert tokens() == ["of-a-person"]
    assert steps(platform) == ["debug_token", "access_token", "debug_token"]
    assert (the_check().state, the_check().refreshed_at) == ("unknown", None)


def test_a_request_under_way_with_the_old_token_is_waited_for(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    with unscoped():
        under_way = Batch.objects.create(
            tenant_id=world.tenant_id,
            destination=Destination.objects.get(),
            size=1,
            lease_until=timezone.now() + timedelta(minutes=1),
        )
    looks: list[float] = []

    def finish_at_the_third_look(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            Batch.objects.filter(pk=under_way.pk).update(finished_at=timezone.now())

    monkeypatch.setattr(renewal, "time", SimpleNamespace(sleep=finish_at_the_third_look))
    platform.answers = [ours(10), (200, FRESH), ours(60), (200, {"success": True})]

    ask()

    assert len(looks) == 3
    assert steps(platform)[-1] == "revoke"


def test_a_token_that_stays_in_use_is_left_to_its_own_end(world: World, platform: ScriptedPlatform) -> None:
    with unscoped():
        Batch.objects.create(
            tenant_id=world.tenant_id,
            destination=Destination.objects.get(),
            size=1,
            lease_until=timezone.now() + timedelta(minutes=1),
        )
    platform.answers = [ours(10), (200, FRESH), ours(60), (200, {"success": True})]

    with capture_logs() as lines:
        ask()

    assert [(line["event"], line.get("reason")) for line in lines] == [
        ("token.renewed", None),
        ("token.not_revoked", "in_use"),
    ]
    assert "revoke" not in steps(platform)


def test_without_an_app_nothing_is_renewed(world: World, platform: ScriptedPlatform, settings: Any) -> None:
    settings.META_APP_ID = settings.META_APP_SECRET = ""
    platform.answers = [ours(10)]

    ask()

    assert steps(platform) == ["debug_token"]
    assert tokens() == ["token-of-ana"]
    assert the_check().state == "expires"

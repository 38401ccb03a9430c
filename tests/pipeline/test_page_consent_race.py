"""Consent is withdrawn at every step of a page event's way, also amid other transactions: nothing is sent after."""

from typing import Any

import pytest
from django.db.models import F

from apps.clicks.models import Session
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.words import find_words
from apps.pipeline.stages import flush_batch
from apps.tenants.scoping import unscoped
from tests.consents import sends
from tests.pipeline.test_consent_race import (
    BUYER,
    UNWELL,
    Withdraw,
    deliver,
    elsewhere,
    in_another_browser,
    meanwhile,
    sweep,
    through_a_hit,
    through_the_banner,
    try_everything,
)
from tests.pipeline.visits import Visit, turn_clock
from tests.platforms import ACCEPT, ScriptedPlatform
from tests.worlds import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=[through_the_banner, through_a_hit, in_another_browser])
def withdraw(request: pytest.FixtureRequest) -> Withdraw:
    way: Withdraw = request.param
    return way


@pytest.fixture
def ids(world: World) -> dict[str, Any]:
    """A visitor who agreed and said who they are, and whose page view waits."""
    return Visit(world).tell(email=BUYER, consent_ads=True)


def flush() -> None:
    """As if the visit had been over long ago; its session goes on, so that the refusal is of the same one."""
    with unscoped():
        Session.objects.filter(flush_at__isnull=False).update(flush_at="1970-01-01T00:00:00Z")
        while flush_batch().rows:
            pass


def finish(world: World) -> None:
    flush()
    try_everything(world)


def assert_blocked() -> None:
    assert sends()
    assert {status for status, _reason in sends()} == {"blocked"}


def test_before_the_flush(world: World, platform: ScriptedPlatform, withdraw: Withdraw, ids: dict[str, Any]) -> None:
    withdraw(world, ids)
    flush()
    deliver()
    finish(world)

    assert platform.received == []
    assert_blocked()


@pytest.mark.parametrize("sweeps", [True, False])
def test_between_flush_and_claim(
    world: World, platform: ScriptedPlatform, withdraw: Withdraw, ids: dict[str, Any], sweeps: bool
) -> None:
    flush()
    withdraw(world, ids)
    assert sweep() == 1 if sweeps else True
    deliver()
    finish(world)

    assert platform.received == []
    assert_blocked()


def test_amid_the_planning(
    world: World,
    platform: ScriptedPlatform,
    withdraw: Withdraw,
    ids: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The planner has read the yes; where the no needs the session's row, it commits right after the planner."""

    def find_then_lose(questions: Any) -> Any:
        found = find_words(questions)
        if withdraw is in_another_browser:
            elsewhere(lambda: withdraw(world, ids))
        return found

    with monkeypatch.context() as patched:
        patched.setattr("apps.dispatch.services.outbox.find_words", find_then_lose)
        flush()
    if withdraw is not in_another_browser:
        withdraw(world, ids)
    deliver()
    finish(world)

    assert platform.received == []
    assert_blocked()


def test_amid_the_claim(
    world: World,
    platform: ScriptedPlatform,
    withdraw: Withdraw,
    ids: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = PLATFORMS["meta"].build_event

    def build_then_lose(*facts: Any) -> Any:
        elsewhere(lambda: withdraw(world, ids))
        return real(*facts)

    flush()
    with monkeypatch.context() as patched:
        patched.setattr(PLATFORMS["meta"], "build_event", build_then_lose)
        deliver()
    finish(world)

    assert platform.received == []
    assert_blocked()


def test_while_the_request_is_out(
    world: World, platform: ScriptedPlatform, withdraw: Withdraw, ids: dict[str, Any]
) -> None:
    """It fails, and is the last."""
    platform.answers = [UNWELL, ACCEPT]
    platform.on_request = meanwhile(lambda: withdraw(world, ids))
    flush()
    deliver()
    platform.on_request = None
    finish(world)

    assert len(platform.received) == 1
    assert_blocked()


def test_a_no_of_long_after_leaves_what_was_accepted(
    world: World, platform: ScriptedPlatform, ids: dict[str, Any]
) -> None:
    flush()
    deliver()
    turn_clock(minutes=20)
    through_the_banner(world, ids)
    finish(world)

    assert len(platform.received) == 1
    assert [status for status, _reason in sends()] == ["accepted"]
    with unscoped():
        assert Session.objects.filter(last_seen_at__lt=F("consent_at")).count() == 1

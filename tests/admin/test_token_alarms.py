"""What will stop working unless somebody acts, on the console's first page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.dispatch.admin import token_alarms
from apps.dispatch.admin.shared import Alarm
from apps.dispatch.models import TokenCheck
from apps.funnels.models import Destination
from apps.funnels.services import replace_token
from apps.tenants.scoping import unscoped
from tests.admin.console import Console, new_staff
from tests.dispatch.test_canary_versions import publish
from tests.dispatch.test_token_watch import add_destination
from tests.dispatch.tokens import ask, debug, in_days
from tests.platforms import ScriptedPlatform
from tests.worlds import PIXEL, World

DEAD = debug(is_valid=False)


def raised(console: Console) -> dict[str, Alarm]:
    return {str(alarm.title): alarm for alarm in console.client.get("/admin/").context["alarms"]}


def token_alarm_of(console: Console) -> Alarm | None:
    return raised(console).get("Tokens that end or have ended")


def set_today(monkeypatch: pytest.MonkeyPatch, today: datetime) -> None:
    monkeypatch.setattr(token_alarms, "database_now", lambda: today)


@pytest.mark.usefixtures("world")
def test_good_tokens_raise_no_alarm(console: Console, platform: ScriptedPlatform) -> None:
    platform.answers = [debug(expires_at=in_days(2))]
    ask()

    assert raised(console) == {}


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (DEAD, "The token does not work any more."),
        (debug(expires_at=in_days(0.5)), "in less than a day"),
        (debug(data_access_expires_at=in_days(0.5)), "in less than a day"),
        (debug(expires_at=in_days(-0.5)), "ran out"),
    ],
)
def test_a_token_in_trouble_raises_one(console: Console, platform: ScriptedPlatform, answer: Any, words: str) -> None:
    platform.answers = [answer]
    ask()

    alarm = token_alarm_of(console)

    assert alarm is not None and alarm.is_urgent
    ((text, address),) = alarm.lines
    assert text.startswith(f"meta {PIXEL}: ")
    assert words in text
    listed = console.client.get(address).content.decode()
    assert PIXEL in listed


@pytest.mark.usefixtures("world")
def test_a_new_token_ends_the_alarm(console: Console, platform: ScriptedPlatform) -> None:
    platform.answers = [DEAD]
    ask()
    before = token_alarm_of(console)

    with unscoped():
        replace_token(Destination.objects.get(), "a-new-token")

    assert before is not None
    assert token_alarm_of(console) is None


def test_many_tokens_are_shown_as_far_as_there_is_room(
    console: Console, world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_alarms, "SHOWN", 2)
    for number in range(3):
        add_destination(world, f"{number}", "token-of-ana")
    platform.answers = [DEAD]
    ask()

    alarm = token_alarm_of(console)

    assert alarm is not None
    assert len(alarm.lines) == 2


@pytest.mark.usefixtures("world")
def test_who_may_not_see_the_checks_sees_no_alarm(platform: ScriptedPlatform) -> None:
    platform.answers = [DEAD]
    ask()

    staff = new_staff("dispatch.view_send")

    assert token_alarm_of(staff) is None


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (60, "ends on 2027-01-21, in 60 days"),
        (30, "ends on 2027-01-21, in 30 days"),
        (7, "ends on 2027-01-21, in 7 days"),
        (-1, "ended on 2027-01-21"),
    ],
)
def test_a_version_that_ends_raises_an_alarm(
    console: Console, world: World, monkeypatch: pytest.MonkeyPatch, days: int, words: str
) -> None:
    publish(world, api_version="v21.0")
    set_today(monkeypatch, datetime(2027, 1, 21, tzinfo=UTC) - timedelta(days=days))

    alarm = raised(console)["API versions that end"]

    ((line, address),) = alarm.lines
    assert line == f"meta v21.0, used by 1 destination: {words}"
    assert alarm.is_urgent is (days <= 7)
    assert PIXEL in console.client.get(address).content.decode()


def test_a_version_that_lasts_raises_none(console: Console, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(world, api_version="v21.0")
    set_today(monkeypatch, datetime(2026, 11, 21, tzinfo=UTC))

    assert raised(console) == {}


@pytest.mark.usefixtures("world")
def test_what_is_kept_of_a_check_is_no_token(platform: ScriptedPlatform) -> None:
    platform.answers = [DEAD]
    ask()

    with unscoped():
        kept = TokenCheck.objects.values().get()
    assert "token-of-ana" not in str(kept)
    assert kept["checked_at"] <= timezone.now()

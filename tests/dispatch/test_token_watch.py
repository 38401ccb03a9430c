"""The watch over tokens: who is asked when, what is kept, what is cried once, and what parks before a sale fails."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core.netguard import Reason
from apps.dispatch.models import Breaker, BreakerChange, Send, TokenCheck
from apps.dispatch.services import release_parked
from apps.dispatch.tokens import services
from apps.dispatch.tokens.rules import Inspection, State
from apps.funnels.models import Destination
from apps.funnels.services import create_funnel, publish_funnel, replace_token
from apps.tenants.scoping import tenant_scope, unscoped
from tests.dispatch.tokens import ask, debug, in_days, make_due, the_check
from tests.logs import capture_logs
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.worlds import LANDING, PIXEL, World, hotmart

DEAD = debug(is_valid=False, error={"code": 190, "subcode": 463})


def the_destination(**which: Any) -> Destination:
    with unscoped():
        found: Destination = Destination.objects.get(**which)
    return found


def add_destination(world: World, pixel_id: str, token: str, **changes: Any) -> None:
    destination = {"platform": "meta", "pixel_id": pixel_id, "access_token": token, **changes}
    with tenant_scope(world.tenant_id):
        funnel = create_funnel({"name": pixel_id, "landing_url": LANDING, "destinations": [destination]})
        publish_funnel(funnel)


def statuses() -> list[str]:
    with unscoped():
        return list(Send.objects.order_by("pk").values_list("status", flat=True))


def test_a_token_is_asked_about_once_an_hour(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [debug()]

    asked = [ask(), ask()]
    first = the_check()
    make_due()
    asked.append(ask())

    assert asked == [1, 0, 1]
    assert (first.state, first.problem, first.tenant_id) == ("never", "", world.tenant_id)
    assert first.token_saved_at == the_destination().token_saved_at
    assert timedelta(minutes=50) < first.next_at - first.checked_at < timedelta(minutes=70)
    assert first.scopes == ["ads_management"]


def test_both_clocks_are_kept(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [debug(expires_at=in_days(60), data_access_expires_at=in_days(90))]

    ask()

    check = the_check()
    assert check.state == "expires"
    assert check.expires_at and check.data_access_expires_at
    assert round((check.data_access_expires_at - check.expires_at).total_seconds()) == 30 * 86_400
    assert check.alarmed_at is None


def test_a_new_token_is_asked_about_at_once_and_begins_anew(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [debug(expires_at=in_days(0.5)), debug()]
    ask()
    with unscoped():
        replace_token(the_destination(), "another")

    asked = ask()

    check = the_check()
    assert asked == 1
    assert platform.tokens == ["Bearer token-of-ana", "Bearer another"]
    assert (check.state, check.expires_at, check.alarmed_at) == ("never", None, None)


@pytest.mark.usefixtures("world")
def test_who_will_not_say_is_unknown_and_asked_again_the_next_day(platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(100)]

    ask()

    check = the_check()
    assert (check.state, check.problem, check.alarmed_at) == ("unknown", "graph_100", None)
    assert check.next_at - check.checked_at > timedelta(hours=21)


@pytest.mark.usefixtures("world")
def test_silence_says_nothing_and_is_never_called_valid(platform: ScriptedPlatform) -> None:
    platform.answers = [(502, b"<html>")]

    ask()

    check = the_check()
    assert (check.state, check.problem) == ("unknown", "http_502")
    assert check.next_at - check.checked_at < timedelta(minutes=70)


@pytest.mark.usefixtures("world")
def test_what_was_known_stands_for_a_day_of_silence(platform: ScriptedPlatform) -> None:
    platform.answers = [debug(expires_at=in_days(40)), (502, b"<html>")]
    ask()
    known = the_check()
    make_due()
    ask()
    kept = the_check()
    with unscoped():
        TokenCheck.objects.update(checked_at=timezone.now() - timedelta(days=1, seconds=1))
    make_due()
    ask()

    assert (kept.state, kept.expires_at, kept.checked_at) == ("expires", known.expires_at, known.checked_at)
    assert kept.problem == "http_502"
    assert (the_check().state, the_check().expires_at) == ("unknown", None)


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("clock", ["expires_at", "data_access_expires_at"])
def test_less_than_a_day_left_is_cried_once(platform: ScriptedPlatform, clock: str) -> None:
    platform.answers = [debug(**{clock: in_days(0.9)})]

    with capture_logs() as lines:
        ask()
        make_due()
        ask()

    cries = [line for line in lines if line["event"] == "token.alarm"]
    assert [(line["log_level"], line["status"], line["rows"]) for line in cries] == [("error", "expires", 1)]
    assert cries[0]["destination_id"] == str(the_destination().pk)
    assert the_check().alarmed_at is not None
    with unscoped():
        assert not Breaker.objects.exclude(parked_reason="").exists()


@pytest.mark.usefixtures("world")
def test_more_than_a_day_left_is_not_cried(platform: ScriptedPlatform) -> None:
    platform.answers = [debug(expires_at=in_days(1.1))]

    with capture_logs() as lines:
        ask()

    assert [line["event"] for line in lines if line["log_level"] == "error"] == []


def test_a_dead_token_parks_before_a_sale_fails(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [DEAD]

    with capture_logs() as lines:
        ask()
        make_due()
        ask()
    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()

    with unscoped():
        breaker = Breaker.objects.get()
        changes = list(BreakerChange.objects.values_list("what", "reason"))
    assert (breaker.parked_reason, breaker.retry_at) == ("graph_190_463", None)
    assert changes == [("parked", "graph_190_463")]
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["token.alarm", "destination.parked"]
    assert platform.received == []
    assert statuses() == ["parked"]


def test_a_new_token_frees_what_the_watch_parked(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [DEAD]
    ask()
    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()
    platform.answers = [ACCEPT]

    with unscoped():
        replace_token(the_destination(), "a-new-token")
        released = release_parked()
    world.run_stages()

    assert released == 1
    assert statuses() == ["accepted"]


@pytest.mark.parametrize("answer", [graph_error(190), graph_error(200), debug(is_valid=False, error={"code": 100})])
def test_a_doubt_parks_nothing(world: World, platform: ScriptedPlatform, answer: Any) -> None:
    platform.answers = [answer]
    ask()
    platform.answers = [ACCEPT]

    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()

    assert the_check().state == "unknown"
    assert statuses() == ["accepted"]


def test_destinations_that_share_a_token_are_asked_about_once(world: World, platform: ScriptedPlatform) -> None:
    add_destination(world, "222", "token-of-ana")
    add_destination(world, "333", "another")
    platform.answers = [DEAD]

    with capture_logs() as lines:
        asked = ask()

    assert asked == 3
    assert sorted(platform.tokens) == ["Bearer another", "Bearer token-of-ana"]
    assert sorted(line["rows"] for line in lines if line["event"] == "token.alarm") == [1, 2]
    with unscoped():
        assert Breaker.objects.filter(parked_reason="graph_190_463").count() == 3


def test_platforms_that_tell_nothing_are_not_asked(world: World, platform: ScriptedPlatform) -> None:
    add_destination(world, "C4D2", "tiktok-token", platform="tiktok")
    add_destination(world, "own", "key", platform="http", base_url=platform.url)
    platform.answers = [debug()]

    asked = ask()

    assert asked == 1
    assert platform.tokens == ["Bearer token-of-ana"]
    with unscoped():
        assert TokenCheck.objects.count() == 1


@pytest.mark.usefixtures("world")
def test_a_token_saved_while_the_old_one_was_asked_about_is_not_judged_by_it() -> None:
    with unscoped():
        (row,) = services._claim(10)
        replace_token(the_destination(), "a-new-token")
        (newer,) = services._claim(10)
        services.keep_inspection([row], Inspection(state=State.INVALID), timezone.now())

    assert newer.access_token == "a-new-token"
    assert (the_check().state, the_check().problem) == ("unknown", "unchecked")
    with unscoped():
        assert Breaker.objects.count() == 0


@pytest.mark.usefixtures("world")
def test_a_claim_is_nobody_elses_and_lapses(platform: ScriptedPlatform) -> None:
    platform.answers = [debug()]
    with unscoped():
        taken = [len(services._claim(10)), len(services._claim(10))]
        unchecked = the_check()
    make_due()

    assert taken == [1, 0]
    assert (unchecked.state, unchecked.problem) == ("unknown", "unchecked")
    assert timedelta(minutes=9) < unchecked.next_at - timezone.now() < timedelta(minutes=11)
    assert ask() == 1


def test_a_throttle_ends_the_run(world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "CLAIMED_AT_ONCE", 1)
    for number in range(3):
        add_destination(world, f"{number}", f"token-{number}")
    platform.answers = [graph_error(4)]
    platform.headers = {"Retry-After": "7200"}

    asked = ask()

    assert asked == 1
    check = the_check()
    assert check.problem == "graph_4"
    assert check.next_at - check.checked_at > timedelta(minutes=105)


def test_a_run_ends_in_time_and_the_next_one_goes_on(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "CLAIMED_AT_ONCE", 2)
    for number in range(4):
        add_destination(world, f"{number}", f"token-{number}")
    platform.answers = [debug()]
    ticks = iter([0.0, 0.0, services.RUN_SECONDS])
    monkeypatch.setattr(services, "time", SimpleNamespace(monotonic=lambda: next(ticks, 0.0)))

    first = ask()
    second = ask()

    assert (first, second) == (2, 3)


def test_a_draft_that_was_never_published_is_asked_about_where_it_says(
    world: World, platform: ScriptedPlatform
) -> None:
    with tenant_scope(world.tenant_id):
        values = {"platform": "meta", "pixel_id": "9", "access_token": "draft-token", "base_url": platform.url}
        create_funnel({"name": "Draft", "landing_url": LANDING, "destinations": [values]})
    platform.answers = [debug()]

    asked = ask()

    assert asked == 2
    assert "Bearer draft-token" in platform.tokens


def test_the_hubs_version_is_asked_whatever_the_destinations_own(world: World, platform: ScriptedPlatform) -> None:
    world.patch(
        f"funnels/{world.funnel.pk}",
        {"destinations": [{"platform": "meta", "pixel_id": PIXEL, "api_version": "v20.0"}]},
    )
    world.post(f"funnels/{world.funnel.pk}/publish")
    platform.answers = [debug()]

    ask()

    assert [path.split("?")[0] for path in platform.paths] == ["/v26.0/debug_token"]


def test_the_number_of_statements_does_not_grow_with_the_destinations(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [debug()]
    with CaptureQueriesContext(connection) as few:
        ask()
    for number in range(10):
        add_destination(world, f"{number}", "token-of-ana")
    make_due()
    with CaptureQueriesContext(connection) as many:
        asked = ask()

    writes = [
        query for query in many.captured_queries if query["sql"].startswith('UPDATE "dispatch_tokencheck" SET "ten')
    ]
    assert asked == 11
    assert len(many) - len(writes) <= len(few) + 2


@pytest.mark.usefixtures("world")
def test_a_platform_that_cannot_be_reached_leaves_a_word(settings: Any) -> None:
    settings.META_GRAPH_URL = "http://127.0.0.1:9"

    ask()

    assert (the_check().state, the_check().problem) == ("unknown", Reason.CONNECT.value)

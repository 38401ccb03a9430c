"""GET /destinations: how each destination does, in words, for its own account alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.dispatch.health import selectors
from apps.dispatch.models import Breaker, PlatformBreaker, Send
from apps.funnels.models import Destination
from apps.funnels.services import replace_token
from apps.tenants.scoping import unscoped
from tests.dispatch.test_canary_versions import publish
from tests.dispatch.test_token_watch import add_destination
from tests.dispatch.tokens import ask, debug, in_days
from tests.platforms import ScriptedPlatform, graph_error
from tests.worlds import PIXEL, World, hotmart

ENGLISH = {"Accept-Language": "en"}


def read(world: World, path: str = "destinations", **query: str) -> Any:
    answer = world.client.get(f"/api/v1/{path}", query, headers={**world.auth, **ENGLISH})
    assert answer.status_code == 200, answer.content
    return answer.json()


def the_one(world: World) -> dict[str, Any]:
    (found,) = read(world)["results"]
    assert isinstance(found, dict)
    return found


def set_breaker(**changes: Any) -> None:
    with unscoped():
        destination = Destination.objects.get()
        Breaker.objects.update_or_create(
            destination=destination,
            defaults={"tenant_id": destination.tenant_id, "token_saved_at": destination.token_saved_at, **changes},
        )


def test_a_destination_that_nothing_was_sent_to(world: World, platform: ScriptedPlatform) -> None:
    with unscoped():
        row = Destination.objects.get()

    assert the_one(world) == {
        "id": str(row.pk),
        "funnel_id": str(world.funnel.pk),
        "platform": "meta",
        "pixel_id": PIXEL,
        "standing": "ok",
        "until": None,
        "parked_since": None,
        "reason": "",
        "sentence": "Events are sent as they come.",
        "next_step": "Nothing needs to be done.",
        "backlog": {"waiting": 0, "parked": 0, "has_more": False, "earliest_deadline": None},
        "breaker": None,
        "api_version": "v26.0",
        "canary": None,
        "token_saved_at": row.token_saved_at.isoformat().replace("+00:00", "Z"),
        "token": {
            "state": "unknown",
            "expires_at": None,
            "data_access_expires_at": None,
            "checked_at": None,
            "renewed_at": None,
            "scopes": [],
            "problem": "",
            "sentence": "The token has not been checked yet: that happens within a few minutes.",
        },
    }


def test_a_parked_destination_says_why_and_what_to_do(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(190, 463)]
    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()

    found = the_one(world)

    with unscoped():
        deadline = Send.objects.get().deadline
    assert (found["standing"], found["reason"]) == ("parked", "graph_190_463")
    assert found["parked_since"] is not None
    assert found["sentence"] == "The platform does not accept the access token any more."
    assert found["next_step"].startswith("Make a new token")
    assert (found["backlog"]["parked"], found["backlog"]["waiting"]) == (1, 0)
    assert found["backlog"]["earliest_deadline"] == deadline.isoformat().replace("+00:00", "Z")


def test_what_waits_is_counted(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [(503, b"")]
    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()

    found = the_one(world)

    assert found["standing"] == "ok"
    assert found["backlog"]["waiting"] == 1
    assert (found["breaker"]["state"], found["breaker"]["failures"]) == ("closed", 1)


def test_nobody_counts_a_million(world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "COUNTED_UP_TO", 2)
    platform.answers = [(503, b"")]
    for number in range(3):
        world.post_webhook(hotmart(order_id=f"HP{number}"))
    world.run_stages()

    backlog = the_one(world)["backlog"]

    assert (backlog["waiting"], backlog["has_more"]) == (2, True)


@pytest.mark.parametrize(
    ("changes", "standing", "sentence"),
    [
        ({"paused_until": 5}, "paused", "The platform asked for a pause until "),
        ({"state": "open", "retry_at": 5}, "open", "The last requests failed by the platform's fault. The next try"),
        ({"state": "open", "retry_at": -5}, "probing", "The last requests failed by the platform's fault. A single"),
        ({"state": "half_open", "retry_at": 5}, "open", "The last requests failed"),
        ({"paused_until": -5}, "ok", "Events are sent as they come."),
        ({"state": "open", "retry_at": 5, "paused_until": 9}, "paused", "The platform asked for a pause until "),
        ({"state": "open", "retry_at": 5, "parked_reason": "graph_190"}, "parked", "The platform does not accept"),
    ],
)
def test_how_it_stands(world: World, changes: dict[str, Any], standing: str, sentence: str) -> None:
    now = timezone.now()
    times = {name: now + timedelta(minutes=value) for name, value in changes.items() if isinstance(value, int)}
    set_breaker(**{**changes, **times})

    found = the_one(world)

    assert found["standing"] == standing
    assert found["sentence"].startswith(sentence)
    assert (found["until"] is None) is (standing in ("ok", "parked", "probing"))


def test_a_platform_that_is_down_is_told_at_its_destinations(world: World, platform: ScriptedPlatform) -> None:
    with unscoped():
        PlatformBreaker.objects.create(
            platform="meta",
            host=platform.url,
            state="open",
            retry_at=timezone.now() + timedelta(minutes=1),
            reason="http_503",
        )
        PlatformBreaker.objects.create(platform="meta", host="https://elsewhere.example.com", state="closed")

    found = the_one(world)

    assert (found["standing"], found["reason"]) == ("open", "http_503")


@pytest.mark.parametrize(
    ("answer", "state", "sentence"),
    [
        (debug(), "never", "The token does not end by itself."),
        (debug(expires_at=in_days(40)), "expires", "The token ends on "),
        (debug(expires_at=in_days(0.5)), "expires", "in less than a day. Save a new one before that."),
        (debug(data_access_expires_at=in_days(-1)), "expires", "The token's time ran out on "),
        (debug(is_valid=False), "invalid", "The token does not work any more."),
        (graph_error(100), "unknown", "The platform does not tell when this token ends."),
    ],
)
def test_the_token_in_a_sentence(
    world: World, platform: ScriptedPlatform, answer: Any, state: str, sentence: str
) -> None:
    platform.answers = [answer]
    ask()

    token = the_one(world)["token"]

    assert token["state"] == state
    assert sentence in token["sentence"]
    assert token["checked_at"] is not None


def test_what_is_known_of_an_earlier_token_is_not_said_of_the_new_one(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [debug(is_valid=False)]
    ask()
    with unscoped():
        replace_token(Destination.objects.get(), "a-new-token")

    token = the_one(world)["token"]

    assert (token["state"], token["checked_at"]) == ("unknown", None)


def test_platforms_that_tell_nothing_say_so(world: World, platform: ScriptedPlatform) -> None:
    add_destination(world, "C4D2", "t", platform="tiktok")

    token = next(row["token"] for row in read(world)["results"] if row["platform"] == "tiktok")

    assert token["state"] == "unknown"
    assert token["sentence"].startswith("This platform does not tell when a token ends.")


def test_the_version_in_use_and_the_one_on_trial(world: World, platform: ScriptedPlatform) -> None:
    publish(world, api_version="v25.0", canary_version="v27.0", canary_percent=5)

    first = the_one(world)
    set_breaker(refused_version="v27.0")
    second = the_one(world)
    set_breaker(refused_version="v25.0")
    third = the_one(world)

    assert (first["api_version"], first["canary"]) == (
        "v25.0",
        {"version": "v27.0", "percent": 5, "is_given_up": False},
    )
    assert second["canary"]["is_given_up"] is True
    assert (third["api_version"], third["canary"]["is_given_up"]) == ("v26.0", False)


def test_a_token_is_in_no_answer(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [debug()]
    ask()

    answer = world.get("destinations")

    assert b"token-of-ana" not in answer.content


def test_one_destination_by_its_id(world: World, other_world: World) -> None:
    with unscoped():
        own, foreign = (str(one.funnel.destinations.get().pk) for one in (world, other_world))

    assert read(world, f"destinations/{own}") == the_one(world)
    assert world.get(f"destinations/{foreign}").status_code == 404
    assert world.get("destinations/00000000-0000-0000-0000-000000000000").status_code == 404
    assert [row["id"] for row in read(world)["results"]] == [own]


def test_nobody_reads_without_a_key(world: World) -> None:
    assert world.client.get("/api/v1/destinations").status_code == 401


def test_pages_newest_first(world: World) -> None:
    for number in range(3):
        add_destination(world, f"new-{number}", "t")

    first = read(world, page_size="3")
    second = world.client.get(first["next"], headers=world.auth).json()

    assert [row["pixel_id"] for row in first["results"]] == ["new-2", "new-1", "new-0"]
    assert [row["pixel_id"] for row in second["results"]] == [PIXEL]


def test_the_number_of_statements_does_not_grow_with_the_page(world: World) -> None:
    read(world)
    with CaptureQueriesContext(connection) as few:
        read(world)
    for number in range(5):
        add_destination(world, f"new-{number}", "t")
    read(world)  # the new version's configuration is remembered
    with CaptureQueriesContext(connection) as many:
        assert len(read(world)["results"]) == 6

    assert len(many) == len(few)


def test_a_draft_that_was_never_published_is_shown_too(world: World) -> None:
    world.post(
        "funnels",
        {"name": "Draft", "destinations": [{"platform": "meta", "pixel_id": "9", "access_token": "t"}]},
    )

    assert [row["pixel_id"] for row in read(world)["results"]] == ["9", PIXEL]

"""A version on trial: what it does not accept, the version in use decides; one that is to blame is given up."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.dispatch.models import Attempt, Batch, Breaker, PlatformBreaker, Send
from apps.dispatch.services import targets
from apps.sandbox.models import ReceivedEvent
from apps.tenants.scoping import unscoped
from tests.logs import capture_logs
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.sandbox_server import sandbox_server
from tests.worlds import PIXEL, World, hotmart

NEW, OWN, HUBS = "v27.0", "v25.0", "v26.0"
DOWN = (503, b"<html>")


def publish(world: World, **changes: Any) -> None:
    destination = {"platform": "meta", "pixel_id": PIXEL, **changes}
    world.patch(f"funnels/{world.funnel.pk}", {"destinations": [destination]})
    assert world.post(f"funnels/{world.funnel.pk}/publish").status_code == 200


def sell(world: World, *orders: str) -> None:
    for order in orders:
        world.post_webhook(hotmart(order_id=order))
    world.run_stages()


def answer_at(platform: ScriptedPlatform, version: str, answer: Any) -> None:
    """This at one version, and an acceptance at all others."""
    platform.judge_path = lambda path: answer if path.startswith(f"/{version}/") else ACCEPT


def versions(platform: ScriptedPlatform) -> list[str]:
    return [path.split("/")[1] for path in platform.paths]


def batches() -> list[tuple[str, str]]:
    with unscoped():
        return list(Batch.objects.order_by("pk").values_list("api_version", "outcome"))


def sends() -> list[tuple[str, str, bool]]:
    with unscoped():
        return list(Send.objects.order_by("pk").values_list("status", "reason", "is_unsure"))


def refused_version() -> str:
    with unscoped():
        return str(Breaker.objects.get().refused_version)


@pytest.fixture
def dice(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Decides what share of the requests a request belongs to: 0 the first, just under 1 the last."""

    def throw(value: float) -> None:
        monkeypatch.setattr(targets, "random", lambda: value)

    return throw


@pytest.mark.parametrize(
    ("share", "version"), [((10, 0.0999), NEW), ((10, 0.1), HUBS), ((0, 0.0), HUBS), ((100, 0.9999), NEW)]
)
def test_a_share_of_the_requests_tries_the_new_version(
    world: World, platform: ScriptedPlatform, dice: Callable[[float], None], share: tuple[int, float], version: str
) -> None:
    percent, value = share
    publish(world, canary_version=NEW, canary_percent=percent)
    dice(value)

    sell(world, "HP1")

    assert versions(platform) == [version]
    assert batches() == [(version, "accepted")]
    assert world.event("HP1")["attempts"][0]["api_version"] == version


@pytest.mark.parametrize(
    "refusal",
    [graph_error(2500), graph_error(2635), graph_error(100), graph_error(190), graph_error(10), graph_error(777)],
    ids=["unknown version", "ended version", "bad parameter", "token", "permission", "never seen"],
)
def test_what_the_new_version_refuses_and_the_one_in_use_accepts_gives_it_up_at_once(
    world: World, platform: ScriptedPlatform, refusal: Any
) -> None:
    publish(world, canary_version=NEW, canary_percent=100)
    answer_at(platform, NEW, refusal)

    with capture_logs() as lines:
        sell(world, "HP1")
        sell(world, "HP2")

    assert versions(platform) == [NEW, HUBS, HUBS]
    assert sends() == [("accepted", "accepted", False)] * 2
    assert refused_version() == NEW
    given_up = [line for line in lines if line["event"] == "version.given_up"]
    assert [(line["log_level"], line["platform"], line["version"]) for line in given_up] == [("error", "meta", NEW)]
    assert not [line for line in lines if line["event"] == "destination.parked"]


def test_both_tries_are_in_the_story_of_the_event(world: World, platform: ScriptedPlatform) -> None:
    publish(world, canary_version=NEW, canary_percent=100)
    answer_at(platform, NEW, graph_error(100))

    sell(world, "HP1")

    tries = world.event("HP1")["attempts"]
    assert [(row["number"], row["api_version"], row["outcome"]) for row in tries] == [
        (1, NEW, "permanent"),
        (2, HUBS, "accepted"),
    ]
    assert len(set(platform.event_ids)) == 1


def test_what_both_refuse_is_the_events_own_fault(world: World, platform: ScriptedPlatform) -> None:
    publish(world, canary_version=NEW, canary_percent=100)
    platform.answers = [graph_error(100)]

    sell(world, "HP1")

    assert versions(platform) == [NEW, HUBS]
    assert sends() == [("dead", "graph_100", False)]
    assert refused_version() == ""


def test_a_dead_token_parks_whatever_version_says_so_first(world: World, platform: ScriptedPlatform) -> None:
    publish(world, canary_version=NEW, canary_percent=100)
    platform.answers = [graph_error(190, 463)]

    sell(world, "HP1")

    assert versions(platform) == [NEW, HUBS]
    assert sends() == [("parked", "graph_190_463", False)]
    assert refused_version() == ""


def test_too_many_requests_are_not_made_more(world: World, platform: ScriptedPlatform) -> None:
    publish(world, canary_version=NEW, canary_percent=100)
    platform.answers = [graph_error(4)]

    sell(world, "HP1")

    assert versions(platform) == [NEW]
    assert refused_version() == ""


def test_a_guilty_event_among_good_ones_is_found_at_the_version_in_use(
    world: World, platform: ScriptedPlatform
) -> None:
    publish(world, canary_version=NEW, canary_percent=100)
    guilty = hotmart(order_id="HP2", price=13.13)
    platform.judge = lambda body: (
        graph_error(100, 2804009) if any(event["custom_data"]["value"] == 13.13 for event in body["data"]) else ACCEPT
    )
    world.post_webhook(hotmart(order_id="HP1"))
    world.post_webhook(guilty)
    world.post_webhook(hotmart(order_id="HP3"))

    world.run_stages()

    assert versions(platform)[:2] == [NEW, HUBS]
    assert set(versions(platform)[2:]) == {HUBS}
    assert [world.event(order)["status"] for order in ("HP1", "HP2", "HP3")] == ["accepted", "dead", "accepted"]
    assert refused_version() == ""


def test_failures_give_it_up_when_there_are_three_that_the_other_made_good(
    world: World, platform: ScriptedPlatform
) -> None:
    publish(world, canary_version=NEW, canary_percent=100)
    answer_at(platform, NEW, DOWN)

    given_up = []
    for order in ("HP1", "HP2", "HP3", "HP4"):
        sell(world, order)
        given_up.append(refused_version())

    assert given_up == ["", "", NEW, NEW]
    assert versions(platform) == [NEW, HUBS, NEW, HUBS, NEW, HUBS, HUBS]
    assert {status for status, _reason, _is_unsure in sends()} == {"accepted"}


def test_a_version_on_trial_opens_no_breaker(world: World, platform: ScriptedPlatform) -> None:
    publish(world, canary_version=NEW, canary_percent=100)
    answer_at(platform, NEW, DOWN)

    sell(world, "HP1")

    with unscoped():
        assert Breaker.objects.get().failures == 0
        assert PlatformBreaker.objects.get().failures == 0
        assert list(Send.objects.values_list("failures", "strikes")) == [(0, 0)]


def test_an_outage_is_nobodys_version(world: World, platform: ScriptedPlatform) -> None:
    publish(world, canary_version=NEW, canary_percent=100)
    platform.answers = [DOWN]

    sell(world, "HP1")

    assert versions(platform) == [NEW, HUBS]
    assert [status for status, _reason, _is_unsure in sends()] == ["retrying"]
    assert refused_version() == ""
    with unscoped():
        assert Breaker.objects.get().failures == 1


def test_what_may_have_arrived_by_the_new_version_is_sent_again_and_marked(
    world: World, platform: ScriptedPlatform
) -> None:
    publish(world, canary_version=NEW, canary_percent=100)
    answer_at(platform, NEW, (200, b"<html>"))

    sell(world, "HP1")

    assert batches() == [(NEW, "ambiguous"), (HUBS, "accepted")]
    assert sends() == [("accepted", "accepted_on_resend", True)]


def test_what_may_have_arrived_stays_marked_through_the_search_for_a_guilty_event(
    world: World, platform: ScriptedPlatform
) -> None:
    publish(world, canary_version=NEW, canary_percent=100)
    platform.answers = [(200, b"<html>"), graph_error(100), ACCEPT]
    world.post_webhook(hotmart(order_id="HP1"))
    world.post_webhook(hotmart(order_id="HP2"))

    world.run_stages()

    assert sends() == [("accepted", "accepted_on_resend", True)] * 2


def test_the_version_in_use_may_be_the_destinations_own(world: World, platform: ScriptedPlatform) -> None:
    publish(world, api_version=OWN, canary_version=NEW, canary_percent=100)
    answer_at(platform, NEW, graph_error(100))

    sell(world, "HP1")

    assert versions(platform) == [NEW, OWN]


@pytest.mark.parametrize("refusal", [graph_error(2500), graph_error(2635)])
def test_a_destinations_own_version_that_is_not_served_gives_way_to_the_hubs(
    world: World, platform: ScriptedPlatform, refusal: Any
) -> None:
    publish(world, api_version="v99.0")
    answer_at(platform, "v99.0", refusal)

    sell(world, "HP1")
    sell(world, "HP2")

    assert versions(platform) == ["v99.0", HUBS, HUBS]
    assert sends() == [("accepted", "accepted", False)] * 2
    assert refused_version() == "v99.0"


def test_with_its_own_version_refused_a_destination_tries_no_other(world: World, platform: ScriptedPlatform) -> None:
    publish(world, api_version="v99.0", canary_version=NEW, canary_percent=100)
    platform.judge_path = lambda path: ACCEPT if path.startswith(f"/{HUBS}/") else graph_error(2500)

    sell(world, "HP1")
    sell(world, "HP2")

    assert versions(platform) == [NEW, "v99.0", HUBS, HUBS]
    assert sends() == [("accepted", "accepted", False)] * 2
    assert refused_version() == "v99.0"


def test_a_version_whose_end_has_passed_is_not_even_asked(world: World, platform: ScriptedPlatform) -> None:
    publish(world, api_version="v20.0", canary_version="v20.0", canary_percent=100)

    sell(world, "HP1")

    assert versions(platform) == [HUBS]
    assert world.event("HP1")["attempts"][0]["api_version"] == HUBS
    assert refused_version() == ""


def test_when_the_hubs_own_version_is_refused_all_waits_and_is_asked_again_within_the_hour(
    world: World, platform: ScriptedPlatform
) -> None:
    platform.answers = [graph_error(2635)]

    sell(world, "HP1")

    assert versions(platform) == [HUBS]
    assert sends() == [("parked", "graph_2635", False)]
    with unscoped():
        assert Breaker.objects.get().retry_at is not None


def test_a_crash_between_the_two_requests_loses_nothing(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(world, canary_version=NEW, canary_percent=100)

    def answer(path: str) -> Any:
        if not path.startswith(f"/{NEW}/"):
            raise ConnectionAbortedError
        return DOWN

    platform.judge_path = answer
    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()

    with unscoped():
        send = Send.objects.get()
        assert Attempt.objects.count() == 2
    assert (send.status, send.attempts, send.is_unsure) == ("retrying", 2, True)


@pytest.fixture
def stand_in(settings: Any) -> Iterator[None]:
    """The faithful one, which knows when each version ends."""
    with sandbox_server() as url:
        settings.META_GRAPH_URL = url
        yield


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("changes", "refused"),
    [({"canary_version": "v27.0", "canary_percent": 100}, "v27.0"), ({"api_version": "v20.0"}, "v20.0")],
    ids=["unknown", "ended, and our calendar missed it"],
)
def test_the_stand_in_refuses_the_version_and_takes_the_sale_by_another(
    world: World, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], refused: str
) -> None:
    monkeypatch.setattr(targets, "CALENDARS", {})
    publish(world, **changes)

    sell(world, "HP1")
    sell(world, "HP2")

    assert batches() == [(refused, "version"), (HUBS, "accepted"), (HUBS, "accepted")]
    assert refused_version() == refused
    assert list(ReceivedEvent.objects.values_list("verdict", flat=True)) == ["accepted", "accepted"]

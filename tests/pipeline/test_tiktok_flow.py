"""A sale on its way to TikTok: over real HTTP to the stand-in, and through the answers that only a script gives."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from apps.dispatch.models import Send
from apps.dispatch.services import release_parked
from apps.sandbox.models import ReceivedEvent, ReceivedRequest
from apps.tenants.scoping import unscoped
from tests.dispatch.tiktok_cases import digest
from tests.platforms import ScriptedPlatform, scripted_platform, tiktok_answer
from tests.sandbox_server import sandbox_server
from tests.worlds import LANDING, World, hotmart

CODE = "C4D2PIXEL"
TTCLID = "E.C.P.aB3-_"
DESTINATION = {"platform": "tiktok", "pixel_id": CODE, "access_token": "token-of-ana"}
OK = tiktok_answer()


def sell_to_tiktok(world: World, **changes: str) -> None:
    """From now on this account's sales go to TikTok too."""
    world.patch(f"funnels/{world.funnel.pk}", {"destinations": [{**DESTINATION, **changes}]})
    assert world.post(f"funnels/{world.funnel.pk}/publish").status_code == 200


def told(world: World, order_id: str = "HP1") -> dict[str, Any]:
    """What became of the sale at TikTok."""
    [send] = [send for send in world.event(order_id)["sends"] if send["platform"] == "tiktok"]
    found: dict[str, Any] = send
    return found


@pytest.fixture
def tiktok(settings: Any, platform: ScriptedPlatform) -> Iterator[ScriptedPlatform]:
    """A scripted TikTok beside the scripted Meta."""
    with scripted_platform() as running:
        running.answers = [OK]
        settings.TIKTOK_API_URL = running.url
        yield running


@pytest.fixture
def stand_in(settings: Any) -> Iterator[str]:
    """The faithful one, for both platforms."""
    with sandbox_server() as url:
        settings.META_GRAPH_URL = settings.TIKTOK_API_URL = url
        yield url


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stand_in")
def test_a_sale_is_accepted_by_both_platforms_each_in_its_own_words(world: World) -> None:
    sell_to_tiktok(world, test_event_code="TEST7")
    ids = world.click(ttclid=TTCLID, fbclid="IwAR0", consent_ads=True)
    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))

    world.run_stages()

    kept = {event.request.platform: event for event in ReceivedEvent.objects.select_related("request")}
    assert {name: event.verdict for name, event in kept.items()} == {"meta": "accepted", "tiktok": "accepted"}
    request, sent = kept["tiktok"].request, kept["tiktok"].payload
    assert (request.pixel_id, request.test_event_code) == (CODE, "TEST7")
    assert (sent["event"], sent["event_id"]) == ("Purchase", kept["meta"].payload["event_id"])
    assert (sent["user"]["email"], sent["user"]["ttclid"]) == ([digest("beatriz@example.com")], TTCLID)
    assert sent["user"]["phone"] == [digest("+5511987654321")]
    assert kept["meta"].payload["user_data"]["ph"] == [digest("5511987654321")]
    assert (sent["properties"]["value"], sent["properties"]["currency"]) == (197.9, "BRL")
    assert sent["page"] == {"url": LANDING}
    assert (told(world)["status"], world.event("HP1")["status"]) == ("accepted", "accepted")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stand_in")
def test_a_dead_token_parks_only_its_own_destination_until_a_working_one_is_saved(world: World) -> None:
    sell_to_tiktok(world, access_token="revoked-token")
    for order_id in ("HP1", "HP2"):
        world.post_webhook(hotmart(order_id=order_id))
        world.run_stages()
    parked = [told(world, order_id)["status"] for order_id in ("HP1", "HP2")]
    asked = ReceivedRequest.objects.filter(platform="tiktok").count()

    sell_to_tiktok(world, access_token="a-new-token")
    with unscoped():
        release_parked()
    world.run_stages()

    assert (parked, asked) == (["parked", "parked"], 1)
    assert [told(world, order_id)["status"] for order_id in ("HP1", "HP2")] == ["accepted", "accepted"]
    assert ReceivedEvent.objects.filter(request__platform="meta").count() == 2
    codes = ReceivedRequest.objects.filter(platform="tiktok").order_by("pk").values_list("error_code", flat=True)
    assert (codes[0], set(codes[1:])) == (40105, {None})


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stand_in")
def test_a_pixel_that_the_token_may_not_use_parks(world: World) -> None:
    sell_to_tiktok(world, access_token="forbidden-token")
    world.post_webhook(hotmart(order_id="HP1"))

    world.run_stages()

    assert (told(world)["status"], told(world)["reason"]) == ("parked", "tiktok_40001")
    assert not ReceivedEvent.objects.filter(request__platform="tiktok").exists()


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (OK, "accepted", "accepted"),
        (tiktok_answer(20001), "accepted", "accepted"),
        (tiktok_answer(20001, failed_events=[{"index": 0}]), "retrying", "tiktok_20001"),
        (tiktok_answer(40002, "data[0].user.email: no"), "dead", "tiktok_40002"),
        (tiktok_answer(40001), "parked", "tiktok_40001"),
        (tiktok_answer(40105), "parked", "tiktok_40105"),
        (tiktok_answer(40100), "retrying", "tiktok_40100"),
        (tiktok_answer(51021), "retrying", "tiktok_51021"),
        (tiktok_answer(50002), "retrying", "tiktok_50002"),
        (tiktok_answer(49999), "retrying", "tiktok_49999"),
        ((200, b"<html>"), "retrying", "http_200"),
        ((502, b"<html>"), "retrying", "http_502"),
    ],
)
def test_an_answer_of_200_is_read_to_its_code(
    world: World, tiktok: ScriptedPlatform, answer: Any, status: str, reason: str
) -> None:
    sell_to_tiktok(world)
    tiktok.answers = [answer]
    world.post_webhook(hotmart(order_id="HP1"))

    world.run_stages()

    assert (told(world)["status"], told(world)["reason"]) == (status, reason)
    assert tiktok.paths == ["/open_api/v1.3/event/track/"]
    assert [sorted(body) for body in tiktok.received] == [["data", "event_source", "event_source_id"]]


def test_a_throttled_destination_is_left_alone(world: World, tiktok: ScriptedPlatform) -> None:
    sell_to_tiktok(world)
    tiktok.answers = [tiktok_answer(40100)]
    for order_id in ("HP1", "HP2"):
        world.post_webhook(hotmart(order_id=order_id))
        world.run_stages()

    assert len(tiktok.received) == 1
    assert {told(world, order_id)["status"] for order_id in ("HP1", "HP2")} <= {"retrying", "pending"}


def test_a_refused_batch_is_halved_and_only_the_guilty_event_dies(world: World, tiktok: ScriptedPlatform) -> None:
    sell_to_tiktok(world)
    tiktok.answers = [tiktok_answer(40002, "data[1].event: no"), OK, tiktok_answer(40002, "data[0].event: no")]
    for order_id in ("HP1", "HP2"):
        world.post_webhook(hotmart(order_id=order_id))

    world.run_stages()

    assert [len(body["data"]) for body in tiktok.received] == [2, 1, 1]
    assert sorted(told(world, order_id)["status"] for order_id in ("HP1", "HP2")) == ["accepted", "dead"]


def test_a_click_id_that_tiktok_refuses_is_left_out_once(world: World, tiktok: ScriptedPlatform) -> None:
    sell_to_tiktok(world)
    tiktok.answers = [tiktok_answer(40002, "data[0].user.ttclid: is malformed"), OK]
    ids = world.click(ttclid=TTCLID, consent_ads=True)
    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))

    world.run_stages()
    with unscoped():
        Send.objects.filter(status="retrying").update(due_at=timezone.now())
    world.run_stages()

    assert [body["data"][0]["user"].get("ttclid") for body in tiktok.received] == [TTCLID, None]
    assert len({body["data"][0]["event_id"] for body in tiktok.received}) == 1
    assert told(world)["status"] == "accepted"


def test_a_destinations_own_address_and_version_are_used(world: World, tiktok: ScriptedPlatform, settings: Any) -> None:
    settings.TIKTOK_API_URL = "http://127.0.0.1:9"
    sell_to_tiktok(world, base_url=tiktok.url, api_version="v1.4")
    world.post_webhook(hotmart(order_id="HP1"))

    world.run_stages()

    assert tiktok.paths == ["/open_api/v1.4/event/track/"]
    assert told(world)["status"] == "accepted"


def test_a_tiktok_that_is_down_takes_nothing_from_meta(world: World, platform: ScriptedPlatform, settings: Any) -> None:
    settings.TIKTOK_API_URL = "http://127.0.0.1:9"
    sell_to_tiktok(world)
    world.post_webhook(hotmart(order_id="HP1"))

    world.run_stages()

    assert (told(world)["status"], told(world)["reason"]) == ("retrying", "connect")
    assert len(platform.event_ids) == 1

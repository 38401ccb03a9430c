"""The story of an event, told over REST: through failure, breaker and recovery, and every other way that it may go."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override

from apps.dispatch.models import Batch, Breaker, BreakerChange, PlatformBreaker, Send
from apps.dispatch.services import expire_overdue, release_parked
from apps.dispatch.story.lines import span
from apps.tenants.scoping import unscoped
from tests.clock import advance
from tests.consents import say
from tests.dispatch.dead import REFUSED, add_pixel, ask_replay, change_sends, run_replays, sell_refused, the_send
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.worlds import PIXEL, World, hotmart

META = f"Meta {PIXEL}"
BUSY = (503, b"busy")
TROUBLE = "The platform had trouble of its own and did not take it."
OPENED = (
    "Too many requests to this destination failed in a row. The hub stopped sending to it: that costs the event "
    "nothing but time. Once a minute a single request tries whether it works again."
)
CLOSED = "A request got through: the destination works again. Sending goes on, gently at first."


@pytest.fixture(autouse=True)
def _in_english(world: World) -> Iterator[None]:
    world.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    with override("en"):
        yield


def pass_time(**length: float) -> None:
    advance(timedelta(**length))


def story(world: World, order_id: str = "HP1") -> list[tuple[str, str]]:
    return [(line["what"], line["text"]) for line in world.event(order_id)["story"]]


def told(world: World, what: str, order_id: str = "HP1") -> list[str]:
    return [text for word, text in story(world, order_id) if word == what]


def words(world: World, order_id: str = "HP1") -> list[str]:
    return [what for what, _text in story(world, order_id)]


def sell(world: World, order_id: str = "HP1", **sale: Any) -> None:
    world.post_webhook(hotmart(order_id=order_id, **sale))
    world.run_stages()


def time_taken() -> str:
    send = the_send()
    assert send.settled_at
    return span(send.settled_at - send.event.created_at)


def fail_until_open(world: World) -> None:
    """Five requests in a row, each after the wait that the one before earned."""
    for seconds in (1, 2, 4, 8, 16):
        world.run_stages()
        pass_time(seconds=seconds * 1.3)
    with unscoped():
        assert Breaker.objects.get().state == "open"


def by_hand(platform: ScriptedPlatform, sent: int) -> str:
    host = platform.url.removeprefix("http://")
    return (
        f"Sent to {host} in a request of {sent} events, this one among them."
        if sent > 1
        else (f"Sent to {host} in a request of its own.")
    )


def utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


# --- Failure, breaker, recovery ---


def test_an_outage_reads_as_a_story(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [BUSY]
    world.post_webhook(hotmart(order_id="HP1"))
    fail_until_open(world)
    for _ in range(3):
        pass_time(seconds=80)
        world.run_stages()
    platform.answers = [ACCEPT]
    pass_time(hours=2)
    world.run_stages()

    host = platform.url.removeprefix("http://")
    with unscoped():
        started = list(Batch.objects.order_by("pk").values_list("started_at", flat=True))
        opened = list(BreakerChange.objects.filter(what="open").order_by("pk").values_list("at", flat=True))
    trying, probing = span(started[4] - started[0]), span(opened[-1] - opened[1])
    assert story(world) == [
        (
            "planned",
            f"Sale HP1 (197.90 BRL) was paid: to be told to {META} as Purchase, until {utc(the_send().deadline)}.",
        ),
        (
            "sent",
            f"Sent to {host} in a request of its own. The answer was HTTP 503. {TROUBLE} "
            f"The same happened 4 more times within {trying}.",
        ),
        ("breaker_opened", OPENED),
        (
            "breaker_probed",
            f"It was tried 3 times within {probing} with a single request each, every time in vain. "
            f"{TROUBLE} Requests of these that held this event: 3.",
        ),
        ("sent", f"Sent to {host} alone, to see whether it works again. The answer was HTTP 200. The platform has it."),
        ("breaker_closed", CLOSED),
        ("accepted", f"Done: {META} has it, {time_taken()} after the hub knew of it, at attempt 9."),
    ]
    assert time_taken().startswith("2 hours")
    assert len(platform.received) == 9
    moments = [line["at"] for line in world.event("HP1")["story"]]
    assert moments == sorted(moments)


def test_what_goes_well_is_told_in_three_sentences(world: World, platform: ScriptedPlatform) -> None:
    sell(world)

    assert story(world)[1:] == [
        ("sent", f"{by_hand(platform, 1)} The answer was HTTP 200. The platform has it."),
        ("accepted", f"Done: {META} has it, {time_taken()} after the hub knew of it, at the first attempt."),
    ]


def test_the_story_is_told_in_the_readers_language(world: World, platform: ScriptedPlatform) -> None:
    sell(world)
    address = f"/api/v1/events/{world.event('HP1')['event_id']}"

    portuguese = world.client.get(address, headers={**world.auth, "accept-language": "pt-BR"}).json()["story"]

    assert [line["what"] for line in portuguese] == words(world)


def test_while_the_breaker_is_open_the_story_says_what_it_waits_for(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [BUSY]
    world.post_webhook(hotmart(order_id="HP1"))
    fail_until_open(world)

    assert story(world)[-2:] == [
        ("breaker_opened", OPENED),
        ("retrying", "It goes out as soon as a request gets through."),
    ]


def test_before_the_breaker_opens_the_story_says_when_it_is_tried_again(
    world: World, platform: ScriptedPlatform
) -> None:
    platform.answers = [BUSY]
    sell(world)
    change_sends("HP1", due_at=timezone.now() + timedelta(minutes=5, seconds=10))

    assert story(world)[-1] == ("retrying", "It is tried again in 5 minutes.")

    change_sends("HP1", due_at=timezone.now())
    assert story(world)[-1] == ("retrying", "It is sent as soon as it is its turn.")


def test_what_comes_during_an_outage_says_so(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [BUSY]
    world.post_webhook(hotmart(order_id="HP1"))
    fail_until_open(world)
    sell(world, "HP2")

    assert story(world, "HP2")[1:] == [
        ("breaker_opened", f"So it was when it came: {OPENED}"),
        ("pending", "It goes out as soon as a request gets through."),
    ]


def test_what_comes_after_an_outage_says_nothing_of_it(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [BUSY]
    world.post_webhook(hotmart(order_id="HP1"))
    fail_until_open(world)
    platform.answers = [ACCEPT]
    pass_time(seconds=80)
    world.run_stages()
    pass_time(seconds=80)
    sell(world, "HP2")

    assert words(world, "HP2") == ["planned", "sent", "accepted"]


def test_the_whole_platforms_outage_is_told_as_such(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [BUSY]
    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()
    with unscoped():
        host = PlatformBreaker.objects.get().host
        for what in ("open", "half_open", "open", "half_open", "closed"):
            BreakerChange.objects.create(platform="meta", host=host, what=what, reason="http_503")
        BreakerChange.objects.create(platform="meta", host="https://elsewhere.example.com", what="open")
        BreakerChange.objects.create(platform="tiktok", host=host, what="open")

    lines = story(world)
    assert [what for what, _text in lines[2:-1]] == ["breaker_opened", "breaker_probed", "breaker_closed"]
    assert lines[2][1].startswith("Several destinations of this platform failed at the same time.")
    assert lines[3][1] == f"It was tried once with a single request, in vain. {TROUBLE}"
    assert lines[4][1] == "A request got through: the platform works again, and so sending goes on for all."


def test_other_destinations_troubles_are_no_part_of_it(
    world: World, other_world: World, platform: ScriptedPlatform
) -> None:
    sell(other_world, "HP9")
    platform.answers = [BUSY]
    sell(world)
    with unscoped():
        theirs = Send.objects.get(event__conversion__order_id="HP9").destination
        for what in ("open", "paused", "parked"):
            BreakerChange.objects.create(destination=theirs, what=what)

    assert words(world) == ["planned", "sent", "retrying"]


# --- Pauses and tokens ---


def test_a_pause_is_told_with_its_length(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(80004)]
    sell(world)

    assert told(world, "sent") == [
        f"{by_hand(platform, 1)} The answer was HTTP 400, error 80004. "
        "The platform gets too many requests and asked for a pause."
    ]
    assert told(world, "paused") == ["The platform got too many requests, and asked for a pause of 2 minutes."]
    with unscoped():
        send = the_send()
        at = timezone.now()
        for minutes in (1, 3):
            BreakerChange.objects.create(
                destination=send.destination, what="paused", at=at, until=at + timedelta(minutes=minutes)
            )

    (pause,) = told(world, "paused")
    assert pause.startswith("The platform got too many requests, and asked 3 times for a pause, for 3 minutes")


def test_a_dead_token_and_its_successor(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(190, 463)]
    sell(world)
    parked = story(world)
    change = {"destinations": [{"platform": "meta", "pixel_id": PIXEL, "access_token": "a-new-token"}]}
    world.patch(f"funnels/{world.funnel.pk}", change)
    with unscoped():
        release_parked()
    platform.answers = [ACCEPT]
    world.run_stages()

    why = "The platform does not accept the access token any more."
    todo = "Make a new token at the platform and save it in the destination. All that waits then goes out by itself."
    assert parked[1:] == [
        ("sent", f"{by_hand(platform, 1)} The answer was HTTP 400, error 190/463. {why}"),
        ("parked", f"{why} Everything for this destination waits until it is mended. {todo}"),
        ("parked", f"It waits. {why} {todo}"),
    ]
    assert words(world)[:4] == ["planned", "sent", "parked", "resumed"]
    assert told(world, "resumed") == ["The destination was mended, or is to be tried again: what waited is sent."]
    assert words(world)[-1] == "accepted"


# --- Batches, repairs, refusals ---


def test_company_in_a_request_is_told(world: World, platform: ScriptedPlatform) -> None:
    for number in range(3):
        world.post_webhook(hotmart(order_id=f"HP{number}"))
    world.run_stages()

    assert told(world, "sent") == [f"{by_hand(platform, 3)} The answer was HTTP 200. The platform has it."]


def test_a_refused_request_is_taken_apart(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    world.post_webhook(hotmart(order_id="HP2"))
    platform.answers = [REFUSED, ACCEPT]
    world.run_stages()

    first, second = told(world, "sent")
    assert first == (
        f"{by_hand(platform, 2)} The answer was HTTP 400, error 100/2804009. "
        "Some event in it was refused, and nobody says which: the request was taken apart to find it."
    )
    assert second == f"{by_hand(platform, 1)} The answer was HTTP 200. The platform has it."
    assert words(world).count("replayed") == 0


def test_what_was_left_out_is_told_where_it_was(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click(fbclid="IwAR0AbCdEfGhIjKlMnOp", consent_ads=True)
    platform.answers = [graph_error(100, 2804001), ACCEPT]
    sell(world, sck=ids["click_id"])
    pass_time(seconds=1)
    world.run_stages()

    assert words(world) == ["planned", "sent", "left_out", "sent", "accepted"]
    assert told(world, "left_out") == ["Left out from here on, since the platform does not take its value: fbc."]


def test_a_death_ends_with_what_to_do(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")

    assert story(world)[-1] == (
        "dead",
        "It was given up. The platform refused it: something in its data is not as it must be. "
        "Look at what was sent and at the platform's answer. When the cause is mended, send it again.",
    )


def test_an_expiry_says_what_kept_it(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [BUSY]
    sell(world)
    change_sends("HP1", deadline=timezone.now() - timedelta(seconds=1))
    with unscoped():
        assert expire_overdue() == 1

    assert story(world)[-1] == (
        "expired",
        "It expired unsent. Its time ran out: no try had got through until then. "
        "It cannot be sent any more. Mend what held it up, so that the next sales arrive in time.",
    )


def test_a_worker_that_died_leaves_an_honest_gap(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [BUSY]
    sell(world)
    with unscoped():
        Send.objects.update(status="sending")
        the_send().tries.get().batch.__class__.objects.update(outcome="", http_status=None)

    lines = story(world)
    assert lines[1][1] == (
        f"{by_hand(platform, 1)} "
        "No answer was recorded: the request is still out, or the worker that made it was stopped."
    )
    assert lines[-1] == ("sending", "It is being sent.")


# --- Replays, consent, exclusions ---


def test_a_replay_is_told_with_who_asked(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    replay = ask_replay(world, ids=[the_send().event.event_id])
    run_replays()
    waiting = words(world)
    world.run_stages()

    assert waiting == ["planned", "sent", "replayed", "pending"]
    assert words(world) == ["planned", "sent", "replayed", "sent", "accepted"]
    assert told(world, "replayed") == [f"{replay['actor']} had it sent again, under the same event id."]


def test_a_press_that_left_no_name_is_told_all_the_same(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    world.post(f"replay/{the_send().event.event_id}")
    world.run_stages()

    assert told(world, "replayed") == ["Somebody had it sent again, under the same event id."]


def test_a_no_ends_the_story(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click(consent_ads=True)
    platform.answers = [BUSY]
    sell(world, sck=ids["click_id"])
    say(world, False, session_id=ids["session_id"])
    pass_time(seconds=2)
    world.run_stages()

    assert story(world)[-1] == (
        "blocked",
        "It was stopped. This person withdrew their consent to ads before it was sent. "
        "Nothing needs to be done. After a new yes of the person it can be sent again.",
    )


def test_what_never_sets_out_has_a_short_story(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click(consent_ads=False)
    sell(world, sck=ids["click_id"])
    with unscoped():
        BreakerChange.objects.create(destination=the_send().destination, what="open")

    assert words(world) == ["planned", "blocked"]
    assert platform.received == []


def test_a_refund_on_the_way_is_told(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [BUSY]
    sell(world)
    world.post_webhook(hotmart("PURCHASE_REFUNDED", order_id="HP1"))
    pass_time(seconds=2)
    world.run_stages()

    assert told(world, "excluded") == [
        "It is not told. The money went back before the sale was told, so it is not told. Nothing needs to be done."
    ]


# --- Several destinations, other events ---


def test_each_sentence_names_its_destination_where_there_are_several(world: World, platform: ScriptedPlatform) -> None:
    add_pixel(world)
    sell(world)

    lines = world.event("HP1")["story"]

    assert f"to be told to {META}, Meta 999 as Purchase" in lines[0]["text"]
    assert lines[0]["destination_id"] is None
    assert sorted(line["text"].split(":")[0] for line in lines[1:]) == sorted([META, "Meta 999"] * 2)
    assert {line["destination_id"] for line in lines[1:]} == {
        send["destination_id"] for send in world.event("HP1")["sends"]
    }


def test_another_stage_of_an_order_is_named(world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", "HP1"))
    world.run_stages()

    (event,) = world.events("HP1")
    detail = world.get(f"events/{event['event_id']}").json()
    assert detail["story"][0]["text"].startswith("AddPaymentInfo of order HP1 (197.90 BRL): to be told to")


def test_a_story_takes_a_fixed_number_of_statements(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [BUSY]
    sell(world)

    def count() -> int:
        event_id = the_send().event.event_id
        with CaptureQueriesContext(connection) as queries:
            assert world.get(f"events/{event_id}").status_code == 200
        return len(queries)

    count()
    before = count()
    for _ in range(3):
        pass_time(seconds=10)
        world.run_stages()

    assert count() == before

"""Page events wait in their session until it is known who the visitor is; then all of them say so."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.clicks.buffer import MOST_AT_ONCE
from apps.clicks.models import PageEvent, Session
from apps.clicks.waiting import waiting_key
from apps.core.identity import hash_email
from apps.core.redis import get_redis
from apps.dispatch.models import CapiEvent, Send
from apps.funnels.models import Funnel
from apps.funnels.selectors import published_configs
from apps.funnels.services import create_funnel, publish_funnel
from apps.pipeline.stages import flush_batch
from apps.pipeline.tasks import drain_buffers, wake_due_lanes
from apps.pipeline.wakeups import WakeUp
from apps.tenants.scoping import tenant_scope, unscoped
from tests.consents import say
from tests.pipeline.visits import PHONE, VISIT, Visit, flush, planned, told, turn_clock
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.worlds import LANDING, PIXEL, World, hotmart

ANA = hash_email("ana@example.com")
FBP = "fb.1.1763640000000.1098765432"


@pytest.fixture
def visit(world: World) -> Visit:
    get_redis().delete(waiting_key(VISIT))
    return Visit(world)


def choose(world: World, **values: str) -> None:
    with tenant_scope(world.tenant_id):
        Funnel.objects.filter(pk=world.funnel.pk).update(**values)
        publish_funnel(Funnel.objects.get(pk=world.funnel.pk))


def buy(visit: Visit, order_id: str = "HP1", **changes: Any) -> None:
    assert visit.world.post_webhook(hotmart(order_id=order_id, **changes)).status_code == 202
    visit.world.run_stages()


def test_a_page_view_is_told_with_the_e_mail_that_was_typed_after_it(visit: Visit, platform: ScriptedPlatform) -> None:
    visit.tell(event_id="hte-first", fbp=FBP)
    visit.tell("identify", email="Ana@Example.com ")
    turn_clock(minutes=31)

    assert flush() == 1
    visit.world.run_stages()

    (event,) = told(platform)
    assert event["event_id"] == "hte-first", "the id that the browser's pixel was given"
    assert event["user_data"] == {
        "em": [ANA],
        "client_ip_address": "127.0.0.1",
        "client_user_agent": PHONE,
        "fbp": FBP,
    }
    assert (event["event_source_url"], event["action_source"]) == (LANDING, "website")
    assert "custom_data" not in event


def test_nothing_goes_while_the_visitor_is_active(visit: Visit, platform: ScriptedPlatform) -> None:
    visit.tell()
    for _page in range(4):
        turn_clock(minutes=29)
        assert flush() == 0
        visit.tell()
    visit.world.run_stages()

    assert (planned(), platform.received) == ([], [])


@pytest.mark.parametrize(("minutes", "events"), [(29.9, 0), (30.1, 1)])
def test_half_an_hour_without_activity_is_the_end_of_waiting(visit: Visit, minutes: float, events: int) -> None:
    visit.tell()
    turn_clock(minutes=minutes)

    assert flush() == events == len(planned())


def test_activity_puts_it_off(visit: Visit) -> None:
    visit.tell()
    turn_clock(minutes=20)
    visit.tell("identify", email="ana@example.com")
    turn_clock(minutes=20)
    assert flush() == 0
    turn_clock(minutes=9)
    assert flush() == 0
    turn_clock(minutes=2)

    assert flush() == 1


def test_after_four_hours_all_goes_however_active_the_visitor_is(visit: Visit) -> None:
    for _twenty_minutes in range(12):
        visit.tell()
        turn_clock(minutes=20)
        flushed = flush()
        assert flushed == (12 if _twenty_minutes == 11 else 0)
    visit.tell()
    turn_clock(minutes=20)

    assert flush() == 0, "what came after waits for its own time"
    assert [name for name, _sends in planned()] == ["PageView"] * 12


def test_a_purchase_is_the_end_of_waiting_and_says_who_it_was(visit: Visit, platform: ScriptedPlatform) -> None:
    click = visit.tell("click", fbclid="IwAR0-Opaque")["click_id"]
    visit.tell(event_id="hte-view")
    visit.tell("view_content", data={"value": 197.9, "currency": "brl", "content_ids": ["curso-1"]})

    buy(visit, sck=click, email="beatriz@example.com")
    assert flush() == 2
    visit.world.run_stages()

    sale = told(platform, "Purchase")[0]["user_data"]
    (view,), (content,) = told(platform), told(platform, "ViewContent")
    assert view["user_data"] == content["user_data"] == sale
    assert sale["em"] == [hash_email("beatriz@example.com")]
    assert {"ph", "fn", "ln", "fbc", "client_user_agent"} <= sale.keys()
    assert content["custom_data"] == {
        "value": 197.9,
        "currency": "BRL",
        "content_ids": ["curso-1"],
        "contents": [{"id": "curso-1", "quantity": 1}],
        "content_type": "product",
    }


def test_a_sale_that_only_might_be_theirs_opens_nothing(visit: Visit) -> None:
    visit.tell()

    buy(visit, email="stranger@example.com")

    assert flush() == 0
    assert [name for name, _sends in planned()] == ["Purchase"]


def test_a_later_visit_of_the_same_browser_goes_with_the_sale(visit: Visit, platform: ScriptedPlatform) -> None:
    """Days later the ad's click id is still in the page's cookie, and in the checkout link."""
    click = visit.tell("click", fbclid="IwAR0-Opaque")["click_id"]
    turn_clock(days=2)
    later = Visit(visit.world, session_id="hts" + "8" * 24)
    later.tell(click_id=click)

    buy(visit, sck=click)
    assert flush() == 1
    visit.world.run_stages()

    (view,) = told(platform)
    assert view["user_data"] == told(platform, "Purchase")[0]["user_data"]
    assert view["user_data"]["fbc"].endswith(".IwAR0-Opaque")


def test_another_tenants_click_is_worth_nothing(visit: Visit, other_world: World, platform: ScriptedPlatform) -> None:
    theirs = other_world.click(fbclid="IwAR0-Theirs", email="bruno@example.com")["click_id"]
    visit.tell(click_id=theirs)

    assert other_world.post_webhook(hotmart(order_id="HP9", sck=theirs)).status_code == 202
    other_world.run_stages()
    assert flush() == 0
    turn_clock(minutes=31)
    assert flush() == 1
    visit.world.run_stages()

    (view,) = told(platform)
    assert view["user_data"] == {"client_ip_address": "127.0.0.1", "client_user_agent": PHONE}


def test_what_an_earlier_purchase_in_the_session_told_is_there_too(visit: Visit, platform: ScriptedPlatform) -> None:
    click = visit.tell("click")["click_id"]
    buy(visit, sck=click)
    visit.tell()
    turn_clock(minutes=31)

    assert flush() == 1
    visit.world.run_stages()

    assert told(platform)[0]["user_data"]["em"] == [hash_email("beatriz@example.com")]


def test_identity_that_comes_after_the_flush_but_before_the_send_is_sent(
    visit: Visit, platform: ScriptedPlatform
) -> None:
    visit.tell()
    turn_clock(minutes=31)
    flush()
    visit.tell("identify", email="ana@example.com")
    with unscoped():
        # The new session of the same visitor took over; the old one is told of it by the page that still has it.
        Session.objects.filter(public_id=VISIT).update(identity={"em": [ANA]}, email_sha256=ANA)
    visit.world.run_stages()

    assert told(platform)[0]["user_data"]["em"] == [ANA]


def test_a_beacon_that_comes_twice_is_one_event(visit: Visit, platform: ScriptedPlatform) -> None:
    for _time in range(3):
        visit.tell(event_id="hte-same")
    turn_clock(minutes=31)

    assert flush() == 1
    visit.world.run_stages()
    visit.tell(event_id="hte-same")
    turn_clock(minutes=31)
    flush()
    visit.world.run_stages()

    assert [event["event_id"] for event in told(platform)] == ["hte-same"]


def test_an_event_without_an_id_is_given_one(visit: Visit) -> None:
    visit.tell()
    turn_clock(minutes=31)
    flush()

    with unscoped():
        assert CapiEvent.objects.get().event_id == PageEvent.objects.get().event_id
        assert CapiEvent.objects.get().event_id.startswith("hte")


def test_an_event_id_names_one_event(visit: Visit) -> None:
    visit.tell(event_id="the-same")
    visit.tell("add_to_cart", event_id="the-same")
    turn_clock(minutes=31)

    assert flush() == 2
    assert [name for name, _sends in planned()] == ["PageView"]


def test_machines_are_not_told_of(world: World) -> None:
    Visit(world, agent="facebookexternalhit/1.1").tell()
    turn_clock(minutes=31)

    assert (flush(), planned()) == (0, [])


def test_a_funnel_that_leaves_it_to_its_pixel_sends_none(visit: Visit) -> None:
    choose(visit.world, page_events="browser_only")
    visit.tell()
    turn_clock(minutes=31)

    assert (flush(), planned()) == (1, [])


@pytest.mark.parametrize("page_events", ["hybrid", "server_only"])
def test_both_other_ways_send_the_servers_copy(visit: Visit, page_events: str) -> None:
    choose(visit.world, page_events=page_events)
    visit.tell()
    turn_clock(minutes=31)
    flush()

    assert planned() == [("PageView", [("pending", "")])]


def test_a_funnel_that_was_never_published_keeps_its_events(visit: Visit) -> None:
    with tenant_scope(visit.world.tenant_id):
        destination = {"platform": "meta", "pixel_id": PIXEL, "access_token": "token-of-ana"}
        draft = create_funnel({"name": "Rascunho", "landing_url": LANDING, "destinations": [destination]})
        visit.world.funnel = draft
    visit.tell()
    turn_clock(minutes=31)
    assert (flush(), planned()) == (0, [])

    with tenant_scope(visit.world.tenant_id):
        publish_funnel(draft)
    turn_clock(minutes=9)

    assert flush() == 1
    assert planned() == [("PageView", [("pending", "")])]


def test_what_waited_a_week_for_a_funnel_to_be_published_is_let_go(visit: Visit) -> None:
    with tenant_scope(visit.world.tenant_id):
        visit.world.funnel = create_funnel({"name": "Rascunho"})
    visit.tell()
    turn_clock(days=6)
    assert flush() == 0
    turn_clock(days=2)

    assert (flush(), planned()) == (1, [])
    with unscoped():
        assert Session.objects.get().flush_at is None


def test_who_refused_is_not_told_of(visit: Visit, platform: ScriptedPlatform) -> None:
    visit.tell()
    say(visit.world, False, session_id=VISIT)
    turn_clock(minutes=31)
    flush()
    visit.world.run_stages()

    assert planned() == [("PageView", [("blocked", "consent")])]
    assert platform.received == []


def test_a_refusal_between_flush_and_send_stops_it(visit: Visit, platform: ScriptedPlatform) -> None:
    visit.tell()
    turn_clock(minutes=31)
    flush()
    say(visit.world, False, session_id=VISIT)

    wake_due_lanes()
    assert planned() == [("PageView", [("blocked", "consent_withdrawn")])]
    visit.world.run_stages()

    assert platform.received == []


def test_a_refusal_of_the_buyer_stops_the_pages_as_well(visit: Visit, platform: ScriptedPlatform) -> None:
    """Said in another browser, found by the hash that the purchase brought."""
    click = visit.tell("click")["click_id"]
    visit.tell()
    buy(visit, sck=click)
    flush()
    other = Visit(visit.world, session_id="hts" + "9" * 24)
    other.tell("identify", email="beatriz@example.com", consent_ads=False)

    wake_due_lanes()
    visit.world.run_stages()

    assert ("PageView", [("blocked", "consent_withdrawn")]) in planned()
    assert told(platform) == []


@pytest.mark.parametrize(("consent", "reached"), [(True, 1), (None, 0)])
def test_silence_blocks_where_the_funnel_says_so(
    visit: Visit, platform: ScriptedPlatform, consent: bool | None, reached: int
) -> None:
    choose(visit.world, unknown_consent="block")
    visit.tell(consent_ads=consent)
    turn_clock(minutes=31)
    flush()
    visit.world.run_stages()

    assert len(told(platform)) == reached


def test_no_sale_waits_behind_page_events(visit: Visit, platform: ScriptedPlatform) -> None:
    for _page in range(5):
        visit.tell()
    turn_clock(minutes=31)
    flush()

    buy(visit)

    assert platform.names == ["Purchase", *["PageView"] * 5]


def test_a_failed_send_is_tried_again_under_the_same_id(visit: Visit, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(2), ACCEPT]
    visit.tell(event_id="hte-again")
    turn_clock(minutes=31)
    flush()
    visit.world.run_stages()
    with unscoped():
        Send.objects.update(due_at="2026-01-01T00:00:00Z")
    visit.world.run_stages()

    assert platform.event_ids == ["hte-again", "hte-again"]
    assert planned()[0][1][0][0] == "accepted"


def test_the_page_told_of_the_checkout_so_the_gateway_does_not(visit: Visit, platform: ScriptedPlatform) -> None:
    click = visit.tell("click")["click_id"]
    visit.tell("initiate_checkout", event_id="hte-checkout")

    visit.world.post_webhook({**hotmart("PURCHASE_OUT_OF_SHOPPING_CART", order_id="HP1", sck=click)})
    visit.world.run_stages()
    turn_clock(minutes=31)
    flush()
    visit.world.run_stages()

    assert [event["event_id"] for event in told(platform, "InitiateCheckout")] == ["hte-checkout"]


def test_redis_shows_what_waits(visit: Visit) -> None:
    visit.tell(event_id="hte-1")
    visit.tell("add_to_cart", event_id="hte-2")
    noted = [json.loads(item) for item in get_redis().lrange(waiting_key(VISIT), 0, -1)]
    shown = visit.world.get(f"sessions/{VISIT}").json()

    assert waiting_key(VISIT) == f"capi:session:{VISIT}"
    assert [(item["event_id"], item["name"]) for item in noted] == [("hte-1", "pageview"), ("hte-2", "add_to_cart")]
    assert shown["waiting"] == noted
    assert 0 < get_redis().ttl(waiting_key(VISIT)) <= 5 * 3600


@pytest.mark.django_db(transaction=True)
def test_redis_forgets_what_went(visit: Visit) -> None:
    visit.tell()
    turn_clock(minutes=31)
    flush()

    assert get_redis().exists(waiting_key(VISIT)) == 0
    shown = visit.world.get(f"sessions/{VISIT}").json()
    assert (shown["waiting"], shown["flush_by"]) == ([], None)


def test_an_empty_redis_loses_nothing(visit: Visit, platform: ScriptedPlatform) -> None:
    visit.tell(event_id="hte-1")
    get_redis().delete(waiting_key(VISIT))
    shown = visit.world.get(f"sessions/{VISIT}").json()
    visit.tell(event_id="hte-2")
    turn_clock(minutes=31)
    flush()
    visit.world.run_stages()

    assert [item["event_id"] for item in shown["waiting"]] == ["hte-1"]
    assert [event["event_id"] for event in told(platform)] == ["hte-1", "hte-2"]


def test_a_session_says_when_its_events_go(visit: Visit, other_world: World) -> None:
    visit.tell(email="ana@example.com")
    shown = visit.world.get(f"sessions/{VISIT}").json()

    assert shown["flush_by"] > shown["last_seen_at"]
    assert (shown["session_id"], shown["known_by"], shown["consent_ads"]) == (VISIT, ["em"], None)
    assert other_world.get(f"sessions/{VISIT}").status_code == 404


def test_the_api_shows_a_page_event(visit: Visit, platform: ScriptedPlatform) -> None:
    visit.tell(event_id="hte-shown")
    turn_clock(minutes=31)
    flush()
    visit.world.run_stages()

    (listed,) = visit.world.get("events", session_id=VISIT).json()["results"]
    detail = visit.world.get("events/hte-shown").json()

    assert (listed["order_id"], listed["gateway"], listed["amount"], listed["currency"]) == (None, None, None, None)
    assert (listed["event_name"], listed["status"], listed["session_id"]) == ("PageView", "accepted", VISIT)
    assert (detail["conversion"], detail["match"]) == (None, None)
    assert (detail["page_event"]["name"], detail["page_event"]["url"]) == ("pageview", LANDING)
    assert len(detail["attempts"]) == 1
    assert detail["consent"]["now"]["answer"] is None


def test_a_page_event_can_be_replayed(visit: Visit, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(100), ACCEPT]
    visit.tell(event_id="hte-dead")
    turn_clock(minutes=31)
    flush()
    visit.world.run_stages()
    assert planned()[0][1][0][0] == "dead"

    assert visit.world.post("replay/hte-dead").status_code == 202
    visit.world.run_stages()

    assert platform.event_ids == ["hte-dead", "hte-dead"]
    assert planned()[0][1][0][0] == "accepted"


def test_the_relay_wakes_the_lane_and_the_lane_empties_it(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[str] = []

    def note(wake_ups: Sequence[WakeUp]) -> int:
        woken.extend(it.task.name for it in wake_ups)
        return len(wake_ups)

    monkeypatch.setattr("apps.pipeline.tasks.send", note)
    visit.tell()
    wake_due_lanes()
    assert woken == []
    turn_clock(minutes=31)

    wake_due_lanes()
    drain_buffers()

    assert woken[0] == "apps.pipeline.tasks.drain_buffers"
    assert [name for name, _sends in planned()] == ["PageView"]


def test_a_page_gone_wild_is_emptied_in_turns(visit: Visit) -> None:
    for number in range(3):
        visit.tell(event_id=f"hte-{number}")
    with unscoped():
        first = PageEvent.objects.earliest("pk")
        PageEvent.objects.bulk_create(
            PageEvent(
                tenant_id=first.tenant_id,
                session_id=first.session_id,
                name="pageview",
                url=LANDING,
                event_id=f"wild-{number}",
                is_buffered=True,
            )
            for number in range(2 * MOST_AT_ONCE)
        )
    turn_clock(minutes=31)

    with unscoped():
        turns = [(flush_batch().rows, CapiEvent.objects.count()) for _turn in range(4)]

    assert turns == [(1, MOST_AT_ONCE), (1, 2 * MOST_AT_ONCE), (1, 2 * MOST_AT_ONCE + 3), (0, 2 * MOST_AT_ONCE + 3)]
    with unscoped():
        assert (PageEvent.objects.filter(is_buffered=True).count(), Session.objects.get().flush_at) == (0, None)


@pytest.mark.parametrize("visits", [1, 30])
def test_a_flush_costs_the_same_statements_for_any_number_of_visits(world: World, visits: int) -> None:
    for number in range(visits):
        visit = Visit(world, session_id=f"hts{number:024d}")
        visit.tell("click", fbclid="IwAR0")
        visit.tell()
    turn_clock(minutes=31)
    with unscoped():
        published_configs([world.funnel.pk])  # read once an hour, whatever comes

    with CaptureQueriesContext(connection) as queries, unscoped():
        flush_batch()

    assert len(queries) == 12
    assert len(planned()) == visits

"""A sale in review on its way: its sends wait, and what is told in the end is what was decided."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.clicks.models import Session
from apps.conversions.facts import OrderFact
from apps.conversions.models import Conversion
from apps.core.identity import hash_email
from apps.dispatch.models import Send
from apps.dispatch.services import release_parked
from apps.funnels.models import Endpoint
from apps.gateways.events import Kind
from apps.matching.models import Match
from apps.matching.services import accept_match, choose_click, reject_match
from apps.pipeline.lanes import find_due_lanes
from apps.pipeline.stages import match_batch
from apps.pipeline.tasks import drain_matches
from apps.tenants.scoping import unscoped
from tests.consents import post_word, sends
from tests.conversions.deliveries import endpoint_of, record
from tests.matching.unsure import (
    BUYER,
    make_older,
    match_all,
    sell_between_two,
    sell_unsure,
    set_funnel,
    the_match,
)
from tests.pipeline.visits import Visit, flush, turn_clock
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.worlds import PIXEL, World, hotmart

FBP, OTHER_FBP = "fb.1.1700000000000.222", "fb.1.1700000000000.111"
DAY_MS = 86_400_000
WAITS = [("pending", "review")]


def accept(order_id: str = "HP1") -> None:
    with unscoped():
        accept_match(the_match(order_id), actor="ana")


def reject(order_id: str = "HP1") -> None:
    with unscoped():
        reject_match(the_match(order_id), actor="ana")


def run_out_of_time() -> None:
    with unscoped():
        Match.objects.update(review_due_at=timezone.now() - timedelta(seconds=1))


def the_send() -> Send:
    with unscoped():
        send: Send = Send.objects.get()
    return send


def sale_sends() -> list[tuple[str, str]]:
    """Of sends, those of orders."""
    with unscoped():
        rows = Send.objects.filter(event__conversion__isnull=False).order_by("pk")
        return list(rows.values_list("status", "reason"))


def told_of_browser(platform: ScriptedPlatform) -> dict[str, Any]:
    """What the one event sent said of the browser."""
    (event,) = (event for body in platform.received for event in body["data"])
    user = event["user_data"]
    return {name: user[name] for name in ("fbp", "client_user_agent") if name in user}


def test_the_sends_of_an_unsure_sale_wait_a_little_longer_than_the_person_may_take(
    world: World, platform: ScriptedPlatform
) -> None:
    sell_unsure(world)

    made = world.run_stages()

    send, due_at = the_send(), the_match().review_due_at
    assert due_at is not None
    assert sends() == WAITS
    assert send.due_at == due_at + timedelta(minutes=10)
    assert (made, platform.received) == (0, [])


def test_they_never_wait_until_no_platform_takes_them_any_more(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click(email=BUYER)
    make_older(ids["session_id"], days=7, hours=18)
    at_ms = int(time.time() * 1000) - 6 * DAY_MS - DAY_MS * 20 // 24
    world.post_webhook(hotmart(order_id="HP1", email=BUYER, at_ms=at_ms))

    world.run_stages()

    send = the_send()
    assert the_match().review == "pending_review"
    assert sends() == WAITS
    assert send.due_at == send.deadline - timedelta(hours=1)


def test_an_accepted_click_is_told(world: World, platform: ScriptedPlatform) -> None:
    sell_unsure(world, fbp=FBP)

    accept()
    world.run_stages()

    assert sends() == [("accepted", "accepted")]
    assert told_of_browser(platform)["fbp"] == FBP


def test_after_a_rejection_the_sale_is_told_without_the_click(world: World, platform: ScriptedPlatform) -> None:
    sell_unsure(world, fbp=FBP)

    reject()
    world.run_stages()

    assert sends() == [("accepted", "accepted")]
    assert told_of_browser(platform) == {}


def test_the_chosen_click_is_told_and_not_the_proposed_one(world: World, platform: ScriptedPlatform) -> None:
    _proposed, other = sell_between_two(world)

    with unscoped():
        choose_click(the_match(), other["click_id"], actor="ana")
    world.run_stages()

    assert sends() == [("accepted", "accepted")]
    assert told_of_browser(platform)["fbp"] == OTHER_FBP


@pytest.mark.parametrize(("policy", "said"), [("accept", FBP), ("unmatched", None)])
def test_when_time_runs_out_the_lane_applies_the_funnels_rule(
    world: World, platform: ScriptedPlatform, policy: str, said: str | None
) -> None:
    set_funnel(world, review_timeout=policy)
    sell_unsure(world, fbp=FBP)
    with unscoped():
        before = find_due_lanes().matches
    run_out_of_time()
    with unscoped():
        due = find_due_lanes().matches

    drain_matches()
    with unscoped():
        after = find_due_lanes().matches
    world.run_stages()

    assert (before, due, after) == (False, True, False)
    assert sends() == [("accepted", "accepted")]
    assert told_of_browser(platform).get("fbp") == said


def test_if_nobody_ever_settles_it_the_sale_is_told_without_the_click(world: World, platform: ScriptedPlatform) -> None:
    sell_unsure(world, fbp=FBP)
    with unscoped():
        Send.objects.update(due_at=timezone.now() - timedelta(seconds=1))

    world.run_stages()

    assert sends() == [("accepted", "accepted")]
    assert told_of_browser(platform) == {}
    assert (the_match().review, the_match().is_used) == ("pending_review", False)


def test_a_fact_that_comes_late_and_settles_it_lets_the_sends_go(world: World, platform: ScriptedPlatform) -> None:
    sell_unsure(world)
    sure = world.click(email=BUYER, fbp=FBP)
    make_older(sure["session_id"], minutes=1)
    with unscoped():
        Conversion.objects.update(match_due_at=timezone.now())

    world.run_stages()

    match = the_match()
    assert match.click is not None
    assert (match.decision, match.review, match.click.public_id) == ("auto", "", sure["click_id"])
    assert sends() == [("accepted", "accepted")]
    assert told_of_browser(platform)["fbp"] == FBP


def test_a_fact_that_comes_late_and_makes_it_unsure_has_the_sends_wait(
    world: World, platform: ScriptedPlatform
) -> None:
    ids = world.click(email=BUYER)
    make_older(ids["session_id"], minutes=30)
    world.post_webhook(hotmart(order_id="HP1", email=BUYER, phone=""))
    match_all()
    before = (the_match().decision, sends())
    make_older(ids["session_id"], days=1)
    with unscoped():
        Conversion.objects.update(match_due_at=timezone.now())

    world.run_stages()

    match = the_match()
    assert before == ("auto", [("pending", "")])
    assert match.review_due_at is not None
    assert (match.review, sends(), platform.received) == ("pending_review", WAITS, [])
    assert the_send().due_at == match.review_due_at + timedelta(minutes=10)


def test_looking_again_without_news_keeps_them_waiting(world: World, platform: ScriptedPlatform) -> None:
    sell_unsure(world)
    before = the_send().due_at
    with unscoped():
        Conversion.objects.update(match_due_at=timezone.now())

    world.run_stages()

    assert (sends(), the_send().due_at, platform.received) == (WAITS, before, [])


def test_a_later_stage_of_a_sale_in_review_waits_with_it(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click(email=BUYER)
    make_older(ids["session_id"], days=1)
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP1"))
    world.run_stages()
    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()
    waiting = sends()

    accept()
    world.run_stages()

    assert waiting == WAITS * 2
    assert sorted(platform.names) == ["AddPaymentInfo", "Purchase"]


def test_what_happens_after_the_decision_waits_no_more(world: World, platform: ScriptedPlatform) -> None:
    ids = world.click(email=BUYER)
    make_older(ids["session_id"], days=1)
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP1"))
    world.run_stages()
    reject()
    world.run_stages()

    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()

    assert platform.names == ["AddPaymentInfo", "Purchase"]


def test_what_happened_on_the_pages_does_not_wait(world: World, platform: ScriptedPlatform) -> None:
    sell_unsure(world)
    Visit(world).tell()

    turn_clock(minutes=31)
    flush()
    world.run_stages()

    assert platform.names == ["PageView"]
    assert sale_sends() == WAITS


def test_what_is_never_told_does_not_wait_either(world: World, platform: ScriptedPlatform) -> None:
    with unscoped():
        Endpoint.objects.filter(funnel=world.funnel, gateway="hotmart").update(rollout="shadow")
    sell_unsure(world)
    shadow = sends()

    accept()
    world.run_stages()

    assert shadow == sends() == [("excluded", "shadow")]
    assert platform.received == []


def test_a_dead_token_does_not_end_the_wait(world: World, platform: ScriptedPlatform) -> None:
    sell_unsure(world)
    platform.answers = [graph_error(190), ACCEPT]
    world.post_webhook(hotmart(order_id="HP2", email="carlos@example.com", phone=""))
    world.run_stages()
    parked = [status for status, _reason in sends()]
    change = {"destinations": [{"platform": "meta", "pixel_id": PIXEL, "access_token": "a-new-token"}]}
    assert world.patch(f"funnels/{world.funnel.pk}", change).status_code == 200

    with unscoped():
        released = release_parked()
    world.run_stages()

    assert parked == ["pending", "parked"]
    assert released == 1
    assert sends() == [*WAITS, ("accepted", "accepted")]


def test_a_send_that_was_tried_is_not_touched_by_the_decision(world: World, platform: ScriptedPlatform) -> None:
    sell_unsure(world)
    later = timezone.now() + timedelta(hours=1)
    with unscoped():
        Send.objects.update(attempts=1, due_at=later)

    accept()
    match_all()

    send = the_send()
    assert (send.reason, send.due_at, send.attempts) == ("review", later, 1)


def test_letting_go_takes_the_same_statements_whatever_waits(world: World) -> None:
    counts = []
    for size in (1, 12):
        orders = [f"HP{size}-{number}" for number in range(size)]
        for order in orders:
            sell_unsure(world, order, email=f"{order}@example.com".lower())
        for order in orders:
            accept(order)
        with unscoped(), CaptureQueriesContext(connection) as queries:
            assert match_batch().rows == size
        counts.append(len([query for query in queries if "SAVEPOINT" not in query["sql"]]))

    assert counts[0] == counts[1], [query["sql"][:150] for query in queries]
    assert {status for status, _reason in sends()} == {"pending"}
    assert {reason for _status, reason in sends()} == {""}


@pytest.mark.parametrize(("decide", "is_known"), [(accept, True), (reject, False), (lambda: None, False)])
def test_only_a_used_click_tells_who_its_visitor_was(world: World, *, decide: Any, is_known: bool) -> None:
    ids = sell_unsure(world, fbp=FBP)
    world.post_webhook(hotmart(order_id="HP1", email=BUYER, phone="987654321"))
    match_all()

    decide()
    match_all()

    with unscoped():
        identity = Session.objects.get(public_id=ids["session_id"]).identity
    assert ("buyer_ph" in identity) is is_known


def sell_to_another_visitor(world: World, **consent: Any) -> dict[str, Any]:
    """The proposed click is of a visit that only shares its browser with the buyer's, and said this of ads."""
    ids = world.click(fbp=FBP, **consent)
    named = Visit(world).tell(fbp=FBP, email=BUYER)
    for session_id in (ids["session_id"], named["session_id"]):
        make_older(session_id, days=1)
    world.post_webhook(hotmart(order_id="HP1", email=BUYER, phone=""))
    match_all()
    match = the_match()
    assert match.click is not None
    assert (match.review, match.rule, match.click.public_id) == ("pending_review", "same_browser", ids["click_id"])
    return ids


def test_a_proposed_visitors_refusal_stops_nothing_once_rejected(world: World, platform: ScriptedPlatform) -> None:
    sell_to_another_visitor(world, consent_ads=False)
    waiting = sale_sends()

    reject()
    world.run_stages()

    assert waiting == WAITS
    assert sale_sends() == [("accepted", "accepted")]
    assert told_of_browser(platform) == {}


def test_a_refusal_counts_once_its_visitor_is_the_buyer(world: World, platform: ScriptedPlatform) -> None:
    sell_to_another_visitor(world, consent_ads=False)

    accept()
    world.run_stages()

    assert sale_sends() == [("blocked", "consent")]
    assert platform.received == []


def test_a_refusal_as_of_the_event_counts_also_after_a_later_yes(world: World, platform: ScriptedPlatform) -> None:
    ids = sell_to_another_visitor(world, consent_ads=False)
    assert post_word(world, session_id=ids["session_id"], consent_ads=True).status_code == 204

    accept()
    world.run_stages()

    assert world.event("HP1")["consent"]["now"]["answer"] is True
    assert sale_sends() == [("blocked", "consent")]
    assert platform.received == []


@pytest.mark.parametrize(("decide", "outcome"), [(accept, "accepted"), (reject, "blocked")])
def test_where_silence_blocks_the_proposed_visitors_yes_counts_once_accepted(
    world: World, platform: ScriptedPlatform, decide: Any, outcome: str
) -> None:
    set_funnel(world, unknown_consent="block")
    sell_to_another_visitor(world, consent_ads=True)
    waiting = sale_sends()

    decide()
    world.run_stages()

    assert waiting == WAITS
    assert [status for status, _reason in sale_sends()] == [outcome]
    assert len(platform.received) == (outcome == "accepted")


def test_a_buyer_who_refused_is_blocked_without_waiting(world: World, platform: ScriptedPlatform) -> None:
    sell_unsure(world, consent_ads=False)

    world.run_stages()

    assert the_match().review == "pending_review"
    assert sends() == [("blocked", "consent")]


def leave_cart(world: World) -> None:
    """The gateway tells that the buyer left the checkout."""
    identity = {"em": [hash_email(BUYER) or ""]}
    left = OrderFact(kind=Kind.ABANDONED_CHECKOUT, occurred_at=timezone.now(), identity=identity)
    record(endpoint_of(world), left)
    match_all()


def test_what_the_page_of_the_accepted_visitor_told_is_not_told_again(world: World) -> None:
    ids = world.click(fbp=FBP)
    Visit(world, session_id=ids["session_id"]).tell("initiate_checkout", fbp=FBP)
    named = Visit(world).tell(fbp=FBP, email=BUYER)
    for session_id in (ids["session_id"], named["session_id"]):
        make_older(session_id, hours=23)
    leave_cart(world)
    waiting = sale_sends()

    accept()
    match_all()

    assert waiting == WAITS
    assert sale_sends() == [("excluded", "told_by_the_page")]


def visit_without_click(world: World, **members: Any) -> None:
    set_funnel(world, view_through_days=1)
    Visit(world).tell(fbp=FBP, email=BUYER, **members)
    world.post_webhook(hotmart(order_id="HP1", email=BUYER, phone=""))


def test_a_visit_without_a_click_is_told_by_its_browser(world: World, platform: ScriptedPlatform) -> None:
    visit_without_click(world)

    world.run_stages()

    match = the_match()
    assert (match.rule, match.click, match.is_used) == ("view_through", None, True)
    with unscoped():
        visit = Session.objects.get()
    assert match.visit_id == visit.pk
    (event,) = platform.received[0]["data"]
    assert told_of_browser(platform) == {"fbp": FBP, "client_user_agent": visit.user_agent}
    assert event["user_data"]["client_ip_address"] == visit.ip == "127.0.0.1"
    assert "fbc" not in event["user_data"]


def test_a_visit_that_is_off_is_not_told(world: World, platform: ScriptedPlatform) -> None:
    Visit(world).tell(fbp=FBP, email=BUYER)
    world.post_webhook(hotmart(order_id="HP1", email=BUYER, phone=""))

    world.run_stages()

    assert the_match().decision == "unmatched"
    assert told_of_browser(platform) == {}


@pytest.mark.parametrize("shares", ["hash", "id"])
def test_a_refusal_in_that_visit_stops_the_sale(world: World, platform: ScriptedPlatform, shares: str) -> None:
    visit_without_click(world, consent_ads=False)
    if shares == "id":
        with unscoped():
            Conversion.objects.update(session_ref=Session.objects.get().public_id, email_sha256="")

    world.run_stages()

    assert the_match().rule == "view_through"
    assert sends() == [("blocked", "consent")]
    assert platform.received == []


def test_what_the_page_of_that_visit_told_is_not_told_again(world: World) -> None:
    set_funnel(world, view_through_days=1)
    Visit(world).tell("initiate_checkout", fbp=FBP, email=BUYER)

    leave_cart(world)

    assert the_match().rule == "view_through"
    assert sale_sends() == [("excluded", "told_by_the_page")]

"""Dead letters at the console: sums, filters, having some or all sent again, and how far that is."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.conversions.models import Conversion, Quarantine
from apps.dispatch.admin import dead_letters
from apps.dispatch.models import Breaker, BreakerChange, PlatformBreaker, Replay, Send
from apps.tenants.scoping import unscoped
from tests.admin.console import SCRIPT, Console, address, all_rows, fresh, messages_of, new_staff, text_of
from tests.dispatch.dead import TOO_OLD, change_sends, fail_matching_of, run_replays, sell_refused, the_send
from tests.platforms import ScriptedPlatform, graph_error
from tests.worlds import PIXEL, World, hotmart

LOOK, ACT = ("dispatch.view_send", "dispatch.view_replay"), "dispatch.change_replay"
REASON = "graph_100_2804009"


def page(world: World | None = None, **query: str) -> str:
    asked = {"tenant": str(world.tenant_id)} if world else {}
    listed = "&".join(f"{name}={value}" for name, value in (asked | query).items())
    return reverse("admin:dispatch_deadletters") + (f"?{listed}" if listed else "")


def shown(console: Console, path: str) -> Any:
    answer = console.client.get(path)
    assert answer.status_code == 200, answer
    return answer


def keys(answer: Any) -> list[int]:
    return [key for key, _cells in answer.context["letters"]]


def key_of(order_id: str) -> int:
    return int(the_send(order_id).pk)


def send_again(console: Console, path: str, **values: Any) -> Any:
    return console.client.post(path, values, follow=True)


def states() -> dict[str, str]:
    with unscoped():
        return dict(Send.objects.values_list("event__conversion__order_id", "status"))


def audit(console: Console) -> list[str]:
    return [entry.get_change_message() for entry in LogEntry.objects.filter(user=console.user).order_by("pk")]


# --- Which tenant ---


def test_without_any_letter_the_page_teaches_what_it_is_for(console: Console, world: World) -> None:
    for path in (page(), page(world)):
        text = text_of(shown(console, path))

        assert "Nothing stands still." in text
        assert "some, or all of a reason, at a speed that the platform can take" in text


def test_tenants_with_letters_are_listed_the_worst_first(
    console: Console, world: World, other_world: World, platform: ScriptedPlatform
) -> None:
    sell_refused(world, platform, "HP1")
    sell_refused(other_world, platform, "HP2", "HP3")
    sell_refused(other_world, platform, "HP4", answer=TOO_OLD)
    fail_matching_of(other_world, "HP5")
    world.post_webhook(b"{")

    answer = shown(console, page())

    rows = [list(map(str, row[1:])) for row in answer.context["panel"].rows]
    assert rows == [["2", "1", "1", "0"], ["1", "0", "0", "1"]]
    text = text_of(answer)
    assert text.index("Loja do Bruno") < text.index("Cursos da Ana")
    assert f'href="{page(world)}"' in text


def test_the_menu_leads_to_the_page(console: Console) -> None:
    html = text_of(console.client.get("/admin/"))

    for path in (
        page(),
        *(address(model, "changelist") for model in (Replay, Breaker, PlatformBreaker, BreakerChange)),
    ):
        assert f'href="{path}"' in html


def test_only_the_pages_own_entry_is_lit(console: Console) -> None:
    def lit(path: str) -> list[str]:
        groups = console.client.get(path).context["sidebar_navigation"]
        return [str(item["title"]) for group in groups for item in group["items"] if item["active"]]

    assert lit(page()) == ["Dead letters"]
    assert lit(address(Replay, "changelist")) == ["Replays"]


@pytest.mark.parametrize("tenant", [str(uuid4()), "abc", ""])
def test_an_unknown_tenant_is_not_found(console: Console, tenant: str) -> None:
    assert console.client.get(page(tenant=tenant)).status_code == 404


# --- What is shown ---


def test_a_letter_is_shown_with_its_worth_its_reason_and_what_to_do(
    console: Console, world: World, platform: ScriptedPlatform
) -> None:
    sell_refused(world, platform, "HP1", price=1234.5)

    answer = shown(console, page(world))
    text = text_of(answer)

    send = the_send()
    for expected in (
        "1234.50 BRL",
        "The platform refused it: something in its data is not as it must be.",
        "When the cause is mended, send it again.",
        f'href="{address(send.event, "change")}">Purchase HP1</a>',
        f'href="{address(send.destination, "change")}"',
        "400/100/2804009",
        "Events for the ad platforms",
    ):
        assert expected in text
    assert [tile.value for tile in answer.context["tiles"]] == ["1", "0", "0"]
    assert answer.context["tiles"][0].hint == "1234.50 BRL · the oldest for under a minute"


def test_filters_narrow_what_is_listed(console: Console, world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "CHEAP", price=10)
    sell_refused(world, platform, "DEAR", price=900)
    sell_refused(world, platform, "OLD", answer=TOO_OLD, price=50)
    cheap, dear, old = (key_of(order) for order in ("CHEAP", "DEAR", "OLD"))

    def listed(**query: str) -> list[int]:
        return keys(shown(console, page(world, **query)))

    assert listed() == [old, dear, cheap]
    assert listed(reason=REASON) == [dear, cheap]
    assert listed(status="expired") == [old]
    assert listed(min_value="50") == [old, dear]
    assert listed(min_value="11", max_value="100") == [old]
    assert listed(destination=str(the_send("OLD").destination_id), status="dead") == [dear, cheap]
    assert listed(funnel=str(world.funnel.pk)) == [old, dear, cheap]
    assert listed(funnel=str(uuid4())) == listed(reason="graph_1") == []
    assert "None is like this." in text_of(shown(console, page(world, reason="graph_1")))


def test_what_is_asked_for_wrongly_is_as_if_it_were_not_asked(
    console: Console, world: World, platform: ScriptedPlatform
) -> None:
    sell_refused(world, platform, "HP1")

    for query in ({"min_value": "x"}, {"queue": "x"}, {"status": "accepted"}, {"destination": "1"}, {"before": "x"}):
        assert keys(shown(console, page(world, **query))) == [key_of("HP1")], query
    assert keys(shown(console, page(world, queue="match-events", status="dead"))) == []


def test_the_form_keeps_what_was_chosen(console: Console, world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")

    text = text_of(shown(console, page(world, reason=REASON, min_value="5")))

    assert f'<option value="{REASON}" selected>' in text
    assert 'name="min_value" min="0" step="0.01" value="5"' in text
    assert " selected>" not in text_of(shown(console, page(world)))


def test_pages_lead_to_the_older_ones(
    console: Console, world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "LETTERS_SHOWN", 2)
    sell_refused(world, platform, "HP1", "HP2", "HP3")

    first = shown(console, page(world, reason=REASON))
    second = shown(console, first.context["next_address"])

    assert keys(first) == [key_of("HP3"), key_of("HP2")]
    assert (keys(second), second.context["next_address"]) == ([key_of("HP1")], "")


def test_the_other_queues_have_their_letters(console: Console, world: World, platform: ScriptedPlatform) -> None:
    order = fail_matching_of(world, "HP1")
    world.post_webhook(b"{")

    unmatched = shown(console, page(world, queue="match-events"))
    unread = shown(console, page(world, queue="ingest-events"))

    assert keys(unmatched) == [order.pk]
    assert f'href="{address(order, "change")}">HP1</a>' in text_of(unmatched)
    (kept,) = all_rows(Quarantine)
    assert keys(unread) == [kept.pk]
    assert "The gateway sent something that could not be read" in text_of(unread)
    assert [tile.value for tile in unread.context["tiles"]] == ["0", "1", "1"]


def test_only_this_tenants_letters_are_shown(
    console: Console, world: World, other_world: World, platform: ScriptedPlatform
) -> None:
    sell_refused(world, platform, "HP1")

    assert keys(shown(console, page(world))) == [key_of("HP1")]
    assert "Nothing stands still." in text_of(shown(console, page(other_world)))


def test_what_a_stranger_wrote_is_never_run(console: Console, world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, f"HP{SCRIPT}")
    change_sends(f"HP{SCRIPT}", reason=f"rejected_{SCRIPT}"[:60])

    html = shown(console, page(world)).content.decode()

    assert SCRIPT not in html
    assert "&lt;script&gt;" in html


def test_the_page_costs_the_same_however_many_there_are(
    console: Console, world: World, platform: ScriptedPlatform
) -> None:
    sell_refused(world, platform, "HP1")

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            shown(console, page(world))
        return len(queries)

    with_one = count()
    sell_refused(world, platform, *(f"HP{number}" for number in range(2, 8)))

    assert count() == with_one


# --- Sending again ---


def test_the_selected_are_sent_again_and_no_others(console: Console, world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1", "HP2", "HP3")

    answer = send_again(console, page(world), action="selected", letter=[key_of("HP1"), key_of("HP3")])
    run_replays()
    world.run_stages()

    assert states() == {"HP1": "accepted", "HP2": "dead", "HP3": "accepted"}
    assert messages_of(answer) == ["Dead letters sent again: 2"]
    (replay,) = all_rows(Replay)
    assert (replay.actor, replay.total, replay.released) == ("root@example.com", 2, 2)
    assert answer.redirect_chain[-1][0] == address(replay, "change")
    assert audit(console) == ["Dead letters sent again: 2"]


def test_only_the_chosen_destinations_send_goes_again(
    console: Console, world: World, platform: ScriptedPlatform
) -> None:
    sell_refused(world, platform, "HP1")
    first = the_send()
    with unscoped():
        other = world.funnel.destinations.create(
            tenant_id=world.tenant_id, platform="meta", pixel_id="999", access_token="t"
        )
        twin = Send.objects.get(pk=first.pk)
        twin.pk, twin.destination = None, other
        twin.save(force_insert=True)

    send_again(console, page(world), action="selected", letter=[first.pk])
    run_replays()

    assert (fresh(first).status, fresh(twin).status) == ("pending", "dead")


@pytest.mark.parametrize("chosen", [[], ["abc"], ["-1"], ["٣"]])
def test_nothing_selected_does_nothing(
    console: Console, world: World, platform: ScriptedPlatform, chosen: list[str]
) -> None:
    sell_refused(world, platform, "HP1")

    answer = send_again(console, page(world), action="selected", letter=chosen)

    assert messages_of(answer) == ["Select the letters to send again first."]
    assert all_rows(Replay) == []


def test_all_of_a_reason_are_asked_about_first(console: Console, world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1", "HP2", price=100)
    sell_refused(world, platform, "HP3", answer=graph_error(3))

    question = send_again(console, page(world, reason=REASON), action="all")

    text = text_of(question)
    assert "Send all of these again?" in text
    assert "These 2 dead letters are sent again, under their own event ids." in text
    assert "200.00 BRL" in text
    assert (all_rows(Replay), audit(console)) == ([], [])


def test_all_of_a_reason_go_once_it_is_confirmed(console: Console, world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1", "HP2")
    sell_refused(world, platform, "HP3", answer=graph_error(3))

    send_again(console, page(world, reason=REASON), action="all", confirmed="yes", per_minute="60")
    run_replays()
    world.run_stages()

    assert states() == {"HP1": "accepted", "HP2": "accepted", "HP3": "dead"}
    (replay,) = all_rows(Replay)
    assert (replay.per_minute, replay.filters) == (60, {"queue": "capi-dispatch", "reason": REASON})


def test_insisting_is_a_choice_of_its_own(console: Console, world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    change_sends("HP1", is_unsure=True, first_attempt_at=timezone.now() - timedelta(hours=48))

    send_again(console, page(world), action="all", confirmed="yes", per_minute="7")
    run_replays()
    before = states()
    send_again(console, page(world), action="all", confirmed="yes", force="yes")
    run_replays()

    assert (before, states()) == ({"HP1": "dead"}, {"HP1": "pending"})
    assert {replay.per_minute for replay in all_rows(Replay)} == {600}


def test_what_moved_on_meanwhile_is_said(console: Console, world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    key = key_of("HP1")
    change_sends("HP1", status="accepted")

    answer = send_again(console, page(world), action="selected", letter=[key])

    assert messages_of(answer) == ["None of these is a dead letter any more: nothing is sent again."]
    assert all_rows(Replay) == []


def test_letters_of_other_queues_are_worked_on_again(
    console: Console, world: World, platform: ScriptedPlatform
) -> None:
    order = fail_matching_of(world, "HP1")

    send_again(console, page(world, queue="match-events"), action="selected", letter=[order.pk])
    run_replays()
    world.run_stages()

    assert (fresh(order).match_failures, states()) == (0, {"HP1": "accepted"})


def test_a_foreign_letter_is_never_sent(
    console: Console, world: World, other_world: World, platform: ScriptedPlatform
) -> None:
    sell_refused(world, platform, "HP1")

    send_again(console, page(other_world), action="selected", letter=[key_of("HP1")])

    assert (states(), all_rows(Replay)) == ({"HP1": "dead"}, [])


# --- Who may ---


def test_who_may_not_look_is_refused(world: World) -> None:
    assert new_staff("tenants.view_tenant").client.get(page(world)).status_code == 403


def test_who_may_only_look_gets_no_buttons_and_cannot_press_them(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    reader = new_staff(*LOOK)

    html = text_of(shown(reader, page(world)))
    refused = reader.client.post(page(world), {"action": "selected", "letter": [key_of("HP1")]})

    assert 'name="letter"' not in html
    assert "Send the selected again" not in html
    assert (refused.status_code, all_rows(Replay)) == (403, [])


def test_who_may_act_needs_no_more(world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")

    send_again(new_staff(*LOOK, ACT), page(world), action="all", confirmed="yes")

    assert len(all_rows(Replay)) == 1


# --- Progress ---


def test_the_replays_page_shows_how_far_it_is(console: Console, world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1", "HP2", "HP3")
    change_sends("HP2", deadline=timezone.now() - timedelta(seconds=1))
    send_again(console, page(world), action="all", confirmed="yes")
    (replay,) = all_rows(Replay)
    before = text_of(console.page(replay))
    run_replays()

    after = text_of(console.page(fresh(replay)))

    assert "0 % (0 / 3)" in before
    assert "100 % (3 / 3)" in after
    assert "Too old: the platform takes nothing from before 7 days ago." in after


def test_a_replay_can_be_cancelled_there(console: Console, world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")
    send_again(console, page(world), action="all", confirmed="yes")
    (replay,) = all_rows(Replay)

    answer = console.act("cancel", replay)
    run_replays()

    assert messages_of(answer) == ["Cancelled: nothing more of it is sent: 1"]
    assert (fresh(replay).state, states()) == ("cancelled", {"HP1": "dead"})
    assert audit(console)[-1] == "Cancelled: nothing more of it is sent"
    again = console.act("cancel", replay)
    assert messages_of(again)[0].endswith("This replay has ended already.")


# --- The event's own page, and breakers ---


def test_an_events_page_tells_its_story(console: Console, world: World, platform: ScriptedPlatform) -> None:
    sell_refused(world, platform, "HP1")

    text = text_of(console.page(the_send().event))

    assert text.index("Story") < text.index("Where it went")
    assert f"was paid: to be told to Meta {PIXEL} as Purchase" in text
    assert "The answer was HTTP 400, error 100/2804009." in text
    assert "It was given up." in text


def breaker(world: World, platform: ScriptedPlatform, **values: Any) -> Breaker:
    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()
    with unscoped():
        Breaker.objects.update(**values)
        own: Breaker = Breaker.objects.get()
    return own


def test_a_breaker_is_closed_by_hand_gently(console: Console, world: World, platform: ScriptedPlatform) -> None:
    later = timezone.now() + timedelta(minutes=5)
    own = breaker(
        world, platform, state="open", failures=7, openings=3, retry_at=later, paused_until=later, reason="http_503"
    )
    world.post_webhook(hotmart(order_id="HP2"))
    world.run_stages()
    waiting = states()["HP2"]

    answer = console.act("close", own)
    world.run_stages()

    assert messages_of(answer) == ["Closed: it is sent to again: 1"]
    assert (waiting, states()["HP2"]) == ("pending", "accepted")
    with unscoped():
        changes = list(BreakerChange.objects.values_list("what", "reason"))
    assert changes == [("closed", "closed_by_hand")]
    assert audit(console) == ["Closed: it is sent to again"]
    closed = fresh(own)
    assert (closed.state, closed.openings, closed.paused_until, closed.retry_at) == ("closed", 0, None, None)
    assert closed.allowance <= 20


def test_a_pause_is_ended_by_hand(console: Console, world: World, platform: ScriptedPlatform) -> None:
    own = breaker(world, platform, paused_until=timezone.now() + timedelta(hours=5))

    console.act("close", own)

    assert (fresh(own).state, fresh(own).paused_until) == ("closed", None)


def test_what_is_parked_is_asked_again(console: Console, world: World, platform: ScriptedPlatform) -> None:
    own = breaker(world, platform, parked_reason="graph_190", retry_at=None)

    console.act("close", own)

    asked = fresh(own)
    assert asked.parked_reason == "graph_190"
    assert asked.retry_at <= timezone.now()
    assert all_rows(BreakerChange) == []


def test_a_closed_breaker_has_nothing_to_close(console: Console, world: World, platform: ScriptedPlatform) -> None:
    own = breaker(world, platform)

    answer = console.act("close", own)

    assert messages_of(answer)[0].endswith("This destination is being sent to: nothing is in the way.")
    assert (fresh(own).state, audit(console), all_rows(BreakerChange)) == ("closed", [], [])


def test_who_may_only_look_closes_nothing(world: World, platform: ScriptedPlatform) -> None:
    own = breaker(world, platform, state="open", retry_at=timezone.now() + timedelta(minutes=1))

    new_staff("dispatch.view_breaker").act("close", own)

    assert fresh(own).state == "open"


def test_a_destinations_page_shows_what_befell_its_breaker(
    console: Console, world: World, platform: ScriptedPlatform
) -> None:
    own = breaker(world, platform)
    with unscoped():
        BreakerChange.objects.create(destination=own.destination, what="parked", reason="graph_190_463")

    assert "graph_190_463" in text_of(console.page(own.destination))


def test_a_breakers_page_says_why_in_words(console: Console, world: World, platform: ScriptedPlatform) -> None:
    own = breaker(world, platform, reason="http_503", parked_reason="graph_190_463")

    text = text_of(console.page(own))

    assert "The platform had trouble of its own and did not take it." in text
    assert "The platform does not accept the access token any more." in text
    with unscoped():
        assert own.token_digest not in text
        assert Conversion.objects.count() == 1

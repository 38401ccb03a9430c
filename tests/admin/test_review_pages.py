"""The review at the console: the queue, the form on a match's page, and what the history says."""

from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from apps.matching.models import Match, MatchReview
from apps.matching.services import close_overdue_reviews, reject_match
from apps.tenants.scoping import unscoped
from tests.admin.console import SCRIPT, Console, address, messages_of, new_staff, text_of
from tests.matching.unsure import (
    BUYER,
    make_older,
    match_all,
    reviews,
    sell_between_two,
    sell_unsure,
    the_match,
)
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart

LOOK, ACT = "matching.view_match", "matching.change_match"
QUESTION = "Which click brought this sale?"


def send_form(console: Console, match: Match, action: str, **values: str) -> Any:
    """As the browser would: to where the form on the page leads."""
    page = text_of(console.page(match))
    where = page.split('class="support-review"')[0].rsplit('action="', 1)[1].split('"')[0]
    body = {"action": action, "_selected_action": str(match.pk), "index": "0", **values}
    return console.client.post(where, body, follow=True)


def outcome() -> tuple[str, bool, str]:
    match = the_match()
    return match.review, match.is_used, match.click.public_id if match.click else ""


def test_the_menu_leads_to_what_waits(console: Console, world: World) -> None:
    sell_unsure(world)
    sure = world.click()
    world.post_webhook(hotmart(order_id="HP2", sck=sure["click_id"]))
    match_all()

    listing = f"{reverse('admin:matching_match_changelist')}?review=pending_review"
    answer = console.client.get(listing)

    assert f'href="{listing}"' in text_of(console.client.get("/admin/"))
    assert [row.pk for row in answer.context["cl"].result_list] == [the_match("HP1").pk]


def test_the_list_can_be_narrowed_to_each_state(console: Console, world: World) -> None:
    sell_unsure(world)
    with unscoped():
        reject_match(the_match(), actor="ana")

    found = {
        state: len(console.list(Match, review=state).context["cl"].result_list)
        for state in ("pending_review", "rejected", "accepted")
    }

    assert found == {"pending_review": 0, "rejected": 1, "accepted": 0}


def test_the_page_asks_and_offers_the_candidates_the_proposal_first(console: Console, world: World) -> None:
    proposed, other = sell_between_two(world)

    page = text_of(console.page(the_match()))

    form = page.split(QUESTION)[1].split("</form>")[0]
    assert form.index(proposed["click_id"]) < form.index(other["click_id"])
    assert f'value="{proposed["click_id"]}" checked' in form
    assert form.count(" checked") == 1
    assert f"{the_match().review_due_at:%Y-%m-%d %H:%M} UTC" in form


def test_scores_are_drawn_with_both_thresholds(console: Console, world: World) -> None:
    sell_unsure(world)

    page = console.page(the_match()).content.decode()

    score = round(the_match().confidence * 100)
    assert f'<i style="width:{score}%"></i><b style="left:60%"></b><b style="left:85%"></b></span> {score} %' in page


def test_a_match_from_before_records_were_kept_is_shown_too(console: Console, world: World) -> None:
    sell_unsure(world)
    with unscoped():
        Match.objects.update(record={})

    page = console.page(the_match()).content.decode()

    assert '<b style="left:60%"></b><b style="left:85%"></b>' in page


def test_the_proposed_click_is_accepted_with_a_note(console: Console, world: World, platform: ScriptedPlatform) -> None:
    ids = sell_unsure(world)

    answer = send_form(console, the_match(), "accept", click_id=ids["click_id"], note="she wrote to us")

    assert messages_of(answer) == ["Click used: 1"]
    assert outcome() == ("accepted", True, ids["click_id"])
    (kept,) = reviews()
    assert (kept.actor, kept.note) == (console.user.get_username(), "she wrote to us")
    page = text_of(console.page(the_match()))
    assert "she wrote to us" in page.split("What was decided about it")[1]
    assert QUESTION not in page
    world.run_stages()
    assert world.event("HP1")["status"] == "accepted"


def test_another_candidate_is_chosen_by_the_same_button(console: Console, world: World) -> None:
    _proposed, other = sell_between_two(world)

    answer = send_form(console, the_match(), "accept", click_id=other["click_id"], note="")

    assert messages_of(answer) == ["Click used: 1"]
    assert outcome() == ("chosen", True, other["click_id"])
    assert f"A person chose click {other['click_id']}" in text_of(console.page(the_match()))


def test_the_proposal_is_rejected(console: Console, world: World) -> None:
    ids = sell_unsure(world)

    answer = send_form(console, the_match(), "reject", click_id=ids["click_id"], note="not hers")

    assert messages_of(answer) == ["Proposal rejected: 1"]
    assert outcome() == ("rejected", False, ids["click_id"])
    assert [kept.note for kept in reviews()] == ["not hers"]


def test_several_are_accepted_from_the_list(console: Console, world: World) -> None:
    for number in range(3):
        sell_unsure(world, f"HP{number}", email=f"b{number}@example.com")
    matches = [the_match(f"HP{number}") for number in range(3)]

    answer = console.act("accept", *matches[:2])

    assert messages_of(answer) == ["Click used: 2"]
    assert [the_match(f"HP{number}").review for number in range(3)] == ["accepted", "accepted", "pending_review"]


def test_each_that_was_decided_already_is_named_and_none_counted(console: Console, world: World) -> None:
    for number in range(2):
        sell_unsure(world, f"HP{number}", email=f"b{number}@example.com")
    matches = [the_match(f"HP{number}") for number in range(2)]
    console.act("accept", *matches)

    answer = console.act("reject", *matches)

    assert [message.split(": ", 1)[1] for message in messages_of(answer)] == [
        "This match has been decided already: accepted. Nothing was changed."
    ] * 2
    assert [kept.outcome for kept in reviews()] == ["accepted", "accepted"]


def test_a_click_that_is_no_candidate_decides_nothing(console: Console, world: World) -> None:
    sell_unsure(world)
    before = outcome()

    answer = send_form(console, the_match(), "accept", click_id="htc-of-nobody")

    assert "This click is not among the candidates." in messages_of(answer)[0]
    assert (outcome(), reviews()) == (before, [])


def test_a_note_that_cannot_be_kept_decides_nothing(console: Console, world: World) -> None:
    ids = sell_unsure(world)
    before = outcome()

    answer = send_form(console, the_match(), "reject", click_id=ids["click_id"], note="a\x00b")

    assert "without NUL" in messages_of(answer)[0]
    assert (outcome(), reviews()) == (before, [])


def test_who_may_only_look_is_not_asked_and_decides_nothing(world: World) -> None:
    sell_unsure(world)
    looker, before = new_staff(LOOK), outcome()

    page, answer = looker.page(the_match()), looker.act("accept", the_match())

    assert QUESTION not in text_of(page)
    assert "Click used: 1" not in messages_of(answer)
    assert (outcome(), reviews()) == (before, [])


def test_who_may_act_needs_no_other_right(world: World) -> None:
    sell_unsure(world)
    staff = new_staff(LOOK, ACT)

    assert QUESTION in text_of(staff.page(the_match()))
    staff.act("reject", the_match())

    assert [kept.actor for kept in reviews()] == ["support@example.com"]


def test_what_the_clock_decided_names_nobody(console: Console, world: World) -> None:
    sell_unsure(world)
    with unscoped():
        Match.objects.update(review_due_at=timezone.now() - timedelta(seconds=1))
        close_overdue_reviews()

    page = text_of(console.page(the_match()))

    assert "the funnel's rule" in page.split("What was decided about it")[1]
    assert "Nobody reviewed it in time. No click is used, as the funnel says." in page


def test_the_better_answer_is_shown_beside_what_was_decided(console: Console, world: World) -> None:
    sell_unsure(world)
    console.act("reject", the_match())
    later = world.click(email=BUYER)
    make_older(later["session_id"], minutes=5)
    match_all()

    page = text_of(console.page(the_match()))

    assert later["click_id"] in page.split("What would be decided by now")[1].split("</table>")[0]


def test_the_order_and_the_click_show_where_the_review_stands(console: Console, world: World) -> None:
    sell_unsure(world)
    match = the_match()
    assert match.click is not None

    pages = [text_of(console.page(row)) for row in (match.conversion, match.click)]

    assert all("waits for a person" in page for page in pages)


def test_decisions_have_a_list_and_are_found_by_their_order(console: Console, world: World) -> None:
    for number in range(2):
        sell_unsure(world, f"HP{number}", email=f"b{number}@example.com")
    console.act("accept", the_match("HP0"), the_match("HP1"))

    found = console.list(MatchReview, q="HP1").context["cl"].result_list

    assert [row.match_id for row in found] == [the_match("HP1").pk]
    assert f'href="{address(the_match("HP1").conversion, "change")}"' in text_of(console.page(found[0]))


def test_a_note_that_is_a_script_is_never_run(console: Console, world: World) -> None:
    sell_unsure(world)
    send_form(console, the_match(), "reject", note=SCRIPT)

    for page in (console.page(the_match()), console.list(MatchReview), console.page(reviews()[0])):
        assert SCRIPT not in page.content.decode()
        assert "&lt;script&gt;" in page.content.decode()

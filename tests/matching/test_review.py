"""Decisions about unsure matches: what each changes, what is kept of it, and that each match is decided once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from apps.clicks.models import Click
from apps.conversions.models import Conversion
from apps.core.errors import BadInput, NotPossible
from apps.matching.evidence import explain_match
from apps.matching.models import Match, MatchReview, ReviewState
from apps.matching.services import accept_match, choose_click, close_overdue_reviews, reject_match
from apps.tenants.scoping import unscoped
from tests.matching.unsure import (
    match_all,
    reviews,
    sell_between_two,
    sell_unsure,
    set_funnel,
    the_match,
)
from tests.pipeline.test_concurrency import at_once
from tests.worlds import World, hotmart

Act = Callable[..., Match]


def choose_the_proposal(match: Match, *, actor: str, note: str = "") -> Match:
    assert match.click is not None
    return choose_click(match, match.click.public_id, actor=actor, note=note)


ACTS = [accept_match, reject_match, choose_the_proposal]


def decide(act: Act, match: Match, *args: Any, actor: str = "ana", note: str = "") -> Match:
    with unscoped():
        return act(match, *args, actor=actor, note=note)


def states() -> list[tuple[str, bool, str, float, int | None]]:
    with unscoped():
        rows = Match.objects.order_by("pk")
        return list(rows.values_list("review", "is_used", "rule", "confidence", "click_id"))


def due() -> list[str]:
    """The orders that matching is to look at now."""
    with unscoped():
        rows = Conversion.objects.filter(match_due_at__lte=timezone.now()).order_by("order_id")
        return list(rows.values_list("order_id", flat=True))


def run_out_of_time(**only: Any) -> None:
    with unscoped():
        Match.objects.filter(**only).update(review_due_at=timezone.now() - timedelta(seconds=1))


def close(limit: int = 200) -> int:
    with unscoped():
        return close_overdue_reviews(limit)


def test_an_unsure_match_waits_for_a_person_as_long_as_the_funnel_says(world: World) -> None:
    set_funnel(world, review_hours=7)
    before = timezone.now()

    ids = sell_unsure(world)

    match = the_match()
    assert (match.decision, match.review, match.is_used) == ("review", "pending_review", False)
    assert match.click is not None
    assert match.click.public_id == ids["click_id"]
    assert match.review_due_at is not None
    assert before + timedelta(hours=7) <= match.review_due_at <= timezone.now() + timedelta(hours=7)
    assert (due(), reviews()) == ([], [])


def test_accepting_uses_the_proposed_click(world: World) -> None:
    sell_unsure(world)
    before = the_match()

    decide(accept_match, before, note="she wrote to us")

    after = the_match()
    assert (after.review, after.is_used, after.click_id) == ("accepted", True, before.click_id)
    assert (after.decision, after.rule, after.confidence) == ("review", "email_hash", before.confidence)
    assert after.review_due_at == before.review_due_at
    (kept,) = reviews()
    assert (kept.tenant_id, kept.match_id, kept.outcome) == (world.tenant_id, after.pk, "accepted")
    assert (kept.proposed_id, kept.click_id, kept.confidence) == (before.click_id, before.click_id, before.confidence)
    assert (kept.actor, kept.note) == ("ana", "she wrote to us")
    assert due() == ["HP1"]


def test_rejecting_uses_no_click_and_keeps_the_proposal(world: World) -> None:
    sell_unsure(world)
    before = the_match()

    decide(reject_match, before)

    after = the_match()
    assert (after.review, after.is_used, after.click_id) == ("rejected", False, before.click_id)
    (kept,) = reviews()
    assert (kept.outcome, kept.proposed_id, kept.click_id, kept.note) == ("rejected", before.click_id, None, "")
    assert due() == ["HP1"]


def test_choosing_uses_another_candidate_with_the_score_that_it_had(world: World) -> None:
    proposed, other = sell_between_two(world)
    before = the_match()
    score = {item["click_id"]: item["score"] for item in before.evidence}[other["click_id"]]

    decide(choose_click, before, other["click_id"])

    after = the_match()
    assert after.click is not None
    assert (after.review, after.is_used, after.click.public_id) == ("chosen", True, other["click_id"])
    assert (after.decision, after.rule, after.confidence) == ("review", "chosen_by_person", score)
    assert score < before.confidence
    assert after.evidence == before.evidence, "the record is of what the rules decided"
    (kept,) = reviews()
    assert kept.proposed is not None
    assert kept.click is not None
    assert (kept.proposed.public_id, kept.click.public_id) == (proposed["click_id"], other["click_id"])
    assert (kept.outcome, kept.confidence) == ("chosen", before.confidence)


def test_the_choice_is_told_in_words(world: World) -> None:
    _proposed, other = sell_between_two(world)
    decide(choose_click, the_match(), other["click_id"])

    with translation.override("en"):
        sentence = explain_match(the_match())

    assert sentence == (
        f"A person chose click {other['click_id']}: the same e-mail; clicked 1.5 days before the sale. "
        "The rules had proposed another."
    )


def test_to_choose_the_proposal_is_to_accept_it(world: World) -> None:
    ids = sell_unsure(world)
    rule = the_match().rule

    decide(choose_click, the_match(), ids["click_id"])

    after = the_match()
    assert (after.review, after.rule, after.is_used) == ("accepted", rule, True)
    assert [kept.outcome for kept in reviews()] == ["accepted"]


def test_only_a_candidate_can_be_chosen(world: World, other_world: World) -> None:
    sell_unsure(world)
    before = states()
    own, foreign = world.click()["click_id"], other_world.click()["click_id"]

    for click_id in (own, foreign, "htc-of-nobody", ""):
        with pytest.raises(BadInput) as refused:
            decide(choose_click, the_match(), click_id)
        assert list(refused.value.fields) == ["click_id"]

    assert (states(), reviews(), due()) == (before, [], [])


def test_a_candidate_that_was_erased_since_cannot_be_chosen(world: World) -> None:
    _proposed, other = sell_between_two(world)
    with unscoped():
        Click.objects.filter(public_id=other["click_id"]).delete()
    before = states()

    with pytest.raises(BadInput):
        decide(choose_click, the_match(), other["click_id"])

    assert (states(), reviews(), due()) == (before, [], [])


@pytest.mark.parametrize("again", ACTS)
@pytest.mark.parametrize("first", ACTS)
def test_what_was_decided_is_not_decided_again(world: World, first: Act, again: Act) -> None:
    sell_unsure(world)
    seen_by_both = the_match()
    decide(first, seen_by_both)
    match_all()
    before, kept = states(), [review.pk for review in reviews()]

    with pytest.raises(NotPossible) as refused:
        decide(again, seen_by_both, actor="bruno")

    assert "has been decided already" in str(refused.value.detail)
    assert (states(), [review.pk for review in reviews()], due()) == (before, kept, [])


@pytest.mark.parametrize("act", ACTS)
def test_what_the_rules_are_sure_of_waits_for_nobody(world: World, act: Act) -> None:
    ids = world.click()
    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))
    match_all()
    before = states()

    with pytest.raises(NotPossible) as refused:
        decide(act, the_match())

    assert "waits for nobody" in str(refused.value.detail)
    assert (states(), reviews(), due()) == (before, [], [])


@pytest.mark.parametrize("note", ["x" * 501, "a\x00b"])
@pytest.mark.parametrize("act", ACTS)
def test_a_note_that_cannot_be_kept_decides_nothing(world: World, act: Act, note: str) -> None:
    sell_unsure(world)
    before = states()

    with pytest.raises(BadInput) as refused:
        decide(act, the_match(), note=note)

    assert list(refused.value.fields) == ["note"]
    assert (states(), reviews(), due()) == (before, [], [])


@pytest.mark.parametrize("act", ACTS)
def test_a_decision_outlives_what_is_learned_later(world: World, act: Act) -> None:
    sell_unsure(world)
    decide(act, the_match())
    before = states()
    later = world.click(email="beatriz@example.com")

    with unscoped():
        Click.objects.filter(public_id=later["click_id"]).update(clicked_at=timezone.now() - timedelta(minutes=1))
    match_all()

    assert states() == before
    assert (the_match().better or {}).get("click_id") == later["click_id"]


@pytest.mark.parametrize(("policy", "is_used"), [("accept", True), ("unmatched", False)])
def test_when_time_runs_out_the_funnels_rule_applies(world: World, *, policy: str, is_used: bool) -> None:
    set_funnel(world, review_timeout=policy)
    sell_unsure(world)
    before = the_match()
    run_out_of_time()

    assert close() == 1

    after = the_match()
    assert (after.review, after.is_used, after.click_id) == ("timed_out", is_used, before.click_id)
    assert (after.rule, after.confidence) == (before.rule, before.confidence)
    (kept,) = reviews()
    assert (kept.outcome, kept.actor, kept.proposed_id) == ("timed_out", "", before.click_id)
    assert kept.click_id == (before.click_id if is_used else None)
    assert due() == ["HP1"]
    assert close() == 0


def test_the_rule_is_the_one_that_is_published_when_time_runs_out(world: World) -> None:
    sell_unsure(world)
    assert world.patch(f"funnels/{world.funnel.pk}", {"review_timeout": "accept"}).status_code == 200
    run_out_of_time()

    close()

    assert (the_match().review, the_match().is_used) == ("timed_out", False)


def test_what_has_time_left_is_left_alone(world: World) -> None:
    for order in ("HP1", "HP2", "HP3"):
        sell_unsure(world, order, email=f"{order}@example.com".lower())
    decide(accept_match, the_match("HP2"))
    run_out_of_time(conversion__order_id__in=["HP1", "HP2"])

    assert close() == 1

    assert [the_match(order).review for order in ("HP1", "HP2", "HP3")] == ["timed_out", "accepted", "pending_review"]


def test_closing_takes_the_same_statements_whatever_waits(world: World) -> None:
    counts = []
    for size in (1, 12):
        for number in range(size):
            sell_unsure(world, f"HP{size}-{number}", email=f"b{size}x{number}@example.com")
        run_out_of_time(review=ReviewState.PENDING)
        with CaptureQueriesContext(connection) as queries:
            assert close() == size
        counts.append(len([query for query in queries if "SAVEPOINT" not in query["sql"]]))

    assert counts == [5, 5], [query["sql"][:150] for query in queries]


def test_a_turn_closes_the_oldest_and_no_more_than_its_limit(world: World) -> None:
    for number in range(3):
        sell_unsure(world, f"HP{number}", email=f"b{number}@example.com")
    for number in range(3):
        run_out_of_time(conversion__order_id=f"HP{2 - number}")

    assert (close(2), close(2), close(2)) == (2, 1, 0)

    assert [kept.match_id for kept in reviews()] == [the_match(f"HP{number}").pk for number in (2, 1, 0)]


@pytest.mark.django_db(transaction=True)
def test_of_people_who_decide_at_once_one_wins(world: World) -> None:
    sell_unsure(world)
    match = the_match()

    def decide_as(number: int) -> str:
        try:
            return decide(ACTS[number % 2], match, actor=f"person {number}").review
        except NotPossible:
            return "refused"

    answers = at_once([lambda number=number: decide_as(number) for number in range(8)], threads=8)  # type: ignore[misc]

    (kept,) = reviews()
    assert sorted(answers) == sorted([kept.outcome, *["refused"] * 7])
    assert the_match().review == kept.outcome


@pytest.mark.django_db(transaction=True)
def test_people_the_clock_and_matching_never_lock_each_other_out(world: World) -> None:
    orders = [f"HP{number}" for number in range(8)]
    for order in orders:
        sell_unsure(world, order, email=f"{order}@example.com".lower())
    matches = [the_match(order) for order in orders]
    run_out_of_time(conversion__order_id__in=orders[4:])

    def accept(match: Match) -> str:
        try:
            return decide(accept_match, match).review
        except NotPossible:
            return "refused"

    def match_again() -> str:
        with unscoped():
            Conversion.objects.filter(order_id__in=orders[:2]).update(match_due_at=timezone.now())
        match_all()
        return "matched"

    works: list[Callable[[], Any]] = [match_again] * 4 + [close] * 2
    works += [lambda match=match: accept(match) for match in matches]  # type: ignore[misc]
    at_once(works, threads=6)
    close()

    kept = reviews()
    assert sorted(review.match_id for review in kept) == sorted(match.pk for match in matches)
    assert all(the_match(order).review in ("accepted", "timed_out") for order in orders)
    assert [the_match(order).review for order in orders[:4]] == ["accepted"] * 4


@pytest.mark.django_db(transaction=True)
def test_the_clock_passes_over_a_sale_that_somebody_holds(world: World) -> None:
    sell_unsure(world)
    run_out_of_time()

    with transaction.atomic(), unscoped():
        list(Conversion.objects.select_for_update())
        closed = at_once([close])

    assert closed == [0]
    assert (the_match().review, reviews()) == ("pending_review", [])
    assert close() == 1


def test_a_review_is_never_left_without_its_match(world: World) -> None:
    sell_unsure(world)
    decide(reject_match, the_match())

    with unscoped():
        Match.objects.all().delete()
        assert MatchReview.objects.count() == 0

"""People in the database: linked by the lane, merged and given back, never over tenants."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import DataError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.clicks import people
from apps.clicks.linking import CROWD
from apps.clicks.models import Identity, Person, PersonMerge, Session
from apps.clicks.people import Purchase, note_purchases, undo_merge
from apps.core.errors import NotPossible
from apps.pipeline.stages import link_people_batch
from apps.tenants.scoping import unscoped
from tests.clicks.known import (
    digest,
    identity_of,
    let_pass,
    link_all,
    link_some,
    merges,
    partition,
    person_of,
    snapshot,
    visit,
)
from tests.pipeline.test_concurrency import at_once
from tests.worlds import World

WORDS = [f"{kind}{number}" for kind in "epx" for number in range(4)]
named_words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True)
many = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def undone(world: World) -> Iterator[None]:
    """For Hypothesis: what one example stores is gone before the next."""
    with unscoped():
        yield


def undo(merge: PersonMerge) -> PersonMerge:
    with unscoped():
        return undo_merge(merge.pk, "Rita")


def merged_pair(world: World) -> tuple[Session, Session, Session]:
    """An e-mail's session, a phone's, and the one that named both afterwards."""
    first = visit(world, "e1")
    link_all()
    second = visit(world, "p1")
    link_all()
    both = visit(world, "e1", "p1")
    link_all()
    return first, second, both


def test_sessions_over_devices_that_share_a_hash_are_one_persons(world: World) -> None:
    desktop, phone, stranger = visit(world, "e1"), visit(world, "e1", "p1"), visit(world, "e2")
    later = visit(world, "p1", "x1")

    assert link_all() == 4

    assert person_of(desktop) == person_of(phone) == person_of(later) != person_of(stranger)
    with unscoped():
        known = set(Identity.objects.filter(person=person_of(desktop)).values_list("kind", "digest"))
    assert known == {("em", digest("e1")), ("ph", digest("p1")), ("external_id", digest("x1"))}
    assert merges() == []


def test_who_says_nothing_stays_nobody(world: World) -> None:
    visit(world)
    with unscoped():
        Session.objects.create(tenant_id=world.tenant_id, funnel=world.funnel, public_id="s", identity={"fn": ["x"]})

    assert link_all() == 0

    with unscoped():
        assert not Person.objects.exists()
        assert set(Session.objects.values_list("person", flat=True)) == {None}


def test_a_linked_session_is_not_due_again(world: World) -> None:
    visit(world, "e1")

    assert (link_all(), link_all()) == (1, 0)


def test_a_session_that_names_two_people_merges_the_younger_into_the_older(world: World) -> None:
    first, second, both = merged_pair(world)

    (merge,) = merges()
    assert person_of(first) == person_of(second) == person_of(both) == merge.kept
    assert (merge.merged.merged_into_id, merge.merged.pk > merge.kept.pk) == (merge.kept.pk, True)
    assert (merge.identity.kind, merge.identity.digest) == ("ph", digest("p1"))
    assert merge.moved == {"sessions": [second.pk], "identities": [merge.identity.pk]}
    assert merge.undone_at is None


def test_undoing_moves_back_exactly_what_was_moved(world: World) -> None:
    first = visit(world, "e1")
    link_all()
    second = visit(world, "p1", "x1")
    link_all()
    both = visit(world, "e1", "p1")
    before = snapshot()
    link_all()
    assert snapshot() != before

    merge = undo(merges()[0])

    assert snapshot() == before
    assert isinstance(merge.undone_at, datetime)
    assert (merge.undone_by, merges()[0].undone_by) == ("Rita", "Rita")
    assert {person_of(first), person_of(second)} == {merge.kept, merge.merged}
    assert person_of(both) is None


def test_people_told_apart_are_not_joined_again(world: World) -> None:
    first, second, both = merged_pair(world)
    merge = undo(merges()[0])

    link_all()
    again, by_another = visit(world, "e1", "p1"), visit(world, "x1", "p1")
    link_all()
    third = visit(world, "e1", "x1")
    link_all()

    assert [row.pk for row in merges()] == [merge.pk]
    assert person_of(both) == person_of(again) == person_of(third) == person_of(first) == merge.kept
    assert person_of(by_another) == person_of(second) == merge.merged


def test_people_told_apart_stay_so_after_one_of_them_became_part_of_an_older_one(world: World) -> None:
    oldest = visit(world, "x1")
    link_all()
    first, second, _both = merged_pair(world)
    undo(merges()[0])
    link_all()
    visit(world, "x1", "e1")
    link_all()
    visit(world, "x1", "p1")
    link_all()

    assert person_of(oldest) == person_of(first) != person_of(second)
    assert len(merges()) == 2


def test_a_merge_is_undone_once(world: World) -> None:
    merged_pair(world)
    merge = undo(merges()[0])
    link_all()
    before = snapshot()

    with pytest.raises(NotPossible):
        undo(merge)

    assert snapshot() == before
    assert merges()[0].undone_at == merge.undone_at


def test_a_name_that_is_too_long_does_not_stop_the_undoing(world: World) -> None:
    merged_pair(world)
    with unscoped():
        merge = undo_merge(merges()[0].pk, "Rita" * 100)

    assert merge.undone_at is not None
    assert merge.undone_by == "Rita" * 50


def test_merges_are_undone_in_any_order(world: World) -> None:
    def build() -> list[Session]:
        sessions = []
        for words in (["e1"], ["p1"], ["x1"], ["p1", "x1"], ["e1", "p1"]):
            sessions.append(visit(world, *words))
            link_all()
        return sessions

    for order in ([0, 1], [1, 0]):
        with transaction.atomic(), unscoped():
            oldest, middle, youngest, *_causes = build()
            rows = merges()
            assert len({person_of(oldest), person_of(middle), person_of(youngest)}) == 1
            for number in order:
                undo(rows[number])
            assert len({person_of(oldest), person_of(middle), person_of(youngest)}) == 3
            assert not Person.objects.filter(merged_into__isnull=False).exists()
            transaction.set_rollback(True)


def test_what_came_by_a_returned_hash_goes_with_it(world: World) -> None:
    _first, second, _both = merged_pair(world)
    since, mixed = visit(world, "p1"), visit(world, "p1", "x2")
    link_all()

    merge = undo(merges()[0])
    link_all()

    assert person_of(since) == person_of(second) == merge.merged
    assert person_of(mixed) == merge.kept, "what was learned since cannot be told apart"


def test_a_staffs_e_mail_does_not_melt_its_customers_into_one(world: World) -> None:
    customers = [visit(world, f"p{number}") for number in range(3 * CROWD)]
    link_all()
    for number in range(3 * CROWD):
        visit(world, "e1", f"p{number}")
    link_all()

    melted = [person_of(row) for row in customers]
    assert max(melted.count(person) for person in melted) <= CROWD
    assert len(set(melted)) >= 2 * CROWD
    assert {person_of(row) for row in customers} == set(melted)


def test_tenants_never_mix(world: World, other_world: World) -> None:
    mine, theirs = visit(world, "e1", "p1"), visit(other_world, "e1", "p1")
    more = [visit(world, "p1"), visit(other_world, "p1")]

    assert link_all() == 4

    assert person_of(mine) == person_of(more[0]) != person_of(theirs) == person_of(more[1])
    with unscoped():
        for model in (Session, Identity):
            assert {row.tenant_id == row.person.tenant_id for row in model.objects.select_related("person")} == {True}


@many
@given(st.lists(st.tuples(st.booleans(), named_words), min_size=1, max_size=8), st.data())
def test_any_order_and_any_batches_give_the_same_people(
    world: World, other_world: World, undone: None, named: list[tuple[bool, list[str]]], data: Any
) -> None:
    found = []
    for order in (range(len(named)), data.draw(st.permutations(range(len(named))))):
        with transaction.atomic():
            rows = {}
            for number in order:
                is_mine, words = named[number]
                rows[number] = visit(world if is_mine else other_world, *words)
                if data.draw(st.booleans()):
                    link_all()
            link_all()
            numbers = {row.public_id: number for number, row in rows.items()}
            found.append({frozenset(numbers[name] for name in group) for group in partition()})
            assert all(len({named[number][0] for number in group}) == 1 for group in found[-1])
            transaction.set_rollback(True)

    assert found[0] == found[1]


@many
@given(st.lists(named_words, min_size=2, max_size=8), st.data())
def test_undoing_restores_whatever_was_merged(world: World, undone: None, named: list[list[str]], data: Any) -> None:
    with transaction.atomic():
        for words in named[:-1]:
            visit(world, *words)
            link_all()
        visit(world, *named[-1])
        before, known = snapshot(), len(merges())
        link_all()
        new = merges()[known:]

        for merge in data.draw(st.permutations(new)):
            undo(merge)

        after = snapshot()
        learned = after["identities"].keys() - before["identities"].keys()
        assert {pk: person for pk, person in after["identities"].items() if pk not in learned} == before["identities"]
        assert {pk: into for pk, into in after["people"].items() if pk in before["people"]} == before["people"]
        if new:
            assert after["sessions"] == before["sessions"]
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_workers_who_meet_the_same_hash_at_once_make_one_person(world: World, round_: int) -> None:
    for _ in range(20):
        visit(world, "e1")

    linked = at_once([lambda: link_some(limit=3)] * 12, threads=6)
    link_all()

    assert sum(linked) <= 20
    with unscoped():
        assert (Person.objects.count(), Identity.objects.count()) == (1, 1)
        assert not Session.objects.filter(person__isnull=True).exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_undo_at_once_undo_once(world: World) -> None:
    merged_pair(world)
    (merge,) = merges()

    def work() -> str:
        try:
            undo(merge)
        except NotPossible:
            return "late"
        return "undone"

    assert sorted(at_once([work] * 4)) == ["late", "late", "late", "undone"]


@pytest.mark.django_db(transaction=True)
def test_a_session_that_a_hit_is_writing_is_passed_over(world: World) -> None:
    held, free = visit(world, "e1"), visit(world, "e2")

    def work() -> int:
        with unscoped():
            return link_people_batch().rows

    with unscoped(), transaction.atomic():
        Session.objects.select_for_update().get(pk=held.pk)
        (linked,) = at_once([work])

    assert linked == 1
    assert (person_of(held), person_of(free) is None) == (None, False)


@pytest.mark.parametrize("merging", [False, True])
def test_a_batch_takes_the_same_statements_whatever_its_size(world: World, merging: bool) -> None:
    counts = []
    for size in (2, 40):
        if merging:
            for number in range(size):
                visit(world, f"e{size}{number}"), visit(world, f"p{size}{number}")
            link_all()
        for number in range(size):
            visit(world, f"e{size}{number}", f"p{size}{number}")
        with unscoped(), CaptureQueriesContext(connection) as queries:
            assert link_people_batch().rows == size
        counts.append(len([query for query in queries if "SAVEPOINT" not in query["sql"]]))

    assert counts[0] == counts[1], [query["sql"][:100] for query in queries]
    assert counts[0] == (16 if merging else 10)


def buy(world: World, click_id: int, *words: str) -> int:
    with unscoped():
        return note_purchases([Purchase(click_id, identity_of(*words))])


def clicked(world: World, **values: Any) -> tuple[Session, int]:
    ids = world.click(**values)
    with unscoped():
        session = Session.objects.get(public_id=ids["session_id"])
        return session, session.clicks.get(public_id=ids["click_id"]).pk


def test_a_purchase_tells_who_the_visitor_was_and_leaves_what_is_sent_alone(world: World) -> None:
    session, click = clicked(world)
    other = visit(world, "e1")
    link_all()

    assert buy(world, click, "e1", "p1") == 1
    link_all()

    assert person_of(session) == person_of(other)
    with unscoped():
        row = Session.objects.get(pk=session.pk)
    assert row.identity == {"buyer_em": [digest("e1")], "buyer_ph": [digest("p1")]}
    assert (row.email_sha256, row.phone_sha256) == ("", "")


def test_a_purchase_that_says_nothing_new_changes_nothing(world: World) -> None:
    session, click = clicked(world, email=digest("e1"))
    link_all()
    known = person_of(session)

    assert buy(world, click, "e1") == 0
    assert (buy(world, click, "e1", "p1"), buy(world, click, "p1")) == (1, 0)
    link_all()

    assert person_of(session) == known
    assert note_purchases([]) == 0


def test_two_buyers_of_one_session_in_one_batch_are_both_kept(world: World) -> None:
    session, click = clicked(world)
    with unscoped():
        assert note_purchases([Purchase(click, identity_of("e1")), Purchase(click, identity_of("e2"))]) == 1
        assert Session.objects.get(pk=session.pk).identity == {"buyer_em": [digest("e1"), digest("e2")]}


def test_buyers_of_a_shops_own_computer_are_counted_to_a_limit(world: World) -> None:
    session, click = clicked(world)

    for number in range(CROWD + 5):
        buy(world, click, f"e{number}")

    with unscoped():
        assert len(Session.objects.get(pk=session.pk).identity["buyer_em"]) == CROWD


def test_nothing_of_a_batch_is_kept_when_it_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    session = visit(world, "e1")

    with monkeypatch.context() as patched, pytest.raises(DataError):
        patched.setattr(people, "_SET_PEOPLE", "SELECT 1 / (length(%s) * 0)")
        link_some()

    with unscoped():
        assert not Person.objects.exists()
        assert not Identity.objects.exists()
    assert link_all() == 1
    assert person_of(session) is not None


def test_a_hash_typed_later_in_the_session_is_learned(world: World) -> None:
    first = world.click(email="ana@example.com")
    link_all()
    known = person_of(first["session_id"])

    world.click(session_id=first["session_id"], phone="11987654321")
    assert person_of(first["session_id"]) is None
    link_all()

    other = world.click(phone="11987654321")
    link_all()
    assert person_of(first["session_id"]) == person_of(other["session_id"]) == known


def test_the_same_hash_again_keeps_the_person_at_once(world: World) -> None:
    first = world.click(email="ana@example.com")
    link_all()

    world.click(session_id=first["session_id"], email="ana@example.com")

    assert person_of(first["session_id"]) is not None
    assert link_all() == 0


def test_a_corrected_address_moves_the_session_to_whom_it_names(world: World) -> None:
    first = world.click(email="ana@exmaple.com")
    link_all()
    typo = person_of(first["session_id"])

    world.click(session_id=first["session_id"], email="ana@example.com")
    link_all()

    assert person_of(first["session_id"]) not in (None, typo)
    assert merges() == []


def test_a_visitor_who_returns_keeps_the_person_at_once(world: World) -> None:
    first = world.click(email="ana@example.com")
    link_all()
    let_pass(first["session_id"], 31)

    second = world.click(session_id=first["session_id"])

    assert second["session_id"] != first["session_id"]
    assert person_of(second["session_id"]) == person_of(first["session_id"]) is not None


def test_a_visitor_who_returns_with_news_is_linked_to_the_same_person(world: World) -> None:
    first = world.click(email="ana@example.com")
    link_all()
    let_pass(first["session_id"], 31)

    second = world.click(session_id=first["session_id"], phone="11987654321")
    assert person_of(second["session_id"]) is None
    link_all()

    assert person_of(second["session_id"]) == person_of(first["session_id"])


def test_a_person_being_merged_is_not_carried_on(world: World) -> None:
    first = world.click(email="ana@example.com")
    link_all()
    let_pass(first["session_id"], 31)
    with unscoped():
        Person.objects.update(merged_into=Person.objects.create(tenant_id=world.tenant_id, public_id="htpother"))

    second = world.click(session_id=first["session_id"])

    assert person_of(second["session_id"]) is None

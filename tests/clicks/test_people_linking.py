"""Who is who, without a database: any order of sessions gives the same people."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.clicks.linking import CROWD, KINDS, Evidence, Hash, Joined, Known, plan_links, read_hashes

E1, E2, P1, P2, X1 = Hash("em", "e1"), Hash("em", "e2"), Hash("ph", "p1"), Hash("ph", "p2"), Hash("external_id", "x1")
hashes = st.sampled_from([Hash(kind, str(number)) for kind in KINDS for number in range(6)])
visits = st.lists(st.lists(hashes, min_size=1, max_size=3, unique=True).map(tuple), min_size=1, max_size=12)


def evidence(*named: Sequence[Hash]) -> list[Evidence]:
    return [Evidence(number, tuple(hashes)) for number, hashes in enumerate(named)]


def groups(homes: dict[int, int]) -> set[frozenset[int]]:
    people: dict[int, set[int]] = {}
    for session, person in homes.items():
        people.setdefault(person, set()).add(session)
    return {frozenset(sessions) for sessions in people.values()}


def components(named: Sequence[Sequence[Hash]]) -> set[frozenset[int]]:
    """Sessions joined by shared hashes, found the plain way."""
    parts = [({number}, set(hashes)) for number, hashes in enumerate(named)]
    for number in range(len(parts)):
        touching = [part for part in parts if part[1] & set(named[number])]
        parts = [part for part in parts if part not in touching]
        parts.append((set().union(*(part[0] for part in touching)), set().union(*(part[1] for part in touching))))
    return {frozenset(sessions) for sessions, _hashes in parts}


@given(visits, st.randoms(use_true_random=False))
def test_any_order_gives_the_people_whom_shared_hashes_join(named: list[tuple[Hash, ...]], chance: object) -> None:
    shuffled = evidence(*named)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    plan = plan_links(shuffled, Known())

    assert groups(dict(plan.homes)) == components(named)
    assert set(plan.learned) == {item for hashes in named for item in hashes}
    assert plan.joined == ()
    assert set(plan.newcomers) == set(plan.homes.values())


@given(visits)
def test_a_hash_and_the_sessions_that_name_it_have_one_owner(named: list[tuple[Hash, ...]]) -> None:
    plan = plan_links(evidence(*named), Known())

    assert {plan.homes[number] == plan.learned[item] for number, hashes in enumerate(named) for item in hashes} == {
        True
    }


@settings(max_examples=50)
@given(st.lists(st.tuples(hashes, hashes), min_size=CROWD * 2, max_size=CROWD * 4))
def test_nobody_gets_more_than_a_crowd_of_one_kind(named: list[tuple[Hash, ...]]) -> None:
    """A staff's e-mail on every session, beside whatever else."""
    crowd = [(E1, Hash("ph", f"of{number}"), *hashes) for number, hashes in enumerate(named)]

    plan = plan_links(evidence(*crowd), Known())

    sizes = Counter((owner, item.kind) for item, owner in plan.learned.items())
    assert max(sizes.values()) <= CROWD
    assert len(plan.homes) == len(crowd)


def test_a_known_hash_leads_to_its_person_and_others_are_learned() -> None:
    plan = plan_links(evidence([E1, P1]), Known(owners={E1: 7}, sizes={7: {"em": 1}}))

    assert (plan.homes, plan.learned, plan.joined, plan.newcomers) == ({0: 7}, {P1: 7}, (), [])


def test_the_younger_is_merged_into_the_older_whoever_is_named_first() -> None:
    known = Known(owners={E1: 9, P1: 4}, sizes={9: {"em": 1}, 4: {"ph": 1}})

    for named in ([E1, P1], [P1, E1]):
        plan = plan_links(evidence(named), known)
        assert (plan.homes, plan.joined) == ({0: 4}, (Joined(kept=4, merged=9, because=E1),))


def test_a_chain_within_one_batch_ends_at_the_oldest() -> None:
    known = Known(owners={E1: 9, P1: 4, X1: 2}, sizes={9: {"em": 1}, 4: {"ph": 1}, 2: {"external_id": 1}})

    plan = plan_links(evidence([E1, P1], [P1, X1], [E1]), known)

    assert plan.joined == (Joined(kept=2, merged=9, because=E1), Joined(kept=2, merged=4, because=P1))
    assert set(plan.homes.values()) == {2}


def test_hashes_in_a_ring_make_one_person_and_nobody_is_merged_back() -> None:
    ring = evidence((E1, P1), (E1, P2), (E2, P2), (E2, P1))

    strangers = plan_links(ring, Known())
    known = plan_links(ring, Known(owners={E1: 1, P2: 2, E2: 3, P1: 4}))

    assert set(strangers.homes.values()) == {-1}
    assert set(known.homes.values()) == {1}
    assert {(item.kept, item.merged) for item in known.joined} == {(1, 2), (1, 3), (1, 4)}


def test_a_newcomer_is_joined_without_a_record() -> None:
    """Nobody was stored yet who could be given back."""
    plan = plan_links(evidence([E1], [P1, X1], [E1, P1], [X1, E2]), Known(owners={E2: 3}, sizes={3: {"em": 1}}))

    assert (set(plan.homes.values()), plan.newcomers, plan.joined) == ({3}, [], ())
    assert set(plan.learned.values()) == {3}


def test_a_hash_learned_in_the_batch_goes_along_when_its_person_is_merged() -> None:
    known = Known(owners={P1: 9, E1: 4}, sizes={9: {"ph": 1}, 4: {"em": 1}})

    plan = plan_links(evidence([P1, E2], [E2, E1]), known)

    assert plan.learned == {E2: 9}, "so that undoing the merge gives it back"
    assert plan.joined == (Joined(kept=4, merged=9, because=E2),)
    assert plan.homes == {0: 4, 1: 4}


def test_people_who_were_told_apart_stay_apart() -> None:
    known = Known(
        owners={E1: 4, P1: 9, X1: 5},
        sizes={4: {"em": 1}, 9: {"ph": 1}, 5: {"external_id": 1}},
        apart=frozenset({frozenset((4, 9))}),
    )

    plan = plan_links(evidence([E1, P1], [P1]), known)
    through_a_third = plan_links(evidence([E1, X1], [X1, P1]), known)

    assert (plan.homes, plan.joined) == ({0: 4, 1: 9}, ())
    assert through_a_third.homes == {0: 4, 1: 4}
    assert through_a_third.joined == (Joined(kept=4, merged=5, because=X1),)


def test_a_crowds_hash_no_longer_says_who_it_is() -> None:
    known = Known(owners={E1: 4, P1: 9}, sizes={4: {"em": 1, "ph": CROWD}, 9: {"ph": 1}})

    plan = plan_links(evidence([E1, P2], [E1, P1], [E1]), known)

    assert plan.homes == {0: -1, 1: 9, 2: 4}
    assert (plan.learned, plan.joined) == ({P2: -1}, ())


@pytest.mark.parametrize(("own", "theirs", "joined"), [(12, 8, 1), (12, 9, 0)])
def test_two_are_not_joined_into_a_crowd(own: int, theirs: int, joined: int) -> None:
    known = Known(owners={X1: 4, P1: 9}, sizes={4: {"external_id": 1, "ph": own}, 9: {"ph": theirs}})

    assert len(plan_links(evidence([X1, P1]), known).joined) == joined


def test_a_twenty_first_hash_of_a_kind_is_nobodys() -> None:
    plan = plan_links(evidence([E1, E2]), Known(owners={E1: 4}, sizes={4: {"em": CROWD}}))

    assert (plan.homes, plan.learned) == ({0: 4}, {})


def test_the_buyer_counts_like_the_visitor() -> None:
    identity = {"em": ["e1"], "ph_e164": ["plus"], "fn": ["ana"], "buyer_em": ["e2", "e1"], "buyer_external_id": ["x1"]}

    assert read_hashes(identity) == (E1, E2, X1)


@pytest.mark.parametrize("identity", [{}, {"fn": ["ana"]}, {"em": []}])
def test_names_and_places_name_nobody(identity: dict[str, list[str]]) -> None:
    assert read_hashes(identity) == ()

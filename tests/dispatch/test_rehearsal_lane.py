"""The rehearsal's outbox: who goes first, in what company, and who is too late."""

from apps.dispatch.fate import Tried
from apps.dispatch.rehearsal.lane import Cohort, Lane


def filled(*cohorts: Cohort, due_at: float = 0.0) -> Lane:
    lane = Lane()
    for cohort in cohorts:
        lane.put(cohort, due_at, 0.0)
    return lane


def test_the_oldest_go_first_and_a_cohort_is_divided() -> None:
    lane = filled(Cohort(5.0, 3), Cohort(1.0, 4))

    first, second = lane.claim(5, 200, 10.0), lane.claim(5, 200, 10.0)

    assert [(cohort.sold_at, cohort.size) for cohort in first] == [(1.0, 4), (5.0, 1)]
    assert [(cohort.sold_at, cohort.size) for cohort in second] == [(5.0, 2)]
    assert (lane.waiting, lane.claim(5, 200, 10.0)) == (0, [])


def test_what_failed_often_has_little_company() -> None:
    lane = filled(Cohort(1.0, 1, Tried(failures=2)), Cohort(2.0, 100))

    assert sum(cohort.size for cohort in lane.claim(200, 200, 10.0)) == 200 // 64


def test_what_is_not_due_waits() -> None:
    lane = filled(Cohort(1.0, 1), due_at=60.0)

    assert lane.claim(5, 200, 59.0) == []
    assert lane.due_at(59.0) == 60.0
    assert lane.due_at(61.0) == 61.0
    assert len(lane.claim(5, 200, 61.0)) == 1
    assert lane.due_at(62.0) is None


def test_a_probe_is_the_one_that_was_tried_least() -> None:
    lane = filled(Cohort(1.0, 2, attempts=3), Cohort(2.0, 2, attempts=1), Cohort(3.0, 2, attempts=2))

    (probe,) = lane.claim_probe(10.0)

    assert (probe.sold_at, probe.size, lane.waiting) == (2.0, 1, 5)
    assert sum(cohort.size for cohort in lane.claim(200, 200, 10.0)) == 5


def test_a_probe_of_nothing() -> None:
    assert Lane().claim_probe(1.0) == []


def test_only_the_oldest_hundred_may_probe() -> None:
    lane = filled(Cohort(1.0, 100, attempts=1), Cohort(2.0, 1))

    assert lane.claim_probe(10.0)[0].sold_at == 1.0


def test_what_failed_is_forgiven_and_what_waits_for_another_reason_is_not_due() -> None:
    lane = filled(Cohort(1.0, 1, Tried(failures=3, strikes=1, is_unsure=True)), Cohort(2.0, 1), due_at=60.0)

    lane.forgive(5.0)

    (forgiven,) = lane.claim(200, 200, 5.0)
    assert forgiven.tried == Tried(is_unsure=True)
    assert lane.due_at(5.0) == 60.0


def test_release_makes_all_due() -> None:
    lane = filled(Cohort(1.0, 1), Cohort(2.0, 1), due_at=60.0)

    lane.release()

    assert len(lane.claim(200, 200, 5.0)) == 2


def test_the_too_old_leave_whether_due_or_not() -> None:
    lane = filled(Cohort(1.0, 2), Cohort(9.0, 3))
    lane.put(Cohort(2.0, 4), 60.0, 0.0)
    lane.put(Cohort(8.0, 5), 60.0, 0.0)

    late = list(lane.expire(2.0))

    assert sorted((cohort.sold_at, cohort.size) for cohort in late) == [(1.0, 2), (2.0, 4)]
    assert (lane.waiting, lane.oldest()) == (8, 8.0)
    assert list(lane.expire(2.0)) == []

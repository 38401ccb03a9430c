"""What becomes of a send after its request."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.dispatch.fate import STRIKES, Fate, Place, Request, Tried, decide, lapse, largest_company
from apps.dispatch.verdict import NextStep, Outcome, Verdict

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FRESH = Tried()
ALONE = Request(is_alone=True, was_well=True)
IN_COMPANY = Request(is_alone=False, was_well=True)
PROBE = Request(is_alone=True, was_well=False, is_probe=True)


def verdict(outcome: Outcome, reason: str = "why", repair: str = "") -> Verdict:
    return Verdict(outcome, NextStep.NONE, reason, repair=repair)


def fate(outcome: Outcome, tried: Tried = FRESH, request: Request = ALONE) -> Fate:
    return decide(tried, verdict(outcome), request, NOW, 0.5)


def test_what_is_accepted_says_whether_it_may_have_been_there_before() -> None:
    assert (fate(Outcome.ACCEPTED).place, fate(Outcome.ACCEPTED).reason) == (Place.ACCEPTED, "accepted")
    assert fate(Outcome.ACCEPTED, Tried(is_unsure=True)).reason == "accepted_on_resend"


@pytest.mark.parametrize(
    ("outcome", "place"),
    [
        (Outcome.PERMANENT, Place.DEAD),
        (Outcome.EXPIRED, Place.EXPIRED),
        (Outcome.TOKEN, Place.PARKED),
        (Outcome.PERMISSION, Place.PARKED),
        (Outcome.VERSION, Place.PARKED),
    ],
)
def test_what_ends_or_parks_counts_as_no_failure(outcome: Outcome, place: Place) -> None:
    assert fate(outcome) == Fate(place, "why", FRESH)


def test_what_is_throttled_waits_for_its_destination_alone() -> None:
    assert fate(Outcome.THROTTLED) == Fate(Place.RETRYING, "why", FRESH, NOW)


def test_a_known_repair_is_tried_once() -> None:
    first = decide(FRESH, verdict(Outcome.PERMANENT, repair="fbc"), ALONE, NOW, 0)
    second = decide(first.tried, verdict(Outcome.PERMANENT, repair="fbc"), ALONE, NOW, 0)

    assert first == Fate(Place.RETRYING, "repaired_fbc", Tried(repairs=("fbc",)), NOW)
    assert (second.place, second.reason) == (Place.DEAD, "why")


@pytest.mark.parametrize("outcome", [Outcome.TRANSIENT, Outcome.AMBIGUOUS, Outcome.UNKNOWN])
def test_waits_grow_with_every_failure(outcome: Outcome) -> None:
    waits, tried = [], FRESH
    for _turn in range(12):
        found = fate(outcome, tried, replace(IN_COMPANY, was_well=False))
        assert found.due_at is not None
        waits.append(found.due_at - NOW)
        tried = found.tried

    assert waits[:5] == [timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 16)]
    assert waits[5:8] == [timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1)]
    assert waits[9:] == [timedelta(hours=6)] * 3


@pytest.mark.parametrize("outcome", [Outcome.TRANSIENT, Outcome.AMBIGUOUS, Outcome.UNKNOWN])
def test_five_failures_of_its_own_make_it_dead(outcome: Outcome) -> None:
    tried = FRESH
    for _turn in range(STRIKES - 1):
        found = fate(outcome, tried)
        assert found.place is Place.RETRYING
        tried = found.tried

    found = fate(outcome, tried)

    assert (found.place, found.reason, found.tried.strikes) == (Place.DEAD, "gave_up_why", 5)


@pytest.mark.parametrize("request_", [IN_COMPANY, replace(ALONE, was_well=False), PROBE])
def test_what_the_platform_does_to_everybody_is_no_failure_of_its_own(request_: Request) -> None:
    tried = FRESH
    for _turn in range(100):
        found = fate(Outcome.TRANSIENT, tried, request_)
        assert found.place is Place.RETRYING
        tried = found.tried

    assert tried.strikes == 0


def test_a_probe_waits_for_the_breaker_alone() -> None:
    assert fate(Outcome.TRANSIENT, request=PROBE) == Fate(Place.RETRYING, "why", FRESH, NOW)


@pytest.mark.parametrize("request_", [ALONE, IN_COMPANY, PROBE])
def test_an_answer_that_was_lost_is_remembered(request_: Request) -> None:
    assert fate(Outcome.AMBIGUOUS, request=request_).tried.is_unsure is True
    assert fate(Outcome.TRANSIENT, request=request_).tried.is_unsure is False


def test_a_lapsed_lease_counts_against_who_was_alone_and_may_have_arrived_if_it_was_posted() -> None:
    assert lapse(FRESH, was_alone=True, was_posted=True) == Tried(1, 1, is_unsure=True)
    assert lapse(FRESH, was_alone=False, was_posted=False) == Tried(1, 0, is_unsure=False)
    assert lapse(Tried(is_unsure=True), was_alone=False, was_posted=False).is_unsure is True


def test_who_failed_is_soon_alone() -> None:
    assert [largest_company(failures, 1000) for failures in range(5)] == [1000, 125, 15, 1, 1]
    assert largest_company(10**6, 1000) == 1


@given(
    outcome=st.sampled_from(Outcome),
    tried=st.builds(Tried, failures=st.integers(0, 1000), strikes=st.integers(0, STRIKES - 1), is_unsure=st.booleans()),
    request_=st.builds(Request, st.booleans(), st.booleans(), st.booleans()),
    jitter=st.floats(0, 1, exclude_max=True),
    reason=st.text(max_size=200),
)
def test_every_outcome_has_one_fate_that_fits_its_columns(
    outcome: Outcome, tried: Tried, request_: Request, jitter: float, reason: str
) -> None:
    found = decide(tried, verdict(outcome, reason), request_, NOW, jitter)

    assert (found.due_at is None) == (found.place is not Place.RETRYING)
    assert found.due_at is None or found.due_at >= NOW
    assert len(found.reason) <= 60
    assert found.tried.strikes <= STRIKES
    assert found.tried.is_unsure >= tried.is_unsure
    assert (found.place is Place.ACCEPTED) == (outcome is Outcome.ACCEPTED)

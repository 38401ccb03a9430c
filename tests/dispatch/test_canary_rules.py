"""When a version of an API is to blame."""

import pytest

from apps.dispatch.canary import Tally, is_doubted, is_proven_guilty, is_worse
from apps.dispatch.verdict import Outcome

BELIEVED = {Outcome.ACCEPTED, Outcome.THROTTLED}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_all_that_a_version_on_trial_does_not_accept_is_doubted_but_too_many_requests(outcome: Outcome) -> None:
    assert is_doubted(outcome, is_canary=True) is (outcome not in BELIEVED)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_destinations_own_version_is_doubted_only_by_its_name(outcome: Outcome) -> None:
    assert is_doubted(outcome, is_canary=False) is (outcome is Outcome.VERSION)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_one_refusal_of_what_the_other_accepts_is_enough(outcome: Outcome) -> None:
    assert is_proven_guilty(outcome) is (outcome not in BELIEVED | {Outcome.TRANSIENT, Outcome.AMBIGUOUS})


@pytest.mark.parametrize(
    ("canary", "stable", "worse"),
    [
        (Tally(3, 3), Tally(3, 0), True),
        (Tally(2, 2), Tally(100, 0), False),
        (Tally(10, 3), Tally(100, 0), True),
        (Tally(100, 5), Tally(100, 5), False),
        (Tally(100, 10), Tally(100, 5), False),
        (Tally(100, 11), Tally(100, 5), True),
        (Tally(10, 10), Tally(10, 10), False),
        (Tally(5, 5), Tally(0, 0), False),
    ],
)
def test_failures_count_against_a_version_when_there_are_twice_as_many(
    canary: Tally, stable: Tally, worse: bool
) -> None:
    assert is_worse(canary, stable) is worse

"""Taking a refused request apart: the good go, the guilty stand alone, and nobody is forgotten."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from apps.dispatch.halving import MOST_REQUESTS, halve


class Platform:
    """Refuses every part of several that holds a bad one; settles every other."""

    def __init__(self, bad: set[int]) -> None:
        self.bad = bad
        self.accepted: list[int] = []
        self.refused_alone: list[int] = []
        self.requests = 0

    def is_refused(self, part: Sequence[int]) -> bool:
        self.requests += 1
        if not self.bad & set(part):
            self.accepted += part
        elif len(part) == 1:
            self.refused_alone += part
        else:
            return True
        return False


@given(size=st.integers(2, 300), bad=st.sets(st.integers(0, 299), max_size=6))
def test_each_is_accepted_stands_alone_or_is_given_back(size: int, bad: set[int]) -> None:
    platform = Platform(bad)

    untried = halve(range(size), platform.is_refused)

    assert sorted([*platform.accepted, *platform.refused_alone, *untried]) == list(range(size))
    assert set(platform.refused_alone) <= bad
    assert not bad & set(platform.accepted)
    assert platform.requests <= MOST_REQUESTS


def test_one_bad_event_among_a_thousand_takes_twenty_requests() -> None:
    platform = Platform({777})

    untried = halve(range(1000), platform.is_refused)

    assert (platform.refused_alone, len(platform.accepted), untried) == ([777], 999, [])
    assert platform.requests <= 20


def test_where_all_are_bad_it_stops_and_gives_the_rest_back() -> None:
    platform = Platform(set(range(1000)))

    untried = halve(range(1000), platform.is_refused, most=10)

    assert platform.requests == 10
    assert len(untried) == 1000 - len(platform.refused_alone)


def test_their_order_is_kept() -> None:
    platform = Platform({5})

    halve(range(8), platform.is_refused)

    assert platform.accepted == [0, 1, 2, 3, 4, 6, 7]

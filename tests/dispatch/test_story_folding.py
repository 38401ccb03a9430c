"""How the steps of a story are folded, and how long things are said to have lasted. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.utils.translation import override

from apps.dispatch.story.course import Change, Probes, Replayed, Step, Try, fold
from apps.dispatch.story.lines import span, tell_step

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with override("en"):
        yield


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def attempt(minutes: float, outcome: str = "transient", **more: object) -> Try:
    values = {"host": "https://graph.example.com", "size": 1, "is_probe": False, "http_status": 503, **more}
    return Try(at=at(minutes), outcome=outcome, **values)  # type: ignore[arg-type]


def change(minutes: float, what: str, **more: object) -> Change:
    return Change(at=at(minutes), what=what, reason="http_503", **more)  # type: ignore[arg-type]


def outage(begins: float, probes: int, ends: float | None = None, **more: object) -> list[Step]:
    """Opened, probed in vain once a minute, and closed if it ends."""
    steps: list[Step] = [change(begins, "open", **more)]
    for number in range(1, probes + 1):
        steps += [change(begins + number, "half_open", **more), change(begins + number + 0.1, "open", **more)]
    if ends is not None:
        steps += [change(ends, "half_open", **more), change(ends + 0.1, "closed", **more)]
    return steps


def test_a_long_outage_is_three_steps() -> None:
    opened, probes, closed = fold(outage(0, probes=118, ends=120))

    assert (opened, closed) == (change(0, "open"), change(120.1, "closed"))
    assert probes == Probes(at=at(1.1), until=at(118.1), times=118, own=0, reason="http_503", of_platform=False)
    text = tell_step(probes).text
    assert text.startswith("It was tried 118 times within 1 hour, 57 minutes with a single request each, every time")


def test_an_outage_that_goes_on_has_no_end() -> None:
    assert [type(step) for step in fold(outage(0, probes=3))] == [Change, Probes]


def test_an_outage_without_probes_tells_of_none() -> None:
    assert [step.what for step in fold(outage(0, probes=0, ends=1)) if isinstance(step, Change)] == ["open", "closed"]


def test_own_probes_are_counted_and_not_told_one_by_one() -> None:
    own = [attempt(minutes, is_probe=True) for minutes in (1, 3)]
    last = attempt(5, "accepted", is_probe=True)

    steps = fold([*outage(0, probes=4, ends=5), *own, last])

    (probes,) = [step for step in steps if isinstance(step, Probes)]
    assert (probes.times, probes.own) == (4, 2)
    assert [step for step in steps if isinstance(step, Try)] == [last]


def test_two_outages_are_told_apart() -> None:
    steps = fold([*outage(0, probes=2, ends=3), attempt(4), *outage(5, probes=1, ends=7)])

    words = [step.what if isinstance(step, Change) else type(step).__name__ for step in steps]
    assert words == ["open", "Probes", "closed", "Try", "open", "Probes", "closed"]


def test_a_platforms_outage_and_the_destinations_own_are_told_beside_each_other() -> None:
    own = [attempt(2, is_probe=True)]

    steps = fold([*outage(0, probes=2, ends=4), *outage(1, probes=2, ends=4, of_platform=True), *own])

    probes = [step for step in steps if isinstance(step, Probes)]
    assert [(item.of_platform, item.own) for item in probes] == [(False, 1), (True, 0)]
    assert [step.of_platform for step in steps if isinstance(step, Change) and step.what == "open"] == [False, True]


def test_a_breaker_that_was_half_open_when_it_came_counts_as_open() -> None:
    (opened,) = fold([change(0, "half_open", is_before=True)])

    assert opened == change(0, "open", is_before=True)
    assert tell_step(opened).text.startswith("So it was when it came: Too many requests")


def test_a_closing_without_an_opening_says_nothing() -> None:
    assert fold([change(0, "closed")]) == []


def test_like_tries_in_a_row_are_one() -> None:
    (first,) = fold([attempt(0), attempt(1), attempt(3)])

    assert (first, tell_step(first).what) == (attempt(0, more=2, until=at(3)), "sent")
    assert tell_step(first).text == (
        "Sent to graph.example.com in a request of its own. The answer was HTTP 503. "
        "The platform had trouble of its own and did not take it. The same happened 2 more times within 3 minutes."
    )
    (twice,) = fold([attempt(0), attempt(1)])
    assert tell_step(twice).text.endswith("The same happened once more, 1 minute later.")


@pytest.mark.parametrize(
    "other",
    [
        attempt(1, http_status=500),
        attempt(1, code=2),
        attempt(1, subcode=7),
        attempt(1, "ambiguous"),
        attempt(1, next_step="review"),
        attempt(1, host="https://other.example.com"),
        attempt(1, is_probe=True),
        Replayed(at=at(1)),
        change(1, "parked"),
    ],
)
def test_what_differs_is_told_by_itself(other: Step) -> None:
    assert fold([attempt(0), other, attempt(2)]) == [attempt(0), other, attempt(2)]


def test_a_try_without_something_begins_a_new_row() -> None:
    mended = attempt(1, left_out=("fbc",))

    first, second = fold([attempt(0), mended, attempt(2)])

    assert (first, second) == (attempt(0), attempt(1, left_out=("fbc",), more=1, until=at(2)))


def test_pauses_in_a_row_are_one_that_lasts_until_the_last_ends() -> None:
    (pause,) = fold([change(0, "paused", until=at(2)), change(2, "paused", until=at(12))])

    assert tell_step(pause).text == (
        "The platform got too many requests, and asked 2 times for a pause, for 12 minutes in all."
    )


def test_steps_come_out_in_the_order_of_time() -> None:
    steps: list[Step] = [attempt(9, "accepted"), change(5, "parked"), attempt(1), change(7, "resumed")]

    assert [step.at for step in fold(steps)] == [at(1), at(5), at(7), at(9)]


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(milliseconds=999), "less than a second"),
        (timedelta(seconds=1), "1 s"),
        (timedelta(seconds=59.4), "59 s"),
        (timedelta(seconds=59.6), "1 minute"),
        (timedelta(seconds=119), "2 minutes"),
        (timedelta(hours=2, minutes=4, seconds=40), "2 hours, 5 minutes"),
        (timedelta(days=6, hours=21, minutes=36), "6 days, 21 hours"),
    ],
)
def test_lengths_are_told_no_finer_than_anybody_cares_for(length: timedelta, said: str) -> None:
    assert span(length) == said

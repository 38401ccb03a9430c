"""The breaker's rules: what opens it, what does not, who probes, and how it begins again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.dispatch.breaker import (
    FIRST_ALLOWANCE,
    LONGEST_PAUSE,
    OPEN_FOR,
    OPEN_LONGER_FOR,
    PAUSE,
    PROBE_LEASE,
    WIDEST,
    Admission,
    Condition,
    State,
    admit,
    begin_gently,
    begin_probe,
    fail,
    pause,
    start_anew,
    succeed,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOP = 200
WELL = Condition(allowance=TOP)
PLATFORM = Condition()


def failed(times: int, condition: Condition = WELL) -> Condition:
    for _turn in range(times):
        condition = fail(condition, "http_500", NOW, jitter=0)
    return condition


def test_four_failures_leave_it_closed_and_the_fifth_opens_it_for_a_minute() -> None:
    four, five = failed(4), failed(5)

    assert (four.state, four.failures) == (State.CLOSED, 4)
    assert (five.state, five.retry_at, five.reason, five.openings) == (State.OPEN, NOW + OPEN_FOR, "http_500", 1)
    assert timedelta(seconds=60) == OPEN_FOR


def test_a_success_in_between_begins_the_count_anew() -> None:
    assert failed(4, succeed(failed(4), TOP)).state is State.CLOSED


def test_while_open_nothing_may_be_sent_and_after_a_minute_one_event() -> None:
    opened = failed(5)

    assert admit(opened, PLATFORM, NOW + timedelta(seconds=59)) == Admission(0, until=NOW + OPEN_FOR)
    assert admit(opened, PLATFORM, NOW + OPEN_FOR) == Admission(1, is_probe=True)


def test_nobody_else_probes_until_the_probe_is_done_or_given_up() -> None:
    later = NOW + OPEN_FOR

    probing = begin_probe(failed(5), later)

    assert (probing.state, admit(probing, PLATFORM, later).events) == (State.HALF_OPEN, 0)
    assert admit(probing, PLATFORM, later + PROBE_LEASE) == Admission(1, is_probe=True)


def test_a_closed_breaker_needs_no_probe() -> None:
    assert begin_probe(WELL, NOW) is WELL


def test_a_probe_that_fails_opens_it_again_at_once() -> None:
    probing = begin_probe(failed(5), NOW + OPEN_FOR)

    again = fail(probing, "http_502", NOW + OPEN_FOR, jitter=0)

    assert (again.state, again.openings, again.retry_at) == (State.OPEN, 2, NOW + 2 * OPEN_FOR)


def test_after_half_an_hour_it_is_probed_less_often() -> None:
    worn = replace(failed(5), state=State.HALF_OPEN, openings=30)

    assert fail(worn, "http_500", NOW, jitter=0).retry_at == NOW + OPEN_LONGER_FOR


@pytest.mark.parametrize("jitter", [0.0, 0.5, 0.99])
def test_probes_of_many_destinations_are_spread(jitter: float) -> None:
    opened = replace(failed(4))

    retry_at = fail(opened, "http_500", NOW, jitter=jitter).retry_at

    assert retry_at == NOW + OPEN_FOR * (1 + 0.2 * jitter)


def test_a_probe_that_succeeds_closes_it_and_it_begins_gently() -> None:
    healed = succeed(begin_probe(failed(5), NOW + OPEN_FOR), TOP)

    assert (healed.state, healed.failures, healed.openings, healed.retry_at) == (State.CLOSED, 0, 0, None)
    assert (healed.width, healed.allowance) == (1, FIRST_ALLOWANCE)


def test_requests_grow_in_size_first_and_then_in_number() -> None:
    condition = succeed(begin_probe(failed(5), NOW), TOP)
    seen = []
    for _turn in range(10):
        seen.append((condition.allowance, condition.width))
        condition = succeed(condition, TOP)

    assert seen[:7] == [(10, 1), (20, 1), (40, 1), (80, 1), (160, 1), (200, 1), (200, 2)]
    assert seen[-1] == (TOP, WIDEST)


def test_every_failure_makes_requests_smaller_and_fewer() -> None:
    assert [(failed(n).allowance, failed(n).width) for n in range(4)] == [(200, 2), (100, 1), (50, 1), (25, 1)]


def test_where_no_answer_comes_the_next_request_holds_one_event() -> None:
    silent = fail(WELL, "timeout", NOW, jitter=0, is_silent=True)

    assert (silent.allowance, silent.failures, silent.state) == (1, 1, State.CLOSED)
    assert succeed(silent, TOP).allowance == 2


def test_after_its_platform_broke_down_a_destination_begins_gently() -> None:
    assert begin_gently(failed(2)) == replace(WELL, failures=0, width=1, allowance=FIRST_ALLOWANCE)


def test_what_was_under_way_when_it_opened_changes_nothing() -> None:
    opened = failed(5)

    assert fail(opened, "timeout", NOW + timedelta(seconds=1), jitter=0.5) is opened


def test_one_destination_never_opens_its_platform() -> None:
    platform = PLATFORM
    for _turn in range(50):
        platform = fail(platform, "http_500", NOW, jitter=0, destination="a")

    assert (platform.state, platform.failures) == (State.CLOSED, 50)


def test_three_destinations_open_their_platform_at_the_fifth_failure() -> None:
    platform = PLATFORM
    for destination in "abab":
        platform = fail(platform, "http_500", NOW, jitter=0, destination=destination)
    four = platform.state

    platform = fail(platform, "http_500", NOW, jitter=0, destination="c")

    assert (four, platform.state) == (State.CLOSED, State.OPEN)
    assert admit(WELL, platform, NOW).events == 0
    assert admit(WELL, platform, NOW + OPEN_FOR) == Admission(1, is_probe=True)


def test_a_success_anywhere_says_that_the_platform_works() -> None:
    platform = PLATFORM
    for destination in "abab":
        platform = fail(platform, "http_500", NOW, jitter=0, destination=destination)

    platform = fail(succeed(platform, TOP), "http_500", NOW, jitter=0, destination="c")

    assert (platform.state, platform.failing) == (State.CLOSED, frozenset("c"))


def test_a_pause_lasts_as_long_as_the_platform_asks() -> None:
    paused = pause(WELL, "graph_4", NOW, 15 * 60)

    assert admit(paused, PLATFORM, NOW + timedelta(minutes=14)).until == NOW + timedelta(minutes=15)
    assert admit(paused, PLATFORM, NOW + timedelta(minutes=15)) == Admission(TOP // 2)
    assert (paused.state, paused.failures, paused.width) == (State.CLOSED, 0, 1)


@pytest.mark.parametrize(("asked", "lasts"), [(None, PAUSE), (0, PAUSE), (10**9, LONGEST_PAUSE)])
def test_a_pause_is_minutes_where_nothing_is_asked_and_a_day_at_most(asked: int | None, lasts: timedelta) -> None:
    assert pause(WELL, "graph_17", NOW, asked).paused_until == NOW + lasts


def test_a_second_pause_never_shortens_the_first() -> None:
    long = pause(WELL, "graph_4", NOW, 3600)

    assert pause(long, "graph_4", NOW, 60).paused_until == NOW + timedelta(hours=1)


def test_a_pause_of_the_platform_holds_every_destination() -> None:
    assert admit(WELL, pause(PLATFORM, "graph_4", NOW, 60), NOW).events == 0


def test_starting_anew_probes_at_once_whatever_was_before() -> None:
    troubled = pause(failed(5), "graph_4", NOW, 3600)

    assert admit(start_anew(troubled, NOW), PLATFORM, NOW) == Admission(1, is_probe=True)


@given(outcomes=st.lists(st.sampled_from(["ok", "fail", "pause", "wait"]), max_size=60))
def test_whatever_happens_it_opens_again_some_day(outcomes: list[str]) -> None:
    """No order of outcomes leads to a breaker that never lets anything through again, or lets more than its top."""
    condition, now = WELL, NOW
    for outcome in outcomes:
        admission = admit(condition, PLATFORM, now)
        assert 0 <= admission.events <= TOP
        assert 1 <= condition.width <= WIDEST
        if admission.until:
            assert now < admission.until <= now + LONGEST_PAUSE
            now = admission.until if outcome == "wait" else now + timedelta(seconds=1)
            continue
        condition = begin_probe(condition, now) if admission.is_probe else condition
        if outcome == "ok":
            condition = succeed(condition, TOP)
        elif outcome == "fail":
            condition = fail(condition, "http_500", now, jitter=0.5)
        elif outcome == "pause":
            condition = pause(condition, "graph_4", now, 60)
        now += timedelta(seconds=1)

    assert admit(condition, PLATFORM, now + LONGEST_PAUSE).events >= 1

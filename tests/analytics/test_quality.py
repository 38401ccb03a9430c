"""From counts to shares, grades and causes: examples, and what holds for all counts."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.analytics.quality import (
    BARS,
    MIN_SAMPLE,
    WORTH,
    Cause,
    Counts,
    Found,
    Grade,
    Quality,
    Signal,
    SignalQuality,
    Stage,
    Tally,
    assess,
    grade_of,
)

tallies = st.integers(0, 10_000).flatmap(lambda of: st.builds(Tally, having=st.integers(0, of), of=st.just(of)))
founds = st.builds(Found, count=st.integers(0, 50), example=st.just("htc1"))
counts = st.builds(
    Counts,
    total=st.integers(50, 10_000),
    tallies=st.dictionaries(st.sampled_from(Signal), tallies),
    found=st.dictionaries(st.sampled_from(Cause), founds),
)
periods = st.dictionaries(st.sampled_from(Stage), counts)


def of_signal(quality: Quality, stage: Stage, signal: Signal) -> SignalQuality:
    (found,) = [item for shown in quality.stages if shown.stage is stage for item in shown.signals]
    assert found.signal is signal
    return found


def test_a_share_is_set_beside_the_one_before() -> None:
    now = {Stage.CLICKS: Counts(40, {Signal.FBC: Tally(30, 40)})}
    before = {Stage.CLICKS: Counts(20, {Signal.FBC: Tally(18, 20)})}

    quality = assess(now, before)

    assert of_signal(quality, Stage.CLICKS, Signal.FBC) == SignalQuality(
        Signal.FBC,
        having=30,
        of=40,
        share=0.75,
        share_before=0.9,
        change=-0.15,
        grade=Grade.FAIR,
        worth=WORTH[Signal.FBC],
    )
    assert [(stage.stage, stage.total, stage.total_before) for stage in quality.stages] == [
        (Stage.CLICKS, 40, 20),
        (Stage.CHECKOUTS, 0, 0),
        (Stage.SALES, 0, 0),
    ]


@pytest.mark.parametrize("before", [{}, {Stage.CLICKS: Counts(5, {Signal.FBC: Tally(0, 0)})}])
def test_without_anything_before_there_is_no_change(before: dict[Stage, Counts]) -> None:
    quality = assess({Stage.CLICKS: Counts(40, {Signal.FBC: Tally(40, 40)})}, before)

    found = of_signal(quality, Stage.CLICKS, Signal.FBC)
    assert (found.share, found.share_before, found.change) == (1.0, None, None)


def test_nothing_at_all_is_three_empty_stages() -> None:
    quality = assess({}, {})

    assert [(stage.total, stage.total_before, stage.signals) for stage in quality.stages] == [(0, 0, ())] * 3
    assert quality.causes == ()


def test_a_signal_that_nobody_could_have_is_left_out() -> None:
    now = {Stage.CLICKS: Counts(12, {Signal.FBC: Tally(0, 0), Signal.FBP: Tally(0, 12), Signal.CLICK_ID: Tally(0, 0)})}

    quality = assess(now, {})

    assert [item.signal for item in quality.stages[0].signals] == [Signal.FBP]


@pytest.mark.parametrize(
    ("having", "of", "grade"),
    [
        (80, 100, Grade.GOOD),
        (79, 100, Grade.FAIR),
        (50, 100, Grade.FAIR),
        (49, 100, Grade.POOR),
        (0, 10, Grade.POOR),
        (0, 9, Grade.TOO_FEW),
        (9, 9, Grade.TOO_FEW),
        (0, 0, Grade.TOO_FEW),
    ],
)
def test_grades_have_bars(having: int, of: int, grade: Grade) -> None:
    assert BARS[Stage.CLICKS][Signal.FBC] == (0.8, 0.5)
    assert grade_of(Stage.CLICKS, Signal.FBC, Tally(having, of)) is grade


@pytest.mark.parametrize("signal", [Signal.EMAIL, Signal.PHONE])
def test_nobody_is_expected_to_be_known_at_the_click(signal: Signal) -> None:
    assert grade_of(Stage.CLICKS, signal, Tally(0, 1000)) is Grade.UNGRADED
    assert grade_of(Stage.SALES, signal, Tally(0, 1000)) is Grade.POOR


def test_every_signal_has_its_worth_and_sound_bars() -> None:
    bars = [bar for by_signal in BARS.values() for bar in by_signal.values()]

    assert set(WORTH) == set(Signal)
    assert set(BARS) == set(Stage)
    assert set(BARS[Stage.SALES]) == set(Signal)
    assert [bar for bar in bars if not 0 < bar[1] < bar[0] < 1] == []


def test_causes_come_with_the_largest_share_first() -> None:
    now = {
        Stage.CLICKS: Counts(100, found={Cause.PIXEL_MISSING: Found(9, "htc1"), Cause.MALFORMED_COOKIE: Found(0, "")}),
        Stage.SALES: Counts(10, found={Cause.SCRIPT_MISSING: Found(1, "HP1"), Cause.OLD_FBC: Found(2, "HP2")}),
    }

    causes = assess(now, {}).causes

    assert [(item.cause, item.stage, item.count, item.of, item.example) for item in causes] == [
        (Cause.OLD_FBC, Stage.SALES, 2, 10, "HP2"),
        (Cause.SCRIPT_MISSING, Stage.SALES, 1, 10, "HP1"),
        (Cause.PIXEL_MISSING, Stage.CLICKS, 9, 100, "htc1"),
    ]


def test_without_clicks_no_script_is_missed() -> None:
    sales = Counts(10, found={Cause.SCRIPT_MISSING: Found(10, "HP1"), Cause.OLD_FBC: Found(1, "HP2")})

    assert [item.cause for item in assess({Stage.SALES: sales}, {Stage.CLICKS: Counts(7)}).causes] == [Cause.OLD_FBC]


@given(periods, periods)
def test_shares_are_shares(now: dict[Stage, Counts], before: dict[Stage, Counts]) -> None:
    for stage in assess(now, before).stages:
        for item in stage.signals:
            assert item.of > 0
            assert item.share is not None
            assert 0 <= item.share <= 1
            assert item.share == pytest.approx(item.having / item.of, abs=1e-4)
            assert (item.change is None) is (item.share_before is None)
            assert item.change is None or -1 <= item.change <= 1


@given(periods, periods)
def test_the_periods_change_places_and_so_does_the_sign(now: dict[Stage, Counts], before: dict[Stage, Counts]) -> None:
    forth = {(s.stage, item.signal): item.change for s in assess(now, before).stages for item in s.signals}
    back = {(s.stage, item.signal): item.change for s in assess(before, now).stages for item in s.signals}

    for key in forth.keys() & back.keys():
        change, returned = forth[key], back[key]
        assert change is not None
        assert returned is not None
        assert change == pytest.approx(-returned, abs=1e-9)


@given(periods)
def test_every_cause_that_was_seen_is_told_once(now: dict[Stage, Counts]) -> None:
    assume(Stage.CLICKS in now)

    causes = assess(now, {}).causes

    seen = sorted((stage, cause) for stage, held in now.items() for cause, found in held.found.items() if found.count)
    assert sorted((item.stage, item.cause) for item in causes) == seen
    shares = [item.count / item.of for item in causes]
    assert shares == sorted(shares, reverse=True)


@given(st.sampled_from(Stage), st.sampled_from(Signal), st.integers(MIN_SAMPLE, 5000), st.data())
def test_more_is_never_graded_worse(stage: Stage, signal: Signal, of: int, data: st.DataObject) -> None:
    fewer = data.draw(st.integers(0, of))
    more = data.draw(st.integers(fewer, of))
    order = [Grade.UNGRADED, Grade.POOR, Grade.FAIR, Grade.GOOD]

    ranks = [order.index(grade_of(stage, signal, Tally(having, of))) for having in (fewer, more)]

    assert ranks == sorted(ranks)

"""What is known of a token decides when it is asked about again, renewed, and cried over."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.dispatch.models import TokenCheck
from apps.dispatch.tokens.rules import (
    ALARM_BEFORE,
    ASK_AGAIN,
    ASK_EVERY,
    Inspection,
    State,
    earliest,
    is_alarming,
    keeps_what_is_known,
    lasts,
    must_renew,
    next_check,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def ending(left: timedelta, **changes: object) -> Inspection:
    return Inspection(state=State.EXPIRES, expires_at=NOW + left, **changes)  # type: ignore[arg-type]


def test_the_words_are_those_of_the_table() -> None:
    assert [state.value for state in State] == list(TokenCheck.State.values)


def test_an_inspection_that_says_nothing_is_unknown() -> None:
    assert Inspection().state is State.UNKNOWN


@pytest.mark.parametrize(
    ("expires_at", "data_access", "end"),
    [
        (None, None, None),
        (NOW, None, NOW),
        (None, NOW, NOW),
        (NOW, NOW + DAY, NOW),
        (NOW + DAY, NOW, NOW),
    ],
)
def test_the_clock_that_runs_out_first_counts(
    expires_at: datetime | None, data_access: datetime | None, end: datetime | None
) -> None:
    assert earliest(expires_at, data_access) == end
    assert Inspection(expires_at=expires_at, data_access_expires_at=data_access).ends_at == end


@pytest.mark.parametrize(
    ("inspection", "wait"),
    [
        (Inspection(state=State.NEVER), ASK_EVERY),
        (ending(DAY), ASK_EVERY),
        (Inspection(state=State.INVALID), ASK_EVERY),
        (Inspection(problem="read_timeout", is_told=False), ASK_EVERY),
        (Inspection(problem="graph_100"), ASK_AGAIN),
        (Inspection(problem="graph_4", wait_s=600), ASK_EVERY),
        (Inspection(problem="graph_4", wait_s=7200), timedelta(hours=2)),
    ],
    ids=["never", "expires", "invalid", "silence", "will not say", "throttled", "throttled for long"],
)
def test_the_next_check(inspection: Inspection, wait: timedelta) -> None:
    assert next_check(inspection, NOW, 0.5) == NOW + wait
    assert next_check(inspection, NOW, 0.0) == NOW + wait * 0.9
    assert NOW + wait < next_check(inspection, NOW, 0.99) < NOW + wait * 1.1


@pytest.mark.parametrize(
    ("inspection", "known", "age", "is_kept"),
    [
        (Inspection(is_told=False), State.EXPIRES, DAY - SECOND, True),
        (Inspection(), State.NEVER, DAY - SECOND, True),
        (Inspection(), State.INVALID, SECOND, True),
        (Inspection(), State.EXPIRES, DAY, False),
        (Inspection(), State.UNKNOWN, SECOND, False),
        (Inspection(state=State.INVALID), State.NEVER, SECOND, False),
        (Inspection(state=State.NEVER), State.INVALID, SECOND, False),
    ],
)
def test_what_was_known_outlives_a_check_that_came_to_nothing_for_a_day(
    inspection: Inspection, known: State, age: timedelta, is_kept: bool
) -> None:
    assert keeps_what_is_known(inspection, known, NOW - age, NOW) is is_kept


@pytest.mark.parametrize(
    ("inspection", "must"),
    [
        (ending(20 * DAY, is_renewable=True), True),
        (ending(20 * DAY + SECOND, is_renewable=True), False),
        (ending(SECOND, is_renewable=True), True),
        (ending(timedelta(0), is_renewable=True), False),
        (ending(-DAY, is_renewable=True), False),
        (ending(DAY), False),
        (Inspection(state=State.NEVER, is_renewable=True), False),
        (Inspection(state=State.EXPIRES, data_access_expires_at=NOW + DAY, is_renewable=True), False),
    ],
)
def test_a_token_of_our_own_app_is_renewed_early_and_only_while_it_lives(inspection: Inspection, must: bool) -> None:
    assert must_renew(inspection, NOW) is must


@pytest.mark.parametrize(
    ("inspection", "does"),
    [
        (Inspection(state=State.NEVER), True),
        (ending(60 * DAY), True),
        (ending(20 * DAY), False),
        (ending(60 * DAY, data_access_expires_at=NOW + DAY), False),
        (Inspection(state=State.UNKNOWN), False),
        (Inspection(state=State.INVALID), False),
    ],
)
def test_only_a_token_known_to_last_is_worth_changing_to(inspection: Inspection, does: bool) -> None:
    assert lasts(inspection, NOW) is does


@pytest.mark.parametrize(
    ("state", "left", "is_cause"),
    [
        (State.INVALID, None, True),
        (State.EXPIRES, ALARM_BEFORE - SECOND, True),
        (State.EXPIRES, ALARM_BEFORE, False),
        (State.EXPIRES, -DAY, True),
        (State.NEVER, None, False),
        (State.UNKNOWN, None, False),
    ],
)
def test_what_raises_the_alarm(state: State, left: timedelta | None, is_cause: bool) -> None:
    assert is_alarming(state, None if left is None else NOW + left, NOW) is is_cause

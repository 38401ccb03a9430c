"""Waits between tries, and the last moment to try."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.dispatch.backoff import deadline, next_delay

MIDDLE = 0.5


@pytest.mark.parametrize(
    ("failures", "wait"),
    [
        (0, timedelta(seconds=1)),
        (1, timedelta(seconds=2)),
        (2, timedelta(seconds=4)),
        (3, timedelta(seconds=8)),
        (4, timedelta(seconds=16)),
        (5, timedelta(minutes=5)),
        (6, timedelta(minutes=15)),
        (7, timedelta(hours=1)),
        (8, timedelta(hours=3)),
        (9, timedelta(hours=6)),
        (10, timedelta(hours=6)),
        (1000, timedelta(hours=6)),
    ],
)
def test_waits_grow_up_to_six_hours(failures: int, wait: timedelta) -> None:
    assert next_delay(failures, jitter=MIDDLE) == wait


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 240), (0.25, 270), (0.75, 330), (0.999999, 360)])
def test_jitter_moves_a_wait_by_up_to_a_fifth(jitter: float, seconds: int) -> None:
    assert next_delay(5, jitter=jitter).total_seconds() == pytest.approx(seconds, abs=0.001)


def test_an_outage_of_three_days_is_outlasted_with_few_tries() -> None:
    waited = [next_delay(failures, jitter=MIDDLE) for failures in range(20)]

    assert sum(waited, timedelta()) > timedelta(days=2, hours=12)
    assert sum(waited[:5], timedelta()) == timedelta(seconds=31)


def test_the_deadline_is_a_week_less_a_margin() -> None:
    sold = datetime(2026, 11, 1, 12, tzinfo=UTC)

    assert deadline(sold) == datetime(2026, 11, 8, 11, tzinfo=UTC)
    assert deadline(sold, margin=timedelta(minutes=5), window=timedelta(days=62)) == datetime(
        2027, 1, 2, 11, 55, tzinfo=UTC
    )

"""The rehearsal of an outage: the same seed tells the same story, nothing is lost, and nobody stampedes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from apps.dispatch.breaker import FIRST_ALLOWANCE, WIDEST
from apps.dispatch.rehearsal.plan import Host, Plan, Trouble, Workers
from apps.dispatch.rehearsal.report import BIN_S, Report
from apps.dispatch.rehearsal.simulation import rehearse
from apps.dispatch.services.admission import TENANT_WIDTH
from apps.pipeline import tasks, wakeups

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
WINDOW = timedelta(days=7).total_seconds() - HOUR
SHORT = Plan(outage_s=30 * MINUTE, per_minute=120, destinations=8, quiet_s=120, after_s=60)


@pytest.fixture(scope="module")
def short() -> Report:
    return rehearse(SHORT)


def all_ended(report: Report) -> bool:
    return report.lost == 0 and report.accepted_twice == 0


def test_the_same_seed_tells_the_same_story(short: Report) -> None:
    assert rehearse(SHORT) == short


def test_another_seed_tells_another(short: Report) -> None:
    other = rehearse(replace(SHORT, seed=2))

    assert other.trace != short.trace
    assert all_ended(other)
    assert other.accepted == other.sold


@pytest.mark.parametrize("trouble", Trouble)
@pytest.mark.parametrize(
    ("outage_s", "per_minute"),
    [(MINUTE, 300), (2 * HOUR, 60), (DAY, 3), (6.9 * DAY, 0.3)],
    ids=["1 min", "2 h", "24 h", "6.9 d"],
)
def test_nothing_is_lost_and_nothing_counted_twice(trouble: Trouble, outage_s: float, per_minute: float) -> None:
    """All of it arrives, unless nobody knows for two days what the platform took."""
    host = Host(pause_s=1800)
    plan = Plan(outage_s=outage_s, per_minute=per_minute, trouble=trouble, destinations=6, quiet_s=1200, host=host)

    report = rehearse(plan)

    assert all_ended(report)
    assert report.expired == {}
    assert report.sold > 0
    assert report.accepted + sum(report.dead.values()) == report.sold
    assert report.caught_up_s is not None
    is_silent = trouble in (Trouble.STALL, Trouble.RESET)
    assert report.dead == {} or (is_silent and outage_s > 2 * DAY)
    assert report.copies_dropped == 0 or is_silent


def test_within_two_days_all_of_it_arrives_even_if_nobody_knows_what_was_taken() -> None:
    for trouble in (Trouble.STALL, Trouble.RESET):
        report = rehearse(Plan(outage_s=1.9 * DAY, per_minute=0.5, trouble=trouble, destinations=6, after_s=60))

        assert (report.accepted, report.dead) == (report.sold, {})
        assert report.copies_dropped > 0


def test_what_may_have_arrived_long_ago_dies_and_says_why() -> None:
    report = rehearse(Plan(outage_s=3 * DAY, per_minute=0.5, trouble=Trouble.STALL, destinations=6, after_s=60))

    assert set(report.dead) == {"unknown_outcome"}
    assert report.accepted_twice == 0
    # Only what was in a request of the outage may have arrived; each probe holds one event.
    assert sum(report.dead.values()) <= report.requests_in_outage * report.plan.limits.batch


def test_of_eight_days_exactly_what_is_too_old_expires_with_its_reason() -> None:
    plan = Plan(outage_s=8 * DAY, per_minute=0.5, destinations=4, quiet_s=600, after_s=60)

    report = rehearse(plan)

    # Sold before the recovery less the window; a sale of the last minutes may miss the probe that finds the platform.
    too_old = plan.outage_s - WINDOW
    assert set(report.expired) == {"expired_platform_down"}
    by_then = plan.per_minute / MINUTE
    assert too_old * by_then - 2 <= sum(report.expired.values()) <= (too_old + 7 * MINUTE) * by_then
    assert (report.accepted + sum(report.expired.values()), report.dead) == (report.sold, {})


def test_an_outage_is_held_against_no_event(short: Report) -> None:
    """At most the very first failure, which nobody can tell from an event's own; five are needed to die."""
    assert short.dead == {}
    assert short.strikes <= SHORT.destinations
    assert rehearse(replace(SHORT, outage_s=DAY, per_minute=6)).strikes <= SHORT.destinations


def test_an_outage_is_probed_and_not_hammered(short: Report) -> None:
    first_failures = 5 * SHORT.destinations
    minutes = SHORT.outage_s / MINUTE

    assert short.requests_in_outage <= first_failures + minutes * (SHORT.destinations + 1)


@pytest.mark.parametrize("trouble", Trouble)
def test_the_rate_after_the_recovery_has_a_bound(trouble: Trouble) -> None:
    """Requests under way: WIDEST for each destination, TENANT_WIDTH for each tenant, one for each thread."""
    plan = Plan(outage_s=HOUR, per_minute=2000, trouble=trouble, destinations=5, tenants=2)

    report = rehearse(plan)

    workers = plan.workers
    at_once = min(workers.threads, plan.destinations * WIDEST, plan.tenants * workers.tenant_width)
    quickest = plan.host.latency_s / 2
    assert report.peak_rate <= at_once / quickest * MINUTE
    assert report.peak_rate <= report.quiet_rate * 2


def test_a_destination_that_was_down_begins_with_ten_events() -> None:
    plan = Plan(outage_s=HOUR, per_minute=600, destinations=1, tenants=1, host=Host(latency_s=1.0))

    report = rehearse(plan)

    # Its breaker closes, and requests of a second each hold ten events, twenty, forty: what else a bin can hold.
    well_at = min(
        place for place, events in report.course.events.items() if place * BIN_S > plan.ends_at and events > 1
    )
    first = report.course.events[well_at]
    assert first <= sum(FIRST_ALLOWANCE * 2**power for power in range(6)) * 2
    assert report.accepted == report.sold


def test_a_hub_that_is_too_slow_never_catches_up_and_says_so() -> None:
    slow = Workers(event_s=20.0)

    report = rehearse(Plan(outage_s=10 * MINUTE, per_minute=6, destinations=2, quiet_s=60, workers=slow))

    assert report.caught_up_s is None
    assert report.lost == 0


def test_a_platform_with_little_room_is_obeyed() -> None:
    plan = Plan(outage_s=MINUTE, per_minute=600, destinations=8, host=Host(capacity=5), quiet_s=120, after_s=60)

    report = rehearse(plan)

    assert (report.accepted, report.accepted_twice) == (report.sold, 0)
    assert max(report.course.requests.values()) < 8 * BIN_S * 2


def test_the_workers_of_the_rehearsal_are_those_of_the_hub() -> None:
    workers = Workers()

    assert workers.tenant_width == TENANT_WIDTH
    assert (workers.wake_ups, workers.doubtful_wake_ups) == (tasks.DELIVERY_WAKE_UPS, tasks.DOUBTFUL_WAKE_UPS)
    assert workers.wake_up_expires_s == wakeups.EXPIRES_S

"""The same hub on Redis, on SQS and on RabbitMQ, told apart by CELERY_BROKER_URL alone: what each fault may cost."""

import pytest

from tests.brokers.site import MATCHING, Site, pause

pytestmark = pytest.mark.brokers
DRAIN_MATCHES = "apps.pipeline.tasks.drain_matches"


def test_a_sale_reaches_the_platform(site: Site) -> None:
    site.hub.sell(order_id="HP-PATH")

    site.assert_accepted_once("HP-PATH")
    assert site.deaths == []


def test_a_worker_killed_amid_its_work_costs_nothing(site: Site) -> None:
    with site.matching_held_up():
        site.hub.sell(order_id="HP-KILLED")
        site.await_(site.is_at_work, "a worker amid the match", seconds=10)
        site.hub.kill("match")

    site.hub.start("match")

    site.assert_accepted_once("HP-KILLED")


def test_a_wake_up_that_comes_many_times_does_the_work_once(site: Site) -> None:
    with site.matching_held_up():
        site.hub.sell(order_id="HP-REPEATED")
        for _ in range(30):
            site.send(DRAIN_MATCHES, task_id="the-same-id")

    site.assert_accepted_once("HP-REPEATED")
    assert site.deaths == []


def test_a_broker_that_died_and_came_back_is_used_again_by_all_who_waited(site: Site) -> None:
    site.server.kill()
    site.hub.sell(order_id="HP-RESTART")
    pause(2)

    site.server.start()

    site.assert_accepted_once("HP-RESTART")


def test_a_dead_broker_delays_nobody_and_loses_nothing(site: Site) -> None:
    site.server.kill()

    taken = site.wake_once()
    site.hub.sell(order_id="HP-DEAD")
    relay = site.hub.running["relay"].poll()
    site.server.start()

    assert (taken, relay) == (False, None)
    site.assert_accepted_once("HP-DEAD")


def test_a_frozen_broker_delays_nobody_and_loses_nothing(site: Site) -> None:
    site.server.freeze()
    try:
        taken = site.wake_once()
        site.hub.sell(order_id="HP-FROZEN")
        relay = site.hub.running["relay"].poll()
    finally:
        site.server.thaw()

    assert (taken, relay) == (False, None)
    site.assert_accepted_once("HP-FROZEN")


def test_garbage_among_the_wake_ups_stops_nothing(site: Site) -> None:
    site.server.put_garbage(MATCHING)

    site.hub.sell(order_id="HP-GARBAGE")

    site.assert_accepted_once("HP-GARBAGE")
    assert set(site.deaths) <= {"match"}


def test_an_unknown_task_stops_nothing(site: Site) -> None:
    """As during a roll-out, when old workers meet new names."""
    site.send("apps.pipeline.tasks.of_tomorrow")

    site.hub.sell(order_id="HP-UNKNOWN")

    site.assert_accepted_once("HP-UNKNOWN")
    assert site.deaths == []


def test_told_to_end_every_program_ends_well_and_the_rest_is_done_later(site: Site) -> None:
    with site.matching_held_up():
        site.hub.sell(order_id="HP-ENDED")
        site.await_(site.is_at_work, "a worker amid the match", seconds=10)
        relay = site.end_calmly("relay")
        site.hub.running["match"].terminate()
        pause(1)
    codes = site.end_calmly("match", "dispatch")

    site.hub.start("match", "dispatch", "relay")

    assert relay + codes == [0, 0, 0]
    site.assert_accepted_once("HP-ENDED")


def test_workers_that_were_away_find_their_work(site: Site) -> None:
    site.hub.kill("match", "dispatch")
    site.hub.sell(order_id="HP-AWAY")
    pause(4)

    site.hub.start("match", "dispatch")

    site.assert_accepted_once("HP-AWAY")

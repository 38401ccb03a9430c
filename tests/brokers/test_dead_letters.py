"""What becomes of a message that kills its worker, or that nobody can read."""

from pathlib import Path

import pytest

from hubtrack.settings.brokers import MAX_DELIVERIES, dead_letter_name
from tests.brokers.servers import RedisServer
from tests.brokers.site import MATCHING, Site, lines_of, pause

pytestmark = pytest.mark.brokers
KILL_WORKER = "tests.brokers.poison.kill_worker"
DEAD = dead_letter_name(MATCHING)


@pytest.fixture
def with_dead_letters(site: Site) -> Site:
    if isinstance(site.server, RedisServer):
        pytest.skip("Redis has no dead-letter queues")
    return site


def test_a_message_that_kills_its_worker_is_laid_aside(with_dead_letters: Site, tmp_path: Path) -> None:
    site, diary = with_dead_letters, tmp_path / "diary"
    before = site.server.waiting(DEAD)

    site.send(KILL_WORKER, str(diary))
    site.await_(lambda: site.server.waiting(DEAD) > before, "a dead letter", seconds=120)
    site.hub.sell(order_id="HP-POISON")

    site.assert_accepted_once("HP-POISON")
    assert site.server.waiting(DEAD) == before + 1
    # A call of the dead worker's may still be open at SQS, and what it is handed counts as well.
    assert 2 <= lines_of(diary) <= MAX_DELIVERIES


def test_an_unknown_task_is_laid_aside(with_dead_letters: Site) -> None:
    site = with_dead_letters
    before = site.server.waiting(DEAD)

    site.send("apps.pipeline.tasks.of_tomorrow")

    site.await_(lambda: site.server.waiting(DEAD) == before + 1, "a dead letter")
    assert site.deaths == []


def test_wake_ups_that_expired_are_no_dead_letters(with_dead_letters: Site) -> None:
    site = with_dead_letters
    before = site.server.waiting(DEAD)
    site.hub.kill("match")
    site.hub.sell(order_id="HP-EXPIRED")
    pause(6)

    site.hub.start("match")

    site.assert_accepted_once("HP-EXPIRED")
    assert site.server.waiting(DEAD) == before

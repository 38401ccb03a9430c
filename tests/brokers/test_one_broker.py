"""What only one broker can do to the hub."""

from pathlib import Path

import pytest

from tests.brokers.servers import RedisServer, SqsServer
from tests.brokers.site import MATCHING, Site, lines_of, pause

pytestmark = pytest.mark.brokers
KILL_WORKER = "tests.brokers.poison.kill_worker"


@pytest.fixture
def on_redis(site: Site) -> RedisServer:
    if not isinstance(site.server, RedisServer):
        pytest.skip("of Redis alone")
    return site.server


@pytest.fixture
def on_sqs(site: Site) -> SqsServer:
    if not isinstance(site.server, SqsServer):
        pytest.skip("of SQS alone")
    return site.server


def test_a_wake_up_that_kills_its_worker_dies_out(site: Site, on_redis: RedisServer, tmp_path: Path) -> None:
    """Redis hands it out again after the visibility timeout, and by then it has expired."""
    diary = tmp_path / "diary"
    site.hub.sell(order_id="HP-BEFORE")
    site.assert_accepted_once("HP-BEFORE")  # so that the worker is there to take the next message in time
    site.send(KILL_WORKER, str(diary), expires=3)
    site.await_(lambda: "match" in site.deaths, "the worker's death")
    unacked = on_redis.client.hgetall("hub:unacked").items()
    (tag,) = (str(tag) for tag, message in unacked if KILL_WORKER in str(message))
    pause(3)

    on_redis.client.zadd("hub:unacked_index", {tag: 0})
    site.await_(lambda: not on_redis.client.hexists("hub:unacked", tag), "the message gone")
    site.hub.sell(order_id="HP-POISON")

    site.assert_accepted_once("HP-POISON")
    assert lines_of(diary) == 1
    assert site.deaths == ["match"]


def test_an_emptied_redis_is_filled_again(site: Site, on_redis: RedisServer) -> None:
    site.hub.kill("match")
    site.hub.sell(order_id="HP-FLUSHED")
    site.await_(lambda: on_redis.waiting(MATCHING), "a wake-up in Redis")

    on_redis.client.flushall()
    site.hub.start("match")

    site.assert_accepted_once("HP-FLUSHED")


def test_an_sqs_that_refuses_ends_neither_relay_nor_sale(site: Site, on_sqs: SqsServer) -> None:
    on_sqs.lose_queues()

    taken = site.wake_once()
    site.hub.sell(order_id="HP-REFUSED")
    pause(2)
    relay = site.hub.running["relay"].poll()
    on_sqs.prepare()

    assert (taken, relay) == (False, None)
    site.assert_accepted_once("HP-REFUSED")

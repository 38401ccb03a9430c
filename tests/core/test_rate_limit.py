"""Buckets in Redis: what is let through, when the next is, and what a lost Redis does. The clock is Redis's own."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.core import rate_limit
from apps.core.rate_limit import Limit, take
from apps.core.redis import get_redis


@pytest.fixture(autouse=True)
def _ask_redis() -> Iterator[None]:
    rate_limit.forget_outage()
    yield
    rate_limit.forget_outage()


def somebody() -> str:
    return f"test-{uuid4()}"


HOURLY = Limit("hourly", rate=1 / 3600, burst=3)


def test_a_burst_is_let_through_and_then_no_more() -> None:
    who = somebody()

    waits = [take([(HOURLY, who)]) for _ in range(5)]

    assert waits[:3] == [0, 0, 0]
    assert all(3_590 < wait <= 3_600 for wait in waits[3:]), waits


def test_one_that_is_refused_takes_nothing() -> None:
    who = somebody()
    waits = [take([(HOURLY, who)]) for _ in range(50)]

    assert max(waits) <= 3_600


def test_everybody_has_a_bucket_of_their_own() -> None:
    mine, theirs = somebody(), somebody()
    for _ in range(4):
        take([(HOURLY, mine)])

    assert take([(HOURLY, theirs)]) == 0
    assert take([(Limit("other", rate=1, burst=1), mine)]) == 0
    assert take([(HOURLY, mine)]) > 0


def test_a_bucket_refills_at_its_rate_and_no_higher_than_full() -> None:
    who, quick = somebody(), Limit("quick", rate=1_000, burst=2)
    for _ in range(2):
        take([(quick, who)])

    time.sleep(0.05)

    kept = get_redis().get(quick.key(who))
    assert kept is None, "a full bucket is forgotten"
    assert take([(quick, who)]) == 0


def test_all_buckets_are_asked_in_one_round_trip_and_one_refusal_leaves_the_others_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    who, full = somebody(), Limit("full", rate=1 / 3600, burst=1)
    take([(full, who)])
    commands = []
    send: Any = redis.Redis.execute_command

    def note(self: Any, *words: Any, **options: Any) -> Any:
        commands.append(words[0])
        return send(self, *words, **options)

    monkeypatch.setattr(redis.Redis, "execute_command", note)

    refused = [take([(HOURLY, who), (full, who)]) for _ in range(4)]

    assert commands == ["EVALSHA"] * 4
    assert min(refused) > 0
    assert take([(HOURLY, who)]) == 0


def test_a_bucket_is_forgotten_once_it_would_be_full() -> None:
    who, slow = somebody(), Limit("slow", rate=0.1, burst=5)

    take([(slow, who)])
    take([(slow, who)])

    assert 19_000 < int(get_redis().pttl(slow.key(who))) <= 20_000


def test_nothing_asked_is_nothing_refused() -> None:
    assert take([]) == 0


def test_a_strange_name_is_a_name() -> None:
    assert take([(HOURLY, "a b\r\nDEL *\x01" + somebody())]) == 0


def test_a_script_that_redis_forgot_is_sent_again() -> None:
    who = somebody()
    take([(HOURLY, who)])

    get_redis().script_flush()

    assert take([(HOURLY, who)]) == 0
    assert len([wait for wait in (take([(HOURLY, who)]) for _ in range(2)) if wait]) == 1


def test_without_redis_nothing_is_refused_and_it_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    gone = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))

    def ask() -> redis.Redis:
        asked.append("redis")
        return gone

    rate_limit._script()
    monkeypatch.setattr(rate_limit, "get_redis", ask)

    waits = [take([(HOURLY, "somebody")]) for _ in range(10)]

    assert waits == [0] * 10
    assert asked == ["redis"], "one caller pays for the timeout, the others are spared"


def test_redis_is_asked_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit._gone, "_seconds", -1.0)
    rate_limit._gone.keep("redis", answer=True)
    who = somebody()

    assert [take([(HOURLY, who)]) > 0 for _ in range(4)] == [False, False, False, True]

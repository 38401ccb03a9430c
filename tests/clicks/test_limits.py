"""How often a page or a visitor may send, as the tracking endpoints answer it."""

from typing import Any
from uuid import uuid4

import pytest

from apps.clicks import visitors
from apps.clicks.visitors import seconds_to_wait
from apps.core import rate_limit
from apps.core.rate_limit import Limit
from tests.clicks.hits import PATHS, least, send, stored
from tests.worlds import World


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of their own, so that no run finds the buckets of another."""
    rate_limit.forget_outage()
    monkeypatch.setattr(visitors, "PER_KEY", Limit(f"key-{uuid4()}", rate=1 / 60, burst=4))
    monkeypatch.setattr(visitors, "PER_ADDRESS", Limit(f"ip-{uuid4()}", rate=1 / 60, burst=2))


@pytest.mark.parametrize("path", PATHS)
def test_too_many_is_a_429_that_says_when(world: World, path: str) -> None:
    answers = [send(world, path, least(world)) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [201] * 4 + [429] * 2
    refused = answers[-1]
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["code"] == "too_many"
    assert 0 < int(refused["Retry-After"]) <= 60
    assert refused["Access-Control-Allow-Origin"] == "*"
    assert sum(stored()[1:]) == 4


def test_one_funnel_does_not_slow_another(world: World, other_world: World) -> None:
    for _ in range(5):
        send(world, body=least(world))

    assert send(other_world, body=least(other_world)).status_code == 201


def test_one_visitor_does_not_slow_another(world: World, settings: Any) -> None:
    settings.TRUSTED_PROXY_COUNT = 1

    def from_address(ip: str) -> int:
        status: int = send(world, body=least(world), headers={"X-Forwarded-For": ip}).status_code
        return status

    assert [from_address("200.160.2.3") for _ in range(3)] == [201, 201, 429]
    assert from_address("200.160.2.4") == 201


def test_a_forged_address_is_nobodys(world: World, settings: Any) -> None:
    settings.TRUSTED_PROXY_COUNT = 1

    statuses = [
        send(world, body=least(world), headers={"X-Forwarded-For": f"8.8.8.{number}, 200.160.2.3"}).status_code
        for number in range(3)
    ]

    assert statuses == [201, 201, 429]


def test_whoever_guesses_keys_is_stopped_by_address(world: World, settings: Any) -> None:
    settings.TRUSTED_PROXY_COUNT = 1

    statuses = [
        send(
            world, body=least(world, public_key=f"pk_{uuid4()}"), headers={"X-Forwarded-For": "200.160.2.3"}
        ).status_code
        for _ in range(3)
    ]

    assert statuses == [404, 404, 429]


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("2804:14c:1::1", "2804:14c:1::2", True),
        ("2804:14c:1:0:ffff::1", "2804:14c:1::2", True),
        ("2804:14c:1:1::1", "2804:14c:1:2::1", False),
        ("200.160.2.3", "200.160.2.4", False),
    ],
)
def test_a_subscriber_is_one_whatever_address_is_used(first: str, second: str, shared: bool) -> None:
    for _ in range(2):
        assert seconds_to_wait(str(uuid4()), first) == 0

    assert (seconds_to_wait(str(uuid4()), second) > 0) is shared


@pytest.mark.parametrize("ip", [None, "127.0.0.1", "10.0.0.7", "::1", "fe80::1"])
def test_an_address_of_nobodys_has_no_limit_of_its_own(ip: str | None) -> None:
    assert [seconds_to_wait(str(uuid4()), ip) for _ in range(5)] == [0] * 5

"""The bad weather itself: what the hub gets to see of each fault, and whether the platform took the events."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from tests.chaos import proxy as proxies
from tests.chaos.proxy import Fault, FaultyProxy, Window, faulty_proxy
from tests.platforms import ScriptedPlatform, scripted_platform

PIXEL = "900000000000001"
BODY = {"data": [{"event_id": "e1", "event_name": "Purchase", "custom_data": {"order_id": "HP1"}}]}
FOR_EVER = 1e9


@dataclass
class Seen:
    """What a client saw of one request; no status: no whole answer."""

    status: int | None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def upstream() -> Iterator[ScriptedPlatform]:
    with scripted_platform() as running:
        yield running


@pytest.fixture
def proxy(upstream: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    monkeypatch.setattr(proxies, "_SILENCE_S", 0.3)
    monkeypatch.setattr(proxies, "_DRIP_S", 0.02)
    port = int(upstream.url.rpartition(":")[2])
    with faulty_proxy(1, lambda: port) as running:
        yield running


def play(proxy: FaultyProxy, fault: Fault, pixel: str = "", share: float = 1.0) -> None:
    proxy.windows.append(Window(fault, 0, FOR_EVER, share, frozenset({pixel} if pixel else ())))


def post(proxy: FaultyProxy, pixel: str = PIXEL, token: str = "t", body: Any = None, timeout: float = 5.0) -> Seen:
    url, headers = f"{proxy.url}/v26.0/{pixel}/events", {"Authorization": f"Bearer {token}"}
    try:
        answer = requests.post(url, json=body or BODY, headers=headers, timeout=timeout)
    except requests.RequestException:
        return Seen(None)
    return Seen(answer.status_code, answer.content, dict(answer.headers))


def post_track(proxy: FaultyProxy, pixel: str = "CTT1") -> Any:
    return requests.post(
        f"{proxy.url}/open_api/v1.3/event/track/",
        json={"event_source": "web", "event_source_id": pixel, "data": []},
        headers={"Access-Token": "t"},
        timeout=5,
    ).json()


def test_in_calm_it_is_not_there(proxy: FaultyProxy, upstream: ScriptedPlatform) -> None:
    seen = post(proxy)

    assert (seen.status, seen.body) == (200, b'{"events_received": 1, "messages": [], "fbtrace_id": "T1"}')
    assert (upstream.received, upstream.tokens) == ([BODY], ["Bearer t"])
    assert upstream.paths == [f"/v26.0/{PIXEL}/events"]
    assert proxy.played == {}


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.ERROR_500, 500),
        (Fault.ERROR_503, 503),
        (Fault.TRANSIENT, 400),
        (Fault.HTML, 502),
        (Fault.THROTTLED, 429),
        (Fault.THROTTLED_MINUTES, 400),
        (Fault.STALL, None),
        (Fault.REFUSED, None),
    ],
)
def test_of_these_the_platform_never_hears(
    proxy: FaultyProxy, upstream: ScriptedPlatform, fault: Fault, status: int | None
) -> None:
    play(proxy, fault)

    assert post(proxy).status == status
    assert upstream.received == []
    assert proxy.played == {fault: 1}


@pytest.mark.parametrize("fault", [Fault.RESET_AFTER, Fault.LOST, Fault.TRUNCATED])
def test_of_these_the_hub_hears_nothing_whole_though_they_were_taken(
    proxy: FaultyProxy, upstream: ScriptedPlatform, fault: Fault
) -> None:
    play(proxy, fault)

    assert post(proxy).status is None
    assert upstream.event_ids == ["e1"]


def test_an_answer_that_is_late_comes_whole_to_whoever_waits(proxy: FaultyProxy, upstream: ScriptedPlatform) -> None:
    play(proxy, Fault.LATE)

    impatient, patient = post(proxy, timeout=0.1), post(proxy)

    assert (impatient.status, patient.status) == (None, 200)
    assert upstream.event_ids == ["e1", "e1"]


@pytest.mark.parametrize(
    ("fault", "body"),
    [(Fault.FEWER, b'"events_received": 0'), (Fault.UNCOUNTED, b"{}"), (Fault.GARBAGE, b"\xff\xfe")],
)
def test_these_were_taken_and_say_something_else(
    proxy: FaultyProxy, upstream: ScriptedPlatform, fault: Fault, body: bytes
) -> None:
    play(proxy, fault)

    seen = post(proxy)

    assert seen.status == 200
    assert body in seen.body
    assert upstream.event_ids == ["e1"]


def test_a_drip_ends_in_the_same_answer(proxy: FaultyProxy, upstream: ScriptedPlatform) -> None:
    play(proxy, Fault.DRIP)

    assert post(proxy).body == b'{"events_received": 1, "messages": [], "fbtrace_id": "T1"}'
    assert upstream.event_ids == ["e1"]


def test_an_answer_without_end_is_long(proxy: FaultyProxy, upstream: ScriptedPlatform) -> None:
    play(proxy, Fault.HUGE)

    assert len(post(proxy).body) == 2_000_000
    assert upstream.event_ids == ["e1"]


def test_what_the_platform_refuses_itself_is_passed_on_whatever_plays(
    proxy: FaultyProxy, upstream: ScriptedPlatform
) -> None:
    upstream.answers = [(400, {"error": {"code": 100}})]
    play(proxy, Fault.RESET_AFTER)

    assert post(proxy).status == 400


def test_only_the_pixels_of_a_spell_are_hit(proxy: FaultyProxy) -> None:
    play(proxy, Fault.ERROR_500, pixel="1")

    assert [post(proxy, "1").status, post(proxy, "2").status] == [500, 200]


def test_a_spell_has_a_beginning_and_an_end(proxy: FaultyProxy) -> None:
    now = time.monotonic()
    proxy.windows = [Window(Fault.ERROR_500, now - 2, now - 1, 1.0), Window(Fault.HTML, now + 60, FOR_EVER, 1.0)]

    assert post(proxy).status == 200


def test_a_share_is_drawn_by_the_seed(proxy: FaultyProxy) -> None:
    play(proxy, Fault.ERROR_500, share=0.5)

    statuses = [post(proxy).status for _turn in range(40)]

    assert set(statuses) == {200, 500}


def test_in_calm_again_only_poison_is_refused(proxy: FaultyProxy, upstream: ScriptedPlatform) -> None:
    play(proxy, Fault.ERROR_500)
    proxy.poison = {"HP1"}

    proxy.calm()
    other = {"data": [{"event_id": "e2", "event_name": "Purchase", "custom_data": {"order_id": "HP2"}}]}

    assert [post(proxy).status, post(proxy, body=other).status] == [400, 200]
    assert upstream.event_ids == ["e2"]


def test_of_a_revoked_token_only_the_next_one_is_good(proxy: FaultyProxy, upstream: ScriptedPlatform) -> None:
    proxy.revoke(PIXEL, "fresh")

    seen = [post(proxy, token="t"), post(proxy, token="fresh"), post(proxy, "2", token="t")]

    assert [it.status for it in seen] == [400, 200, 200]
    assert b'"code": 190' in seen[0].body
    assert upstream.tokens == ["Bearer fresh", "Bearer t"]


def test_tiktok_says_it_in_its_own_words(proxy: FaultyProxy) -> None:
    play(proxy, Fault.THROTTLED, pixel="CTT1")
    play(proxy, Fault.TRANSIENT, pixel="CTT2")
    proxy.revoke("CTT3", "fresh")

    assert [post_track(proxy, f"CTT{number}")["code"] for number in (1, 2, 3)] == [40100, 50002, 40105]


def test_a_platform_that_is_gone_is_a_reset(proxy: FaultyProxy) -> None:
    proxy.upstream = lambda: 1

    assert post(proxy).status is None

"""The example client before a hub that is away, slow, busy or refuses: nothing is lost, and it rests between tries."""

import io
import urllib.error
from email.message import Message
from typing import Any

import pytest

from tests.docs.client import StandIn, client

PAGE = "https://shop.example.com/offer"


def http_error(status: int, **headers: str) -> urllib.error.HTTPError:
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return urllib.error.HTTPError("https://hub.example.com", status, "no", message, io.BytesIO())


@pytest.mark.parametrize(
    "trouble",
    [
        *[http_error(status) for status in (429, 500, 502, 503, 401)],
        *[urllib.error.URLError("refused"), TimeoutError("slow"), ConnectionResetError(), b"<html>", b'{"status": 1}'],
        client.http.client.IncompleteRead(b"half"),
    ],
    ids=repr,
)
def test_what_the_hub_did_not_take_is_sent_again_with_the_same_ids(hub: StandIn, trouble: Any) -> None:
    buffer = hub.open()
    event_id = buffer.track("visit-1", "pageview", url=PAGE)
    buffer.purchase("visit-1")
    hub.troubles = [trouble]

    assert buffer.flush() == 0
    assert buffer.flush() == 0
    assert (len(hub.requests), buffer.waiting()) == (1, 1)
    hub.now += 1

    assert buffer.flush() == 1
    assert [event["event_id"] for event in hub.taken] == [event_id]
    assert hub.bodies[0] == hub.bodies[1]


def test_each_failure_is_followed_by_a_longer_rest(hub: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.random, "uniform", lambda low, high: high)
    buffer = hub.open()
    buffer.identify("visit-1", email="ana@example.com")
    hub.troubles = [http_error(503) for _ in range(11)]
    rests = []
    for turn in range(11):
        buffer.flush()
        assert len(hub.requests) == turn + 1
        rest = next(seconds for seconds in range(1, 1000) if _would_ask(hub, buffer, seconds))
        rests.append(rest)
        hub.now += rest

    assert rests == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def _would_ask(hub: StandIn, buffer: Any, after_s: float) -> bool:
    return bool(hub.now + after_s >= buffer._rest_until)


def test_the_hub_says_when_it_wants_to_be_asked_again(hub: StandIn) -> None:
    buffer = hub.open()
    buffer.identify("visit-1", email="ana@example.com")
    hub.troubles = [http_error(429, Retry_After="40")]
    buffer.flush()

    hub.now += 39
    assert buffer.flush() == 0
    hub.now += 1
    assert buffer.flush() == 1


def test_a_refused_event_is_reported_and_does_not_come_again(hub: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    buffer = hub.open()
    buffer.track("visit-1", "pageview", url="bad", event_id="e-bad")
    buffer.track("visit-1", "pageview", url=PAGE)
    buffer.purchase("visit-1")

    assert buffer.flush() == 2
    assert "e-bad" in caplog.text
    assert buffer.waiting() == 0

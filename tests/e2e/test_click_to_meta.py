"""The demo's path on real processes: what survives a dead worker, an empty Redis, and twenty repeats at once."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from urllib.parse import urlsplit

import pytest
import requests

from apps.core.identity import hash_email
from tests.e2e.hub import Hub, eventually, running_hub
from tests.worlds import SECRETS, hotmart

pytestmark = pytest.mark.stack
STEPS = ("PURCHASE_BILLET_PRINTED", "PURCHASE_APPROVED", "PURCHASE_REFUNDED")


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        yield running


def assert_accepted_once(hub: Hub, order_id: str, name: str = "Purchase") -> None:
    event = eventually(lambda: hub.accepted_event(order_id, name), what=f"{name} of {order_id} accepted")
    assert hub.received(event["event_id"]) == ["accepted"]
    assert len(hub.conversions(order_id)) == 1


def sell_in_order(hub: Hub, order_id: str, steps: tuple[str, ...]) -> None:
    for step in steps:
        hub.sell(step, order_id=order_id)


def test_a_click_and_its_sale_reach_the_platform(hub: Hub) -> None:
    ids = hub.click(fbclid="IwAR0_Opaque", consent_ads=True)

    hub.sell(order_id="HP-PATH", sck=ids["click_id"])

    assert_accepted_once(hub, "HP-PATH")
    (order,) = hub.conversions("HP-PATH")
    assert (order["match"]["rule"], order["match"]["click_id"]) == ("explicit_click_id", ids["click_id"])


def test_a_sale_waits_for_killed_workers_and_is_accepted_once_they_are_back(hub: Hub) -> None:
    hub.kill("match", "dispatch")

    hub.sell(order_id="HP-WORKER")
    time.sleep(2)

    (order,) = hub.conversions("HP-WORKER")
    assert (order["status"], order["match"], order["events"]) == ("approved", None, [])
    hub.start("match", "dispatch")
    assert_accepted_once(hub, "HP-WORKER")


def test_nothing_is_lost_when_redis_dies_between_the_webhook_and_the_workers(hub: Hub) -> None:
    hub.kill("match")
    hub.sell(order_id="HP-REDIS")
    eventually(lambda: hub.redis().llen("hub:match-events"), what="a wake-up in Redis")

    hub.kill_redis()
    assert hub.redis().llen("hub:match-events") in (0, 1, 2)
    hub.start("match")

    assert_accepted_once(hub, "HP-REDIS")


def test_page_events_outlive_a_redis_that_dies_amid_the_visit(hub: Hub) -> None:
    """Redis keeps a copy of what waits in a session; the visit goes on without it, and the sale finds all of it."""
    ids = hub.click(fbclid="IwAR0_Visit", session_id="hts" + "5" * 24)
    hub.tell("pageview", session_id=ids["session_id"], event_id="hte-before-redis-died")
    assert hub.redis_cache().llen(f"capi:session:{ids['session_id']}") == 1

    hub.kill_redis()
    hub.tell("view_content", session_id=ids["session_id"], event_id="hte-after-redis-died")
    hub.sell(order_id="HP-VISIT", sck=ids["click_id"], email="ana@example.com")

    assert_accepted_once(hub, "HP-VISIT")
    for event_id in ("hte-before-redis-died", "hte-after-redis-died"):
        eventually(lambda known=event_id: hub.received(known) == ["accepted"], what=event_id)  # type: ignore[misc]
        (attempt,) = hub.get(f"events/{event_id}")["attempts"]
        assert attempt["request"]["user_data"]["em"] == [hash_email("ana@example.com")]


def test_the_relay_may_die_and_come_back(hub: Hub) -> None:
    hub.kill("relay")
    hub.sell(order_id="HP-RELAY")
    time.sleep(1)

    hub.start("relay")

    assert_accepted_once(hub, "HP-RELAY")


def test_a_dispatcher_killed_amid_its_work_loses_and_repeats_nothing(hub: Hub) -> None:
    for number in range(30):
        hub.sell(order_id=f"HP-AMID-{number}")
    hub.kill("dispatch")
    hub.start("dispatch")

    for number in range(30):
        event = eventually(lambda n=number: hub.accepted_event(f"HP-AMID-{n}"), seconds=90, what=f"order {number}")  # type: ignore[misc]
        assert hub.received(event["event_id"]).count("accepted") == 1


def test_twenty_identical_webhooks_at_once_are_one_sale(hub: Hub) -> None:
    body = hotmart(order_id="HP-TWENTY")
    with ThreadPoolExecutor(20) as gateway:
        answers = list(gateway.map(lambda _: hub.webhook(body).status_code, range(20)))

    assert answers == [202] * 20
    assert_accepted_once(hub, "HP-TWENTY")


def test_every_order_of_arrival_at_once_tells_each_stage_once_and_gives_the_right_state(hub: Hub) -> None:
    orders = {f"HP-PERM-{number}": steps for number, steps in enumerate(permutations(STEPS))}
    with ThreadPoolExecutor(len(orders)) as gateway:
        list(gateway.map(lambda item: sell_in_order(hub, *item), orders.items()))

    for order_id in orders:
        for name in ("AddPaymentInfo", "Purchase"):
            assert_accepted_once(hub, order_id, name)
        (order,) = hub.conversions(order_id)
        assert (order["status"], len(order["events"])) == ("refunded", 2)


def test_a_chunked_webhook_without_a_length_is_read_whole(hub: Hub) -> None:
    """Django under WSGI takes such a body for an empty one."""
    body = json.dumps(hotmart(order_id="HP-CHUNKED")).encode()
    chunks = (body[start : start + 100] for start in range(0, len(body), 100))
    headers = {"X-HOTMART-HOTTOK": SECRETS["hotmart"], "Content-Type": "application/json"}

    answer = requests.post(hub.webhook_address, data=chunks, headers=headers, timeout=10)

    assert (answer.status_code, answer.json()) == (202, {"status": "recorded"})
    assert_accepted_once(hub, "HP-CHUNKED")


def test_an_empty_or_too_long_chunked_body_is_refused(hub: Hub) -> None:
    headers = {"X-HOTMART-HOTTOK": SECRETS["hotmart"], "Content-Type": "application/json"}

    empty = requests.post(hub.webhook_address, data=iter([b""]), headers=headers, timeout=10)
    long = requests.post(hub.webhook_address, data=iter([b"x" * 70_000] * 20), headers=headers, timeout=10)

    assert (empty.status_code, long.status_code) == (400, 413)


def test_slow_clients_do_not_hold_up_the_others(hub: Hub) -> None:
    """A hundred senders that never finish their body; there are 32 threads."""
    address = urlsplit(hub.webhook_address)
    head = f"POST {address.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000\r\n\r\n{{".encode()
    slow = [socket.create_connection((address.hostname, address.port)) for _ in range(100)]
    try:
        for client in slow:
            client.sendall(head)
        time.sleep(0.5)

        hub.sell(order_id="HP-SLOW")
    finally:
        for client in slow:
            client.close()

    assert_accepted_once(hub, "HP-SLOW")

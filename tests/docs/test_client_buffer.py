"""The example client's buffer on a controlled clock: when it sends, what it puts on events, what it keeps."""

import ast
import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from apps.core.identity import OTHER_PHONE, Person, hash_person
from apps.tenants.signing import Claim, is_signed_by
from tests.docs.client import FILE, StandIn, client

PAGE = "https://shop.example.com/offer"


def test_events_wait_until_the_visitor_is_known(hub: StandIn) -> None:
    buffer = hub.open()
    first = buffer.track("visit-1", "pageview", url=PAGE)
    second = buffer.track("visit-1", "add_to_cart", url=PAGE, event_id="cart-1")
    assert buffer.flush() == 0
    assert (hub.requests, buffer.waiting()) == ([], 2)

    third = buffer.identify("visit-1", email=" Ana@Example.com", phone="+55 (11) 98765-4321", external_id="User 42")

    assert buffer.flush() == 3
    assert [event["event_id"] for event in hub.taken] == [first, "cart-1", third]
    assert second == "cart-1"
    known = hash_person(Person(email="ana@example.com", phone="+5511987654321", external_id="User 42"))
    del known[OTHER_PHONE]  # the hub's own, for comparing
    for event in hub.taken:
        assert {key: [digest] for key, digest in event["user"].items()} == known
        assert (event["session_id"], event["public_key"], event["event_time"]) == ("visit-1", "pk_1", hub.now)
    assert (buffer.flush(), buffer.waiting()) == (0, 0)


def test_what_is_known_stays_known_and_grows(hub: StandIn) -> None:
    buffer = hub.open()
    buffer.identify("visit-1", email="ana@example.com")
    buffer.flush()

    buffer.identify("visit-1", external_id="42")
    buffer.flush()

    assert sorted(hub.taken[0]["user"]) == ["em"]
    assert sorted(hub.taken[1]["user"]) == ["em", "external_id"]


def test_one_visitors_identity_is_not_anothers(hub: StandIn) -> None:
    buffer = hub.open()
    buffer.track("visit-1", "pageview", url=PAGE)
    buffer.track("visit-2", "pageview", url=PAGE)

    buffer.identify("visit-2", email="ana@example.com")

    assert buffer.flush() == 2
    assert {event["session_id"] for event in hub.taken} == {"visit-2"}
    assert buffer.waiting() == 1


def test_a_purchase_sends_at_once(hub: StandIn) -> None:
    buffer = hub.open()
    buffer.track("visit-1", "pageview", url=PAGE)

    buffer.purchase("visit-1")

    assert buffer.flush() == 1
    assert [event["event_name"] for event in hub.taken] == ["pageview"]


def test_half_an_hour_of_silence_sends(hub: StandIn) -> None:
    buffer = hub.open()
    buffer.track("visit-1", "pageview", url=PAGE)
    hub.now += 1799
    assert buffer.flush() == 0
    buffer.track("visit-1", "pageview", url=PAGE)
    hub.now += 1799
    assert buffer.flush() == 0

    hub.now += 1

    assert buffer.flush() == 2


def test_nothing_waits_longer_than_four_hours(hub: StandIn) -> None:
    buffer = hub.open()
    for _ in range(16):
        assert buffer.flush() == 0
        buffer.track("visit-1", "pageview", url=PAGE)
        hub.now += 900

    assert buffer.flush() == 16


def test_a_thousand_send_themselves(hub: StandIn) -> None:
    buffer = hub.open()
    for number in range(999):
        buffer.track(f"visit-{number}", "pageview", url=PAGE)
    assert buffer.flush() == 0

    buffer.track("visit-0", "pageview", url=PAGE)

    assert buffer.flush() == 1000
    assert len(hub.requests) == 1


def test_a_batch_stays_below_what_the_hub_accepts(hub: StandIn) -> None:
    buffer = hub.open()
    for _ in range(400):
        buffer.track("visit-1", "pageview", url=f"{PAGE}?{'x' * 4000}")
    buffer.purchase("visit-1")

    assert buffer.flush() == 400
    assert len(hub.requests) == 2
    assert max(map(len, hub.bodies)) < 1024 * 1024


def test_another_process_finds_what_waits(hub: StandIn) -> None:
    event_id = hub.open().track("visit-1", "pageview", url=PAGE)

    hub.open().identify("visit-1", email="ana@example.com")
    heir = hub.open()

    assert heir.flush() == 2
    assert hub.taken[0]["event_id"] == event_id
    assert hub.taken[0]["user"] == {"em": hashlib.sha256(b"ana@example.com").hexdigest()}


def test_nothing_clear_is_on_the_disk(hub: StandIn) -> None:
    buffer = hub.open()
    buffer.identify("visit-1", email="ana@example.com", phone="+5511987654321")

    kept = b"".join(file.read_bytes() for file in hub.path.parent.iterdir())

    assert b"visit-1" in kept
    assert b"ana@" not in kept
    assert b"987654321" not in kept


def test_who_is_long_gone_is_forgotten(hub: StandIn) -> None:
    buffer = hub.open()
    buffer.identify("visit-1", email="ana@example.com")
    buffer.flush()
    hub.now += 4 * 3600
    buffer.track("visit-2", "pageview", url=PAGE)
    buffer.purchase("visit-2")
    buffer.flush()

    with closing(sqlite3.connect(hub.path)) as file:
        assert file.execute("SELECT id FROM visitor").fetchall() == [("visit-2",)]


@pytest.mark.parametrize("address", ["", "ana", "ana@example", "a b@example.com", "@example.com"])
def test_what_is_no_address_is_refused(hub: StandIn, address: str) -> None:
    with pytest.raises(ValueError, match="e-mail"):
        client.hash_email(address)


@pytest.mark.parametrize("number", ["", "11987654321", "5511987654321", "0055 11 98765-4321", "+0551198765", "+55 x"])
def test_a_phone_without_its_country_code_is_refused(hub: StandIn, number: str) -> None:
    buffer = hub.open()
    with pytest.raises(ValueError, match="country code"):
        client.hash_phone(number)
    with pytest.raises(ValueError, match="country code"):
        buffer.identify("visit-1", email="ana@example.com", phone=number or "x")

    assert buffer.waiting() == 0


def test_every_request_is_signed(hub: StandIn) -> None:
    buffer = hub.open()
    buffer.identify("visit-1", email="ana@example.com")
    buffer.flush()

    (request,) = hub.requests
    claim = Claim(
        key_id=str(request.get_header("X-hubtrack-key")),
        timestamp=str(request.get_header("X-hubtrack-timestamp")),
        signature=str(request.get_header("X-hubtrack-signature")),
    )
    assert request.full_url == "https://hub.example.com/api/v1/events/batch"
    assert claim.key_id == "sk_1"
    assert is_signed_by("sks_1", claim, hub.bodies[0])


def test_it_is_small_and_reads_as_python_3_9() -> None:
    source = FILE.read_text()

    ast.parse(source, feature_version=(3, 9))
    assert len(source.splitlines()) < 220
    assert {name.split(".")[0] for name in _imports(source)} <= set(client.sys.stdlib_module_names)


def _imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)

"""docs/events-batch.md against the hub: what a developer reads there is what happens."""

import hashlib
import hmac
import json
import re
import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.clicks.batch.api import PER_SIGNING_KEY
from apps.clicks.batch.people import MAX_HASHES, read_people
from apps.clicks.batch.reading import AHEAD, EVENT_NAMES, MAX_EVENTS, OLDEST, read_event
from apps.clicks.tracking import UTM_FIELDS
from apps.tenants.signing import WINDOW_S, Claim, is_signed_by
from tests.clicks.batches import make_server
from tests.docs.client import FILE
from tests.worlds import World

DOCUMENT = (FILE.parents[1] / "events-batch.md").read_text()
VECTOR = dict(re.findall(r"^    (secret|timestamp|body|v1) +(\S.*)$", DOCUMENT, re.MULTILINE))
BODY = VECTOR["body"].encode()
EVENT = json.loads(BODY)["events"][0]
AT = datetime.fromtimestamp(int(VECTOR["timestamp"]), UTC)
FIELDS = re.search(r"\| field \| \|\n\|---\|---\|\n((?:\|.*\n)+)", DOCUMENT)


def words_of(text: str) -> list[str]:
    return re.findall(r"`([a-z_0-9*]+)`", text)


def documented_fields() -> dict[str, str]:
    """Field -> what is said of it."""
    assert FIELDS
    rows = [row.split(" | ", 1) for row in FIELDS[1].removesuffix("\n").split("\n")]
    return {name: text for names, text in rows for name in words_of(names)}


def test_the_printed_signature_is_that_of_the_printed_secret_time_and_body() -> None:
    message = f"{VECTOR['timestamp']}.".encode() + BODY

    assert hmac.new(VECTOR["secret"].encode(), message, hashlib.sha256).hexdigest() == VECTOR["v1"]


def test_the_hub_accepts_the_printed_signature() -> None:
    claim = Claim(key_id="sk_1", timestamp=VECTOR["timestamp"], signature=f"v1={VECTOR['v1']}")

    assert is_signed_by(VECTOR["secret"], claim, BODY)
    assert not is_signed_by(VECTOR["secret"], claim, BODY + b"\n")


def test_the_printed_event_is_one() -> None:
    event = read_event(EVENT, may_send_clear=False, now=AT)

    assert (event.event_id, event.name, event.warnings) == ("evt-1", "pageview", {})
    assert event.hit.identity == {"em": [hashlib.sha256(b"ana@example.com").hexdigest()]}


def test_openssl_signs_as_the_document_shows() -> None:
    command = re.search(r"SIGNATURE=\$\((.*)\)\n", DOCUMENT)
    assert command
    script = command[1].replace("cat batch.json", "cat")

    told = subprocess.run(
        ["bash", "-c", script],
        input=BODY,
        env={"T": VECTOR["timestamp"], "SECRET": VECTOR["secret"], "PATH": "/usr/bin:/bin:/usr/local/bin"},
        check=True,
        capture_output=True,
    ).stdout

    assert told.decode().strip() == VECTOR["v1"]


def test_the_printed_request_is_recorded(world: World) -> None:
    server = make_server(world)
    event = {**EVENT, "public_key": world.funnel.public_key, "event_time": datetime.now(UTC).isoformat()}

    assert server.one(event)["status"] == "recorded"


def test_every_field_in_the_table_is_known_and_the_names_are_all() -> None:
    fields = documented_fields()
    names = [word for word in words_of(fields["event_name"]) if word in EVENT_NAMES]
    values: dict[str, Any] = {"consent_ads": True, "data": {}, "user": {}, "event_time": AT.isoformat()}
    known = {name for name in fields if name != "utm_*"} | set(UTM_FIELDS)
    given = dict.fromkeys(known, "x") | values | EVENT | {"ip": "203.0.113.7"}

    event = read_event(given, may_send_clear=False, now=AT)

    assert sorted(names) == sorted(EVENT_NAMES)
    assert event.warnings == {}
    assert len(event.hit.texts) > 15


@pytest.mark.parametrize(
    "key", ["em", "ph", "ph_e164", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id"]
)
def test_every_key_of_user_is_documented_and_taken(key: str) -> None:
    personal = DOCUMENT.split("## Personal data")[1].split("## The answer")[0]

    assert f"`{key}`" in personal
    assert read_people({"user": {key: "a" * 64}}, may_send_clear=False).identity == {key: ["a" * 64]}


def test_the_printed_limits_are_the_hubs() -> None:
    assert f"up to {MAX_EVENTS:,} events" in DOCUMENT
    assert (OLDEST.days, AHEAD.seconds, WINDOW_S) == (7, 300, 300)
    assert "At most 7 days old and 5 minutes ahead" in DOCUMENT
    assert f"more than {PER_SIGNING_KEY.rate} requests a second for a key ({PER_SIGNING_KEY.burst} at once)" in DOCUMENT
    assert MAX_HASHES == 10
    assert "a list of up to ten" in DOCUMENT

"""docs/http-gateway.md and its example against the hub: what a developer reads there is what happens."""

import hashlib
import hmac
import json
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.dispatch.backoff import next_delay
from apps.dispatch.http_gateway.errors import read_answer
from apps.dispatch.http_gateway.payload import FORMAT, IDENTITY_NAMES, build_event, sign_request
from apps.dispatch.http_gateway.platform import HttpGateway
from apps.dispatch.platform import Reply, Target
from apps.dispatch.services.park import ASK_AGAIN
from apps.dispatch.verdict import Outcome
from tests.dispatch.facts import CLICK, KNOWN_BUYER, NOW, SALE, digest
from tests.gateway_receiver import EXAMPLE, FIELDS, INNER, example, why_misshapen

DOCUMENT = (EXAMPLE.parents[1] / "http-gateway.md").read_text()
VECTOR = dict(re.findall(r"^    (secret|t|body|v1|batch) +(\S.*)$", DOCUMENT, re.MULTILINE))
BODY = VECTOR["body"].encode()
EVENT = json.loads(BODY)["events"][0]
SECRET = VECTOR["secret"]
WORD = re.compile(r"`([a-z0-9_]+)`")


def table(heading: str) -> list[tuple[str, str]]:
    """The two columns of the table under these words."""
    found = re.search(rf"\| {heading} \|.*\|\n\|---\|---\|\n((?:\|.*\n)+)", DOCUMENT)
    assert found
    rows = [row.strip("| ").split(" | ", 1) for row in found[1].splitlines()]
    return [(names, text) for names, text in rows]


def test_the_printed_signature_is_that_of_the_printed_secret_time_and_body() -> None:
    message = f"{VECTOR['t']}.".encode() + BODY

    assert hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest() == VECTOR["v1"]


def test_the_hub_sends_the_printed_body_signed_so() -> None:
    message = json.loads(BODY)
    target = Target("https://shop.example.com/hubtrack", "", message["destination"], "", SECRET)

    request = sign_request(target, message["events"], datetime.fromtimestamp(int(VECTOR["t"]), UTC))

    assert request.body == BODY
    assert request.headers == {
        "X-Hubtrack-Signature": f"t={VECTOR['t']},v1={VECTOR['v1']}",
        "X-Hubtrack-Batch": VECTOR["batch"],
    }
    assert why_misshapen(message) == ""


def test_the_printed_event_is_what_the_hub_makes_of_such_a_sale() -> None:
    identity = {"em": [digest("ana@example.com")]}
    identity |= {key: [digest(text)] for key, text in {"ph": "5511987654321", "ph_e164": "+5511987654321"}.items()}
    sale = replace(
        SALE, event_id=EVENT["event_id"], product_name="Curso de Confeitaria", identity=identity, referrer=None
    )

    assert build_event(sale, replace(CLICK, fbc=None), NOW) == EVENT


def test_openssl_signs_as_the_document_shows() -> None:
    command = re.search(r"`(\{ printf .*)`\.\n", DOCUMENT)
    assert command

    told = subprocess.run(
        ["bash", "-c", command[1].replace("cat body.json", "cat")],
        input=BODY,
        env={"T": VECTOR["t"], "SECRET": SECRET, "PATH": "/usr/bin:/bin:/usr/local/bin"},
        check=True,
        capture_output=True,
    ).stdout

    assert told.decode().split()[-1] == VECTOR["v1"]


def test_the_printed_recipe_is_the_examples() -> None:
    recipe = re.search(r"    def is_authentic.*?\n\n", DOCUMENT, re.DOTALL)
    assert recipe
    source = "\n".join(line.removeprefix("    ") for line in recipe[0].splitlines())
    scope: dict[str, Any] = {"hmac": hmac, "hashlib": hashlib}
    exec(source, scope)

    header = f"t={VECTOR['t']},v1={VECTOR['v1']}"
    cases = [(header, 0), (header, 301), (header.replace("v1=", "v1=0"), 0), ("", 0)]

    for header, late_s in cases:
        now = int(VECTOR["t"]) + late_s
        printed = scope["is_authentic"](SECRET, header, BODY, now)
        assert printed == example.is_authentic(SECRET, header, BODY, now)
    assert scope["is_authentic"](SECRET, cases[0][0], BODY, int(VECTOR["t"]))


def test_every_field_is_documented_and_no_other() -> None:
    rows = table("field")
    documented = {name for names, _text in rows for name in WORD.findall(names)}
    texts = dict(rows)
    full = build_event(replace(KNOWN_BUYER, num_items=2), CLICK, NOW)

    assert documented == set(full) == FIELDS
    for part in INNER:
        assert set(WORD.findall(texts[f"`{part}`"])) >= set(full[part]) == INNER[part]
    personal = DOCUMENT.split("In `identity`:")[1].split("## Prove it")[0]
    assert set(WORD.findall(personal)) == set(IDENTITY_NAMES.values()) == set(full["identity"])


MEANINGS = {
    "all of them are yours": Outcome.ACCEPTED,
    "an event is refused": Outcome.PERMANENT,
    "the request is too large": Outcome.PERMANENT,
    "the signature does not fit": Outcome.TOKEN,
    "the address is gone": Outcome.PERMISSION,
    "too much": Outcome.THROTTLED,
    "tried again": Outcome.TRANSIENT,
}


def test_every_answer_means_what_the_table_says() -> None:
    meant: dict[str, Outcome] = {}
    for answers, text in table("your answer"):
        words = re.findall(r"`(\dxx|\d{3})`", answers)
        outcomes = [outcome for beginning, outcome in MEANINGS.items() if text.startswith(beginning)]
        meant |= dict.fromkeys(words, *outcomes) if words else {}

    assert len(meant) == 13
    for status in range(200, 600):
        outcome = meant.get(str(status)) or meant.get(f"{status // 100}xx") or Outcome.TRANSIENT
        assert read_answer(status, {}, b"", ["e1", "e2"], NOW).verdict.outcome is outcome, status


def test_the_printed_answer_is_read_as_it_says() -> None:
    printed = re.search(r'^    (\{"duplicates".*)$', DOCUMENT, re.MULTILINE)
    assert printed
    first, second = printed[1].replace(", ...]", "]").replace("<event_id>", "e1", 1).split('"rejected"')
    body = f'{first}"rejected"{second.replace("<event_id>", "e2")}'

    reading = read_answer(200, {}, body.encode(), ["e1", "e2", "e3"], NOW)

    assert (reading.verdict.outcome, reading.duplicates) == (Outcome.ACCEPTED, frozenset({"e1"}))
    assert reading.refused == {"e2": "rejected_unknown_order"}


def test_the_printed_limits_are_the_hubs() -> None:
    limits = HttpGateway.limits
    waits = [next_delay(failures, jitter=0.5) for failures in range(10)]

    assert f"up to {limits.max_batch:,} events (at present at most {limits.batch})" in DOCUMENT
    assert f'{{"hubtrack": {FORMAT},' in DOCUMENT
    assert waits == [
        *(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 16)),
        *(timedelta(minutes=5), timedelta(minutes=15)),
        *(timedelta(hours=hours) for hours in (1, 3, 6)),
    ]
    assert (limits.window, limits.margin, limits.resend_window) == (timedelta(7), timedelta(hours=1), timedelta(7))
    assert timedelta(hours=1) == ASK_AGAIN
    assert len(EXAMPLE.read_text().splitlines()) <= 80


@dataclass
class Running:
    """The example as a process of its own, and the hub's platform before it."""

    url: str
    path: Path

    def post(self, *event_ids: str, secret: str = SECRET) -> Reply:
        now = datetime.now(UTC)
        events = [build_event(replace(SALE, event_id=event_id, event_time=now), CLICK, now) for event_id in event_ids]
        return HttpGateway().post(Target(self.url, "", "loja-da-ana", "", secret), events)

    def kept(self) -> list[str]:
        with closing(sqlite3.connect(self.path)) as database:
            return [event_id for (event_id,) in database.execute("SELECT id FROM event ORDER BY id")]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    path = tmp_path / "events.sqlite3"
    command = [sys.executable, str(EXAMPLE), str(port), str(path)]
    with subprocess.Popen(command, env={"HUBTRACK_SECRET": SECRET}, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield Running(f"http://127.0.0.1:{port}/hubtrack", path)
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the example does not listen")


def test_the_example_keeps_each_event_once_and_says_which_it_had(running: Running) -> None:
    first, second = running.post("e1", "e2"), running.post("e2", "e3")

    assert [reply.verdict.outcome for reply in (first, second)] == [Outcome.ACCEPTED] * 2
    assert (first.duplicates, second.duplicates) == (set(), {"e2"})
    assert running.kept() == ["e1", "e2", "e3"]


def test_the_example_takes_nothing_that_is_not_signed_with_its_secret(running: Running) -> None:
    running.post("e1")

    reply = running.post("e2", secret="another")

    assert (reply.verdict.outcome, reply.http_status) == (Outcome.TOKEN, 401)
    assert running.kept() == ["e1"]


def test_the_example_asks_for_smaller_requests(running: Running) -> None:
    reply = running.post(*(f"{number:06d}" + "x" * 5_000 for number in range(2_000)))

    assert (reply.verdict.outcome, reply.http_status) in [(Outcome.PERMANENT, 413), (Outcome.AMBIGUOUS, None)]
    assert not running.path.exists()

"""What every ad platform owes the outbox, whichever it is; a new line in the registry is tried by all of this.

It must say here how its yes looks. What else it answers, and what that means, is for the tests of its own folder.
"""

import json
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from apps.core.identity import hash_person
from apps.dispatch.facts import BrowserFacts, EventFacts
from apps.dispatch.platform import Platform, Reply, ServerEvent, Target
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.verdict import NextStep, Outcome
from apps.funnels import models as funnels
from tests.core.loopback import MakeScript, Script, Serve, Server, always, once, serving
from tests.dispatch.facts import ANY_BROWSER, ANY_FACTS, CLICK, KNOWN_BUYER, NOW, PAGE, PERSON, SALE, digest

TOKEN = "token-of-ana-0001"
# By platform: what it answers when it took so many events.
YES: dict[str, Callable[[int], bytes]] = {
    "meta": lambda events: json.dumps({"events_received": events, "messages": [], "fbtrace_id": "T1"}).encode(),
    "tiktok": lambda events: json.dumps({"code": 0, "message": "OK", "request_id": "R1", "data": {}}).encode(),
    "http": lambda events: b"",
}
# Those of whom any 2xx is a yes; the others have to say that they took it.
TAKE_ANY_2XX = frozenset({"http"})
every_platform = pytest.mark.parametrize("name", PLATFORMS)
one_and_many = pytest.mark.parametrize("count", [1, 3])


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as start:
        yield start


def some_events(platform: Platform, count: int) -> list[ServerEvent]:
    return [platform.build_event(replace(SALE, event_id=f"sale-{n}"), CLICK, NOW) for n in range(count)]


def target_at(platform: Platform, base_url: str, token: str = TOKEN) -> Target:
    base_url, api_version = platform.resolve(base_url=base_url, api_version="")
    return Target(base_url, api_version, "123456789012345", "", token)


def url_of(server: Server) -> str:
    return f"http://127.0.0.1:{server.listener.getsockname()[1]}"


def ask(name: str, base_url: str, count: int, token: str = TOKEN) -> Reply:
    """One request, and what holds of any reply to it."""
    platform = PLATFORMS[name]
    reply = platform.post(target_at(platform, base_url, token), some_events(platform, count))
    sent = {f"sale-{n}" for n in range(count)}
    assert 0 < len(reply.verdict.reason) <= 60
    assert (reply.http_status is None) == (reply.elapsed_ms is None)
    assert set(reply.duplicates) | reply.refused.keys() <= sent
    assert count > 1 or reply.verdict.next_step is not NextStep.SPLIT_BATCH
    assert TOKEN not in reply.body + reply.verdict.reason
    return reply


def answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def resetting(server: Server) -> Script:
    """Takes the request and dies of it."""

    def script(peer: socket.socket) -> None:
        server.read_request(peer)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return script


def stalling(server: Server) -> Script:
    """Takes the request and says nothing until the client has lost patience."""

    def script(peer: socket.socket) -> None:
        server.read_request(peer)
        peer.recv(1)

    return script


def test_every_platform_says_how_its_yes_looks() -> None:
    assert PLATFORMS.keys() <= YES.keys()


@every_platform
def test_customers_can_choose_it(name: str) -> None:
    assert name in funnels.Platform.values


@every_platform
def test_its_limits_make_sense(name: str) -> None:
    limits = PLATFORMS[name].limits

    assert 1 <= limits.batch <= limits.max_batch
    assert timedelta(0) < limits.margin < limits.window <= timedelta(days=7)
    assert timedelta(0) < limits.resend_window <= limits.window


@every_platform
def test_what_a_destination_names_goes_before_the_hubs_settings(name: str, settings: Any) -> None:
    settings.META_GRAPH_URL = settings.TIKTOK_API_URL = settings.CAPI_GATEWAY_URL = "https://hub.example.com"
    platform = PLATFORMS[name]

    given_own = platform.resolve(base_url="https://own.example.com", api_version="v9.8")
    given_none = platform.resolve(base_url="", api_version="")

    assert given_own[0] == "https://own.example.com"
    assert given_own[1] in ("v9.8", "")
    assert given_none[0] == "https://hub.example.com"


@every_platform
@pytest.mark.parametrize("facts", [SALE, KNOWN_BUYER, PAGE], ids=["sale", "known buyer", "page"])
@pytest.mark.parametrize("browser", [CLICK, None], ids=["click", "no click"])
def test_an_ordinary_event_is_plain_json_and_goes_out(
    name: str, facts: EventFacts, browser: BrowserFacts | None
) -> None:
    platform = PLATFORMS[name]

    event = platform.build_event(facts, browser, NOW)

    assert json.loads(json.dumps(event)) == event
    assert facts.event_id in event.values()
    assert list(platform.check_event(event, NOW)) == []


@every_platform
def test_what_is_only_compared_is_never_sent(name: str) -> None:
    other = hash_person(PERSON)["ph_other"][0]

    event = PLATFORMS[name].build_event(KNOWN_BUYER, replace(CLICK, identity=KNOWN_BUYER.identity), NOW)

    assert other not in json.dumps(event)
    assert digest("ana@example.com") in json.dumps(event)


@every_platform
def test_what_the_platform_no_longer_takes_is_found_before_it_is_sent(name: str) -> None:
    platform = PLATFORMS[name]
    old = replace(SALE, event_time=NOW - platform.limits.window - timedelta(seconds=2))
    young = replace(SALE, event_time=NOW - platform.limits.window + platform.limits.margin)

    codes = [
        [problem.code for problem in platform.check_event(platform.build_event(facts, CLICK, NOW), NOW)]
        for facts in (old, young)
    ]

    assert codes == [["too_old"], []]


@every_platform
def test_a_clock_that_runs_ahead_stops_no_sale(name: str) -> None:
    platform = PLATFORMS[name]

    event = platform.build_event(replace(SALE, event_time=NOW + timedelta(minutes=9)), CLICK, NOW)

    assert list(platform.check_event(event, NOW)) == []


def damaged(node: Any) -> Iterator[Any]:
    """Copies of it, in each of which one value is something else."""
    if isinstance(node, dict):
        for key, inner in node.items():
            yield {name: value for name, value in node.items() if name != key}
            yield from ({**node, key: damage} for damage in damaged(inner))
    elif isinstance(node, list):
        yield from ([damage] for inner in node for damage in damaged(inner))
    yield from ("\x00 nonsense", 7, None, [], {}, -1.5)


@every_platform
def test_every_problem_is_named_and_every_repair_heals(name: str) -> None:
    platform, found = PLATFORMS[name], 0
    for event in damaged(platform.build_event(KNOWN_BUYER, CLICK, NOW)):
        if not isinstance(event, dict):
            continue
        before = json.dumps(event)
        for problem in platform.check_event(event, NOW):
            found += 1
            assert 0 < len(problem.code) <= 40
            assert problem.path
            assert problem.sentence.endswith(".")
            if problem.repair:
                healed = platform.leave_out(event, problem.repair)
                assert problem.path not in {left.path for left in platform.check_event(healed, NOW)}
        assert json.dumps(event) == before, "neither may change the event in place"

    assert found


@every_platform
def test_leaving_out_what_is_not_there_changes_nothing(name: str) -> None:
    platform = PLATFORMS[name]
    event = platform.build_event(SALE, CLICK, NOW)

    assert platform.leave_out(event, "nothing-of-this-name") == event


@every_platform
@given(facts=ANY_FACTS, browser=ANY_BROWSER)
def test_whatever_is_known_can_be_built_and_checked(name: str, facts: EventFacts, browser: BrowserFacts | None) -> None:
    platform = PLATFORMS[name]

    event = platform.build_event(facts, browser, NOW)

    assert json.loads(json.dumps(event)) == event
    assert all(problem.sentence for problem in platform.check_event(event, NOW))


@every_platform
@one_and_many
def test_a_yes_takes_all_of_them(name: str, count: int, serve: Serve) -> None:
    server = serve(always(answer("200 OK", YES[name](count))))

    reply = ask(name, url_of(server), count)

    (request,) = server.requests
    assert (reply.verdict.outcome, reply.verdict.next_step) == (Outcome.ACCEPTED, NextStep.NONE)
    assert (reply.http_status, reply.body) == (200, YES[name](count).decode())
    assert [request.count(f'"sale-{n}"'.encode()) for n in range(count)] == [1] * count
    assert TOKEN.encode() not in request.split(b"\r\n", 1)[0], "addresses are written to logs on the way"


@every_platform
def test_the_connection_is_used_again(name: str, serve: Serve) -> None:
    server = serve(always(answer("200 OK", YES[name](1))))

    outcomes = [ask(name, url_of(server), 1).verdict.outcome for _ in range(3)]

    assert outcomes == [Outcome.ACCEPTED] * 3
    assert len(server.accepted) == 1


PAGE_OF_A_PROXY = b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"
HALF = b'{"code": 0, "events_received": 1, "duplicates": ["sale-'
UNSURE = frozenset({Outcome.AMBIGUOUS, Outcome.UNKNOWN})
TROUBLES: list[tuple[str, MakeScript, frozenset[Outcome]]] = [
    ("502", always(answer("502 Bad Gateway", PAGE_OF_A_PROXY)), frozenset({Outcome.TRANSIENT})),
    ("503", always(answer("503 Service Unavailable", b"")), frozenset({Outcome.TRANSIENT})),
    ("429", always(answer("429 Too Many Requests", b"", "Retry-After: 30")), frozenset({Outcome.THROTTLED})),
    ("half of a yes", always(answer("200 OK", HALF)), UNSURE),
    ("a body cut short", once(answer("200 OK", HALF)[:-5]), frozenset({Outcome.AMBIGUOUS})),
    ("not HTTP", once(b"garbage without a status line\r\n\r\n"), frozenset({Outcome.AMBIGUOUS})),
    ("hung up", once(b""), frozenset({Outcome.AMBIGUOUS})),
    ("reset", resetting, frozenset({Outcome.AMBIGUOUS})),
]


@every_platform
@one_and_many
@pytest.mark.parametrize(("_trouble", "script", "outcomes"), TROUBLES, ids=[row[0] for row in TROUBLES])
def test_each_trouble_has_its_outcome(
    name: str, count: int, _trouble: str, script: MakeScript, outcomes: frozenset[Outcome], serve: Serve
) -> None:
    reply = ask(name, url_of(serve(script)), count)

    assert reply.verdict.outcome in outcomes


@every_platform
def test_a_stall_ends_and_may_have_been_taken(name: str, serve: Serve) -> None:
    server = serve(stalling)

    reply = ask(name, url_of(server), 3)

    assert (reply.verdict.outcome, reply.http_status) == (Outcome.AMBIGUOUS, None)
    assert len(server.requests) == 1, "only the outbox decides to send again"


@every_platform
def test_a_pause_that_is_asked_for_is_heard(name: str, serve: Serve) -> None:
    server = serve(always(answer("429 Too Many Requests", b"", "Retry-After: 30")))

    assert ask(name, url_of(server), 1).verdict.retry_after_s == 30


@every_platform
def test_a_page_is_a_yes_only_where_every_2xx_is_one(name: str, serve: Serve) -> None:
    server = serve(always(answer("200 OK", PAGE_OF_A_PROXY)))

    assert (ask(name, url_of(server), 1).verdict.outcome is Outcome.ACCEPTED) is (name in TAKE_ANY_2XX)


@every_platform
def test_a_redirect_is_never_followed(name: str, serve: Serve) -> None:
    elsewhere = serve(always(answer("200 OK", YES[name](1))))
    server = serve(always(answer("307 Temporary Redirect", b"", f"Location: {url_of(elsewhere)}/")))

    reply = ask(name, url_of(server), 1)

    assert reply.verdict.outcome is not Outcome.ACCEPTED
    assert elsewhere.requests == []


STATUSES = [*(201, 204, 300, 304, 399), *range(400, 432), 451, 499, *range(500, 512), 520, 599, 999]
BODIES: Sequence[bytes] = [b"", PAGE_OF_A_PROXY, b'{"error": {"code": 1e999}}', b"[" * 9_000, b"\xff\x00"]


@every_platform
@pytest.mark.parametrize("body", BODIES, ids=["nothing", "page", "odd error", "tower", "bytes"])
def test_no_answer_makes_it_raise(name: str, body: bytes, serve: Serve) -> None:
    for status in STATUSES:
        reply = ask(name, url_of(serve(once(answer(f"{status} X", b"" if status in (204, 304) else body)))), 1)

        assert reply.http_status == status
        assert reply.verdict.outcome is not Outcome.ACCEPTED or (name in TAKE_ANY_2XX and status < 300)


@every_platform
def test_where_nobody_listens_nothing_was_sent(name: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]

    reply = ask(name, f"http://127.0.0.1:{port}", 1)

    assert (reply.verdict.outcome, reply.verdict.reason, reply.http_status) == (Outcome.TRANSIENT, "connect", None)


@every_platform
@pytest.mark.parametrize(
    ("base_url", "reason"),
    [
        ("http://10.0.0.8", "address"),
        ("http://169.254.169.254/latest", "address"),
        ("https://[fd00::1]", "address"),
        ("https://203.0.113.7:5432", "address"),
        ("https://8.8.8.8:5432", "port"),
        ("ftp://files.example.com", "scheme"),
        ("https://ana:secret@example.com", "userinfo"),
    ],
)
def test_an_address_that_may_not_be_reached_keeps_the_events_waiting(name: str, base_url: str, reason: str) -> None:
    reply = ask(name, base_url, 3)

    assert (reply.verdict.outcome, reply.verdict.next_step) == (Outcome.PERMISSION, NextStep.REVIEW)
    assert (reply.verdict.reason, reply.http_status) == (reason, None)


@every_platform
@pytest.mark.parametrize("token", ["tökên", "a\nb", " ", "x" * 2000])
def test_a_badly_pasted_token_waits_for_a_good_one_unless_it_works(name: str, token: str, serve: Serve) -> None:
    server = serve(always(answer("200 OK", YES[name](1))))

    verdict = ask(name, url_of(server), 1, token).verdict

    assert verdict.outcome in (Outcome.TOKEN, Outcome.ACCEPTED)
    assert len(server.requests) == (1 if verdict.outcome is Outcome.ACCEPTED else 0)

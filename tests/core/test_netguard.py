"""Where a request may go. Names are resolved from a table, so no test asks a real resolver."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from apps.core import netguard
from apps.core.http import NotSent, OutboundClient, Reason, Refused
from tests.core.loopback import HEADERS, OK, PAYLOAD, Serve, always, failing_with, serving

Dialled = list[tuple[str, int]]

PUBLIC, PUBLIC_V6 = "93.184.215.14", "2606:2800:21f:cb07::1"
NAMES = {
    "graph.example.com": [PUBLIC],
    "both.example.com": [PUBLIC_V6, "2606:2800:21f:cb07::2", PUBLIC],
    "inside.example.com": ["10.0.0.8"],
    "mixed.example.com": [PUBLIC, "10.0.0.8"],
    "mixed6.example.com": [PUBLIC_V6, "fd00:ec2::254"],
    "hub.example.com": ["127.0.0.1"],
    "hub.example.com.": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "localhost": ["::1", "127.0.0.1"],
    "xn--ggle-0qa.example.com": ["192.168.1.1"],
}

LOOPBACK = [
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0177.0.0.1/",
    "http://0177.1/",
    "http://0x7f.1/",
    "http://127.1/",
    "http://127.9.9.9/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://localhost/",
    "http://hub.example.com./",
]

INNER = [
    "http://169.254.169.254/latest/meta-data",
    "http://[fd00:ec2::254]/",
    "http://metadata.google.internal/",
    "http://0/",
    "http://0.0.0.0/",
    "http://[::]/",
    "http://[::ffff:10.0.0.8]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::a00:8]/",
    "http://[2002:7f00:1::]/",
    "http://[2001::7f00:1]/",
    "http://[3fff::1]/",
    "http://[fec0::1]/",
    "http://[fe80::1]/",
    "http://[ff02::1]/",
    "http://224.0.0.1/",
    "http://192.0.0.8/",
    "http://192.88.99.1/",
    "http://100.64.0.1/",
    "http://172.16.0.1/",
    "http://198.18.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://inside.example.com/",
    "http://mixed.example.com/",
    "https://mixed6.example.com/",
    "http://gõgle.example.com/",
]

MALFORMED = [
    ("file:///etc/passwd", Reason.SCHEME),
    ("gopher://graph.example.com/", Reason.SCHEME),
    ("javascript:alert(1)", Reason.SCHEME),
    ("//graph.example.com/", Reason.SCHEME),
    ("", Reason.SCHEME),
    ("http://ana:secret@graph.example.com/", Reason.USERINFO),
    ("https://graph.example.com@inside.example.com/", Reason.USERINFO),
    ("http:///events", Reason.URL),
    ("http://graph .example.com/", Reason.URL),
    ("http://graph..example.com/", Reason.URL),
    ("http://" + "a" * 70 + ".example.com/", Reason.URL),
    ("http://[::1/", Reason.URL),
    ("http://graph.example.com:port/", Reason.URL),
    ("http://１２７.0.0.1/", Reason.URL),
    ("http://graph.example.com:22/", Reason.PORT),
    ("http://graph.example.com:6379/", Reason.PORT),
    (f"http://{PUBLIC}:5432/", Reason.PORT),
]


@pytest.fixture(autouse=True)
def lookups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces the resolver by the table above; anything else must be an address in some notation."""
    asked: list[str] = []
    numeric = socket.getaddrinfo

    def resolve(host: str, port: int, *_args: object, **_options: object) -> list[object]:
        asked.append(host)
        host.encode("idna")
        return [
            answer
            for address in NAMES.get(host, [host])
            for answer in numeric(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> Dialled:
    """Records where connections would go, and makes none."""
    attempts: Dialled = []

    def refuse(address: tuple[str, int], *_args: object, **_options: object) -> socket.socket:
        attempts.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(netguard, "create_connection", refuse)
    return attempts


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as start:
        yield start


@pytest.fixture
def client() -> Iterator[OutboundClient]:
    with closing(OutboundClient()) as opened:
        yield opened


@pytest.fixture
def local() -> Iterator[OutboundClient]:
    with closing(OutboundClient(allow_loopback=True, connect_timeout=0.5)) as opened:
        yield opened


@pytest.mark.parametrize("url", LOOPBACK + INNER)
def test_no_notation_of_an_inner_address_is_reached(client: OutboundClient, dialled: Dialled, url: str) -> None:
    error = failing_with(Refused, lambda: client.post_json(url, PAYLOAD, HEADERS))

    assert (error.reason, str(error)) == (Reason.ADDRESS, "address")
    assert dialled == []


@pytest.mark.parametrize("url", INNER)
def test_opening_loopback_opens_nothing_else(local: OutboundClient, dialled: Dialled, url: str) -> None:
    error = failing_with(Refused, lambda: local.get(url, {}))

    assert error.reason is Reason.ADDRESS
    assert dialled == []


@pytest.mark.parametrize("url", LOOPBACK)
def test_opening_loopback_opens_all_of_it(local: OutboundClient, dialled: Dialled, url: str) -> None:
    failing_with(NotSent, lambda: local.get(url, {}))

    assert dialled[0][0].removeprefix("::ffff:") in {"127.0.0.1", "127.9.9.9", "::1"}


@pytest.mark.parametrize(("url", "reason"), MALFORMED)
def test_a_url_that_may_mean_something_else_is_refused(
    client: OutboundClient, dialled: Dialled, url: str, reason: Reason
) -> None:
    error = failing_with(Refused, lambda: client.post_json(url, PAYLOAD, HEADERS))

    assert error.reason is reason
    assert dialled == []


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://graph.example.com/x", (PUBLIC, 80)),
        ("https://graph.example.com/x", (PUBLIC, 443)),
        ("https://GRAPH.example.com:443/x", (PUBLIC, 443)),
        (f"https://[{PUBLIC_V6}]/", (PUBLIC_V6, 443)),
        ("http://graph.example.com#@inside.example.com/", (PUBLIC, 80)),
        ("http://graph.example.com\\@inside.example.com/", (PUBLIC, 80)),
    ],
)
def test_a_public_host_is_dialled_at_the_address_that_was_checked(
    client: OutboundClient,
    dialled: Dialled,
    lookups: list[str],
    url: str,
    address: tuple[str, int],
) -> None:
    error = failing_with(NotSent, lambda: client.get(url, {}))

    assert error.reason is Reason.CONNECT
    assert dialled == [address]
    assert len(lookups) == 1


def test_both_families_get_their_chance_and_no_more_than_two_addresses_are_tried(
    client: OutboundClient, dialled: Dialled
) -> None:
    failing_with(NotSent, lambda: client.get("https://both.example.com/", {}))

    assert dialled == [(PUBLIC_V6, 443), (PUBLIC, 443)]


def test_a_dead_first_address_does_not_hide_a_live_second(serve: Serve, local: OutboundClient) -> None:
    server = serve(always(OK))

    answer = local.get(server.url.replace("127.0.0.1", "localhost"), {})

    assert answer.status == 200


def test_an_unknown_name_was_not_sent(client: OutboundClient, dialled: Dialled) -> None:
    error = failing_with(NotSent, lambda: client.post_json("https://gone.example.com/", PAYLOAD, HEADERS))

    assert error.reason is Reason.DNS
    assert dialled == []

"""TLS: the connection goes to a checked address while name and certificate are those of the URL."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apps.core.http import NotSent, OutboundClient, Reason
from tests.core.loopback import (
    HEADERS,
    OK,
    PAYLOAD,
    MakeScript,
    Script,
    Serve,
    Server,
    always,
    failing_with,
    serving,
)

NAME = "hub.example.com"
Certify = Callable[..., ssl.SSLContext]


@pytest.fixture(autouse=True)
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name leads to this machine; everything else must already be an address."""
    numeric = socket.getaddrinfo

    def resolve(host: str, port: int, *_args: object, **_options: object) -> list[object]:
        address = "127.0.0.1" if host == NAME else host
        return [*numeric(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as start:
        yield start


@pytest.fixture
def local() -> Iterator[OutboundClient]:
    with closing(OutboundClient(allow_loopback=True, connect_timeout=9, read_timeout=9)) as opened:
        yield opened


@pytest.fixture
def certify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certify:
    """Makes server contexts for a name; with `trusted`, the client's bundle holds the very certificate."""

    def make(name: str, *, days: int = 1, trusted: bool = True) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        text = certificate.public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (tmp_path / "pair.pem").write_bytes(private + text)
        (tmp_path / "bundle.pem").write_bytes(text)
        if trusted:
            monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "bundle.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "pair.pem")
        return context

    return make


def under_tls(context: ssl.SSLContext) -> MakeScript:
    def make(server: Server) -> Script:
        def script(peer: socket.socket) -> None:
            with context.wrap_socket(peer, server_side=True) as wrapped:
                always(OK)(server)(wrapped)

        return script

    return make


def test_tls_and_the_host_header_stay_on_the_name(serve: Serve, local: OutboundClient, certify: Certify) -> None:
    context = certify(NAME)
    asked: list[str] = []
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    server = serve(under_tls(context))
    port = server.listener.getsockname()[1]

    answers = [local.post_json(f"https://{NAME}:{port}/", PAYLOAD, HEADERS) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 200]
    assert asked == [NAME]
    assert f"\r\nHost: {NAME}:{port}\r\n".encode() in server.requests[0]


@pytest.mark.parametrize(
    "certificate",
    [
        {"name": "hub.example.com", "trusted": False},
        {"name": "hub.example.com", "days": -1},
        {"name": "other.example.com"},
    ],
    ids=["unknown issuer", "expired", "another name"],
)
def test_a_certificate_that_does_not_verify_stops_the_request(
    serve: Serve, local: OutboundClient, certify: Certify, certificate: dict[str, object]
) -> None:
    server = serve(under_tls(certify(**certificate)))
    url = server.url.replace("http://127.0.0.1", f"https://{NAME}")

    error = failing_with(NotSent, lambda: local.post_json(url, PAYLOAD, HEADERS))

    assert error.reason is Reason.TLS
    assert server.requests == []


def test_a_handshake_that_never_ends_was_not_sent(serve: Serve) -> None:
    def mute(_server: Server) -> Script:
        def script(peer: socket.socket) -> None:
            while peer.recv(65536):
                pass

        return script

    url = serve(mute).url.replace("http", "https")

    with closing(OutboundClient(allow_loopback=True, connect_timeout=0.3)) as client:
        error = failing_with(NotSent, lambda: client.post_json(url, PAYLOAD, HEADERS))

    assert error.reason is Reason.CONNECT_TIMEOUT

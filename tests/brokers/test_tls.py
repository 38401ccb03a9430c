"""With TLS, a broker that cannot prove its name gets no password."""

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from amqp import AMQPError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kombu import Connection
from kombu.exceptions import OperationalError
from redis import RedisError

from hubtrack.settings.brokers import plan_broker

HERE = "127.0.0.1"


def _write_certificate(directory: Path, name: str) -> Path:
    """One that this machine has no reason to trust, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(IPv4Address(name)) if name[0].isdigit() else x509.DNSName(name)]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@contextlib.contextmanager
def _listening(certificate: Path) -> Iterator[tuple[int, list[bytes]]]:
    """A port that speaks TLS, and what it was told once the handshake was done."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    heard: list[bytes] = []

    def answer(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = server.accept()
                plain.settimeout(5)
                with plain, contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as secure:
                    heard.append(secure.recv(1000))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def _try(url: str) -> str:
    """How connecting to `url` fails, as it does in the end: nobody there is a broker."""
    plan = plan_broker(url)
    with (
        pytest.raises((OSError, RedisError, OperationalError, AMQPError)) as failed,
        Connection(
            url, ssl=plan.use_ssl, transport_options=dict(plan.transport_options), connect_timeout=5
        ) as connection,
    ):
        connection.channel()
    return str(failed.value)


@pytest.mark.parametrize("scheme", ["rediss", "amqps"])
def test_a_broker_with_a_certificate_of_its_own_making_hears_nothing(scheme: str, tmp_path: Path) -> None:
    with _listening(_write_certificate(tmp_path, HERE)) as (port, heard):
        failed = _try(f"{scheme}://user:p4ssword@{HERE}:{port}//")

    assert "CERTIFICATE_VERIFY_FAILED" in failed
    assert not any(heard)


@pytest.mark.parametrize("scheme", ["rediss", "amqps"])
def test_a_trusted_certificate_of_another_name_does_not_do(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = _write_certificate(tmp_path, "another.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    with _listening(certificate) as (port, heard):
        failed = _try(f"{scheme}://user:p4ssword@{HERE}:{port}//")

    assert "not valid for" in failed
    assert not any(heard)


@pytest.mark.parametrize("scheme", ["rediss", "amqps"])
def test_a_private_authority_is_trusted_by_the_usual_variable(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = _write_certificate(tmp_path, HERE)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    with _listening(certificate) as (port, heard):
        failed = _try(f"{scheme}://user:p4ssword@{HERE}:{port}//")

    assert "CERTIFICATE" not in failed
    assert any(heard)

"""Connections that cannot be talked into our own network, and that never outlast their deadline.

Customers name hosts (a destination, a landing page) and DNS names addresses, so neither is trusted. A name is
resolved once per connection, every address behind it is checked, and the connection goes to a checked one: a
name that changes its mind in between gains nothing. TLS still verifies the name.

What the standard library calls global includes, on Python 3.11, multicast, retired blocks and relays that
carry an IPv4 address inside an IPv6 one. What it misses is listed here, so that every Python answers alike.
"""

import io
import math
import socket
import ssl
import time
from contextvars import ContextVar
from enum import StrEnum
from http.client import HTTPResponse
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util.connection import create_connection

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# NAT64, multicast, and the old site-local and IPv4-compatible forms all lie outside what registries hand out.
_ASSIGNED_V6 = ip_network("2000::/3")
_NEVER = tuple(
    ip_network(block)
    for block in (
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # protocol assignments, Teredo among them
        "2002::/16",  # 6to4: any IPv4 address in disguise
        "3fff::/20",  # documentation
    )
)
_WEB_PORTS = frozenset({80, 443})
# The monotonic second at which this thread's exchange must be over.
exchange_deadline: ContextVar[float] = ContextVar("exchange_deadline")


class Reason(StrEnum):
    """The stable words of `OutboundError.reason`, grouped as the three errors are."""

    DNS = "dns"
    CONNECT = "connect"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"

    RESET = "reset"
    READ_TIMEOUT = "read_timeout"
    DEADLINE = "deadline"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"

    URL = "url"
    SCHEME = "scheme"
    USERINFO = "userinfo"
    HEADER = "header"
    ADDRESS = "address"
    PORT = "port"


class OutboundError(Exception):
    """No usable answer; `reason` says why and is all that the text holds."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class NotSent(OutboundError):  # the three read as verdicts where they are caught
    """No connection was made, so the other side knows nothing of the request."""


class Ambiguous(OutboundError):
    """The request was, or may have been, received; only the answer is missing."""


class Refused(OutboundError):
    """The URL, a header or an address behind the host's name is not acceptable; a retry changes nothing."""


def _may_reach(address: str, *, allow_loopback: bool) -> bool:
    """Loopback is 127.0.0.0/8 and ::1, nothing else; `address` is an IP address as text."""
    ip = _unwrap(ip_address(address))
    if ip.is_loopback:
        return allow_loopback
    return _is_public(ip)


def _may_use_port(address: str, port: int) -> bool:
    """The web's two ports on the internet, so that no database is ever spoken to; any port on loopback."""
    return port in _WEB_PORTS or _unwrap(ip_address(address)).is_loopback


def _unwrap(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside ::ffff:a.b.c.d, which is where the system would connect to."""
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return mapped or ip


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address) and ip not in _ASSIGNED_V6:
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in block for block in _NEVER)


def _resolve(host: str, port: int, allow_loopback: bool) -> list[str]:
    """At most two addresses, of both families if there are: a black hole in one must not cost the other."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise Refused(Reason.URL) from None
    addresses = [str(answer[4][0]) for answer in answers]
    if not all(_may_reach(address, allow_loopback=allow_loopback) for address in addresses):
        raise Refused(Reason.ADDRESS)
    if not all(_may_use_port(address, port) for address in addresses):
        raise Refused(Reason.PORT)
    first, *others = dict.fromkeys(addresses)
    return [first, *sorted(others, key=lambda other: (":" in other) == (":" in first))[:1]]


_CONNECT_FAILURES: tuple[tuple[type[Exception], Reason], ...] = (
    (socket.gaierror, Reason.DNS),
    (TimeoutError, Reason.CONNECT_TIMEOUT),
    (ssl.SSLError, Reason.TLS),
)


def _why_not_connected(error: Exception) -> Reason:
    return next((reason for kind, reason in _CONNECT_FAILURES if isinstance(error, kind)), Reason.CONNECT)


class _GuardedConnection(HTTPConnection):
    """What fails before `connect` is done was not sent: that is the line between the two kinds of failure."""

    def __init__(self, *args: Any, allow_loopback: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self._allow_loopback = allow_loopback
        self.response_class = _TimedResponse

    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, HTTPError) as error:
            raise NotSent(_why_not_connected(error)) from None

    def _new_conn(self) -> socket.socket:
        first, *second = _resolve(self._dns_host, self.port, self._allow_loopback)
        try:
            return self._connect_to(first)
        except OSError:
            if not second:
                raise
            return self._connect_to(second[0])

    def _connect_to(self, address: str) -> socket.socket:
        return create_connection(
            (address, self.port), self.timeout, self.source_address, socket_options=self.socket_options
        )


class _GuardedTlsConnection(_GuardedConnection, HTTPSConnection):
    """The same under TLS; the handshake verifies the host's name, not the address."""


class _GuardedPool(HTTPConnectionPool):
    ConnectionCls = _GuardedConnection


class _GuardedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedTlsConnection


class _TimedResponse(HTTPResponse):
    """A response whose every read, of the headers too, ends at the deadline of the exchange."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_TimedReader(sock, self.fp.detach()))


class _TimedReader(io.RawIOBase):
    """Reads a socket, giving each read the shorter of the socket's own patience and the time that is left."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw
        self._patience = sock.gettimeout() or math.inf
        self._deadline = exchange_deadline.get()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Ambiguous(Reason.DEADLINE)
        self._sock.settimeout(min(self._patience, left))
        try:
            return self._raw.readinto(buffer)
        except TimeoutError:
            raise Ambiguous(Reason.DEADLINE if left < self._patience else Reason.READ_TIMEOUT) from None

    def close(self) -> None:
        self._raw.close()
        super().close()


class GuardedPools(PoolManager):
    """Makes pools whose connections are guarded."""

    def __init__(self, allow_loopback: bool, **options: Any) -> None:
        super().__init__(**options)
        self._allow_loopback = allow_loopback
        self.pool_classes_by_scheme = {"http": _GuardedPool, "https": _GuardedTlsPool}

    def _new_pool(
        self, scheme: str, host: str, port: int, request_context: dict[str, Any] | None = None
    ) -> HTTPConnectionPool:
        context = {**(request_context or self.connection_pool_kw), "allow_loopback": self._allow_loopback}
        return super()._new_pool(scheme, host, port, context)

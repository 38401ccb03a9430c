"""The one way out: every HTTP request that the hub makes to a host it does not own.

The type of the error tells the caller what a retry would mean. `NotSent`: the request never left and may be
repeated at will. `Ambiguous`: it left and no whole answer came back, so the other side may have acted on it.
`Refused`: this client will not send it, now or later. An error carries nothing of the request, only a word.

A redirect is an answer, cookies are forgotten, and the environment's proxies and passwords are not looked at.
Where a request may go is the business of `netguard`.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Request, Response, Session
from requests.adapters import HTTPAdapter
from requests.exceptions import ChunkedEncodingError, ContentDecodingError, InvalidHeader, RequestException
from urllib3.exceptions import HTTPError

from apps.core.netguard import (
    Ambiguous,
    GuardedPools,
    NotSent,
    OutboundError,
    Reason,
    Refused,
    exchange_deadline,
)

__all__ = ["Ambiguous", "Answer", "NotSent", "OutboundClient", "OutboundError", "Reason", "Refused"]

_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "hubtrack"}
_CHUNK = 8192


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status.

    `headers` ignore case. `body` is decompressed; where it ends at the client's cap, `truncated` is true.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_ms: int
    truncated: bool


class OutboundClient:
    """A pool of kept-alive connections, safe to share between threads. Times are in seconds.

    `read_timeout` is the longest silence, `total_timeout` the end of an exchange however steadily it drips.
    The system's resolver keeps its own time, which neither bounds. `pool_size` connections stay open to each
    of the `hosts` that were spoken to last.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        connect_timeout: float = 1.5,
        read_timeout: float = 1.5,
        total_timeout: float = 10.0,
        max_body: int = 64 * 1024,
        pool_size: int = 32,
        hosts: int = 10,
    ) -> None:
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._total_timeout = total_timeout
        self._max_body = max_body
        self._session = _GuardedSession(allow_loopback, pool_size, hosts)

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        return self._exchange(method, url, headers, body)

    def post_json(
        self, url: str, payload: bytes, headers: Mapping[str, str], read_timeout: float | None = None
    ) -> Answer:
        """`read_timeout` takes the place of the client's own, for a body that needs longer to be worked through."""
        return self._exchange("POST", url, {**headers, "Content-Type": "application/json"}, payload, read_timeout)

    def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        return self._exchange("GET", url, headers, None)

    def close(self) -> None:
        self._session.close()

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, read_timeout: float | None = None
    ) -> Answer:
        request = self._prepare(method, url, headers, body)
        started = time.monotonic()
        token = exchange_deadline.set(started + self._total_timeout)
        try:
            return self._send(request, started, read_timeout or self._read_timeout)
        except (RequestException, HTTPError) as error:
            raise Ambiguous(_why_no_answer(error)) from None
        finally:
            exchange_deadline.reset(token)

    def _prepare(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> PreparedRequest:
        if not url.lower().startswith(("http://", "https://")):
            raise Refused(Reason.SCHEME)
        if not all(text.isascii() for item in headers.items() for text in item):
            raise Refused(Reason.HEADER)
        try:
            request = self._session.prepare_request(Request(method, url, headers=headers, data=body))
        except InvalidHeader:
            raise Refused(Reason.HEADER) from None
        except RequestException:
            raise Refused(Reason.URL) from None
        if "@" in urlsplit(request.url or "").netloc:
            raise Refused(Reason.USERINFO)
        return request

    def _send(self, request: PreparedRequest, started: float, read_timeout: float) -> Answer:
        timeouts = (self._connect_timeout, read_timeout)
        with self._session.send(request, stream=True, allow_redirects=False, timeout=timeouts) as response:
            body, truncated = self._read_body(response)
            elapsed_ms = round((time.monotonic() - started) * 1000)
            return Answer(response.status_code, response.headers, body, elapsed_ms, truncated)

    def _read_body(self, response: Response) -> tuple[bytes, bool]:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > self._max_body:
                return bytes(body[: self._max_body]), True
        return bytes(body), False


def _why_no_answer(error: Exception) -> Reason:
    if isinstance(error, ChunkedEncodingError):
        return Reason.TRUNCATED
    return Reason.UNREADABLE if isinstance(error, ContentDecodingError) else Reason.RESET


class _GuardedSession(Session):
    """A session with no memory and no opinion: only connections outlive a request."""

    def __init__(self, allow_loopback: bool, pool_size: int, hosts: int) -> None:
        super().__init__()
        self.trust_env = False
        self.headers.clear()
        self.headers.update(_HEADERS)
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.adapters.clear()
        adapter = _GuardedAdapter(allow_loopback, pool_size, hosts)
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def get_redirect_target(self, resp: Response) -> None:
        """Always None: even told not to follow, requests would read a redirect's whole body, uncapped."""


class _GuardedAdapter(HTTPAdapter):
    """Puts requests on top of guarded connections."""

    def __init__(self, allow_loopback: bool, pool_size: int, hosts: int) -> None:
        self._allow_loopback = allow_loopback
        super().__init__(pool_connections=hosts, pool_maxsize=pool_size)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        self.poolmanager = GuardedPools(
            self._allow_loopback, num_pools=connections, maxsize=maxsize, block=block, **options
        )

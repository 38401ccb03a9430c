"""How gateways prove who they are. Each way can also sign, so that tests and the demo act as the gateway.

Several secrets may be valid at once, while a customer rotates them; a blank secret never verifies anything.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlencode

from apps.gateways.errors import PayloadError, SignatureError
from apps.gateways.request import WebhookRequest

MAX_SIGNATURE_HEADER = 4_096


class Strength(StrEnum):
    """What an accepted request proves, strongest first; the customer is shown it."""

    HMAC = "hmac"  # the sender knows the secret and wrote exactly this body
    STATIC = "static_token"  # the sender knows a token that travels with every request
    BODY = "body_token"  # the same, and the token is kept wherever bodies are kept
    NONE = "none"  # nothing: only the secret URL stands guard


class Verifier(Protocol):
    """One way of authentication. `verify` returns or raises SignatureError; it never raises anything else."""

    @property
    def strength(self) -> Strength: ...

    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: datetime) -> None: ...

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest: ...


@dataclass(frozen=True, slots=True)
class SharedToken:
    """The secret itself, in a header or, from senders that put it there, in a field of the body.

    A body field is looked at only when the header is absent: a wrong header is not made good by the body.
    """

    header: str
    body_field: str | None = None

    @property
    def strength(self) -> Strength:
        return Strength.STATIC

    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: datetime) -> None:
        header = request.headers.get(self.header)
        if not header and self.body_field:
            return BodyToken(self.body_field).verify(request, secrets, now)
        return _verify_tokens([header], secrets)

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        return request.with_header(self.header, secret)


@dataclass(frozen=True, slots=True)
class BodyToken:
    """The secret itself, in a field at the root of the body; of a body with several messages, in each of them."""

    field: str

    @property
    def strength(self) -> Strength:
        return Strength.BODY

    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: datetime) -> None:
        try:
            tokens = [message.maybe_text(self.field) for message in request.payloads()]
        except PayloadError:
            raise SignatureError("missing") from None
        _verify_tokens(tokens, secrets)

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        text = request.body.strip()
        if text.startswith((b"{", b"[")):
            messages = json.loads(text)
            for message in messages if isinstance(messages, list) else [messages]:
                message[self.field] = secret
            return request.with_body(json.dumps(messages, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        return request.with_body(b"&".join([text, urlencode({self.field: secret}, errors="surrogatepass").encode()]))


@dataclass(frozen=True, slots=True)
class QueryHmac:
    """`?signature=<hex>`: HMAC-SHA1 over the raw body.

    `wrapped_in`: from senders that wrap their message in an envelope, a signature over the message alone is accepted
    too, written compactly as JavaScript writes it.
    """

    parameter: str
    wrapped_in: tuple[str, ...] = ()

    @property
    def strength(self) -> Strength:
        return Strength.HMAC

    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: datetime) -> None:
        signature = request.query.get(self.parameter)
        if not signature:
            raise SignatureError("missing")
        keys = _usable(secrets)
        if _any_equal([signature], [self._digest(request.body, key) for key in keys]):
            return
        inner = self._inner_message(request) if keys else None
        if inner is None or not _any_equal([signature], [self._digest(inner, key) for key in keys]):
            raise SignatureError("mismatch")

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        return request.with_query(self.parameter, self._digest(request.body, secret))

    def _inner_message(self, request: WebhookRequest) -> bytes | None:
        try:
            envelope = json.loads(request.body)
        except (ValueError, RecursionError):
            return None
        members = [envelope.get(name) for name in self.wrapped_in] if isinstance(envelope, dict) else []
        inner = next((member for member in members if isinstance(member, dict)), None)
        if inner is None:
            return None
        return json.dumps(inner, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")

    @staticmethod
    def _digest(body: bytes, secret: str) -> str:
        return hmac.new(_as_bytes(secret), body, hashlib.sha1).hexdigest()


@dataclass(frozen=True, slots=True)
class SecretUrl:
    """Nothing is signed: whoever knows the address may post. A token in the query, if there is one, must be right."""

    parameter: str

    @property
    def strength(self) -> Strength:
        return Strength.NONE

    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: datetime) -> None:
        if self.parameter in request.query:
            _verify_tokens([request.query[self.parameter]], secrets)

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        return request.with_query(self.parameter, secret)


@dataclass(frozen=True, slots=True)
class EitherWay:
    """A stronger way for senders that can, and a weaker one for those that cannot; the stronger's header decides."""

    stronger: "TimestampedHmac"
    weaker: SharedToken

    @property
    def strength(self) -> Strength:
        return self.weaker.strength

    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: datetime) -> None:
        chosen: Verifier = self.stronger if request.headers.get(self.stronger.header) else self.weaker
        chosen.verify(request, secrets, now)

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        return self.weaker.sign(request, secret, now)


@dataclass(frozen=True, slots=True)
class TimestampedHmac:
    """`t=<epoch seconds>,v1=<hex>[,v1=<hex>...]`: HMAC-SHA256 over the time, a dot and the raw body.

    Any v1 may fit: the sender signs with both secrets during a rotation. The time is checked last, so "stale"
    means a genuine but late request, and it bounds replay only: a copy inside the window is caught by its
    delivery id.
    """

    header: str
    tolerance_s: int = 300
    future_s: int = 60

    @property
    def strength(self) -> Strength:
        return Strength.HMAC

    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: datetime) -> None:
        stamp, signatures = self._read_header(request.headers.get(self.header, ""))
        expected = [self._digest(request.body, secret, stamp) for secret in _usable(secrets)]
        if not _any_equal(signatures, expected):
            raise SignatureError("mismatch")
        if not -self.future_s <= now.timestamp() - int(stamp) <= self.tolerance_s:
            raise SignatureError("stale")

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        stamp = str(int(now.astimezone(UTC).timestamp()))
        return request.with_header(self.header, f"t={stamp},v1={self._digest(request.body, secret, stamp)}")

    @staticmethod
    def _read_header(header: str) -> tuple[str, list[str]]:
        """The time as it was written (it is part of what was signed) and every v1."""
        if not header:
            raise SignatureError("missing")
        if len(header) > MAX_SIGNATURE_HEADER:
            raise SignatureError("malformed")
        parts = [part.strip().partition("=") for part in header.split(",")]
        stamps = [value for name, _, value in parts if name == "t"]
        signatures = [value for name, _, value in parts if name == "v1" and value]
        if len(stamps) != 1 or not (stamps[0].isascii() and stamps[0].isdigit() and len(stamps[0]) <= 12):
            raise SignatureError("malformed")
        if not signatures:
            raise SignatureError("malformed")
        return stamps[0], signatures

    @staticmethod
    def _digest(body: bytes, secret: str, stamp: str) -> str:
        return hmac.new(_as_bytes(secret), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def travels_in_body(verifier: Verifier) -> bool:
    """Whether bodies may hold the secret itself."""
    return isinstance(verifier, BodyToken) or (isinstance(verifier, SharedToken) and verifier.body_field is not None)


def _verify_tokens(tokens: Sequence[str | None], secrets: Sequence[str]) -> None:
    """Each of `tokens` must be one of `secrets`."""
    keys = _usable(secrets)
    if not all(tokens):
        raise SignatureError("missing")
    if not all(_any_equal([token], keys) for token in tokens if token):
        raise SignatureError("mismatch")


def _usable(secrets: Sequence[str]) -> list[str]:
    return [secret for secret in secrets if secret.strip()]


def _any_equal(offered: Iterable[str], expected: Sequence[str]) -> bool:
    """Compared as bytes: compare_digest refuses text outside ASCII, which an attacker is free to send."""
    return any(hmac.compare_digest(_as_bytes(one), _as_bytes(other)) for one in offered for other in expected)


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

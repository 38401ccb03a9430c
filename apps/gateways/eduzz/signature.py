"""How Eduzz signs: the whole body, and nothing but it."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.gateways.errors import SignatureError
from apps.gateways.request import WebhookRequest
from apps.gateways.signatures import Strength


@dataclass(frozen=True, slots=True)
class HeaderHmac:
    """A header with the HMAC-SHA256 of the raw body, in lower-case hex. No time is signed, so a copy is genuine too."""

    header: str

    @property
    def strength(self) -> Strength:
        return Strength.HMAC

    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: datetime) -> None:
        signature = request.headers.get(self.header)
        if not signature:
            raise SignatureError("missing")
        offered = signature.encode("utf-8", "surrogatepass")
        digests = [_digest(request.body, secret).encode() for secret in secrets if secret.strip()]
        if not any(hmac.compare_digest(offered, digest) for digest in digests):
            raise SignatureError("mismatch")

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        return request.with_header(self.header, _digest(request.body, secret))


def _digest(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode("utf-8", "surrogatepass"), body, hashlib.sha256).hexdigest()

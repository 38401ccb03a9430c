"""The signature of a customer's server: HMAC-SHA256 over its timestamp, a dot and the raw body. Pure; no I/O.

X-Hubtrack-Key names the signing key, X-Hubtrack-Timestamp holds Unix seconds in digits, X-Hubtrack-Signature holds
`v1=` and 64 hexadecimal digits. What is signed are the header's own digits, so no reading of them can differ.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

# How far the sender's clock and ours may be apart, in seconds, either way.
WINDOW_S = 300
MAX_KEY_ID = 32
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"v1=([0-9a-fA-F]{64})")
# What an unknown key is compared with: its caller waits as long as that of a known one.
_NOBODYS_SECRET = "nobody"  # noqa: S105 - signs nothing that is accepted


@dataclass(frozen=True, slots=True)
class Claim:
    """Who says to have signed, when and how; every text as it came, absent ones empty."""

    key_id: str
    timestamp: str
    signature: str = field(repr=False)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The value of X-Hubtrack-Signature."""
    message = timestamp.encode("utf-8", "replace") + b"." + body
    return "v1=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def is_signed_by(secret: str | None, claim: Claim, body: bytes) -> bool:
    """Whether the holder of `secret` signed this body and timestamp, however old; None is nobody's."""
    found = _SIGNATURE.fullmatch(claim.signature)
    claimed = f"v1={found[1].lower()}" if found else ""
    expected = sign(secret or _NOBODYS_SECRET, claim.timestamp, body)
    fits = hmac.compare_digest(expected.encode(), claimed.encode())
    return fits and secret is not None and _TIMESTAMP.fullmatch(claim.timestamp) is not None


def seconds_apart(claim: Claim, now_s: float) -> int:
    """Our clock less the sender's, in whole seconds: positive when theirs is behind. Only for a signed claim."""
    return round(now_s - int(claim.timestamp))

"""A body without the secret that came inside it: some gateways send their token along with every message."""

import json
import re
from collections.abc import Sequence
from urllib.parse import quote, quote_plus

from apps.gateways.decoding import decode_body
from apps.gateways.errors import PayloadError
from apps.gateways.leaves import write_json

MASK = b"***"
# A token of digits may stand in JSON as a bare number: the body must stay readable, and get no other number instead.
_BARE = rb"(?<=[:\[,\s])%s(?=[\s,}\]])"


def hide_secrets(body: bytes, secrets: Sequence[str], content_type: str = "") -> bytes:
    """`body` with each secret masked; all else stays as it came, to the byte.

    Only where a secret is spelt in an unusual way, or its mask would spoil what surrounds it, is the body written anew.
    """
    masked, written = _mask(body, secrets), _write_anew(body, content_type)
    if written is None:
        return masked
    clean = _mask(written, secrets)
    return masked if _write_anew(masked, content_type) == clean else clean


def _write_anew(body: bytes, content_type: str) -> bytes | None:
    """As JSON in one spelling only; None when it cannot be decoded."""
    try:
        return write_json(decode_body(body, content_type))
    except (PayloadError, RecursionError):
        return None


def _mask(text: bytes, secrets: Sequence[str]) -> bytes:
    for secret in filter(str.strip, secrets):
        text = re.sub(_BARE % re.escape(secret.encode("utf-8", "surrogatepass")), b"null", text)
        for spelling in _spellings(secret):
            text = text.replace(spelling, MASK)
    return text


def _spellings(secret: str) -> list[bytes]:
    """Plain, JSON-escaped and percent-encoded; longest first, as one may be a part of another."""
    written = {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
        quote(secret, safe="", errors="surrogatepass"),
        quote_plus(secret, errors="surrogatepass"),
    }
    return sorted((text.encode("utf-8", "surrogatepass") for text in written), key=len, reverse=True)

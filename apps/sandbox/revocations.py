"""Tokens that were revoked. Only those with an end of their own can be, so no other token's events wait for Redis.

Redis remembers them; one that forgets brings them back to life, which harms nobody in a stand-in.
"""

import hashlib
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from apps.core.redis import RedisError, get_redis
from apps.sandbox.meta.refusals import RefusalError
from apps.sandbox.meta.tokens import LIFE, REVOKED, check_token, find_end
from apps.sandbox.meta.validation import Examined


def revoke_token(token: str) -> None:
    with suppress(RedisError):
        get_redis().set(_key(token), "1", ex=LIFE)


def is_revoked(token: str | None) -> bool:
    if not token or find_end(token) is None:
        return False
    with suppress(RedisError):
        return bool(get_redis().exists(_key(token)))
    return False


def require_live(token: str | None, now: datetime) -> None:
    """Raise `RefusalError` unless this token may ask and send."""
    check_token(token, now)
    if is_revoked(token):
        raise RefusalError(REVOKED)


def stop_revoked(examined: Examined) -> Examined:
    """What came with a revoked token is refused, however good it is."""
    if examined.refusal or not is_revoked(examined.token):
        return examined
    return replace(examined, events=(), refusal=REVOKED)


def _key(token: str) -> str:
    return f"sandbox:revoked:{hashlib.sha256(token.encode(errors='replace')).hexdigest()}"

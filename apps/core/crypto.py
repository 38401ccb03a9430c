"""Encryption at rest: Fernet with rotation (`HUBTRACK_SECRET_KEYS`, newest first; the first one encrypts)."""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

__all__ = ["InvalidToken", "decrypt", "encrypt", "rotate"]


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(
            "HUBTRACK_SECRET_KEYS must be Fernet keys (32 bytes, URL-safe base64), separated by commas, newest first."
        ) from error


def _keyring() -> MultiFernet:
    return _cipher(tuple(settings.HUBTRACK_SECRET_KEYS))


def encrypt(clear: bytes) -> bytes:
    return _keyring().encrypt(clear)


def decrypt(token: bytes) -> bytes:
    """The clear bytes; raises InvalidToken when no key of the ring made `token`."""
    return _keyring().decrypt(token)


def rotate(token: bytes) -> bytes:
    """The same content under the newest key."""
    return _keyring().rotate(token)

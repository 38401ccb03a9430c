"""Identity data: normalised as the ad platforms define it and hashed before it is stored. Pure; no I/O.

`docs/identity.md` tells what is done to each field, and why it is not what the official libraries do.
"""

from apps.core.identity.hashing import (
    OTHER_PHONE,
    HashedIdentity,
    Person,
    for_meta,
    for_tiktok,
    hash_email,
    hash_person,
    hash_phone,
)

__all__ = [
    "OTHER_PHONE",
    "HashedIdentity",
    "Person",
    "for_meta",
    "for_tiktok",
    "hash_email",
    "hash_person",
    "hash_phone",
]

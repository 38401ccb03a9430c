"""Access tokens: every one is good here, except those whose text asks for trouble, by the words that Meta's tokens use.

| the token contains | the answer |
| --- | --- |
| expired, revoked | 40105 |
| forbidden | 40001, no permission for this pixel |
| a blank or anything but printable ASCII, or there is none | 40105 |
"""

import re

from apps.sandbox.tiktok.refusals import BAD_TOKEN, NO_PERMISSION, RefusalError

_PARSEABLE = re.compile(r"[!-~]+")
REHEARSALS = {"expired": BAD_TOKEN, "revoked": BAD_TOKEN, "forbidden": NO_PERMISSION}


def check_token(token: str | None) -> None:
    """Raise `RefusalError` unless this token may send."""
    if not token or not _PARSEABLE.fullmatch(token):
        raise RefusalError(BAD_TOKEN)
    for word, refusal in REHEARSALS.items():
        if word in token.lower():
            raise RefusalError(refusal)

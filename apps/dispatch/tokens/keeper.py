"""What a platform can do with its tokens, if it can do anything; one object in its folder, one line in the registry."""

from typing import Protocol

from apps.dispatch.platform import Target
from apps.dispatch.tokens.rules import Inspection


class RenewalError(Exception):
    """A token was not renewed or not revoked; the text is a stable word and says why. Nothing of a token is in it."""


class TokenKeeper(Protocol):
    """Asks a platform about the token of a target, and renews it. `inspect` never raises, the others RenewalError.

    Whatever it sends to a host that a customer named is that customer's own.
    """

    def inspect(self, target: Target) -> Inspection:
        """What the platform says of `target.token`."""

    def renew(self, target: Target) -> str:
        """A fresh token in exchange for `target.token`, which goes on working."""

    def revoke(self, target: Target, token: str) -> None:
        """End `token`; `target.token` is the one that replaced it."""

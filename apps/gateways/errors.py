"""How a webhook can fail. No error carries a value from a body, a header or a secret: all are safe to log."""

from typing import Literal

Refusal = Literal["missing", "mismatch", "stale", "malformed"]


class PayloadError(Exception):
    """The body cannot be read; the gateway changed its format or the sender is not the gateway.

    `path` is where, from the root ("data.purchase.transaction"; alternatives joined by " or "; "body" for the
    whole), `expected` says what should be there, `found` is a JSON type name or "nothing".
    """

    def __init__(self, path: str, expected: str, found: str) -> None:
        super().__init__(path, expected, found)
        self.path = path
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, found {self.found}"


class SignatureError(Exception):
    """The sender did not prove who it is; `reason` is a stable word, fit for a metric's label.

    missing: no proof was sent; malformed: the proof cannot be read; mismatch: no secret of ours fits it;
    stale: it is genuine, but signed too long ago or too far in the future.
    """

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason: Refusal = reason

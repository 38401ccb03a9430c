"""One webhook as it arrived."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from apps.gateways.decoding import decode_body
from apps.gateways.payload import Payload


@dataclass(frozen=True)
class WebhookRequest:
    """The raw body, the headers (names in any case; kept in lower case) and the query, first value of each.

    Not slotted: the decoded body is cached on the instance, so that a token inside the body and the event it
    carries cost one decoding. The repr shows nothing, since all three can hold secrets and personal data.
    """

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", {name.lower(): value for name, value in self.headers.items()})

    def payload(self) -> Payload:
        """The body's reader; PayloadError when it is neither a JSON object nor a form."""
        return self._payload

    def with_header(self, name: str, value: str) -> "WebhookRequest":
        return replace(self, headers={**self.headers, name.lower(): value})

    @cached_property
    def _payload(self) -> Payload:
        return Payload(decode_body(self.body, self.headers.get("content-type", "")))

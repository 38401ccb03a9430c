"""One webhook as it arrived."""

from collections.abc import Mapping, Sequence
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

    def payloads(self) -> Sequence[Payload]:
        """A reader for each message of the body; PayloadError when it is neither JSON objects nor a form."""
        return self._payloads

    def with_header(self, name: str, value: str) -> "WebhookRequest":
        return replace(self, headers={**self.headers, name.lower(): value})

    def with_query(self, name: str, value: str) -> "WebhookRequest":
        return replace(self, query={**self.query, name: value})

    def with_body(self, body: bytes) -> "WebhookRequest":
        return replace(self, body=body)

    @cached_property
    def _payloads(self) -> Sequence[Payload]:
        messages = decode_body(self.body, self.headers.get("content-type", ""))
        if len(messages) == 1:
            return (Payload(messages[0]),)
        return tuple(Payload(message, str(index)) for index, message in enumerate(messages))

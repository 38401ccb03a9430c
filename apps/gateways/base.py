"""The form a gateway fills in."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, final

from apps.gateways.api import GatewayApi
from apps.gateways.errors import PayloadError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.payload import Payload
from apps.gateways.request import WebhookRequest
from apps.gateways.signatures import Verifier


class Adapter(ABC):
    """One gateway's dialect: how it authenticates, its words, and where its bodies keep what.

    Stateless, so one instance serves every thread. `verify` raises SignatureError, `parse` PayloadError, and
    neither raises anything else whatever is sent.
    """

    # --- To fill in ---

    slug: ClassVar[str]  # in the webhook's URL; never changes
    label: ClassVar[str]  # the gateway's name as customers know it
    verifier: ClassVar[Verifier]
    secret_label: ClassVar[str]  # what the gateway's own pages call the secret
    event_paths: ClassVar[tuple[str, ...]]  # where the body says what happened; alternatives
    event_types: ClassVar[Mapping[str, Kind]]  # the gateway's word -> ours
    click_id_field: ClassVar[str]  # the tracking entry that carries our click id through this checkout
    tell_tales: ClassVar[tuple[str, ...]]  # paths: each body of this gateway has one of them, no other's any
    free_paths: ClassVar[tuple[str, ...]] = ()  # objects whose keys are the seller's own: no drift is looked for there
    delivery_id_path: ClassVar[str | None] = None  # the gateway's own id of this message, if it has one
    version_path: ClassVar[str | None] = None  # where the body names the version of its format, if it does
    version: ClassVar[int] = 1  # of this adapter; one more for a candidate that is to be tried beside it
    api: ClassVar[GatewayApi | None] = None  # the gateway's own API, where credentials can be checked

    @abstractmethod
    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        """Translate one event. Never called for IGNORED and UNKNOWN."""

    # --- To override when the gateway needs it ---

    def kind_of(self, word: str, payload: Payload) -> Kind:
        """What a word means, where the body's other fields decide too."""
        return self.event_types.get(word, Kind.UNKNOWN)

    def split(self, payload: Payload) -> Iterable[Payload]:
        """The events within one body."""
        return (payload,)

    # --- Not to be overridden ---

    @final
    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: datetime) -> None:
        """Return if any of `secrets` proves the sender, else raise SignatureError."""
        self.verifier.verify(request, secrets, now)

    @final
    def parse(self, request: WebhookRequest) -> list[GatewayEvent]:
        """Everything the body reports. A word outside the table gives UNKNOWN, a missing one PayloadError."""
        return [self._read_one(message) for message in self.messages(request)]

    @final
    def messages(self, request: WebhookRequest) -> list[Payload]:
        """A reader for each thing the body reports, out of its envelope. Raises PayloadError."""
        return [message for payload in request.payloads() for message in self.split(payload)]

    @final
    def recognises(self, payload: Payload) -> bool:
        """Whether a body looks like one of this gateway's."""
        return any(payload.has(path) for path in self.tell_tales)

    @final
    def delivery_id(self, payload: Payload) -> str | None:
        return payload.maybe_identifier(self.delivery_id_path) if self.delivery_id_path else None

    def _read_one(self, payload: Payload) -> GatewayEvent:
        word = payload.identifier(*self.event_paths)
        kind = self.kind_of(word, payload)
        if kind in (Kind.IGNORED, Kind.UNKNOWN):
            return self._read_bare(payload, kind, word)
        return self.read(payload, kind, word)

    def _read_bare(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        """Nothing but the word is relied on: a message we do not use must not fail for its contents."""
        try:
            delivery_id = self.delivery_id(payload)
        except PayloadError:
            delivery_id = None
        return GatewayEvent(kind, word, delivery_id)

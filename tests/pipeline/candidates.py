"""Next versions of Hotmart's adapter, good and bad, for tests that try them beside the one in use."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from apps.gateways.errors import PayloadError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.hotmart.adapter import HotmartAdapter
from apps.gateways.payload import Payload


class Same(HotmartAdapter):
    """Reads as the one in use does."""

    version = 2


class Changed(Same):
    """Reads some members otherwise."""

    def __init__(self, **changes: Any) -> None:
        self._changes = changes

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        return replace(super().read(payload, kind, word), **self._changes)


class Halving(Same):
    """Reads half of every amount."""

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        event = super().read(payload, kind, word)
        return replace(event, amount=event.amount and event.amount / 2)


class Raising(Same):
    """Fails with whatever it was given."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        raise self._error


class Forgetful(Same):
    """No longer knows the word for a sale."""

    event_types: ClassVar[dict[str, Kind]] = {
        word: kind for word, kind in HotmartAdapter.event_types.items() if kind is not Kind.APPROVED
    }


class Silent(Same):
    """Finds no message in any body."""

    def split(self, payload: Payload) -> Iterable[Payload]:
        return ()


class Learned(Same):
    """Knows where a price will stand one day, and moves it there in what it was given."""

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        document: Any = payload.value
        purchase = document["data"]["purchase"]
        purchase["price"] = {**purchase["price"], "value": purchase["price_in_2027"]}
        return super().read(payload, kind, word)


UNREADABLE = PayloadError("data.purchase.price.value", "an amount", "nothing")
# What a bug may make of a member; none of it can be stored, some of it not even be hashed.
UNSOUND: dict[str, dict[str, Any]] = {
    "a naive time": {"occurred_at": datetime(2026, 3, 10, 12, 0)},
    "an amount as text": {"amount": "197.90"},
    "an amount too large": {"amount": Decimal(10) ** 30},
    "NUL in the order": {"order_id": "A\0B"},
    "an order too long": {"order_id": "x" * 500},
    "no buyer": {"buyer": None},
    "tracking that is no text": {"tracking": {"sck": object()}},
}
BROKEN = {
    "unreadable": Raising(UNREADABLE),
    "a bug": Raising(ZeroDivisionError("division by zero")),
    "another bug": Raising(KeyError("beatriz@example.com")),
    "too deep": Raising(RecursionError()),
    "out of memory": Raising(MemoryError()),
    "nothing found": Silent(),
}

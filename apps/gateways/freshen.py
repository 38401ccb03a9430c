"""An old body made new: what it tells happens now, to another order.

Fixtures are old and repeat their order ids, so a hub that has seen one before calls the next a late repeat. Pure, as
adapters are: the new ids are drawn from `now`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlencode

from apps.gateways.base import Adapter
from apps.gateways.errors import PayloadError
from apps.gateways.events import GatewayEvent
from apps.gateways.leaves import Leaf, Place, leaves_of, with_values, write_json
from apps.gateways.provenance import explain
from apps.gateways.request import WebhookRequest
from apps.gateways.scalars import BRASILIA

# A shorter id stands in other texts by chance ("1"), so it is replaced only where the order id is read from.
LONG_ID = 6

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FROM_2010, _TO_2050 = datetime(2010, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)
_UNITS = (timedelta(seconds=1), timedelta(milliseconds=1))
# Telephone numbers and ids can look like epochs: the name must speak of a time as well.
_NAME_OF_A_TIME = re.compile(r"at$|date|time|created|start|end|due|expir|anchor", re.IGNORECASE)
_WRITTEN_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})(?P<between>[T ])(?P<minute>[0-9]{2}:[0-9]{2})"
    r"(?P<second>:[0-9]{2})?(?P<fraction>\.[0-9]{1,6})?(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?"
)


def freshen(adapter: Adapter, request: WebhookRequest, now: datetime, order_id: str | None = None) -> WebhookRequest:
    """`request` with its times moved, all by as much, so that its newest event occurs `now`, and with new order ids.

    Times keep their form and precision. Where no event has a time, the newest one in the body becomes `now`. An order
    id that makes a test of its message stays. Proofs are not renewed: sign the result. Raises PayloadError for what
    `adapter.parse` cannot read.
    """
    events = adapter.parse(request)
    olds = _order_ids(adapter, request, events)
    refresh = _Refresh(
        ids=_new_ids(olds, now, order_id),
        read_from=frozenset(old.path for old in olds),
        delta=now - (_newest(events, request) or now),
    )
    fresh = refresh.apply(request)
    if not _are_tests_still(adapter, fresh, events):
        refresh = replace(refresh, ids=_new_ids([old for old in olds if not old.is_test], now, order_id))
        return refresh.apply(request)
    return fresh


@dataclass(frozen=True, slots=True)
class _Refresh:
    """What is done to every value of a body: `ids` from old to new, and the paths that they are read from."""

    ids: Mapping[str, str]
    read_from: frozenset[str]
    delta: timedelta

    def apply(self, request: WebhookRequest) -> WebhookRequest:
        fresh = [with_values(message, self._changes(prefix, message)) for prefix, message in _messages_of(request)]
        return request.with_body(_write(fresh, request.body))

    def _changes(self, prefix: str, message: object) -> dict[Place, object]:
        return {leaf.place: self._renamed(prefix, leaf) or _moved(leaf, self.delta) for leaf in leaves_of(message)}

    def _renamed(self, prefix: str, leaf: Leaf) -> int | str | None:
        """The value with new ids in place of old ones; None when it holds none."""
        text = str(leaf.value)
        if text in self.ids and prefix + leaf.path in self.read_from:
            new = self.ids[text]
            return int(new) if isinstance(leaf.value, int) and new.isdecimal() else new
        for old, new in self.ids.items():
            if len(old) >= LONG_ID and old in text:
                return text.replace(old, new)
        return None


def _messages_of(request: WebhookRequest) -> list[tuple[str, object]]:
    """Each message with the prefix of its paths."""
    payloads = request.payloads()
    return [(f"{number}." if len(payloads) > 1 else "", payload.value) for number, payload in enumerate(payloads)]


@dataclass(frozen=True, slots=True)
class _OrderId:
    """What a body writes for an order id, which may be a part of it; where, and whether for a test."""

    text: str
    path: str
    is_test: bool


def _order_ids(adapter: Adapter, request: WebhookRequest, events: Sequence[GatewayEvent]) -> list[_OrderId]:
    written = {
        prefix + leaf.path: str(leaf.value) for prefix, message in _messages_of(request) for leaf in leaves_of(message)
    }
    return [
        _OrderId(written[path], path, event.is_test)
        for event, origins in zip(events, explain(adapter, request).events, strict=True)
        for origin in origins
        for path in origin.paths
        if origin.name == "order_id" and path in written and written[path] in (event.order_id or "")
    ]


def _new_ids(olds: Iterable[_OrderId], now: datetime, order_id: str | None) -> dict[str, str]:
    texts = dict.fromkeys(old.text for old in olds)
    if order_id is None:
        return {text: _id_like(text, now) for text in texts}
    return {text: f"{order_id}-{number}" if number else order_id for number, text in enumerate(texts)}


def _id_like(old: str, now: datetime) -> str:
    """Digits for digits, since a gateway that counts its orders may send a number."""
    digest = sha256(f"{old} {now.isoformat()}".encode()).hexdigest()
    return str(10**8 + int(digest, 16) % (9 * 10**8)) if old.isdecimal() else f"try-{digest[:10]}"


def _are_tests_still(adapter: Adapter, fresh: WebhookRequest, events: Iterable[GatewayEvent]) -> bool:
    """A test may tell less than a real order must, so that its body cannot be read as one."""
    try:
        return [event.is_test for event in adapter.parse(fresh)] == [event.is_test for event in events]
    except PayloadError:
        return False


def _newest(events: Iterable[GatewayEvent], request: WebhookRequest) -> datetime | None:
    told = [event.occurred_at for event in events if event.occurred_at]
    if told:
        return max(told)
    found = (_moment_of(leaf) for _prefix, message in _messages_of(request) for leaf in leaves_of(message))
    return max((moment for moment in found if moment), default=None)


def _moment_of(leaf: Leaf) -> datetime | None:
    """A clock without a zone is taken to be a Brazilian one, as most gateways' are."""
    if unit := _unit_of(leaf):
        return _EPOCH + int(str(leaf.value)) * unit
    clock = _clock_of(leaf)
    if clock is None:
        return None
    moment = datetime.fromisoformat(clock[0])
    return moment if moment.tzinfo else moment.replace(tzinfo=BRASILIA)


def _moved(leaf: Leaf, delta: timedelta) -> object:
    if unit := _unit_of(leaf):
        ticks = int(str(leaf.value)) + delta // unit
        return str(ticks) if isinstance(leaf.value, str) else ticks
    clock = _clock_of(leaf)
    return leaf.value if clock is None else _write_clock(clock, datetime.fromisoformat(clock[0]) + delta)


def _unit_of(leaf: Leaf) -> timedelta | None:
    """What an epoch counts, seconds or milliseconds; None for a value that is none."""
    text = str(leaf.value)
    name = next((key for key in reversed(leaf.place) if isinstance(key, str) and not key.isdecimal()), "")
    if not text.isascii() or not text.isdecimal() or len(text) > 13 or not _NAME_OF_A_TIME.search(name):
        return None
    return next((unit for unit in _UNITS if _FROM_2010 - _EPOCH <= int(text) * unit < _TO_2050 - _EPOCH), None)


def _clock_of(leaf: Leaf) -> re.Match[str] | None:
    """The parts of a written time; None for other text and for dates that say "never", as 9999-12-31 does."""
    clock = _WRITTEN_TIME.fullmatch(str(leaf.value))
    try:
        moment = datetime.fromisoformat(clock[0]) if clock else None
    except ValueError:
        return None
    return clock if moment and _FROM_2010.year <= moment.year < _TO_2050.year else None


def _write_clock(clock: re.Match[str], moment: datetime) -> str:
    """`moment` in the form of `clock`; what has no room is cut off, so nothing comes to lie in the future."""
    second = f":{moment:%S}" if clock["second"] else ""
    fraction = f".{moment:%f}"[: len(clock["fraction"])] if clock["fraction"] else ""
    return f"{moment:%Y-%m-%d}{clock['between']}{moment:%H:%M}{second}{fraction}{clock['zone'] or ''}"


def _write(messages: Sequence[object], old: bytes) -> bytes:
    """In the notation of the body they come from."""
    first = old.lstrip()[:1]
    if first == b"[":
        return write_json(messages)
    if first == b"{":
        return write_json(messages[0])
    return urlencode([(_form_key(leaf.place), str(leaf.value)) for leaf in leaves_of(messages[0])]).encode()


def _form_key(place: Place) -> str:
    first, *others = map(str, place)
    return first + "".join(f"[{step}]" for step in others)

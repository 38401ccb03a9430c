"""Gateways under a steady rate: what is not acknowledged is sent again, byte for byte, until it is.

Only a 2xx counts. An error, a lost connection and silence mean nothing: the hub may have it or not. This list of what
was acknowledged, and nothing of the hub's, says in the end what must have arrived.
"""

import asyncio
import contextlib
import heapq
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from random import Random

from tests.chaos.sales import Order, path_of, write_click, write_http, write_webhook

CONNECTIONS = 48
PATIENCE_S = 8.0
CLICK_TRIES = 3
_LONGEST_WAIT_S = 5.0
_LOOK_S = 0.03


@dataclass(frozen=True, slots=True)
class Door:
    """One funnel as seen from outside: addresses by gateway, and the key that its pages use."""

    addresses: dict[str, str]
    public_key: str


@dataclass
class Told:
    """What the hub acknowledged: orders by id, and which of each order's messages."""

    orders: dict[str, Order] = field(default_factory=dict)
    acknowledged: dict[str, set[str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    resent: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    clicks: int = 0
    clicks_given_up: int = 0
    messages: int = 0
    seconds: float = 0.0

    def sales(self) -> Iterator[Order]:
        """Those whose payment was acknowledged."""
        for order_id, order in self.orders.items():
            if order.approving and order.approving in self.acknowledged.get(order_id, ()):
                yield order

    def is_refunded(self, order: Order) -> bool:
        return bool(order.refunding) and order.refunding in self.acknowledged.get(order.order_id, ())

    def untold(self) -> list[str]:
        """Orders with a message that was never acknowledged."""
        return [
            order_id
            for order_id, order in self.orders.items()
            if {message.event for message in order.messages} - self.acknowledged.get(order_id, set())
        ]


@dataclass(order=True)
class _Due:
    """One message on its way, or a click before it; `request` is written when it is first sent."""

    at: float
    turn: int
    order: Order = field(compare=False)
    event: str = field(compare=False)
    request: bytes = field(default=b"", compare=False)
    tries: int = field(default=0, compare=False)


class Load:
    """`rate` orders a second through `doors`; the messages of `orders` and their repeats follow in their time."""

    def __init__(self, port: int, doors: list[Door], orders: Iterator[Order], *, rate: float, seed: int) -> None:
        self.told = Told()
        self._port, self._doors, self._orders = port, doors, orders
        self._rate, self._rng = rate, Random(f"load {seed}")
        self._turns, self._due = count(), list[_Due]()
        self._open, self._all_begun = 0, False
        self._clicks: dict[str, str] = {}
        self.give_up = False

    def run(self) -> Told:
        """Until every message was acknowledged, or `give_up` is set."""
        started = time.monotonic()
        asyncio.run(self._run())
        self.told.seconds = time.monotonic() - started
        return self.told

    async def _run(self) -> None:
        await asyncio.gather(self._begin_orders(), *(self._send_due() for _ in range(CONNECTIONS)))

    async def _begin_orders(self) -> None:
        started = time.monotonic()
        for number, order in enumerate(self._orders):
            await asyncio.sleep(max(0.0, started + number / self._rate - time.monotonic()))
            self.told.orders[order.order_id] = order
            now = time.monotonic()
            if order.is_clicked:
                self._push(_Due(now, next(self._turns), order, "click"))
            else:
                self._push_messages(order, now)
            if self.give_up:
                break
        self._all_begun = True

    def _push_messages(self, order: Order, now: float) -> None:
        for message in order.messages:
            self._push(_Due(now + message.after, next(self._turns), order, message.event))

    def _push(self, due: _Due) -> None:
        self._open += 1
        heapq.heappush(self._due, due)

    async def _send_due(self) -> None:
        """One connection, opened anew whenever it breaks."""
        wire = _Wire(self._port)
        while not self.give_up and (self._open or not self._all_begun):
            if not self._due or self._due[0].at > time.monotonic():
                await asyncio.sleep(_LOOK_S)
                continue
            due = heapq.heappop(self._due)
            await self._send_one(wire, due)
            self._open -= 1
        wire.close()

    async def _send_one(self, wire: "_Wire", due: _Due) -> None:
        due.request = due.request or self._write(due)
        began = time.monotonic()
        status, body = await wire.exchange(due.request)
        if status // 100 == 2:
            self.told.latencies.append(time.monotonic() - began)
            self._acknowledge(due, body)
        elif due.event == "click" and due.tries + 1 >= CLICK_TRIES:
            self.told.clicks_given_up += 1
            self._push_messages(due.order, time.monotonic())
        elif status // 100 == 4 and status != 429:
            self.told.refused.append(f"{due.order.order_id} {due.event}: {status} {body[:200]!r}")
        else:
            self.told.resent[f"{status or 'no answer'}{' to a click' if due.event == 'click' else ''}"] += 1
            wait = min(0.5 * 2**due.tries, _LONGEST_WAIT_S) * self._rng.uniform(0.7, 1.3)
            self._push(_Due(time.monotonic() + wait, due.turn, due.order, due.event, due.request, due.tries + 1))

    def _acknowledge(self, due: _Due, body: bytes) -> None:
        if due.event == "click":
            self.told.clicks += 1
            self._clicks[due.order.order_id] = json.loads(body)["click_id"]
            self._push_messages(due.order, time.monotonic())
            return
        self.told.messages += 1
        self.told.acknowledged.setdefault(due.order.order_id, set()).add(due.event)

    def _write(self, due: _Due) -> bytes:
        order, door, host = due.order, self._doors[due.order.funnel], f"127.0.0.1:{self._port}"
        if due.event == "click":
            return write_http("POST", "/api/v1/track/click", host, write_click(order, door.public_key))
        click_id = self._clicks.get(order.order_id, "")
        signed = write_webhook(order, due.event, click_id, datetime.now(UTC))
        return write_http(
            "POST", path_of(door.addresses[order.gateway], signed), host, signed.body, dict(signed.headers)
        )


class _Wire:
    """A keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Status and body; a status of 0 when no whole answer came."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._exchange(request)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError, IndexError):
            self.close()
            return 0, b""

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        if b"connection: close" in head.lower():
            self.close()
        return int(head.split(b" ", 2)[1]), body

    def close(self) -> None:
        if self._streams:
            with contextlib.suppress(OSError):
                self._streams[1].close()
            self._streams = None

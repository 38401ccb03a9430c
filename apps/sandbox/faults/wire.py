"""What a fault does to the answer on its way: late, byte by byte, or cut off.

A view cannot do this, and a thread that sleeps is one of sixteen. So the answer names it in a header of its own, which
`Unruly` takes off before it plays it on the event loop. The server offers no TCP reset: what is cut off ends a response
that was declared longer, which every client reads as a lost answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Self

HEADER = "X-Sandbox-Wire"
_NAME = HEADER.lower().encode()

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Callable[[], Awaitable[Message]], Send], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """Seconds before the first byte, seconds between bytes, and whether it ends before its end."""

    stall_s: float = 0.0
    drip_s: float = 0.0
    is_cut: bool = False

    def write(self) -> str:
        return f"{self.stall_s:g} {self.drip_s:g} {int(self.is_cut)}"

    @classmethod
    def read(cls, text: str) -> Self:
        stall, drip, cut = text.split()
        return cls(stall_s=float(stall), drip_s=float(drip), is_cut=cut == "1")


class Unruly:
    """An ASGI application that sends the answers of `application` as their header says."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Message]], send: Send
    ) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        held: list[Message] = []

        async def hold(message: Message) -> None:
            """The answer of BufferedWsgi is one start and one whole body."""
            held.append(message)

        await self._application(scope, receive, hold)
        await _play(held, send)


async def _play(held: list[Message], send: Send) -> None:
    wire = _take_wire(held)
    await asyncio.sleep(wire.stall_s)
    if not wire.drip_s and not wire.is_cut:
        for message in held:
            await send(message)
        return
    start, body = held[0], b"".join(message.get("body", b"") for message in held[1:])
    await send(start)
    if wire.is_cut:
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        return
    for position in range(len(body)):
        await send({"type": "http.response.body", "body": body[position : position + 1], "more_body": True})
        await asyncio.sleep(wire.drip_s)
    await send({"type": "http.response.body", "body": b""})


def _take_wire(held: list[Message]) -> Wire:
    if not held:
        return Wire()
    headers = held[0].get("headers", [])
    held[0]["headers"] = [(name, value) for name, value in headers if name != _NAME]
    return next((Wire.read(value.decode()) for name, value in headers if name == _NAME), Wire())

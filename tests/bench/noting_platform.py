"""A platform in a process of its own that notes when each order reached it, and may fall silent for one pixel.

`python -m tests.bench.noting_platform MILLISECONDS` prints its port. Over HTTP: every POST is accepted after that time;
`GET /notes` tells {order id: when its request had come in whole, in seconds since 1970}; `PUT /silence/<pixel>` has
this pixel's requests read and never answered, `DELETE /silence` ends it.
"""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
import requests

_ORDER = re.compile(rb'"order_id": ?"([^"]+)"')
_PIXEL = re.compile(rb"/v[0-9.]+/([^/ ]+)/events")


@dataclass
class _Platform:
    seconds: float
    notes: dict[str, float] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                said = await self._answer(await reader.readuntil(b"\r\n\r\n"), reader)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
                await writer.drain()
        writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        line = head.split(b"\r\n", 1)[0]
        if line.startswith(b"GET /notes"):
            return json.dumps(self.notes).encode()
        if line.startswith(b"PUT /silence/"):
            self.silent.add(line.split()[1].rpartition(b"/")[2].decode())
            return b"{}"
        if line.startswith(b"DELETE /silence"):
            self.silent.clear()
            return b"{}"
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        return await self._take(line, await reader.readexactly(length))

    async def _take(self, line: bytes, body: bytes) -> bytes:
        pixel = _PIXEL.search(line)
        if pixel and pixel[1].decode() in self.silent:
            await asyncio.sleep(3600)
        now = time.time()
        for order in _ORDER.findall(body):
            self.notes.setdefault(order.decode(), now)
        if self.seconds:
            await asyncio.sleep(self.seconds)
        count = body.count(b'"event_name"')
        return b'{"events_received": %d, "messages": [], "fbtrace_id": "T"}' % count


@dataclass(frozen=True, slots=True)
class NotingPlatform:
    """A running one."""

    url: str
    pid: int

    def notes(self) -> dict[str, float]:
        told: dict[str, float] = requests.get(f"{self.url}/notes", timeout=60).json()
        return told

    def silence(self, pixel: str) -> None:
        requests.put(f"{self.url}/silence/{pixel}", timeout=5)

    def speak(self) -> None:
        requests.delete(f"{self.url}/silence", timeout=5)

    def cpu_seconds(self) -> float:
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


@contextmanager
def noting_platform(milliseconds: int) -> Iterator[NotingPlatform]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.noting_platform", str(milliseconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    try:
        yield NotingPlatform(f"http://127.0.0.1:{process.stdout.readline().strip()}", process.pid)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


async def _main(seconds: float) -> None:
    server = await asyncio.start_server(_Platform(seconds).serve, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]) / 1000))

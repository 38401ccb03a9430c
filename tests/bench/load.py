"""A small HTTP/1.1 load generator: keep-alive connections over loopback, closed loop or at a fixed rate.

At a fixed rate a request's latency counts from the moment it was due, so a server that stalls cannot hide behind
requests that were therefore never sent.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """What came of one run: seconds from due to answered for each request, and how many were refused.

    `cpu_seconds` is what sending them cost.
    """

    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, expected: int) -> bool:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    await reader.readexactly(length)
    return head.startswith(b"HTTP/1.1 %d" % expected)


async def _run(
    port: int, requests: Iterator[bytes], *, seconds: float, connections: int, rate: float | None, expected: int
) -> Outcome:
    outcome = Outcome()
    started = time.perf_counter()
    due_times = (started + turn / rate for turn in range(int(rate * seconds))) if rate else None

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (due := next(due_times, None) if due_times else time.perf_counter()) is not None:
            if due_times is None and due - started > seconds:
                break
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            accepted = await exchange(reader, writer, next(requests), expected)
            outcome.latencies.append(time.perf_counter() - due)
            outcome.refused += not accepted
        writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    outcome.seconds = time.perf_counter() - started
    return outcome


def run_load(
    port: int,
    requests: Iterator[bytes],
    *,
    seconds: float,
    connections: int,
    rate: float | None = None,
    expected: int = 202,
) -> Outcome:
    """Send `requests` for `seconds`: as fast as answers come, or at `rate` a second. Other statuses are refusals."""
    before = time.process_time()
    outcome = asyncio.run(_run(port, requests, seconds=seconds, connections=connections, rate=rate, expected=expected))
    outcome.cpu_seconds = time.process_time() - before
    return outcome

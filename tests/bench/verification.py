"""What it costs to prove a webhook's sender on the raw body, by gateway and by the body's size.

The limit beside it is the least that the way of authentication must do: one SHA-256 over the body for a signature, one
decoding for a token inside the body, one look at a header for a token there.
"""

import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

from apps.gateways.base import Adapter
from apps.gateways.decoding import decode_body
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.gateways.signatures import Strength

SECRET = "a-secret-of-the-benchmark"
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
KIB = 1024
SIZES = (2 * KIB, 64 * KIB, 1024 * KIB)
REPEATS = 5


def report() -> dict[str, float]:
    figures: dict[str, float] = {}
    for slug, adapter in ADAPTERS.items():
        small, middle, large = (_measure(adapter, size) for size in SIZES)
        figures |= {
            f"{slug}: us at 2 KiB": 1e6 * small,
            f"{slug}: times the limit at 2 KiB": small / _measure_limit(adapter, SIZES[0]),
            f"{slug}: us at 1 MiB": 1e6 * large,
            f"{slug}: 1 MiB / 64 KiB (linear: 16)": large / middle,
        }
    return figures


def _body(size: int) -> bytes:
    """Many small members, as an order with many lines has: the dearest shape to decode."""
    line = {"id": "4410027", "name": "Apostila de Acordes", "quantity": 1, "price": 29.9}
    lines = [line] * max(1, size // len(json.dumps(line)))
    return json.dumps({"event": "x", "lines": lines}).encode()


def _measure(adapter: Adapter, size: int) -> float:
    signed = adapter.verifier.sign(WebhookRequest(_body(size)), SECRET, NOW)

    def verify_anew() -> None:
        """A request of its own each time: a decoded body is remembered on the request."""
        adapter.verify(WebhookRequest(signed.body, signed.headers, signed.query), [SECRET], NOW)

    return _seconds(verify_anew, size)


def _measure_limit(adapter: Adapter, size: int) -> float:
    body = _body(size)
    least: dict[Strength, Callable[[], object]] = {
        Strength.HMAC: lambda: hashlib.sha256(body).hexdigest(),
        Strength.BODY: lambda: decode_body(body, ""),
    }
    one_look = lambda: WebhookRequest(body, {"a": SECRET}).headers["a"]  # noqa: E731
    return _seconds(least.get(adapter.verifier.strength, one_look), size)


def _seconds(call: Callable[[], object], size: int) -> float:
    """The fastest of a few runs: what the code costs when nothing else runs."""
    rounds = max(10, 4_000_000 // size)
    best = float("inf")
    for _ in range(REPEATS):
        started = time.perf_counter()
        for _ in range(rounds):
            call()
        best = min(best, (time.perf_counter() - started) / rounds)
    return best

"""The ordinary webhook, read on the event loop and stored together with those that wait beside it (docs/adr/0005).

While one batch is being written, by one thread, the next one gathers: alone a webhook waits for nobody, and under load
the database commits once for dozens. What is answered here is durable; what is not ordinary is not answered here.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl

from django.db import Error

from apps.conversions.services import NewDelivery, record_deliveries
from apps.core.asgi import Answer, Scope
from apps.core.db import release_connection
from apps.core.middleware import request_id_of
from apps.gateways.request import WebhookRequest
from apps.pipeline.front import ADDRESS, PREFIX
from apps.pipeline.intake import read_ordinary

MAX_BATCH = 64
Waiting = tuple[Sequence[NewDelivery], "asyncio.Future[bool]"]


class WebhookShortcut:
    """One per event loop."""

    def __init__(self) -> None:
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="webhooks")
        self._waiting: list[Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def answer(self, scope: Scope, body: bytes) -> Answer | None:
        """202 once the webhook is stored; None when it must take the long way."""
        if scope["method"] != "POST" or not scope["path"].startswith(PREFIX):
            return None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}
        request_id = request_id_of(headers.get("x-request-id"))
        deliveries = _read(scope, headers, body, request_id)
        if deliveries is None or not await self._store(deliveries):
            return None
        content = b'{"status": "%s"}' % deliveries[0].outcome.value.encode()
        return (
            202,
            [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(content)).encode()),
                (b"x-request-id", request_id.encode()),
            ],
            content,
        )

    async def _store(self, deliveries: Sequence[NewDelivery]) -> bool:
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((deliveries, stored))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_waiting())
        return await stored

    async def _write_waiting(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                await self._write_batch(batch)
        finally:
            self._writing = None

    async def _write_batch(self, batch: Sequence[Waiting]) -> None:
        """Whatever goes wrong, nobody is left waiting."""
        rows = [delivery for deliveries, _stored in batch for delivery in deliveries]
        stored = False
        try:
            stored = await asyncio.get_running_loop().run_in_executor(self._writer, _write, rows)
        finally:
            for _deliveries, waiting in batch:
                if not waiting.done():
                    waiting.set_result(stored)


def _read(scope: Scope, headers: dict[str, str], body: bytes, request_id: str) -> list[NewDelivery] | None:
    address = ADDRESS.fullmatch(scope["path"])
    if address is None:
        return None
    query = dict(reversed(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)))
    return read_ordinary(address[1], address[2], WebhookRequest(body, headers, query), request_id)


def _write(rows: Sequence[NewDelivery]) -> bool:
    """Whether all of it was stored; a failure stores nothing, and each webhook then takes the long way alone."""
    try:
        record_deliveries(rows)
    except Error:
        return False
    finally:
        release_connection()
    return True

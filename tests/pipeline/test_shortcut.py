"""The ordinary webhook's way over the event loop, against the real database and with a writer of its own thread."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import OperationalError, connections

from apps.conversions.models import Conversion, Delivery, DriftNotice
from apps.conversions.services import record_deliveries
from apps.core.asgi import Answer
from apps.funnels.selectors import find_endpoint
from apps.gateways.request import WebhookRequest
from apps.pipeline import shortcut
from apps.pipeline.shortcut import WebhookShortcut
from apps.tenants.scoping import unscoped
from tests.pipeline.senders import GATEWAYS, sale_of, sign
from tests.worlds import SECRETS, World, hotmart

pytestmark = pytest.mark.django_db(transaction=True)


def call(world: World, *bodies: Any, secret: str = SECRETS["hotmart"], method: str = "POST") -> list[Answer | None]:
    """All at once, in one event loop."""
    key = world.endpoint_key()
    scope = {
        "method": method,
        "path": f"/api/v1/webhooks/hotmart/{key}",
        "query_string": b"",
        "headers": [(b"x-hotmart-hottok", secret.encode()), (b"content-type", b"application/json")],
    }

    async def run() -> list[Answer | None]:
        way = WebhookShortcut()
        try:
            return list(await asyncio.gather(*(way.answer(scope, raw) for raw in raws)))
        finally:
            way._writer.submit(connections.close_all).result()
            way._writer.shutdown()

    raws = [body if isinstance(body, bytes) else json.dumps(body).encode() for body in bodies]
    return asyncio.run(run())


def remember(world: World) -> None:
    assert find_endpoint("hotmart", world.endpoint_key())


def rows() -> tuple[int, int]:
    with unscoped():
        return Delivery.objects.count(), Conversion.objects.count()


def test_an_ordinary_webhook_is_stored_and_answered(world: World) -> None:
    remember(world)

    (answer,) = call(world, hotmart(order_id="HP1"))

    assert answer is not None
    status, headers, content = answer
    assert (status, content) == (202, b'{"status": "recorded"}')
    assert dict(headers)[b"content-length"] == b"22"
    assert rows() == (1, 1)
    with unscoped():
        assert Delivery.objects.get().correlation_id.encode() == dict(headers)[b"x-request-id"]


def test_those_that_wait_together_share_a_write(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(world)
    sizes: list[int] = []
    real = record_deliveries

    def count_and_record(batch: Sequence[Any]) -> None:
        sizes.append(len(batch))
        real(batch)

    monkeypatch.setattr(shortcut, "record_deliveries", count_and_record)

    answers = call(world, *[hotmart(order_id=f"HP{number}") for number in range(150)])

    assert all(answer and answer[0] == 202 for answer in answers)
    assert sizes == [64, 64, 22]
    assert rows() == (150, 150)


def test_twenty_identical_ones_are_one_order(world: World) -> None:
    remember(world)

    answers = call(world, *[hotmart(order_id="HP1", at_ms=1_700_000_000_000)] * 20)

    assert all(answers)
    assert rows() == (20, 1)


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        (b"", {}),
        (b"{", {}),
        (hotmart("SOMETHING_NEW"), {}),
        (hotmart(currency="XXX"), {}),
        (hotmart(), {"secret": "wrong"}),
        (hotmart(), {"method": "PUT"}),
        (b'{"a": "' + b"x" * 1_100_000 + b'"}', {}),
    ],
)
def test_whatever_is_not_ordinary_takes_the_long_way_unstored(world: World, body: Any, changes: Any) -> None:
    remember(world)

    assert call(world, body, **changes) == [None]
    assert rows() == (0, 0)


def test_an_endpoint_that_nobody_asked_for_lately_takes_the_long_way(world: World) -> None:
    assert call(world, hotmart()) == [None]
    assert rows() == (0, 0)


def test_a_database_that_fails_sends_everybody_the_long_way(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(world)

    def fail(batch: Sequence[Any]) -> None:
        raise OperationalError

    monkeypatch.setattr(shortcut, "record_deliveries", fail)

    assert call(world, hotmart(order_id="HP1"), hotmart(order_id="HP2")) == [None, None]
    assert rows() == (0, 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_even_a_bug_leaves_nobody_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(world)
    failures = [TypeError("a bug")]
    real = record_deliveries

    def fail_once(batch: Sequence[Any]) -> None:
        if failures:
            raise failures.pop()
        real(batch)

    monkeypatch.setattr(shortcut, "record_deliveries", fail_once)
    bodies = [hotmart(order_id=f"HP{number}") for number in range(65)]

    answers = call(world, *bodies[:64])
    later = call(world, bodies[64])

    assert answers == [None] * 64
    assert later[0] is not None
    assert rows() == (1, 1)


def call_signed(world: World, gateway: str, request: WebhookRequest) -> Answer | None:
    """One request of any gateway, with its proof wherever that gateway puts it."""
    signed = sign(gateway, request, SECRETS[gateway])
    scope = {
        "method": "POST",
        "path": f"/api/v1/webhooks/{gateway}/{world.endpoint_key(gateway)}",
        "query_string": urlencode(signed.query).encode(),
        "headers": [(name.encode(), value.encode()) for name, value in signed.headers.items()],
    }

    async def run() -> Answer | None:
        way = WebhookShortcut()
        try:
            return await way.answer(scope, signed.body)
        finally:
            way._writer.submit(connections.close_all).result()
            way._writer.shutdown()

    return asyncio.run(run())


def test_every_gateways_sale_takes_it(world: World) -> None:
    answers = {}
    for gateway in GATEWAYS:
        assert find_endpoint(gateway, world.endpoint_key(gateway))
        answers[gateway] = call_signed(world, gateway, sale_of(gateway).request)

    assert {gateway: answer and answer[0] for gateway, answer in answers.items()} == dict.fromkeys(GATEWAYS, 202)
    assert rows() == (len(GATEWAYS), len(GATEWAYS))


def test_a_new_field_takes_the_long_way_once(world: World) -> None:
    remember(world)
    body = {**hotmart(order_id="HP1"), "novel": 1}

    first, stored = call(world, body), rows()
    noted = world.post_webhook(body)
    later = call(world, body, body)

    assert (first, stored, noted.json()) == ([None], (0, 0), {"status": "recorded"})
    assert [answer and answer[0] for answer in later] == [202, 202]
    assert rows() == (3, 1)
    with unscoped():
        assert DriftNotice.objects.count() == 1

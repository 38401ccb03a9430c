"""Sales at a steady rate through real webhooks, each noted when the hub had answered; and the hub they are sold to."""

import asyncio
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from urllib.parse import urlsplit

import requests

from tests.bench.load import exchange
from tests.e2e.hub import ROOT, Hub
from tests.worlds import LANDING, SECRETS, hotmart

CONNECTIONS = 32
_MADE_AT_MS = 1_111_111_111_111
_BODY = json.dumps(
    {**hotmart(order_id="@@ORDER@@", email="@@ORDER@@@example.com", at_ms=_MADE_AT_MS), "padding": "x" * 900}
)


@dataclass(frozen=True, slots=True)
class Shop:
    """One published funnel with one destination."""

    address: str
    pixel: str
    funnel_id: str
    key: str


@dataclass
class Sold:
    """When each order's webhook was answered with a 202, in seconds since 1970; `cpu_seconds` is what selling cost."""

    answered: dict[str, float] = field(default_factory=dict)
    refused: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


def open_shops(hub: Hub, *, tenants: int, each: int) -> list[Shop]:
    """Over REST, as customers do."""
    shops = []
    for tenant in range(tenants):
        key = _create_tenant(hub, f"seller-{tenant}@example.com")
        shops += [_open_shop(hub, key, f"{800_000_000_000_000 + 1000 * tenant + turn}") for turn in range(each)]
    return shops


def _create_tenant(hub: Hub, email: str) -> str:
    told = subprocess.run(
        [sys.executable, "manage.py", "create_tenant", "--name", email, "--email", email, "--json"],
        cwd=ROOT,
        env=hub.environment,
        check=True,
        capture_output=True,
    ).stdout
    return str(json.loads(told)["api_key"])


def _open_shop(hub: Hub, key: str, pixel: str) -> Shop:
    headers = {"Authorization": f"Bearer {key}"}
    body = {
        "name": f"Curso {pixel}",
        "landing_url": LANDING,
        "endpoints": [{"gateway": "hotmart", "secret": SECRETS["hotmart"]}],
        "destinations": [{"platform": "meta", "pixel_id": pixel, "access_token": f"token-{pixel}"}],
    }
    made = requests.post(f"{hub.url}/api/v1/funnels", json=body, headers=headers, timeout=30).json()
    published = requests.post(f"{hub.url}/api/v1/funnels/{made['id']}/publish", headers=headers, timeout=30).json()
    return Shop(urlsplit(published["endpoints"][0]["webhook_url"]).path, pixel, str(made["id"]), key)


def move(hub: Hub, shop: Shop, base_url: str) -> None:
    """Have this shop's destination live at another address from now on."""
    headers = {"Authorization": f"Bearer {shop.key}"}
    body = {"destinations": [{"platform": "meta", "pixel_id": shop.pixel, "base_url": base_url}]}
    address = f"{hub.url}/api/v1/funnels/{shop.funnel_id}"
    requests.patch(address, json=body, headers=headers, timeout=30).raise_for_status()
    requests.post(f"{address}/publish", headers=headers, timeout=30).raise_for_status()


def write_sales(hub: Hub, shops: Sequence[Shop]) -> Iterator[tuple[str, bytes]]:
    """Order ids and requests without end, one shop after the other; no order is sold twice."""
    run, host = secrets.token_hex(3), urlsplit(hub.url).netloc
    heads = [
        f"POST {shop.address} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"X-HOTMART-HOTTOK: {SECRETS['hotmart']}\r\n"
        for shop in shops
    ]
    for number, head in zip(count(), cycle(heads), strict=False):
        order = f"HP{run}{number:08d}"
        body = _BODY.replace("@@ORDER@@", order).replace(str(_MADE_AT_MS), str(int(time.time() * 1000)))
        yield order, f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def sell(hub: Hub, sales: Iterator[tuple[str, bytes]], *, rate: float, seconds: float) -> Sold:
    """`rate` a second for so long, whatever the answers take."""
    sold, cpu, began = Sold(), time.process_time(), time.perf_counter()
    asyncio.run(_sell(int(hub.url.rpartition(":")[2]), sales, rate, seconds, sold))
    sold.seconds, sold.cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    return sold


async def _sell(port: int, sales: Iterator[tuple[str, bytes]], rate: float, seconds: float, sold: Sold) -> None:
    began = time.perf_counter()
    due_times = (began + turn / rate for turn in range(int(rate * seconds)))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for due in due_times:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            order, request = next(sales)
            if await exchange(reader, writer, request, 202):
                sold.answered[order] = time.time()
            else:
                sold.refused += 1
        writer.close()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))

"""Where the judgement's facts come from: the stand-in's list, the customer's server, the hub's books and its ledger."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import requests

from tests.chaos.site import Site
from tests.chaos.verify import Copy, Entry, read_cents
from tests.gateway_receiver import GatewayReceiver

WAITING = ("pending", "retrying", "sending", "parked")
# Only sales that are not planned yet: an order whose visitor nobody knows is looked at again after minutes, hours and a
# day, and nothing of it waits for that.
_COUNT_WAITING = """
SELECT (SELECT count(*) FROM conversions_conversion c WHERE c.approved_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM dispatch_capievent e WHERE e.conversion_id = c.id AND e.stage = 'sale')),
    (SELECT count(*) FROM dispatch_send WHERE status = ANY(%s)),
    (SELECT count(*) FROM conversions_quarantine WHERE due_at IS NOT NULL)
"""
_BOOKS = """
SELECT d.pixel_id, c.order_id, coalesce(c.currency, ''), coalesce(c.amount, 0), coalesce(s.status, ''),
    coalesce(s.reason, '')
FROM conversions_conversion c
JOIN funnels_destination d ON d.funnel_id = c.funnel_id
LEFT JOIN dispatch_capievent e ON e.conversion_id = c.id AND e.stage = 'sale'
LEFT JOIN dispatch_send s ON s.event_id = e.id AND s.destination_id = d.id
WHERE c.approved_at IS NOT NULL
"""
_KEEP_RECORD = "UPDATE django_celery_beat_periodictask SET enabled = false WHERE name = 'purge-sandbox'"
_MONEY_KEY = {"meta": "custom_data", "tiktok": "properties"}


def keep_the_record(site: Site) -> None:
    """The stand-in forgets all but the newest 50,000 events once an hour: not while they are evidence."""
    with site.connect() as connection:
        while not connection.execute(_KEEP_RECORD).rowcount:
            time.sleep(0.5)


def count_waiting(site: Site) -> tuple[int, int, int]:
    """Sales to be planned, sends to be made, deliveries to be read again."""
    with site.connect() as connection:
        row = connection.execute(_COUNT_WAITING, [list(WAITING)]).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def read_books(site: Site) -> list[Entry]:
    with site.connect() as connection:
        rows = connection.execute(_BOOKS).fetchall()
    return [
        Entry(pixel, order, currency, read_cents(amount), status, reason)
        for pixel, order, currency, amount, status, reason in rows
    ]


def read_record(site: Site) -> Iterator[Copy]:
    """The stand-in's own list, pixel by pixel, over HTTP."""
    for place in site.places:
        if place.platform == "http":
            continue
        answer = requests.get(f"{site.sandbox_url}/received.json", params={"pixel_id": place.pixel}, timeout=120)
        answer.raise_for_status()
        for event in answer.json()["events"]:
            yield _read_event(place.platform, event)


def _read_event(platform: str, event: dict[str, Any]) -> Copy:
    sold = event["payload"].get(_MONEY_KEY[platform], {})
    return Copy(
        pixel=event["pixel_id"],
        event_id=event["event_id"],
        name=event["event_name"],
        order_id=str(sold.get("order_id", "")),
        currency=str(sold.get("currency", "")),
        cents=read_cents(sold.get("value", 0)),
        is_first=event["verdict"] == "accepted",
    )


def read_receiver(receiver: GatewayReceiver) -> Iterator[Copy]:
    """The customer's server: what it kept, and every further copy that it was sent and dropped."""
    seen: set[str] = set()
    for request in receiver.requests:
        message = request.message
        for event in message["events"]:
            if event["event_id"] in receiver.events:
                yield Copy(
                    pixel=message["destination"],
                    event_id=event["event_id"],
                    name=event["event_name"],
                    order_id=event.get("order_id", ""),
                    currency=event.get("currency", ""),
                    cents=read_cents(event.get("value", 0)),
                    is_first=event["event_id"] not in seen,
                )
                seen.add(event["event_id"])


def check_ledger(site: Site, told: Iterable[tuple[str, str, int]]) -> list[str]:
    """What is wrong with each tenant's `GET /api/v1/ledger`; `told`: (tenant's key, currency, cents) of each sale."""
    totals: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for key, currency, cents in told:
        totals[key][currency][0] += 1
        totals[key][currency][1] += cents
    problems = []
    for key in site.keys:
        answer = site.call("GET", "ledger", key)
        if answer.status_code != 200:
            problems.append(f"the ledger answers {answer.status_code}: {answer.text[:200]}")
            continue
        ledger = answer.json()
        said = {it["currency"]: [it["orders"], int(Decimal(it["amount"]) * 100)] for it in ledger["totals"]}
        if not ledger["balanced"]:
            problems.append("a ledger says that it does not balance")
        if said != dict(totals[key]):
            problems.append(f"a ledger's totals are {said}, and the gateways told {dict(totals[key])}")
    return problems

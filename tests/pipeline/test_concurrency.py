"""Many webhooks at the same time, in real threads against the real database: none lost, none twice, no deadlock."""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from django.db import connection, transaction

from apps.conversions.models import Conversion, Quarantine
from apps.conversions.services import claim_quarantined, record_deliveries, request_replay
from apps.conversions.services.matching import LOOKS
from apps.conversions.transitions import fold
from apps.core.db import release_connection
from apps.gateways.events import Kind
from apps.pipeline.stages import match_batch, replay_quarantine_batch
from apps.tenants.scoping import unscoped
from tests.conversions.deliveries import delivery, endpoint_of, state_of
from tests.conversions.facts import fact
from tests.pipeline.database import conversions, deliveries, quarantined
from tests.worlds import SECRETS, World, hotmart, post_raw

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 16
T = TypeVar("T")


def at_once(works: Iterable[Callable[[], T]], threads: int = THREADS) -> list[T]:
    """Each work in a thread of its own or the next free one, the first `threads` of them in the same instant."""
    works = list(works)
    ready = threading.Barrier(min(threads, len(works)))

    def run(number: int, work: Callable[[], T]) -> T:
        if number < ready.parties:
            ready.wait(30)
        try:
            return work()
        finally:
            release_connection()

    with ThreadPoolExecutor(ready.parties) as pool:
        return [answer.result(60) for answer in [pool.submit(run, number, work) for number, work in enumerate(works)]]


def poster(world: World) -> Callable[[dict[str, Any]], Callable[[], int]]:
    """Makes works that post one body and give the answer's status."""
    path = f"/api/v1/webhooks/hotmart/{world.endpoint_key()}"
    headers = {"x-hotmart-hottok": SECRETS["hotmart"], "content-type": "application/json"}
    return lambda body: lambda: post_raw(path, json.dumps(body).encode(), headers).status_code


def test_the_same_webhook_twenty_times_at_once_is_one_order(world: World) -> None:
    post = poster(world)
    body = hotmart(order_id="HP1")

    statuses = at_once([post(body)] * 20, threads=20)

    assert statuses == [202] * 20
    assert [(row.order_id, row.status, row.amount) for row in conversions()] == [("HP1", "approved", Decimal("197.9"))]
    assert [row.outcome for row in deliveries()] == ["recorded"] * 20
    assert len({row.fingerprint for row in deliveries()}) == 1


def test_every_order_of_arrival_at_once_ends_in_the_same_state(world: World) -> None:
    post = poster(world)
    orders = [f"HP{number:03}" for number in range(40)]
    events = ("PURCHASE_BILLET_PRINTED", "PURCHASE_APPROVED", "PURCHASE_REFUNDED")
    works = [post(hotmart(event, order)) for order in orders for event in (*events, *events)]
    random.Random(1).shuffle(works)

    statuses = at_once(works)

    assert Counter(statuses) == {202: 240}
    rows = conversions()
    assert sorted(row.order_id for row in rows) == orders
    assert {(row.status, row.amount, row.refunded_amount) for row in rows} == {
        ("refunded", Decimal("197.9"), Decimal("197.9"))
    }
    assert all(row.approved_at for row in rows)
    assert len(deliveries()) == 240


def test_batches_that_share_orders_in_any_order_never_lock_each_other_out(world: World) -> None:
    endpoint = endpoint_of(world)
    facts = [fact(Kind.PAYMENT_PENDING, 0, "100", currency="BRL"), fact(Kind.APPROVED, 1, "100", currency="BRL")]
    shuffle = random.Random(2)
    batches = []
    for _ in range(60):
        orders = [f"HP{number}" for number in range(8)]
        shuffle.shuffle(orders)
        batches.append([delivery(endpoint, shuffle.choice(facts), order_id=order) for order in orders])

    at_once([lambda batch=batch: record_deliveries(batch) for batch in batches], threads=12)  # type: ignore[misc]

    assert len(deliveries()) == 480
    assert [state_of(row) for row in conversions()] == [fold(facts)] * 8


def test_matching_meanwhile_loses_no_news(world: World) -> None:
    """Whatever a worker holds while the webhook comes, the order is matched once more afterwards."""
    post = poster(world)
    orders = [f"HP{number:02}" for number in range(20)]
    posts = [post(hotmart(event, order)) for event in ("PURCHASE_APPROVED", "PURCHASE_REFUNDED") for order in orders]

    def match() -> int:
        with unscoped():
            return match_batch().rows and 0

    works = [work for pair in zip(posts, [match] * len(posts), strict=True) for work in pair]
    statuses = at_once(works, threads=8)
    with unscoped():
        while match_batch().rows:
            pass

    assert Counter(statuses) == {202: 40, 0: 40}
    assert {(row.status, row.match_failures) for row in conversions()} == {("refunded", 0)}
    assert all(row.match_due_at == row.received_at + LOOKS[0] for row in conversions()), "no click, and no news"
    events = [world.conversion(order)["events"] for order in orders]
    assert [len(listed) for listed in events] == [1] * 20, "one Purchase each, however the webhooks raced"


def test_a_row_that_another_worker_reads_again_is_passed_over(world: World) -> None:
    for number in range(2):
        world.post_webhook(b"{" * (number + 1))
    with unscoped():
        request_replay(Quarantine.objects.all())

    def replay() -> int:
        with unscoped():
            return replay_quarantine_batch().rows

    with unscoped(), transaction.atomic():
        held = claim_quarantined()
        (handled,) = at_once([replay])

    assert held is not None
    assert handled == 1
    assert sorted((kept.attempts, kept.pk == held.pk) for kept in quarantined()) == [(0, True), (1, False)]


def test_two_workers_read_each_row_once(world: World) -> None:
    for number in range(30):
        world.post_webhook(b"{" * (number + 1))
    with unscoped():
        request_replay(Quarantine.objects.all())

    def replay() -> int:
        with unscoped():
            return replay_quarantine_batch(limit=30).rows

    handled = at_once([replay] * 4)

    assert sum(handled) == 30
    assert [kept.attempts for kept in quarantined()] == [1] * 30


def test_after_the_database_hung_up_webhooks_are_soon_stored_again(world: World) -> None:
    """Each dead connection may cost one batch an honest 503, and none costs more."""
    post = poster(world)
    at_once([post(hotmart(order_id=f"A{number}")) for number in range(8)], threads=8)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        ended = cursor.fetchone()[0]

    statuses = [post(hotmart(order_id=f"B{number}"))() for number in range(2 * ended + 4)]

    assert ended > 0
    assert set(statuses) <= {202, 503}
    assert statuses.count(503) <= ended
    assert statuses[-2:] == [202, 202]
    assert len(conversions()) == 8 + statuses.count(202)


def test_when_the_database_cuts_a_webhook_off_it_is_asked_for_again(world: World) -> None:
    """Its row is locked by another transaction; meanwhile its connection is ended."""
    post = poster(world)
    at_once([post(hotmart(order_id="A1"))])
    waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    def cut_off() -> int:
        with connection.cursor() as cursor:
            for _ in range(2_000):
                cursor.execute(f"SELECT pg_terminate_backend(pid) FROM ({waiting}) AS blocked")
                if cursor.fetchall():
                    return 0
                cursor.execute("SELECT pg_sleep(0.002)")
        raise AssertionError("the webhook never waited for the lock")

    with unscoped(), transaction.atomic():
        Conversion.objects.select_for_update().get()
        statuses = at_once([post(hotmart("PURCHASE_REFUNDED", "A1")), cut_off])

    assert statuses == [503, 0]
    assert [row.status for row in conversions()] == ["approved"]
    assert len(deliveries()) == 1
    assert at_once([post(hotmart("PURCHASE_REFUNDED", "A1"))]) == [202]
    assert [row.status for row in conversions()] == ["refunded"]

"""The first copy of an event counts, for 48 hours, also when twenty come at once."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.sandbox.models import FirstReceipt, ReceivedEvent, Verdict
from apps.sandbox.services import clear_received
from tests.sandbox.conftest import Post
from tests.sandbox.samples import BEARER, PATH, PIXEL, Json, make_event

ACCEPTED, DUPLICATE = Verdict.ACCEPTED, Verdict.DUPLICATE


def verdicts() -> list[str]:
    return list(ReceivedEvent.objects.order_by("pk").values_list("verdict", flat=True))


def age_receipts(by: timedelta) -> None:
    FirstReceipt.objects.update(received_at=timezone.now() - by)


@pytest.mark.django_db
def test_a_second_copy_is_answered_as_the_first_but_is_a_duplicate(send: Post) -> None:
    answers: list[Any] = [send(make_event()) for _ in range(3)]

    assert [(answer.status_code, answer.json()["events_received"]) for answer in answers] == [(200, 1)] * 3
    assert verdicts() == [ACCEPTED, DUPLICATE, DUPLICATE]


@pytest.mark.django_db
def test_the_first_copy_is_not_changed_by_a_later_one(send: Post) -> None:
    first = make_event()
    send(first)

    send(make_event(custom_data={"value": 1, "currency": "USD"}))

    assert ReceivedEvent.objects.get(verdict=ACCEPTED).payload == first


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"event_id": "order-1002"}, PATH),
        ({"event_id": "ORDER-1001"}, PATH),
        ({"event_name": "Lead"}, PATH),
        ({}, "/v26.0/987654321098765/events"),
    ],
    ids=["other id", "id in capitals", "other name", "other pixel"],
)
def test_pixel_name_and_id_together_make_a_copy(send: Post, change: Json, path: str) -> None:
    send(make_event())

    send(make_event(**change), path=path)

    assert verdicts() == [ACCEPTED, ACCEPTED]


@pytest.mark.django_db
def test_version_token_and_time_are_not_part_of_it(send: Post) -> None:
    send(make_event())

    send(make_event(event_time=make_event()["event_time"] - 5), path=f"/v25.0/{PIXEL}/events", headers={**BEARER})
    send(make_event(), headers={"Authorization": "Bearer other"})

    assert verdicts() == [ACCEPTED, DUPLICATE, DUPLICATE]


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"event_id": None}, {"event_id": ""}], ids=["absent", "blank"])
def test_without_an_event_id_nothing_is_a_copy(send: Post, change: Json) -> None:
    send(make_event(**change), make_event(**change))
    send(make_event(**change))

    assert verdicts() == [ACCEPTED] * 3
    assert not FirstReceipt.objects.exists()


@pytest.mark.django_db
def test_two_copies_in_one_request_are_one_event_and_one_duplicate(send: Post) -> None:
    response: Any = send(make_event(), make_event(event_id="order-2"), make_event())

    assert response.json()["events_received"] == 3
    assert verdicts() == [ACCEPTED, ACCEPTED, DUPLICATE]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("age", "verdict"),
    [
        (timedelta(hours=48) - timedelta(minutes=1), DUPLICATE),
        (timedelta(hours=48), ACCEPTED),
        (timedelta(hours=49), ACCEPTED),
    ],
)
def test_after_48_hours_a_copy_is_an_event_again(send: Post, age: timedelta, verdict: Verdict) -> None:
    send(make_event())
    age_receipts(age)

    send(make_event())

    assert verdicts() == [ACCEPTED, verdict]


@pytest.mark.django_db
def test_the_48_hours_count_from_the_first_copy_not_from_the_last(send: Post) -> None:
    send(make_event())
    age_receipts(timedelta(hours=47))
    send(make_event())
    first = FirstReceipt.objects.get().received_at

    age_receipts(timedelta(hours=49))
    send(make_event())
    send(make_event())

    assert timezone.now() - first > timedelta(hours=46)
    assert verdicts() == [ACCEPTED, DUPLICATE, ACCEPTED, DUPLICATE]


@pytest.mark.django_db
def test_deduplication_outlives_the_event_itself(send: Post) -> None:
    send(make_event())
    ReceivedEvent.objects.all().delete()

    send(make_event())

    assert verdicts() == [DUPLICATE]


@pytest.mark.django_db
def test_after_clearing_a_copy_is_a_first_one(send: Post) -> None:
    send(make_event())
    clear_received()

    send(make_event())

    assert verdicts() == [ACCEPTED]


def run_at_once(tasks: list[Callable[[], object]]) -> None:
    """Each task in a thread of its own, released together, its connection given back; the first error is raised."""
    barrier, errors = threading.Barrier(len(tasks)), []

    def run(task: Callable[[], object]) -> None:
        try:
            barrier.wait(timeout=30)
            task()
        except Exception as error:  # noqa: BLE001 - reported below, in the test's own thread
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[task]) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    if errors:
        raise errors[0]


def post(events: list[Json]) -> int:
    response: Any = Client().post(PATH, {"data": events}, content_type="application/json", headers=BEARER)
    return int(response.status_code)


@pytest.mark.django_db(transaction=True)
def test_of_twenty_copies_at_once_exactly_one_is_accepted() -> None:
    statuses: list[int] = []
    event = make_event()

    run_at_once([lambda: statuses.append(post([event]))] * 20)

    assert statuses == [200] * 20
    assert Counter(verdicts()) == {ACCEPTED: 1, DUPLICATE: 19}


@pytest.mark.django_db(transaction=True)
def test_batches_that_share_events_in_opposite_order_do_not_lock_each_other_out() -> None:
    events = [make_event(event_id=f"order-{number}") for number in range(50)]
    statuses: list[int] = []

    def add(batch: list[Json]) -> None:
        statuses.append(post(batch))

    run_at_once([partial(add, events), partial(add, events[::-1])] * 4)

    assert statuses == [200] * 8
    assert Counter(verdicts()) == {ACCEPTED: 50, DUPLICATE: 350}


@pytest.mark.django_db(transaction=True)
def test_of_twenty_copies_after_the_window_exactly_one_is_accepted_again() -> None:
    event = make_event()
    post([event])
    age_receipts(timedelta(hours=50))

    run_at_once([lambda: post([event])] * 20)

    assert Counter(verdicts()) == {ACCEPTED: 2, DUPLICATE: 19}

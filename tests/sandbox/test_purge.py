"""What is forgotten, and what stays: 7 days, 50,000 events, in short steps."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.sandbox import services
from apps.sandbox.models import FirstReceipt, ReceivedEvent, ReceivedRequest, Verdict
from apps.sandbox.services import purge_received

pytestmark = pytest.mark.django_db


def keep_request(*, age: timedelta = timedelta(), events: int = 1, name: str = "Lead") -> ReceivedRequest:
    received_at: datetime = timezone.now() - age
    request = ReceivedRequest.objects.create(
        pixel_id="1", version="v26.0", received_at=received_at, status=200, events_count=events, answer={}
    )
    ReceivedEvent.objects.bulk_create(
        ReceivedEvent(
            request=request,
            pixel_id="1",
            event_name=name,
            event_time=0,
            received_at=received_at,
            payload={},
            verdict=Verdict.ACCEPTED,
        )
        for _ in range(events)
    )
    return request


def kept() -> list[Any]:
    return list(ReceivedRequest.objects.order_by("pk").values_list("pk", flat=True))


def test_what_is_older_than_seven_days_goes_with_its_events() -> None:
    keep_request(age=timedelta(days=7, seconds=1), events=3)
    young = keep_request(age=timedelta(days=7) - timedelta(minutes=1))

    purged = purge_received()

    assert (purged, kept()) == (1, [young.pk])
    assert list(ReceivedEvent.objects.values_list("request_id", flat=True)) == [young.pk]


def test_an_old_refused_request_goes_too() -> None:
    keep_request(age=timedelta(days=8), events=0)

    assert (purge_received(), kept()) == (1, [])


def test_nothing_goes_while_all_is_young_and_few() -> None:
    requests = [keep_request(events=2), keep_request(events=0)]

    assert purge_received() == 0
    assert kept() == [request.pk for request in requests]
    assert ReceivedEvent.objects.count() == 2


def test_only_the_newest_events_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "KEPT_EVENTS", 4)
    requests = [keep_request() for _ in range(7)]

    purged = purge_received()

    assert (purged, kept()) == (3, [request.pk for request in requests[3:]])
    assert ReceivedEvent.objects.count() == 4


def test_a_request_across_the_limit_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "KEPT_EVENTS", 4)
    oldest, across, newest = keep_request(), keep_request(events=3), keep_request(events=3)

    purge_received()

    assert kept() == [across.pk, newest.pk]
    assert ReceivedEvent.objects.count() == 6
    assert not ReceivedEvent.objects.filter(request_id=oldest.pk).exists()


def test_refused_requests_are_limited_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "KEPT_EVENTS", 4)
    requests = [keep_request(events=0) for _ in range(6)]

    purge_received()

    assert kept() == [request.pk for request in requests[2:]]


def test_exactly_as_many_as_may_stay_all_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "KEPT_EVENTS", 4)
    for _ in range(4):
        keep_request()

    assert purge_received() == 0


def test_the_limits_are_the_promised_ones() -> None:
    assert (timedelta(days=7), 50_000) == (services.KEPT_FOR, services.KEPT_EVENTS)


def test_first_receipts_are_forgotten_with_their_window() -> None:
    now = timezone.now()
    for name, age in [("old", timedelta(hours=48, seconds=1)), ("young", timedelta(hours=47))]:
        FirstReceipt.objects.create(digest=name, received_at=now - age)

    assert purge_received() == 0
    assert list(FirstReceipt.objects.values_list("digest", flat=True)) == ["young"]


@pytest.mark.parametrize(("requests", "steps"), [(0, 0), (4, 1), (5, 1), (6, 2), (15, 3)])
def test_the_purge_goes_in_bounded_steps(monkeypatch: pytest.MonkeyPatch, requests: int, steps: int) -> None:
    monkeypatch.setattr(services, "_PURGE_BATCH", 5)
    for _ in range(requests):
        keep_request(age=timedelta(days=8))

    with CaptureQueriesContext(
        connection,
    ) as queries:
        purged = purge_received()

    deletes = [query for query in queries if query["sql"].startswith('DELETE FROM "sandbox_receivedrequest"')]
    assert (purged, len(deletes), kept()) == (requests, steps, [])


def test_a_second_purge_finds_nothing() -> None:
    keep_request(age=timedelta(days=8))
    purge_received()

    assert purge_received() == 0

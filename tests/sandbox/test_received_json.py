"""The list for programs: what the tests and the demo read, and how it is emptied."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from apps.sandbox.models import FirstReceipt, ReceivedEvent, ReceivedRequest
from tests.sandbox.conftest import Post
from tests.sandbox.samples import PIXEL, Json, make_event

pytestmark = pytest.mark.django_db

OTHER_PIXEL = "987654321098765"


def read(http: Client, **query: str) -> Json:
    response: Any = http.get("/received.json", query)
    assert response.status_code == 200
    found: Json = response.json()
    return found


@pytest.fixture
def _three_events(send: Post) -> None:
    send(make_event(), make_event(event_id="order-2", event_name="Lead"))
    send(make_event(event_id="order-3"), path=f"/v26.0/{OTHER_PIXEL}/events")
    send(make_event(event_time=0))


def test_an_event_is_listed_with_all_its_facts(http: Client, send: Post) -> None:
    event = make_event()
    send(event)
    send(event)

    found = read(http)

    assert found["requests"] == 2
    assert [listed.pop("verdict") for listed in found["events"]] == ["accepted", "duplicate"]
    moments = [datetime.fromisoformat(listed.pop("received_at")) for listed in found["events"]]
    assert moments == [
        kept.received_at.replace(microsecond=kept.received_at.microsecond // 1000 * 1000)
        for kept in ReceivedEvent.objects.order_by("pk")
    ]
    assert (
        found["events"]
        == [
            {
                "platform": "meta",
                "pixel_id": PIXEL,
                "event_id": "order-1001",
                "event_name": "Purchase",
                "payload": event,
            }
        ]
        * 2
    )


@pytest.mark.parametrize(
    ("query", "ids", "requests"),
    [
        ({}, ["order-1001", "order-2", "order-3"], 3),
        ({"pixel_id": PIXEL}, ["order-1001", "order-2"], 2),
        ({"pixel_id": OTHER_PIXEL}, ["order-3"], 1),
        ({"pixel_id": "1"}, [], 0),
        ({"event_id": "order-2"}, ["order-2"], 3),
        ({"event_name": "Purchase"}, ["order-1001", "order-3"], 3),
        ({"event_name": "Purchase", "pixel_id": PIXEL}, ["order-1001"], 2),
        ({"event_id": "order-2\x00"}, ["order-2"], 3),
        ({"event_id": "%"}, [], 3),
        ({"verdict": "duplicate"}, [], 3),
        ({"verdict": "no such"}, ["order-1001", "order-2", "order-3"], 3),
    ],
)
@pytest.mark.usefixtures("_three_events")
def test_filters_narrow_the_list_and_refused_requests_count(
    http: Client, query: dict[str, str], ids: list[str], requests: int
) -> None:
    found = read(http, **query)

    assert ([event["event_id"] for event in found["events"]], found["requests"]) == (ids, requests)


def test_the_empty_list(http: Client) -> None:
    assert read(http) == {"events": [], "requests": 0}


@pytest.mark.usefixtures("_three_events")
def test_the_right_header_clears_everything(http: Client) -> None:
    response = http.delete("/received.json", headers={"X-Sandbox-Clear": "yes"})

    assert (response.status_code, response.content) == (204, b"")
    assert not ReceivedRequest.objects.exists()
    assert not ReceivedEvent.objects.exists()
    assert not FirstReceipt.objects.exists()


@pytest.mark.parametrize("headers", [{}, {"X-Sandbox-Clear": ""}, {"X-Sandbox-Clear": "no"}], ids=repr)
@pytest.mark.usefixtures("_three_events")
def test_without_the_header_nothing_is_cleared(http: Client, headers: dict[str, str]) -> None:
    response: Any = http.delete("/received.json", headers=headers)

    assert (response.status_code, response.json()["error"]["code"]) == (400, 100)
    assert (ReceivedRequest.objects.count(), ReceivedEvent.objects.count()) == (3, 3)


@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_other_methods_are_refused(http: Client, method: str) -> None:
    assert getattr(http, method)("/received.json").status_code == 400


@pytest.mark.usefixtures("_three_events")
def test_reading_takes_two_queries(http: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        read(http)

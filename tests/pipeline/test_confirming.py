"""Where the customer gave credentials, an unsigned sale is believed once the gateway's own API has told it too.

The API is a stand-in over real HTTP, which answers with `orders` under one account's token.
"""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.conversions.models import Quarantine
from apps.conversions.services import postpone_confirmation
from apps.core.identity import Person, hash_person
from apps.pipeline import confirming
from apps.pipeline.confirming import MAX_ATTEMPTS, NOT_CONFIRMED, WAITS
from apps.pipeline.tasks import drain_ingest
from tests.gateways.api_stand_in import StandIn
from tests.gateways.samples import sample_named
from tests.pipeline.appmax import (
    ORDER_ID,
    SALE,
    TOKEN,
    Orders,
    confirm,
    give_credentials,
    is_due,
    make_due,
    post_appmax,
    states,
)
from tests.pipeline.database import conversions, deliveries, quarantined
from tests.worlds import World

# --- A sale waits, and is confirmed ---


def test_a_sale_waits_until_the_gateway_has_told_it_too(asking: World, api: StandIn) -> None:
    assert post_appmax(asking, SALE, **{"x-request-id": "request-0001"}) == "unconfirmed"

    assert (conversions(), api.asked) == ([], [])
    (kept,) = quarantined()
    assert (kept.state, kept.expected, kept.found) == (
        *("unconfirmed", "an order that the gateway's own API confirms", "not asked yet"),
    )
    assert (kept.delivery.outcome, kept.delivery.correlation_id, kept.differences) == (
        "unconfirmed",
        "request-0001",
        [],
    )
    assert is_due()


def test_what_the_api_says_is_recorded_in_its_place(asking: World, api: StandIn, orders: Orders) -> None:
    orders[ORDER_ID] = {
        **SALE["data"],
        "total": 210.5,
        "customer": {**SALE["data"]["customer"], "email": "dora@example.com"},
    }
    post_appmax(asking, SALE, **{"x-request-id": "request-0001"})

    drain_ingest()

    (row,) = conversions()
    assert (row.order_id, row.status, row.amount, row.is_test) == (ORDER_ID, "approved", Decimal("210.5"), False)
    assert row.email_sha256 == hash_of("dora@example.com")
    (kept,) = quarantined()
    assert (row.received_at, row.correlation_id) == (kept.delivery.received_at, "request-0001")
    assert (states(), kept.resolved_at is None, is_due()) == ([("replayed", "body", 1, False)], False, False)
    assert [(item.outcome, item.order_id) for item in deliveries()] == [("unconfirmed", ""), ("recorded", ORDER_ID)]
    assert [(item.method, item.path, item.query) for item in api.asked] == [
        ("GET", f"/api/v3/order/{ORDER_ID}", {"access-token": TOKEN})
    ]


def hash_of(email: str) -> str:
    return hash_person(Person(email=email))["em"][0]


def test_a_confirmed_sale_is_the_one_that_an_unasked_endpoint_records(asking: World, other_world: World) -> None:
    """Where the API and the message agree, credentials change nothing but the wait."""
    post_appmax(asking, SALE)
    confirm()
    post_appmax(other_world, SALE)

    mine, theirs = sorted(conversions(), key=lambda row: row.tenant_id != asking.tenant_id)
    names = (
        "order_id",
        "status",
        "amount",
        "currency",
        "email_sha256",
        "phone_sha256",
        "tracking",
        "items",
        "milestones",
    )
    assert [getattr(mine, name) for name in names] == [getattr(theirs, name) for name in names]
    assert (mine.tenant_id, theirs.tenant_id) == (asking.tenant_id, other_world.tenant_id)


def test_a_repeat_waits_too_and_is_the_same_order(asking: World) -> None:
    for _ in range(3):
        post_appmax(asking, SALE)
    while confirm():
        pass

    assert (len(conversions()), len(deliveries())) == (1, 6)
    assert len({row.fingerprint for row in deliveries() if row.outcome == "recorded"}) == 1


def test_several_messages_of_a_body_are_each_asked_for(asking: World, api: StandIn, orders: Orders) -> None:
    """Also beside one that claims no order; and fractions anywhere in the message do no harm."""
    cart = sample_named("appmax", "customer_interested.json").document
    orders["7"] = {**SALE["data"], "id": 7, "total": 7}
    other = {**SALE, "data": {**SALE["data"], "id": 7}, "extra": 1.25}
    assert post_appmax(asking, [SALE, cart, other]) == "unconfirmed"

    confirm()

    assert {row.order_id for row in conversions()} == {ORDER_ID, "7", f"customer-{cart['data']['id']}"}
    assert [asked.path.rpartition("/")[2] for asked in api.asked] == [ORDER_ID, "7"]


# --- What is not true ---


def test_a_forged_sale_is_never_recorded(asking: World, api: StandIn, orders: Orders) -> None:
    orders[ORDER_ID] = {**SALE["data"], "status": "pendente"}
    post_appmax(asking, SALE)

    confirm()

    assert (conversions(), states()) == ([], [("waiting", "data.status", 1, False)])
    assert (confirm(), is_due(), len(api.asked)) == (0, False, 1)


def test_nobody_records_a_forged_sale_by_reading_everything_again(asking: World, api: StandIn, orders: Orders) -> None:
    orders[ORDER_ID] = {**SALE["data"], "status": "pendente"}
    post_appmax(asking, SALE)
    confirm()
    (kept,) = quarantined()

    for body in (None, {"alike": True}):
        assert asking.post(f"quarantine/{kept.pk}/replay", body).json() == {"requested": 1}
        while confirm():
            pass

    assert (conversions(), [state for state, *_ in states()]) == ([], ["waiting"])
    assert len(api.asked) == 3, "it was asked for anew each time"


def test_a_sale_that_becomes_true_is_recorded_when_it_is_read_again(asking: World, orders: Orders) -> None:
    orders[ORDER_ID] = {**SALE["data"], "status": "pendente"}
    post_appmax(asking, SALE)
    confirm()
    orders[ORDER_ID] = SALE["data"]
    asking.post(f"quarantine/{quarantined()[0].pk}/replay")

    while confirm():
        pass

    assert [row.status for row in conversions()] == ["approved"]
    assert [state for state, *_ in states()] == ["replayed"]


def test_an_answer_about_another_order_confirms_nothing(asking: World, orders: Orders) -> None:
    orders[ORDER_ID] = {**SALE["data"], "id": 1234567}
    post_appmax(asking, SALE)

    confirm()

    assert (conversions(), states()) == ([], [("waiting", "data.id", 1, False)])


def test_a_refund_must_be_true_too(asking: World, orders: Orders) -> None:
    post_appmax(asking, SALE)
    confirm()
    post_appmax(asking, {**SALE, "event": "OrderRefund"})
    confirm()
    refused = [row.status for row in conversions()]
    orders[ORDER_ID] = {**SALE["data"], "status": "estornado"}
    post_appmax(asking, {**SALE, "event": "OrderRefund"})
    confirm()

    assert (refused, [row.status for row in conversions()]) == (["approved"], ["refunded"])


# --- No answer ---

NO_ANSWERS: dict[str, Any] = {
    "no such order": None,
    "an error of its own": (500, "Internal Server Error"),
    "too many requests": (429, "{}"),
    "a page": (200, "<html></html>"),
    "no success": (200, json.dumps({"success": False, "data": SALE["data"]})),
    "an order that is none": (200, json.dumps({"success": True, "data": [SALE["data"]]})),
}


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_without_an_answer_it_is_asked_again_later(asking: World, orders: Orders, answer: Any) -> None:
    orders[ORDER_ID] = answer
    post_appmax(asking, SALE)
    asked_again = (confirm(), confirm())
    waits = states()
    orders[ORDER_ID] = SALE["data"]
    make_due()
    confirm()

    assert (asked_again, waits) == ((1, 0), [("unconfirmed", "body", 1, True)])
    assert [row.status for row in conversions()] == ["approved"]


def test_the_waits_grow_and_end_with_a_person(
    asking: World, api: StandIn, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[timedelta] = []

    def note(kept: Quarantine, delay: timedelta) -> None:
        delays.append(delay)
        postpone_confirmation(kept, delay)

    monkeypatch.setattr(confirming, "postpone_confirmation", note)
    orders.clear()
    post_appmax(asking, SALE)
    for _ in range(MAX_ATTEMPTS):
        make_due()
        assert (confirm(), confirm()) == (1, 0)

    assert delays == [*WAITS, *[WAITS[-1]] * (MAX_ATTEMPTS - 1 - len(WAITS))]
    assert timedelta(hours=20) < sum(delays, timedelta()) < timedelta(hours=28)
    assert states() == [("waiting", NOT_CONFIRMED.path, MAX_ATTEMPTS, False)]
    assert (quarantined()[0].found, conversions(), len(api.asked)) == (NOT_CONFIRMED.found, [], MAX_ATTEMPTS)
    assert (confirm(), is_due()) == (0, False)


def test_an_api_that_is_gone_loses_nothing(asking: World, settings: Any) -> None:
    right = settings.GATEWAY_API_URLS
    settings.GATEWAY_API_URLS = {"appmax": "http://127.0.0.1:9"}
    post_appmax(asking, SALE)
    confirm()
    settings.GATEWAY_API_URLS = right
    waiting = states()
    make_due()
    confirm()

    assert (waiting, len(conversions())) == ([("unconfirmed", "body", 1, True)], 1)


def test_wrong_credentials_believe_nothing(asking: World, api: StandIn) -> None:
    give_credentials(asking, {"access_token": "wrong"})
    post_appmax(asking, SALE)

    confirm()

    assert (conversions(), states()) == ([], [("unconfirmed", "body", 1, True)])
    assert [asked.query["access-token"] for asked in api.asked] == ["wrong"]

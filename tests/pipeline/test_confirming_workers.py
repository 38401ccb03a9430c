"""Confirming when something gives way meanwhile, and what is never asked for at all."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.db.models import F

from apps.conversions.models import Quarantine
from apps.conversions.services import claim_unconfirmed, record
from apps.funnels.credentials import converse
from apps.funnels.selectors import find_endpoint
from apps.gateways.appmax import tables
from apps.pipeline import confirming
from apps.pipeline.confirming import LEASE
from apps.pipeline.intake import read_ordinary
from apps.pipeline.keeping import UNDECIPHERABLE, UNSTORABLE
from apps.tenants.scoping import unscoped
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
from tests.pipeline.database import conversions, deliveries, everything_stored, forms_of, quarantined
from tests.pipeline.senders import sign
from tests.worlds import SECRETS, World, hotmart

PATCHES = pytest.MonkeyPatch


# --- Meanwhile ---


def test_where_the_credentials_are_gone_by_then_nobody_is_asked(asking: World, api: StandIn) -> None:
    """The endpoint believes what it is sent again, so what waits is no exception."""
    post_appmax(asking, SALE)
    give_credentials(asking, {})

    confirm()

    assert ([row.order_id for row in conversions()], api.asked) == ([ORDER_ID], [])
    assert [state for state, *_ in states()] == ["replayed"]


def test_new_credentials_count_at_once(asking: World, api: StandIn) -> None:
    give_credentials(asking, {"access_token": "wrong"})
    post_appmax(asking, SALE)
    give_credentials(asking, {"access_token": TOKEN})

    confirm()

    assert ([asked.query["access-token"] for asked in api.asked], len(conversions())) == ([TOKEN], 1)


def die(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_worker_that_dies_while_it_asks_loses_nothing(asking: World, monkeypatch: PATCHES) -> None:
    post_appmax(asking, SALE)
    with monkeypatch.context() as dying:
        dying.setattr(confirming, "converse", die)
        with pytest.raises(KeyboardInterrupt):
            confirm()

    assert (confirm(), conversions()) == (0, []), "its lease still runs"
    with unscoped():
        Quarantine.objects.update(due_at=F("due_at") - LEASE)
    assert is_due()
    assert (confirm(), len(conversions())) == (1, 1)
    assert states() == [("replayed", "body", 1, False)]


def test_a_worker_that_dies_while_it_records_loses_nothing(asking: World, monkeypatch: PATCHES) -> None:
    post_appmax(asking, SALE)
    with monkeypatch.context() as dying:
        dying.setattr(Quarantine, "save", die)
        with pytest.raises(KeyboardInterrupt):
            confirm()

    assert (conversions(), [row.outcome for row in deliveries()]) == ([], ["unconfirmed"])
    make_due()
    assert (confirm(), len(conversions()), len(deliveries())) == (1, 1, 2)


def test_a_row_that_one_worker_took_is_no_others(asking: World) -> None:
    post_appmax(asking, SALE)
    with unscoped():
        taken, next_one = claim_unconfirmed(LEASE), claim_unconfirmed(LEASE)

    assert (taken is not None, next_one) == (True, None)
    assert not is_due()


@pytest.mark.parametrize("late", ["no answer", "a contradiction", "the same"])
def test_a_worker_that_outlasted_its_lease_changes_nothing_more(
    asking: World, orders: Orders, monkeypatch: PATCHES, late: str
) -> None:
    """While it asks, its lease ends, and another worker settles the row."""
    post_appmax(asking, SALE)
    ask = converse
    told = {"no answer": None, "a contradiction": {**SALE["data"], "status": "pendente"}, "the same": SALE["data"]}[
        late
    ]

    def slow(*arguments: Any) -> Any:
        monkeypatch.setattr(confirming, "converse", ask)
        make_due()
        assert confirm() == 1
        return told

    monkeypatch.setattr(confirming, "converse", slow)
    assert confirm() == 1

    assert states() == [("replayed", "body", 1, False)]
    assert ([row.status for row in conversions()], [row.outcome for row in deliveries()]) == (
        *(["approved"], ["unconfirmed", "recorded"]),
    )
    assert (confirm(), is_due()) == (0, False)


def test_what_the_database_refuses_is_set_aside_and_stops_no_other(
    asking: World, orders: Orders, monkeypatch: PATCHES
) -> None:
    orders["7"] = {**SALE["data"], "id": 7, "card_brand": "x"}
    post_appmax(asking, SALE)
    post_appmax(asking, {**SALE, "data": {**SALE["data"], "id": 7}})
    encode = record._encode
    monkeypatch.setattr(record, "_encode", lambda rows: encode(rows).replace(f'"{ORDER_ID}"', r'"\u0000"'))

    assert (confirm(), confirm(), confirm()) == (1, 1, 0)

    assert [row.order_id for row in conversions()] == ["7"]
    assert [(state, path) for state, path, *_ in states()] == [("waiting", UNSTORABLE.path), ("replayed", "body")]


def test_a_row_whose_key_is_gone_is_set_aside_and_stops_no_other(asking: World, settings: Any) -> None:
    keys, foreign = settings.HUBTRACK_SECRET_KEYS, Fernet.generate_key().decode()
    assert find_endpoint("appmax", asking.endpoint_key("appmax"))
    settings.HUBTRACK_SECRET_KEYS = [foreign, *keys]
    post_appmax(asking, SALE)
    settings.HUBTRACK_SECRET_KEYS = keys
    post_appmax(asking, SALE)

    assert (confirm(), confirm(), confirm()) == (1, 1, 0)

    assert len(conversions()) == 1
    with unscoped():
        lost = Quarantine.objects.defer("body").get(state="waiting")
    assert (lost.expected, lost.attempts, lost.due_at) == (UNDECIPHERABLE.expected, 1, None)


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_api_is_asked(asking: World, monkeypatch: PATCHES) -> None:
    seen: list[tuple[bool, bool]] = []
    ask = converse

    def look(*arguments: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id_if_assigned() IS NULL")
            seen.append((connection.in_atomic_block, cursor.fetchone()[0]))
        return ask(*arguments)

    monkeypatch.setattr(confirming, "converse", look)
    post_appmax(asking, SALE)
    confirm()

    assert (seen, len(conversions())) == ([(False, True)], 1)


# --- What is not asked for ---


def test_without_credentials_nothing_is_asked(world: World, api: StandIn) -> None:
    assert post_appmax(world, SALE) == "recorded"

    assert (len(conversions()), quarantined(), api.asked, is_due()) == (1, [], [], False)


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (sample_named("appmax", "customer_interested.json").document, "recorded"),
        (sample_named("appmax", "order_integrated.json").document, "ignored"),
        ({**SALE, "event": "SomethingNew"}, "unknown"),
        ({**SALE, "data": {}}, "quarantined"),
        ({"data": SALE["data"]}, "quarantined"),
        ([], "quarantined"),
    ],
)
def test_what_claims_no_order_waits_for_nobody(asking: World, api: StandIn, document: Any, status: str) -> None:
    assert post_appmax(asking, document) == status

    assert (confirm(), api.asked) == (0, [])
    assert [row.status for row in conversions()] in ([], ["abandoned"])


def test_a_word_that_is_learnt_later_must_be_true_then(asking: World, orders: Orders, monkeypatch: PATCHES) -> None:
    orders[ORDER_ID] = {**SALE["data"], "status": "pendente"}
    post_appmax(asking, {**SALE, "event": "OrderSettled"})
    monkeypatch.setitem(tables.LEGACY, "OrderSettled", "OrderApproved")
    (kept,) = quarantined()
    asking.post(f"quarantine/{kept.pk}/replay")
    while confirm():
        pass

    assert (conversions(), states()) == ([], [("waiting", "data.status", 1, False)])


def test_gateways_that_sign_are_believed_whatever_credentials_there_are(world: World, api: StandIn) -> None:
    give_credentials(world, {"client_id": "c", "client_secret": "s", "basic": "b"}, gateway="hotmart")

    answer = world.post_webhook(hotmart())

    assert (answer.json(), api.asked) == ({"status": "recorded"}, [])


def test_a_wrong_token_in_the_address_is_refused_before_anything_is_asked(asking: World, api: StandIn) -> None:
    body = json.dumps(SALE).encode()

    answer = asking.post_webhook(body, gateway="appmax")
    asking.address = f"/api/v1/webhooks/appmax/{asking.endpoint_key('appmax')}?token=wrong&x="
    refused = asking.post_webhook(body, gateway="appmax")

    assert (answer.json()["status"], refused.status_code, len(quarantined())) == ("unconfirmed", 401, 1)


def test_the_shortcut_leaves_it_to_the_long_way(asking: World, other_world: World) -> None:
    request = sign("appmax", sample_named("appmax", "order_approved_card.json").request, SECRETS["appmax"])

    def takes(world: World) -> bool:
        key = world.endpoint_key("appmax")
        assert find_endpoint("appmax", key)
        return read_ordinary("appmax", key, request, "request-0001") is not None

    assert (takes(asking), takes(other_world)) == (False, True)


def test_one_tenants_credentials_confirm_no_other_tenants_sale(asking: World, other_world: World, api: StandIn) -> None:
    give_credentials(other_world, {"access_token": "token-of-bruno"})
    for world in (asking, other_world):
        post_appmax(world, SALE)
    while confirm():
        pass

    assert [row.tenant_id for row in conversions()] == [asking.tenant_id]
    assert sorted(asked.query["access-token"] for asked in api.asked) == [TOKEN, "token-of-bruno"]


def test_neither_credentials_nor_buyers_lie_in_clear(asking: World, orders: Orders, logged: Callable[[], str]) -> None:
    orders[ORDER_ID] = {**SALE["data"], "status": "pendente"}
    for _ in range(2):
        post_appmax(asking, SALE)
        confirm()
        orders[ORDER_ID] = SALE["data"]

    stored = (everything_stored() + logged()).lower()
    for clear in (TOKEN, SECRETS["appmax"], "clarice.noronha@example.com", "clarice", "99981-2034"):
        assert [form for form in forms_of(clear) if form.lower() in stored] == []
    assert len(conversions()) == 1


def test_what_waits_for_the_api_is_listed_and_cannot_be_hurried(asking: World) -> None:
    post_appmax(asking, SALE)

    (row,) = asking.get("quarantine", state="unconfirmed").json()["results"]
    answer = asking.post(f"quarantine/{row['id']}/replay")

    assert (row["outcome"], row["differences"], row["attempts"]) == ("unconfirmed", [], 0)
    assert answer.status_code == 409
    assert [state for state, *_ in states()] == ["unconfirmed"]

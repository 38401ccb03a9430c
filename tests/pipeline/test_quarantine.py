"""Quarantine: what could not be read is read again after a fix, as if it had arrived then."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db.models import F

from apps.conversions.models import Conversion, Quarantine
from apps.conversions.services import record, request_replay, settle_replay
from apps.funnels.models import Endpoint, Rollout
from apps.gateways.events import Kind
from apps.gateways.hotmart import tables
from apps.gateways.registry import ADAPTERS
from apps.pipeline import stages
from apps.pipeline.keeping import UNSTORABLE
from apps.pipeline.lanes import find_due_lanes
from apps.pipeline.stages import replay_quarantine_batch
from apps.pipeline.tasks import drain_ingest
from apps.tenants.scoping import unscoped
from tests.conversions.deliveries import STATE
from tests.pipeline.bodies import stripe_checkout
from tests.pipeline.database import conversions, deliveries, quarantined
from tests.worlds import World, hotmart

NEW_PRICE = "data.purchase.price_in_2027.value"
PATCHES = pytest.MonkeyPatch


def moved(order_id: str = "HP1", event: str = "PURCHASE_APPROVED", **changes: Any) -> dict[str, Any]:
    """A sale in a format of the future: its price is elsewhere."""
    body = hotmart(event, order_id, **changes)
    purchase = body["data"]["purchase"]
    purchase["price_in_2027"] = {"value": purchase["price"].pop("value")}
    return body


def teach_the_adapter(monkeypatch: PATCHES) -> None:
    monkeypatch.setattr(tables, "PRICE", (*tables.PRICE, NEW_PRICE))


def ask_for_all() -> int:
    with unscoped():
        return request_replay(Quarantine.objects.all())


def replay() -> int:
    with unscoped():
        return replay_quarantine_batch().rows


def state_of(row: Conversion) -> dict[str, Any]:
    return {name: getattr(row, name) for name in (*STATE, "email_sha256", "phone_sha256")}


def test_nothing_is_read_again_unasked(world: World, monkeypatch: PATCHES) -> None:
    world.post_webhook(moved())
    teach_the_adapter(monkeypatch)

    assert replay() == 0
    with unscoped():
        assert find_due_lanes().ingest is False
    assert [kept.state for kept in quarantined()] == ["waiting"]
    assert conversions() == []


def test_after_a_fix_it_is_recorded_as_if_it_had_arrived_then(world: World, monkeypatch: PATCHES) -> None:
    """A twin in the old format, sent at the same time, shows what it should have become."""
    sold_at: dict[str, Any] = {"at_ms": 1_780_000_000_000, "sck": "htc0123456789abcdefghijklmn"}
    world.post_webhook(moved("moved", **sold_at), **{"x-request-id": "request-0001"})
    world.post_webhook(hotmart(order_id="twin", **sold_at))
    teach_the_adapter(monkeypatch)

    asked = ask_for_all()
    with unscoped():
        is_due = find_due_lanes().ingest
    handled = replay()

    assert (asked, is_due, handled, replay()) == (1, True, 1, 0)
    twin, late = conversions()
    assert state_of(late) == state_of(twin)
    (kept,) = quarantined()
    assert late.received_at == kept.delivery.received_at
    assert late.correlation_id == "request-0001"
    assert late.match_due_at is not None
    assert [(row.outcome, row.order_id, row.correlation_id == "request-0001") for row in deliveries()] == [
        ("quarantined", "", True),
        ("recorded", "twin", False),
        ("recorded", "moved", True),
    ]


def test_it_is_marked_as_read(world: World, monkeypatch: PATCHES) -> None:
    world.post_webhook(moved())
    teach_the_adapter(monkeypatch)
    ask_for_all()
    replay()

    (kept,) = quarantined()
    assert (kept.state, kept.attempts, kept.due_at) == ("replayed", 1, None)
    assert kept.resolved_at is not None
    assert ask_for_all() == 0, "what was read is not read once more"


def test_a_time_of_the_future_is_clamped_to_the_first_receipt(world: World, monkeypatch: PATCHES) -> None:
    world.post_webhook(moved(at_ms=4_099_000_000_000))
    (kept,) = quarantined()
    teach_the_adapter(monkeypatch)
    ask_for_all()
    replay()

    assert [row.occurred_at for row in conversions()] == [kept.delivery.received_at]


def test_what_still_cannot_be_read_stays_with_the_new_reason(world: World, monkeypatch: PATCHES) -> None:
    body = moved()
    body["data"]["purchase"]["price"]["currency_value"] = "REAIS"
    world.post_webhook(body)
    (before,) = quarantined()
    teach_the_adapter(monkeypatch)
    ask_for_all()

    assert replay() == 1

    (kept,) = quarantined()
    assert before.path.startswith("data.purchase.price.value")
    assert (kept.path, kept.found) == ("data.purchase.price.currency_value", "string")
    assert (kept.state, kept.attempts, kept.due_at, kept.resolved_at) == ("waiting", 1, None, None)
    assert kept.body == before.body
    assert (conversions(), len(deliveries())) == ([], 1)


def test_it_may_be_asked_for_again_and_again(world: World, monkeypatch: PATCHES) -> None:
    world.post_webhook(moved())
    for _ in range(2):
        ask_for_all()
        replay()
    teach_the_adapter(monkeypatch)
    ask_for_all()
    replay()

    assert [(kept.state, kept.attempts) for kept in quarantined()] == [("replayed", 3)]
    assert len(conversions()) == 1


def test_it_joins_an_order_that_is_known_by_now(world: World, monkeypatch: PATCHES) -> None:
    world.post_webhook(moved("HP1"))
    world.post_webhook(hotmart("PURCHASE_REFUNDED", "HP1"))
    teach_the_adapter(monkeypatch)
    ask_for_all()
    replay()

    (row,) = conversions()
    assert row.status == "refunded"
    assert row.approved_at is not None
    assert row.amount == row.refunded_amount != 0


def test_a_signature_is_not_asked_for_twice(world: World) -> None:
    """It was checked when it came; by now it is old, and the secret may be another."""
    body = stripe_checkout("pi_1", amount_total="many")
    world.post_webhook(body, gateway="stripe")
    with unscoped():
        kept = Quarantine.objects.get()
        kept.body = kept.body.replace(b'"many"', b"19790")
        kept.save()
        Endpoint.objects.update(secret="another", previous_secret=None, rollout=Rollout.OFF)
    ask_for_all()
    replay()

    assert [(row.order_id, row.status) for row in conversions()] == [("pi_1", "approved")]


def test_a_form_is_read_as_the_form_it_was(world: World, monkeypatch: PATCHES) -> None:
    form = b"hottok=x&status=approved&transaction=HP1&price_new=10.00&currency=BRL&prod=1&email=ana@example.com"
    world.post_webhook(form, **{"content-type": "application/x-www-form-urlencoded"})
    monkeypatch.setattr(tables, "PRICE", ("price_new",))
    ask_for_all()
    replay()

    assert [(row.order_id, str(row.amount)) for row in conversions()] == [("HP1", "10.000")]


def test_each_tenant_keeps_its_own(world: World, other_world: World, monkeypatch: PATCHES) -> None:
    world.post_webhook(moved("HP1", price=10))
    other_world.post_webhook(moved("HP1", price=20))
    teach_the_adapter(monkeypatch)
    ask_for_all()
    replay()

    assert [(row.tenant_id, int(row.amount or 0), row.funnel_id) for row in conversions()] == [
        (world.tenant_id, 10, world.funnel.pk),
        (other_world.tenant_id, 20, other_world.funnel.pk),
    ]


def test_a_batch_is_bounded(world: World) -> None:
    for number in range(3):
        world.post_webhook(moved(f"HP{number}"))
    ask_for_all()

    with unscoped():
        rows = [replay_quarantine_batch(limit=2).rows for _ in range(3)]

    assert rows == [2, 1, 0]


def test_the_ingest_lane_drains_all_of_it(world: World, monkeypatch: PATCHES) -> None:
    for number in range(25):
        world.post_webhook(moved(f"HP{number}"))
    teach_the_adapter(monkeypatch)
    ask_for_all()

    drain_ingest()

    assert {kept.state for kept in quarantined()} == {"replayed"}
    assert len(conversions()) == 25


def test_a_row_whose_key_is_gone_stops_no_other(world: World, settings: Any, monkeypatch: PATCHES) -> None:
    keys, foreign = settings.HUBTRACK_SECRET_KEYS, Fernet.generate_key().decode()
    settings.HUBTRACK_SECRET_KEYS = [foreign, *keys]
    world.post_webhook(moved("lost"))
    settings.HUBTRACK_SECRET_KEYS = keys
    world.post_webhook(moved("kept"))
    teach_the_adapter(monkeypatch)
    ask_for_all()

    assert replay() == 2

    assert [row.order_id for row in conversions()] == ["kept"]
    with unscoped():
        lost = Quarantine.objects.defer("body").get(state="waiting")
    assert (lost.path, lost.expected) == ("body", "bytes encrypted under a key of HUBTRACK_SECRET_KEYS")
    assert (lost.attempts, lost.due_at) == (1, None)


def test_a_row_that_the_database_refuses_stops_no_other(world: World, monkeypatch: PATCHES) -> None:
    world.post_webhook(moved("unstorable"))
    world.post_webhook(moved("kept"))
    teach_the_adapter(monkeypatch)
    ask_for_all()
    encode = record._encode
    monkeypatch.setattr(record, "_encode", lambda rows: encode(rows).replace("unstorable", r"\u0000"))

    assert replay() == 2

    assert [row.order_id for row in conversions()] == ["kept"]
    refused, recorded = quarantined()
    assert (refused.state, refused.path, refused.attempts) == ("waiting", UNSTORABLE.path, 1)
    assert (recorded.state, recorded.attempts) == ("replayed", 1)


def test_a_crash_leaves_its_row_due_and_what_was_read_recorded(world: World, monkeypatch: PATCHES) -> None:
    for order_id in ("first", "crash", "last"):
        world.post_webhook(moved(order_id))
    teach_the_adapter(monkeypatch)
    ask_for_all()
    settle = settle_replay

    def crash(kept: Quarantine, told: Any) -> None:
        settle(kept, told)
        if told[0].order_id == "crash":
            raise RuntimeError

    monkeypatch.setattr(stages, "settle_replay", crash)
    with pytest.raises(RuntimeError):
        replay()

    assert [(kept.state, kept.due_at is None) for kept in quarantined()] == [
        ("replayed", True),
        ("waiting", False),
        ("waiting", False),
    ]
    assert [row.order_id for row in conversions()] == ["first"]


def test_the_oldest_request_is_served_first(world: World, monkeypatch: PATCHES) -> None:
    for order_id in ("HP1", "HP2"):
        world.post_webhook(moved(order_id))
    teach_the_adapter(monkeypatch)
    ask_for_all()
    _, newer = quarantined()
    with unscoped():
        Quarantine.objects.filter(pk=newer.pk).update(due_at=F("due_at") - timedelta(minutes=1))
        replay_quarantine_batch(limit=1)

    assert [row.order_id for row in conversions()] == ["HP2"]


def test_an_unknown_word_is_kept_and_read_once_the_adapter_knows_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = world.post_webhook(hotmart("PURCHASE_SETTLED", order_id="HP1"))
    assert answer.json() == {"status": "unknown"}
    with unscoped():
        (kept,) = Quarantine.objects.select_related("delivery")
        assert (kept.path, kept.delivery.outcome) == ("event", "unknown")
        assert kept.delivery.vendor_event == "PURCHASE_SETTLED"
        request_replay(Quarantine.objects.all())
        replay_quarantine_batch()
        assert Conversion.objects.count() == 0

    known = {**ADAPTERS["hotmart"].event_types, "PURCHASE_SETTLED": Kind.APPROVED}
    monkeypatch.setattr(type(ADAPTERS["hotmart"]), "event_types", known)
    with unscoped():
        request_replay(Quarantine.objects.all())
        replay_quarantine_batch()

    assert world.conversion("HP1")["status"] == "approved"
    with unscoped():
        assert Quarantine.objects.get().state == Quarantine.State.REPLAYED

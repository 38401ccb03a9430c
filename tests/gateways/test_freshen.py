"""An old body made new: every time by the same step, every order under a new id, and nothing else."""

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import pytest

from apps.gateways.base import Adapter
from apps.gateways.errors import PayloadError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.freshen import freshen
from apps.gateways.payload import Payload
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.gateways.signatures import SharedToken
from tests.gateways.samples import Sample, all_samples, request_of, sample_named

NOW = datetime(2026, 9, 20, 15, 30, 12, 345_678, tzinfo=UTC)
HOTMART = ADAPTERS["hotmart"]


class Dated(Adapter):
    """A body with one time, `at` in seconds, and one order."""

    slug = "dated"
    label = "Dated"
    verifier = SharedToken(header="x-dated")
    secret_label = "Token"
    event_paths = ("event",)
    event_types: ClassVar[Mapping[str, Kind]] = {"paid": Kind.APPROVED}
    click_id_field = "sck"
    tell_tales = ("event",)

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        number = payload.identifier("order")
        is_test = number == "1"
        if not is_test:
            payload.money("amount")
        return GatewayEvent(
            kind, word, order_id=f"order-{number}", occurred_at=payload.maybe_epoch_s("at"), is_test=is_test
        )


THEN_S = 1_772_460_700
PAID = {"event": "paid", "order": 7_340, "amount": 5, "at": THEN_S}


def fresh_dated(body: dict[str, Any], order_id: str | None = None) -> dict[str, Any]:
    request = freshen(Dated(), request_of(json.dumps(body).encode()), NOW, order_id)
    fresh: dict[str, Any] = json.loads(request.body)
    return fresh


# --- Every gateway ---


@cache
def freshened(sample: Sample) -> WebhookRequest:
    return freshen(sample.adapter, sample.request, NOW)


@pytest.mark.parametrize("sample", all_samples(), ids=str)
def test_a_fresh_fixture_says_the_same_of_another_order_now(sample: Sample) -> None:
    before = sample.adapter.parse(sample.request)

    after = sample.adapter.parse(freshened(sample))

    old_ids = [event.order_id for event in before if event.order_id]
    for old, new in zip(before, after, strict=True):
        changed = {field.name for field in fields(old) if getattr(old, field.name) != getattr(new, field.name)}
        with_ids = [str(getattr(old, name)) for name in changed - {"order_id", "occurred_at"}]
        assert [text for text in with_ids if not any(order_id in text for order_id in old_ids)] == []
        assert bool(new.order_id) == bool(old.order_id)
        assert old.is_test or old.order_id is None or new.order_id != old.order_id
        assert (new.occurred_at is None) == (old.occurred_at is None)
        assert new.occurred_at is None or new.occurred_at <= NOW
    moments = [event.occurred_at for event in after if event.occurred_at]
    assert not moments or NOW - timedelta(minutes=1) < max(moments)


@pytest.mark.parametrize("sample", all_samples(), ids=str)
def test_a_fresh_fixture_keeps_its_shape(sample: Sample) -> None:
    fresh = freshened(sample)

    assert fresh.headers == sample.request.headers
    assert list(fresh.body[:1]) == list(sample.request.body[:1])
    for old, new in zip(sample.request.payloads(), fresh.payloads(), strict=True):
        assert shape_of(new.value) == shape_of(old.value)


def shape_of(value: object) -> object:
    if isinstance(value, dict):
        return {name: shape_of(member) for name, member in value.items()}
    return [shape_of(entry) for entry in value] if isinstance(value, list) else type(value)


# --- Two gateways, exactly ---


def test_every_time_of_a_body_moves_by_the_same_step() -> None:
    sample = sample_named("hotmart", "purchase_approved_card.json")

    fresh = json.loads(freshen(HOTMART, sample.request, NOW).body)

    purchase = fresh["data"]["purchase"]
    assert purchase["approved_date"] == 1_789_918_212_345
    assert purchase["approved_date"] - purchase["order_date"] == 23_000
    assert fresh["creation_date"] - purchase["approved_date"] == 6_512
    assert fresh["data"]["product"]["warranty_date"] == "2026-09-27T01:18:09Z"


def test_a_form_stays_a_form() -> None:
    sample = sample_named("hotmart", "version_1_approved.form")
    before = dict(parse_qsl(sample.request.body.decode(), keep_blank_values=True))

    after = dict(parse_qsl(freshen(HOTMART, sample.request, NOW).body.decode(), keep_blank_values=True))

    changed = {name: after[name] for name in before if after[name] != before[name]}
    assert list(after) == list(before)
    assert changed.pop("transaction").startswith("try-")
    assert changed == {
        "purchase_date": "2026-09-20T15:29:30.095Z",
        "confirmation_purchase_date": "2026-09-20T15:30:12.345Z",
        "warranty_date": "2026-09-27T03:29:30.095Z",
    }


def test_brackets_of_a_form_are_written_again() -> None:
    body = b"event=paid&order=7340&amount=5&at=1772460700&meta[utm][0]=a%26b&meta[utm][]=c&tags[]=x"
    form = request_of(body, is_form=True)

    fresh = freshen(Dated(), form, NOW)

    assert fresh.body.endswith(b"&at=1789918212&meta%5Butm%5D%5B0%5D=a%26b&meta%5Butm%5D%5B1%5D=c&tags%5B0%5D=x")
    assert fresh.payloads()[0].value == {
        "event": "paid",
        "order": fresh.payloads()[0].text("order"),
        "amount": "5",
        "at": "1789918212",
        "meta": {"utm": {"0": "a&b", "1": "c"}},
        "tags": {"0": "x"},
    }


def test_a_list_stays_a_list_and_each_order_gets_its_own_id() -> None:
    card = sample_named("hotmart", "purchase_approved_card.json").document
    pix = sample_named("hotmart", "purchase_approved_pix.json").document

    one = freshen(HOTMART, request_of(json.dumps([card]).encode()), NOW, "HP9")
    two = freshen(HOTMART, request_of(json.dumps([card, pix, card]).encode()), NOW, "HP9")

    assert len(json.loads(one.body)) == 1
    assert [event.order_id for event in HOTMART.parse(one)] == ["HP9"]
    assert [event.order_id for event in HOTMART.parse(two)] == ["HP9", "HP9-1", "HP9"]
    assert max(event.occurred_at for event in HOTMART.parse(two) if event.occurred_at) == NOW.replace(
        microsecond=345_000
    )


def test_the_old_id_is_replaced_wherever_it_stands() -> None:
    sample = sample_named("stripe", "checkout_session_completed_paid.json")
    [event] = sample.adapter.parse(sample.request)
    old = str(event.order_id)
    document = sample.document
    document["data"]["object"]["success_url"] = f"https://example.com/thanks?order={old}&again={old}"

    fresh = freshen(sample.adapter, sample.request_with(document), NOW, "pi_new")

    assert old.encode() not in fresh.body
    assert (
        json.loads(fresh.body)["data"]["object"]["success_url"]
        == "https://example.com/thanks?order=pi_new&again=pi_new"
    )
    assert sample.adapter.parse(fresh)[0].order_id == "pi_new"


def test_a_fresh_body_is_signed_like_any_other() -> None:
    sample = sample_named("stripe", "charge_refunded_full.json")
    fresh = freshen(sample.adapter, sample.request, NOW)

    signed = sample.adapter.verifier.sign(fresh, "whsec_1", NOW)

    sample.adapter.verify(signed, ["whsec_1"], NOW)


def test_a_body_without_a_time_of_its_event_is_dated_by_its_newest() -> None:
    sample = sample_named("hotmart", "version_1_refunded.form")
    assert sample.adapter.parse(sample.request)[0].occurred_at is None

    fresh = freshen(HOTMART, sample.request, NOW).payloads()[0]

    times = [fresh.text(name) for name in ("purchase_date", "confirmation_purchase_date", "warranty_date")]
    assert max(times) == "2026-09-20T15:30:12.345Z"
    assert sorted(times) == [times[0], times[1], times[2]]


# --- Times ---


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("paid_at", THEN_S, 1_789_918_212),
        ("paid_at", THEN_S + 60, 1_789_918_272),
        ("paid_at", str(THEN_S), "1789918212"),
        ("paid_at", THEN_S * 1_000, 1_789_918_212_345),
        ("paid_at", str(THEN_S * 1_000), "1789918212345"),
        ("due", ["2026-03-02 14:11"], ["2026-09-20 15:29"]),
        ("text", "2026-03-02 14:11", "2026-09-20 15:29"),
        ("text", "2026-03-02 14:11:40", "2026-09-20 15:30:12"),
        ("text", "2026-03-02T14:11:40", "2026-09-20T15:30:12"),
        ("text", "2026-03-02T14:11:40Z", "2026-09-20T15:30:12Z"),
        ("text", "2026-03-02T11:11:40-03:00", "2026-09-20T12:30:12-03:00"),
        ("text", "2026-03-02T11:11:40-0300", "2026-09-20T12:30:12-0300"),
        ("text", "2026-03-02T14:11:40.000Z", "2026-09-20T15:30:12.345Z"),
        ("text", "2026-03-02T14:11:40.000000+00:00", "2026-09-20T15:30:12.345678+00:00"),
        ("nested", {"expires_at": {"0": THEN_S}}, {"expires_at": {"0": 1_789_918_212}}),
    ],
)
def test_a_time_keeps_its_form(name: str, old: object, new: object) -> None:
    assert fresh_dated({**PAID, name: old})[name] == new


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phone", "1732334455"),
        ("phone", 1_732_334_455),
        ("product_id", THEN_S),
        ("amount", THEN_S),
        ("paid_at", 0),
        ("paid_at", -THEN_S),
        ("paid_at", True),
        ("paid_at", 5_000_000_000),
        ("paid_at", 17_724_607_000),
        ("paid_at", "9" * 30),
        ("paid_at", "٣" * 10),
        ("paid_at", 1772460700.5),
        ("paid_at", "2026-03-02"),
        ("paid_at", "02/03/2026 14:11"),
        ("paid_at", "2026-02-31 14:11"),
        ("paid_at", "0000-00-00 00:00:00"),
        ("paid_at", "9999-12-31 23:59:59"),
        ("note", "on 2026-03-02 14:11 at noon"),
        ("note", "fb.1.1772460700000.123"),
        ("nothing_at", None),
        ("nothing_at", ""),
    ],
)
def test_what_is_no_time_stays(name: str, value: object) -> None:
    assert fresh_dated({**PAID, name: value})[name] == value


def test_without_any_time_nothing_moves() -> None:
    body = {"event": "paid", "order": 1, "paid_at": None}

    assert fresh_dated(body) == body


def test_a_clock_without_a_zone_that_becomes_now_is_a_brazilian_one() -> None:
    fresh = fresh_dated({"event": "paid", "order": 1, "created": "2026-03-02 11:00", "updated": "2026-03-02T13:00Z"})

    assert (fresh["created"], fresh["updated"]) == ("2026-09-20 12:30", "2026-09-20T14:30Z")


def test_a_body_of_the_future_is_brought_back() -> None:
    assert fresh_dated({**PAID, "at": THEN_S + 10**8, "paid_at": THEN_S + 10**8 - 5})["paid_at"] == 1_789_918_207


# --- Order ids ---


def test_an_id_looks_like_the_old_one() -> None:
    numbered = fresh_dated(PAID)["order"]
    written = fresh_dated({**PAID, "order": "7340"})["order"]
    worded = fresh_dated({**PAID, "order": "HP-7340"})["order"]

    assert isinstance(numbered, int)
    assert (len(str(numbered)), str(numbered)) == (9, written)
    assert (len(worded), worded[:4]) == (14, "try-")


def test_ids_differ_by_time_and_by_order_and_by_nothing_else() -> None:
    request = request_of(json.dumps(PAID).encode())

    [first, again, later] = [freshen(Dated(), request, at).body for at in (NOW, NOW, NOW + timedelta(microseconds=1))]

    assert first == again
    assert json.loads(first)["order"] != json.loads(later)["order"]
    assert json.loads(first)["order"] != fresh_dated({**PAID, "order": 7_341})["order"]


@pytest.mark.parametrize(("wanted", "written"), [("A-1", "A-1"), ("15", 15), ("015", 15)])
def test_a_wanted_id_is_used_in_the_type_of_the_old_one(wanted: str, written: object) -> None:
    assert fresh_dated(PAID, wanted)["order"] == written
    assert fresh_dated({**PAID, "order": "7340"}, wanted)["order"] == wanted


def test_a_short_id_is_replaced_only_where_it_is_read() -> None:
    fresh = fresh_dated({**PAID, "note": "7340 is no order", "product": 7_340, "parts": [{"order": 7_340}]}, "A1")

    assert (fresh["order"], fresh["note"], fresh["product"]) == ("A1", "7340 is no order", 7_340)
    assert fresh["parts"] == [{"order": 7_340}]


@pytest.mark.parametrize("wanted", [None, "A1"])
@pytest.mark.parametrize("more", [{}, {"amount": 5}], ids=["unreadable as a sale", "readable as a sale"])
def test_a_test_keeps_the_order_that_makes_it_one(more: dict[str, Any], wanted: str | None) -> None:
    a_test = {"event": "paid", "order": 1, "at": THEN_S, **more}

    assert fresh_dated(a_test, wanted) == {**a_test, "at": 1_789_918_212}


def test_a_sale_beside_a_test_gets_a_new_order_all_the_same() -> None:
    body = json.dumps([{"event": "paid", "order": 1, "at": THEN_S}, PAID]).encode()

    fresh = freshen(Dated(), request_of(body), NOW, "A1")

    assert [event.order_id for event in Dated().parse(fresh)] == ["order-1", "order-A1"]


def test_a_test_that_is_marked_elsewhere_gets_a_new_order_too() -> None:
    sample = sample_named("stripe", "checkout_session_completed_test_mode.json")

    [event] = sample.adapter.parse(freshen(sample.adapter, sample.request, NOW))

    assert event.is_test
    assert str(event.order_id).startswith("try-")


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b'{"event": "PURCHASE_APPROVED"}'])
def test_what_cannot_be_read_cannot_be_made_fresh(body: bytes) -> None:
    with pytest.raises(PayloadError):
        freshen(HOTMART, request_of(body), NOW)


def test_the_request_itself_is_left_alone() -> None:
    sample = sample_named("hotmart", "purchase_approved_card.json")
    request = WebhookRequest(sample.request.body, {"x-extra": "1"}, {"q": "2"})

    fresh = freshen(HOTMART, request, NOW)

    assert request.body == sample.request.body
    assert (fresh.headers, fresh.query) == ({"x-extra": "1"}, {"q": "2"})

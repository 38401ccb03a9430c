"""Where fields come from: found for every fixture there is, and exactly right where an adapter is made to be tricky."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar

import pytest

from apps.core.identity import Person
from apps.gateways.base import Adapter
from apps.gateways.decoding import decode_body
from apps.gateways.errors import PayloadError
from apps.gateways.events import GatewayEvent, Item, Kind
from apps.gateways.leaves import Leaf, leaves_of, variants_of, with_values, write_json
from apps.gateways.payload import Payload
from apps.gateways.provenance import Explanation, explain, values_of
from apps.gateways.registry import ADAPTERS
from apps.gateways.signatures import SharedToken, TimestampedHmac, Verifier
from tests.gateways.samples import Sample, all_samples, request_of, sample_named, samples_of

# What a body may leave unsaid: the currency of a gateway that has one, the country that numbers are taken to be from,
# and how many of a product were sold.
MAY_BE_THE_ADAPTERS_OWN = {"currency", "buyer.phone_country", "quantity"}


def sources_of(explanation: Explanation, number: int = 0) -> dict[str, tuple[str, ...]]:
    return {origin.name: origin.paths for origin in explanation.events[number]}


# --- Every gateway ---


@cache
def explained(sample: Sample) -> Explanation:
    return explain(sample.adapter, sample.request)


def told_by(event: GatewayEvent) -> dict[str, object]:
    """The fields that hold something, without the default country of a buyer who is not told of."""
    told = {name: value for name, value in values_of(event).items() if value not in (None, "") and value is not False}
    if event.buyer == Person():
        del told["buyer.phone_country"]
    return told


@pytest.mark.parametrize("sample", all_samples(), ids=str)
def test_every_field_of_every_fixture_has_a_source(sample: Sample) -> None:
    events = sample.adapter.parse(sample.request)

    explanation = explained(sample)

    for event, origins in zip(events, explanation.events, strict=True):
        assert told_by(event).items() <= {origin.name: origin.value for origin in origins}.items()
        without = {origin.name for origin in origins if not origin.paths}
        assert without <= told_by(event).keys()
        assert {re.sub(r"^items\.\d+\.", "", name) for name in without} <= MAY_BE_THE_ADAPTERS_OWN


@pytest.mark.parametrize("sample", all_samples(), ids=str)
def test_every_value_of_every_fixture_is_accounted_for_once(sample: Sample) -> None:
    messages = sample.request.payloads()
    prefixes = [f"{number}." if len(messages) > 1 else "" for number in range(len(messages))]
    pairs = zip(prefixes, messages, strict=True)
    leaves = {prefix + leaf.path for prefix, message in pairs for leaf in leaves_of(message.value)}

    explanation = explained(sample)

    apart = [*explanation.checked, *explanation.proofs, *explanation.unused, *explanation.empty]
    used = {path for origins in explanation.events for origin in origins for path in origin.paths}
    assert len(apart) == len(set(apart))
    assert not used & set(apart)
    assert leaves == (used & leaves) | set(apart)


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=lambda adapter: adapter.slug)
def test_what_is_an_adapters_own_is_the_same_in_every_body(adapter: Adapter) -> None:
    own: dict[str, set[object]] = {}

    for sample in samples_of(adapter):
        for origins in explained(sample).events:
            for origin in origins:
                if not origin.paths:
                    own.setdefault(origin.name, set()).add(origin.value)

    assert {name: len(values) for name, values in own.items()} == dict.fromkeys(own, 1)


# --- Two gateways, exactly ---


def test_a_form_of_hotmart() -> None:
    sample = sample_named("hotmart", "version_1_approved.form")

    explanation = explain(sample.adapter, sample.request)

    sources = sources_of(explanation)
    assert sources["kind"] == sources["vendor_event"] == ("status",)
    assert sources["order_id"] == ("transaction",)
    assert sources["occurred_at"] == ("confirmation_purchase_date",)
    assert sources["amount"] == ("price",)
    assert sources["currency"] == ("currency",)
    assert sources["buyer.phone"] == ("phone_checkout_local_code", "phone_checkout_number")
    assert (sources["tracking.src"], sources["tracking.sck"]) == (("src",), ("sck",))
    assert explanation.proofs == ("hottok",)
    assert {"phone_local_code", "full_price", "purchase_date", "cms_vendor"} <= set(explanation.unused)
    assert {"aff", "xcod", "billet_url"} <= set(explanation.empty)


def test_a_renewal_of_stripe() -> None:
    sample = sample_named("stripe", "invoice_paid_subscription_cycle.json")

    explanation = explain(sample.adapter, sample.request)

    sources = sources_of(explanation)
    assert sources["kind"] == ("data.object.billing_reason", "type")
    assert sources["vendor_event"] == ("type",)
    assert sources["amount"] == ("data.object.amount_paid",)
    assert sources["buyer.country"] == ("data.object.customer_address.country",)
    assert sources["is_test"] == ("livemode",)
    assert "data.object.livemode" in explanation.unused
    assert "data.object.customer_address.line1" in explanation.empty


def test_a_message_of_no_use_comes_from_its_word_alone() -> None:
    sample = sample_named("hotmart", "switch_plan.json")

    explanation = explain(sample.adapter, sample.request)

    assert sources_of(explanation) == {"kind": ("event",), "vendor_event": ("event",), "delivery_id": ("id",)}


def test_several_messages_are_numbered() -> None:
    sample = sample_named("hotmart", "purchase_approved_card.json")
    cart = sample_named("hotmart", "purchase_out_of_shopping_cart.json")
    both = json.dumps([sample.document, cart.document]).encode()

    explanation = explain(sample.adapter, request_of(both))

    assert sources_of(explanation, 0)["order_id"] == ("0.data.purchase.transaction",)
    assert sources_of(explanation, 1)["order_id"] == ("1.id",)
    assert {path[:2] for path in (*explanation.unused, *explanation.empty)} == {"0.", "1."}


@pytest.mark.parametrize("body", [b"", b"[", b"{}", b'{"event": "PURCHASE_APPROVED"}'])
def test_what_cannot_be_read_cannot_be_explained(body: bytes) -> None:
    adapter = ADAPTERS["hotmart"]

    with pytest.raises(PayloadError) as reading:
        adapter.parse(request_of(body))
    with pytest.raises(PayloadError) as explaining:
        explain(adapter, request_of(body))

    assert str(explaining.value) == str(reading.value)


def test_no_repr_shows_the_buyer() -> None:
    sample = sample_named("hotmart", "purchase_approved_card.json")
    buyer = sample.adapter.parse(sample.request)[0].buyer

    shown = repr(explain(sample.adapter, sample.request)) + repr(list(leaves_of(sample.document)))

    assert str(buyer.email) not in shown
    assert str(buyer.full_name) not in shown
    assert "data.buyer.email" in shown


# --- Adapters that make it hard ---


class Tricky(Adapter):
    """Reads a body by one function of the test."""

    slug = "tricky"
    label = "Tricky"
    verifier: ClassVar[Verifier] = SharedToken(header="x-tricky", body_field="token")
    secret_label = "Token"
    event_paths = ("event",)
    event_types: ClassVar[Mapping[str, Kind]] = {"paid": Kind.APPROVED, "17": Kind.DISPUTED, "18": Kind.DISPUTED}
    click_id_field = "sck"
    tell_tales = ("event",)

    def __init__(self, fill_in: Callable[[Payload], dict[str, Any]], parts: str = "") -> None:
        self._fill_in = fill_in
        self._parts = parts

    def split(self, payload: Payload) -> Iterable[Payload]:
        return payload.items(self._parts) if self._parts else (payload,)

    def kind_of(self, word: str, payload: Payload) -> Kind:
        return super().kind_of(word.partition("|")[0], payload)

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        event = GatewayEvent(kind, word.partition("|")[0], order_id=payload.identifier("order"))
        return replace(event, **self._fill_in(payload))


class Signing(Tricky):
    """The same with a signature, so that no value of the body proves anything."""

    verifier = TimestampedHmac(header="x-signature")


def explain_tricky(body: dict[str, Any], fill_in: Callable[[Payload], dict[str, Any]], parts: str = "") -> Explanation:
    return explain(Tricky(fill_in, parts), request_of(json.dumps(body).encode()))


def nothing_more(_payload: Payload) -> dict[str, Any]:
    return {}


PAID = {"event": "paid", "order": "A1"}


def test_a_word_with_a_reason_behind_it() -> None:
    explanation = explain_tricky({"event": "paid|by card", "order": "A1"}, nothing_more)

    assert sources_of(explanation) == {"kind": ("event",), "vendor_event": ("event",), "order_id": ("order",)}


def test_a_number_next_to_which_means_the_same() -> None:
    explanation = explain_tricky({"event": 17, "order": "A1"}, nothing_more)

    assert sources_of(explanation) == {"kind": ("event",), "vendor_event": ("event",), "order_id": ("order",)}


def test_an_unknown_word_is_where_it_is_written() -> None:
    explanation = explain_tricky({"event": "unheard of", "order": "A1"}, nothing_more)

    [kind, word] = explanation.events[0]
    assert (kind.value, kind.paths) == (Kind.UNKNOWN, ("event",))
    assert (word.value, word.paths) == ("unheard of", ("event",))
    assert explanation.unused == ("order",)


def test_a_flag_with_two_signs_comes_from_both() -> None:
    def fill_in(payload: Payload) -> dict[str, Any]:
        return {"is_test": payload.text("name") == "Example" or payload.text("email") == "test@example.com"}

    explanation = explain_tricky({**PAID, "name": "Example", "email": "test@example.com", "other": "x"}, fill_in)

    assert sources_of(explanation)["is_test"] == ("name", "email")
    assert explanation.unused == ("other",)


def test_a_flag_with_one_of_two_signs_comes_from_that_and_the_other_is_checked() -> None:
    def fill_in(payload: Payload) -> dict[str, Any]:
        return {"is_test": payload.text("name") == "Example" or payload.text("email") == "test@example.com"}

    explanation = explain_tricky({**PAID, "name": "Ana", "email": "test@example.com"}, fill_in)

    assert sources_of(explanation)["is_test"] == ("email",)
    assert explanation.checked == ("name",)


def test_a_lowered_flag_is_shown_where_something_would_raise_it() -> None:
    with_flag = explain_tricky({**PAID, "test": False}, lambda payload: {"is_test": payload.flag("test")})
    without = explain_tricky({**PAID, "test": False}, nothing_more)

    [origin] = [origin for origin in with_flag.events[0] if origin.name == "is_test"]
    assert (origin.value, origin.paths) == (False, ("test",))
    assert "is_test" not in sources_of(without)
    assert without.unused == ("test",)


def test_a_flag_that_only_another_error_could_lower() -> None:
    def fill_in(payload: Payload) -> dict[str, Any]:
        is_test = payload.text("order") == "A1"
        return {"is_test": is_test, "amount": None if is_test else payload.money("amount")}

    explanation = explain_tricky(PAID, fill_in)

    assert sources_of(explanation)["is_test"] == ("order",)


def test_a_count_comes_from_the_list() -> None:
    def fill_in(payload: Payload) -> dict[str, Any]:
        return {"recurrence": len({charge.identifier("id") for charge in payload.items("charges")})}

    explanation = explain_tricky({**PAID, "charges": [{"id": "c1"}, {"id": "c2"}], "others": [{"id": "x"}]}, fill_in)

    assert sources_of(explanation)["recurrence"] == ("charges",)
    assert explanation.checked == ("charges.0.id", "charges.1.id")
    assert explanation.unused == ("others.0.id",)


def test_a_constant_has_no_source() -> None:
    explanation = explain_tricky(
        {**PAID, "amount": "5.00"},
        lambda payload: {"currency": "BRL", "amount": payload.money("amount"), "buyer": Person(email="a@example.com")},
    )

    sources = sources_of(explanation)
    assert sources["currency"] == sources["buyer.email"] == sources["buyer.phone_country"] == ()
    assert sources["amount"] == ("amount",)


def test_money_that_depends_on_its_currency_comes_from_both() -> None:
    def fill_in(payload: Payload) -> dict[str, Any]:
        currency = payload.currency("currency")
        return {"currency": currency, "amount": payload.minor_units("cents", decimals=0 if currency == "JPY" else 2)}

    yen = sources_of(explain_tricky({**PAID, "currency": "jpy", "cents": 500}, fill_in))
    reais = sources_of(explain_tricky({**PAID, "currency": "BRL", "cents": 500}, fill_in))
    euros = sources_of(explain_tricky({**PAID, "currency": "EUR", "cents": 500}, fill_in))

    assert (yen["currency"], yen["amount"]) == (("currency",), ("currency", "cents"))
    assert (reais["currency"], reais["amount"]) == (("currency",), ("cents",))
    assert (euros["currency"], euros["amount"]) == (("currency",), ("cents",))


def test_an_amount_that_may_only_be_nothing_is_known_by_its_digits() -> None:
    def fill_in(payload: Payload) -> dict[str, Any]:
        amount = payload.minor_units("cents")
        if amount:
            raise PayloadError("cents", "nothing to pay", "number")
        return {"amount": amount}

    explanation = explain_tricky({**PAID, "cents": 0, "shown": 7}, fill_in)

    assert sources_of(explanation)["amount"] == ("cents",)
    assert explanation.unused == ("shown",)


def test_a_value_that_must_be_there_and_is_kept_nowhere_is_checked() -> None:
    def fill_in(payload: Payload) -> dict[str, Any]:
        payload.currency("currency")
        return {}

    explanation = explain_tricky({**PAID, "currency": "BRL"}, fill_in)

    assert explanation.checked == ("currency",)
    assert explanation.unused == ()


def test_the_loss_of_an_item_is_no_source_of_its_neighbours() -> None:
    def fill_in(payload: Payload) -> dict[str, Any]:
        lines = [line for line in payload.items("lines") if line.has("id")]
        return {"items": tuple(Item(line.text("id"), line.text("name")) for line in lines)}

    lines = [{"id": "a", "name": "Apple"}, {"id": "b", "name": "Bread"}]
    sources = sources_of(explain_tricky({**PAID, "lines": lines}, fill_in))

    assert sources["items.0.product_id"] == ("lines.0.id",)
    assert sources["items.0.name"] == ("lines.0.name",)
    assert sources["items.1.product_id"] == ("lines.1.id",)
    assert sources["items.1.name"] == ("lines.1.name",)
    assert sources["items.0.quantity"] == ()


def test_a_message_with_several_events_tells_them_apart() -> None:
    body = {"parts": [{"event": "paid", "order": "A1"}, {"event": "paid", "order": "A2"}]}

    explanation = explain_tricky(body, nothing_more, parts="parts")

    assert [sources_of(explanation, number)["order_id"] for number in (0, 1)] == [
        ("parts.0.order",),
        ("parts.1.order",),
    ]
    assert [sources_of(explanation, number)["kind"] for number in (0, 1)] == [("parts.0.event",), ("parts.1.event",)]


def test_a_body_without_events_uses_nothing() -> None:
    explanation = explain_tricky({"note": "x"}, nothing_more, parts="parts")

    assert explanation == Explanation(events=(), checked=(), proofs=(), unused=("note",), empty=())


def test_a_fallback_is_a_source_only_where_it_is_read() -> None:
    def fill_in(payload: Payload) -> dict[str, Any]:
        return {"product_id": payload.identifier("new", "old")}

    both = explain_tricky({**PAID, "new": "p1", "old": "p2"}, fill_in)
    one = explain_tricky({**PAID, "new": "", "old": "p2"}, fill_in)

    assert (sources_of(both)["product_id"], both.unused) == (("new",), ("old",))
    assert (sources_of(one)["product_id"], one.empty) == (("old",), ("new",))


def test_the_senders_token_is_found_where_it_proves_something() -> None:
    body = {**PAID, "token": "t-0001", "other": "t-0002"}

    with_token = explain_tricky(body, nothing_more)
    signed = explain(Signing(nothing_more), request_of(json.dumps(body).encode()))

    assert (with_token.proofs, with_token.unused) == (("token",), ("other",))
    assert (signed.proofs, signed.unused) == ((), ("token", "other"))


# --- The parts of it ---


def test_leaves_are_found_in_their_order() -> None:
    body = {"b": {"x": 1, "y": [None, {"z": ""}]}, "a": True, "c": {}, "d": []}

    found = list(leaves_of(body))

    assert [leaf.path for leaf in found] == ["b.x", "b.y.0", "b.y.1.z", "a"]
    assert [leaf.is_empty for leaf in found] == [False, True, True, False]
    assert found[2] == Leaf(("b", "y", 1, "z"), "")


def test_changed_bodies_leave_the_original_alone() -> None:
    body = {"a": {"b": [1, 2]}, "c": {"d": 3}}

    changed = with_values(body, {("a", "b", 1): 9, ("c", "d"): None})

    assert changed == {"a": {"b": [1, 9]}, "c": {"d": None}}
    assert body == {"a": {"b": [1, 2]}, "c": {"d": 3}}
    assert with_values(body, {}) is body


@pytest.mark.parametrize(
    ("value", "others"),
    [
        (True, [None, False]),
        (7, [None, 8, 1_007]),
        (0, [None, 1, 1, 1_000]),
        (1, [None, 0, 2, 1_001]),
        (Decimal("1.50"), [None, Decimal("2.50"), Decimal("1001.50")]),
        ("paid", [None, "paidx", "xpaid"]),
        ("496.90", [None, "497.90", "1496.90", "496.90x", "x496.90"]),
        ("1", [None, "0", "2", "1001", "1x", "x1"]),
        ("True", [None, "false", "Truex", "xTrue"]),
        ("BRL", [None, "EUR", "BRLx", "xBRL"]),
        ("eur", [None, "usd", "eurx", "xeur"]),
        ("٣", [None, "٣x", "x٣"]),
        ("1.2.3", [None, "1.2.3x", "x1.2.3"]),
    ],
)
def test_what_is_tried_in_place_of_a_value(value: object, others: list[object]) -> None:
    assert variants_of(value) == others
    assert value not in others


@pytest.mark.parametrize(
    "body", [b'{"a":496.90,"b":1E+400,"c":-0.0,"d":123456789012345678901234567890,"e":"\xc3\xa9","f":[null,true]}']
)
def test_a_body_written_again_says_the_same(body: bytes) -> None:
    [message] = decode_body(body, "")

    assert write_json(message) == body
    assert decode_body(write_json(message), "") == [message]


def test_the_values_of_an_event_have_names() -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    event = GatewayEvent(
        Kind.APPROVED,
        "paid",
        occurred_at=at,
        buyer=Person(email="ana@example.com"),
        tracking={"sck": "c1"},
        items=(Item("p1"), Item("p2", price=Decimal(5))),
    )

    values = values_of(event)

    assert (values["kind"], values["occurred_at"], values["order_id"]) == (Kind.APPROVED, at, None)
    assert (values["buyer.email"], values["buyer.phone_country"], values["tracking.sck"]) == (
        "ana@example.com",
        "BR",
        "c1",
    )
    assert (values["items.0.price"], values["items.1.price"], values["items.1.quantity"]) == (None, Decimal(5), 1)

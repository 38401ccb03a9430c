"""What is peculiar to Braip."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from apps.conversions.transitions import shapes_order
from apps.gateways.errors import PayloadError, SignatureError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.redaction import hide_secrets
from apps.gateways.registry import ADAPTERS
from tests.gateways.samples import MISSING, Place, Sample, request_of, sample_named, samples_of, with_value

BRAIP = ADAPTERS["braip"]
PENDING = "status_alterado_boleto_pending.json"
PAID = "status_alterado_approved_boleto.json"
CARD = "status_alterado_approved_card.json"
REFUND = "status_alterado_refund_pending.json"
LATE = "subscription_late.json"
TEST = "test_pix_pending.json"
RECEIVED = datetime(2026, 6, 1, tzinfo=UTC)
KEY = "unique-key-of-the-fixture"
Change = tuple[str | Place, Any]


def document_of(name: str, *changes: Change) -> Any:
    document = sample_named("braip", name).document
    for place, value in changes:
        document = with_value(document, (place,) if isinstance(place, str) else place, value)
    return document


def read(name: str, *changes: Change) -> GatewayEvent:
    (event,) = BRAIP.parse(request_of(json.dumps(document_of(name, *changes)).encode()))
    return event


def error_of(name: str, *changes: Change) -> str:
    with pytest.raises(PayloadError) as error:
        read(name, *changes)
    return error.value.path


def core_of(event: GatewayEvent) -> tuple[Any, ...]:
    """What a sale counts for."""
    return (event.kind, event.order_id, event.amount, event.currency, event.refunded_amount, event.is_test)


# --- What happened ---


@pytest.mark.parametrize("name", ["STATUS_ALTERADO", "VENDA_COMPLETA"])
@pytest.mark.parametrize("write", [int, str])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, Kind.PAYMENT_PENDING),
        (2, Kind.APPROVED),
        (3, Kind.CANCELLED),
        (4, Kind.CHARGED_BACK),
        (5, Kind.REFUNDED),
        (6, Kind.IGNORED),
        (7, Kind.REFUNDED),
        (8, Kind.IGNORED),
        (9, Kind.PAYMENT_PENDING),
        (10, Kind.EXPIRED),
        (11, Kind.PAYMENT_PENDING),
        (12, Kind.CANCELLED),
    ],
)
def test_the_code_of_a_sale_is_read_as_number_and_as_text(name: str, write: Any, code: int, kind: Kind) -> None:
    event = read(PAID, ("type", name), ("trans_status_code", write(code)))

    assert (event.kind, event.vendor_event) == (kind, name)


@pytest.mark.parametrize("code", [0, 13, "02", "2 ", "Pagamento Aprovado", "2.0", "-1"])
def test_an_unknown_code_is_unknown(code: Any) -> None:
    assert read(PAID, ("trans_status_code", code)) == GatewayEvent(Kind.UNKNOWN, "STATUS_ALTERADO")


@pytest.mark.parametrize("name", ["VENDA_NOVA", "status_alterado", "VENDA_COMPLETA 2", "2", 2, "ASSINATURA"])
def test_an_unknown_type_with_a_known_code_is_unknown(name: Any) -> None:
    assert read(PAID, ("type", name)) == GatewayEvent(Kind.UNKNOWN, str(name))


@pytest.mark.parametrize("nothing", [MISSING, None, "", [], {}])
def test_a_sale_without_its_type_or_its_code_names_the_path(nothing: Any) -> None:
    assert error_of(PAID, ("type", nothing)) == "subs_status_code or type"
    assert error_of(PAID, ("trans_status_code", nothing)) == "trans_status_code"


@pytest.mark.parametrize("wrong", [True, 2.5, [2], {"code": 2}])
def test_a_code_of_another_type_is_an_error_not_a_guess(wrong: Any) -> None:
    assert error_of(PAID, ("trans_status_code", wrong)) == "trans_status_code"


@pytest.mark.parametrize("label", ["Cancelada", "Chargeback", "", None, MISSING])
def test_the_label_beside_the_code_decides_nothing(label: Any) -> None:
    assert read(PAID, ("trans_status", label)) == read(PAID)


def test_a_payment_date_makes_no_sale() -> None:
    event = read(PENDING, ("trans_payment_date", "2026-03-03 08:15:30"))

    assert event == read(PENDING)
    assert event.kind is Kind.PAYMENT_PENDING


@pytest.mark.parametrize(
    "name",
    [
        "BOLETO_ALTERADO",
        "DELIVERY_RESCHEDULED",
        "TRACKING_CODE_ADDED",
        "TRACKING_STATUS_CHANGED",
        "TRACKING_STATUS_DELIVERED",
        "TRACKING_STATUS_OUT_FOR_DELIVERY",
        "TRACKING_STATUS_WAITING_FOR_COLLECTION",
    ],
)
def test_news_of_slips_and_parcels_is_no_second_sale(name: str) -> None:
    assert read(PAID, ("type", name)) == GatewayEvent(Kind.IGNORED, name)
    assert read(PAID, ("type", name), ("trans_status_code", MISSING)) == GatewayEvent(Kind.IGNORED, name)


# --- Subscriptions ---


@pytest.mark.parametrize("name", ["ASSINATURA", "STATUS_ALTERADO", "ABANDONO", "4", MISSING])
@pytest.mark.parametrize("write", [int, str])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, Kind.IGNORED),
        (2, Kind.IGNORED),
        (3, Kind.SUBSCRIPTION_PAST_DUE),
        (4, Kind.SUBSCRIPTION_CANCELLED),
        (5, Kind.SUBSCRIPTION_CANCELLED),
        (6, Kind.SUBSCRIPTION_CANCELLED),
        (7, Kind.IGNORED),
        (8, Kind.IGNORED),
        (9, Kind.SUBSCRIPTION_CANCELLED),
        (10, Kind.IGNORED),
        (11, Kind.UNKNOWN),
    ],
)
def test_a_subscription_is_told_by_its_code_whatever_the_type(name: Any, write: Any, code: int, kind: Kind) -> None:
    event = read(LATE, ("type", name), ("subs_status_code", write(code)))

    assert (event.kind, event.vendor_event) == (kind, str(code))


def test_a_cancelled_subscription_touches_no_order_and_a_late_one_stands_for_it() -> None:
    cancelled, late = read("subscription_canceled_4.json"), read(LATE)

    assert (cancelled.order_id, cancelled.subscription_id) == (None, "sub6d4h1x")
    assert (late.order_id, late.subscription_id) == ("sub6d4h1x", "sub6d4h1x")
    assert not shapes_order(late.kind)
    assert (late.amount, late.currency, late.occurred_at) == (None, None, None)


@pytest.mark.parametrize("name", [LATE, "subscription_canceled_4.json"])
def test_a_subscription_without_its_key_is_an_error(name: str) -> None:
    assert error_of(name, ("subs_key", None)) == "subs_key"


def test_a_subscription_without_its_code_is_unknown_and_a_number_as_type_is_no_code() -> None:
    assert read(LATE, ("subs_status_code", MISSING)) == GatewayEvent(Kind.UNKNOWN, "ASSINATURA")
    assert read(LATE, ("subs_status_code", MISSING), ("type", "4")) == GatewayEvent(Kind.UNKNOWN, "4")


@pytest.mark.parametrize("code", [2, 4])
def test_a_transaction_beside_a_subscriptions_code_is_a_sale(code: int) -> None:
    both = ("subs_status_code", code)

    assert core_of(read(PAID, both)) == core_of(read(PAID))
    assert error_of(PAID, both, ("trans_status_code", MISSING)) == "trans_status_code"
    assert error_of(PAID, both, ("trans_key", MISSING)) == "trans_key"
    assert error_of(PAID, both, ("type", MISSING)) == "type"
    assert read(PAID, both, ("type", "ASSINATURA")).kind is Kind.UNKNOWN


def test_the_charge_of_a_subscription_is_a_sale_that_names_it() -> None:
    event = read(CARD)

    assert (event.kind, event.order_id, event.subscription_id) == (Kind.APPROVED, "ven8c1x4rn", "sub3n7p5q")


# --- Tests of the dashboard ---


@pytest.mark.parametrize("name", [TEST, "test_abandono.json"])
@pytest.mark.parametrize("lost", ["plan_key", "product_key", "client_email"])
@pytest.mark.parametrize("value", [MISSING, None, "", "x", 7])
def test_no_single_field_turns_a_test_into_a_sale(name: str, lost: str, value: Any) -> None:
    assert read(name, (lost, value)).is_test


@pytest.mark.parametrize("name", [PAID, PENDING, CARD, "abandono.json"])
@pytest.mark.parametrize(
    ("field", "value"),
    [("plan_key", "plan604812"), ("product_key", "pro731905"), ("client_email", "cliente@example.com")],
)
def test_no_single_field_turns_a_sale_into_a_test(name: str, field: str, value: str) -> None:
    assert not read(name, (field, value)).is_test


def test_keys_like_real_ones_and_another_buyer_are_no_test() -> None:
    real = (("plan_key", "plan60x8"), ("product_key", "pro73190"), ("client_email", "outra.cliente@example.com"))

    assert not read(TEST, *real).is_test


def test_a_test_that_looks_paid_is_a_test() -> None:
    event = read(TEST, ("trans_status_code", 2))

    assert (event.kind, event.is_test, event.amount) == (Kind.APPROVED, True, Decimal("7.43"))


# --- Ways of writing, and the key ---


def test_a_form_tells_the_same_as_json() -> None:
    form = sample_named("braip", "status_alterado_boleto_pending_form.form")

    assert BRAIP.parse(form.request) == BRAIP.parse(sample_named("braip", PENDING).request)


def form_of(value: Any, name: str = "") -> list[tuple[str, str]]:
    """As PHP writes a form: lists and objects in brackets, flags as 0 and 1, no null."""
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        return [pair for key, inner in entries for pair in form_of(inner, f"{name}[{key}]" if name else str(key))]
    return [] if value is None else [(name, str(int(value) if isinstance(value, bool) else value))]


@pytest.mark.parametrize("sample", [sample for sample in samples_of(BRAIP) if not sample.is_form], ids=str)
def test_every_message_tells_the_same_as_a_form(sample: Sample) -> None:
    form = request_of(urlencode(form_of(sample.document)).encode(), is_form=True)

    assert BRAIP.parse(form) == BRAIP.parse(sample.request_with(sample.document))


def test_a_form_labelled_as_json_and_the_reverse_are_read() -> None:
    form, body = (sample_named("braip", name).request for name in ("status_alterado_boleto_pending_form.form", PENDING))

    assert BRAIP.parse(request_of(form.body)) == BRAIP.parse(form)
    assert BRAIP.parse(request_of(body.body, is_form=True)) == BRAIP.parse(body)


def test_a_list_tells_each_sale_in_its_turn() -> None:
    sale, upsell = BRAIP.parse(sample_named("braip", "venda_completa_approved.json").request)

    assert (sale.order_id, sale.parent_order_id, sale.amount) == ("ven5t8w2kd", None, Decimal("248.71"))
    assert (upsell.order_id, upsell.parent_order_id, upsell.amount) == ("venq7j0d3h", "ven5t8w2kd", Decimal("97.07"))


def test_an_error_in_a_list_names_the_message() -> None:
    messages = [document_of(PAID), document_of(PAID, ("trans_value", None))]

    with pytest.raises(PayloadError) as error:
        BRAIP.parse(request_of(json.dumps(messages).encode()))

    assert error.value.path == "1.trans_value"


def test_every_fixture_brings_the_key_that_proves_it() -> None:
    for name in (PENDING, "status_alterado_boleto_pending_form.form", "venda_completa_approved.json", "abandono.json"):
        request = sample_named("braip", name).request
        BRAIP.verify(request, [KEY], RECEIVED)
        with pytest.raises(SignatureError) as refusal:
            BRAIP.verify(request, ["another-key"], RECEIVED)
        assert refusal.value.reason == "mismatch"


def test_the_key_ends_neither_in_an_event_nor_in_what_is_kept() -> None:
    for name in (PENDING, "status_alterado_boleto_pending_form.form", "venda_completa_approved.json"):
        request = sample_named("braip", name).request
        assert KEY in request.body.decode()
        assert KEY not in repr([event.tracking for event in BRAIP.parse(request)])
        assert KEY not in hide_secrets(request.body, [KEY]).decode()

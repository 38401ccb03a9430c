"""What is peculiar to Appmax: its words, its five content models, its tests and its customers."""

from typing import Any

import pytest

from apps.gateways.appmax.tables import EVENT_TYPES, LEGACY
from apps.gateways.errors import PayloadError, SignatureError
from apps.gateways.events import SALES, GatewayEvent, Kind
from apps.gateways.registry import ADAPTERS
from apps.gateways.signatures import Strength
from tests.gateways.samples import (
    MISSING,
    Place,
    Sample,
    as_json,
    encode_form,
    places,
    request_of,
    sample_named,
    samples_of,
    with_value,
)
from tests.gateways.test_contract import NOW

APPMAX = ADAPTERS["appmax"]
CARD = "order_approved_card.json"
FLAT = "order_approved_two_level.json"
BARE_ORDER: Any = {"event": "OrderApproved", "event_type": "", "data": {"order_id": 1}}


def changed(name: str, *changes: tuple[Place, Any]) -> Any:
    document = sample_named("appmax", name).document
    for place, value in changes:
        document = with_value(document, place, value)
    return document


def parse(document: Any) -> GatewayEvent:
    (event,) = APPMAX.parse(sample_named("appmax", CARD).request_with(document))
    return event


def read(name: str, *changes: tuple[Place, Any]) -> GatewayEvent:
    return parse(changed(name, *changes))


def data(**members: Any) -> list[tuple[Place, Any]]:
    return [(("data", name), value) for name, value in members.items()]


def path_of_error(document: Any) -> str:
    with pytest.raises(PayloadError) as error:
        parse(document)
    return error.value.path


# --- Words ---


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("PaymentNotAuthorized", "PaymentNotAuthorized"),
        ("PaymentNotAuthorized | Reason: Autorizacao negada", "PaymentNotAuthorized"),
        ("PaymentNotAuthorized|Reason: a | b", "PaymentNotAuthorized"),
        ("PaymentNotAuthorizedWithDelay | Reason:\n", "PaymentNotAuthorizedWithDelay"),
    ],
)
def test_the_reason_behind_a_bar_is_no_part_of_the_word(written: str, word: str) -> None:
    event = read("payment_not_authorized.json", (("event",), written))

    assert (event.kind, event.vendor_event) == (Kind.REFUSED, word)


@pytest.mark.parametrize("word", ["OrderApproved ", "orderapproved", "order approved", "Approved", "aprovado", "|"])
def test_a_word_that_is_almost_known_is_unknown(word: str) -> None:
    event = read(CARD, (("event",), word))

    assert event == GatewayEvent(Kind.UNKNOWN, word)


@pytest.mark.parametrize("status", ["pendente", "cancelado", "estornado", "chargeback_perdido", "new", "", None, 7])
def test_the_status_beside_the_event_decides_nothing(status: Any) -> None:
    for name in (CARD, "order_pix_expired.json", "order_refund.json", "order_charge_back_gain.json"):
        assert read(name, *data(status=status)) == read(name)
    assert read(FLAT, *data(order_status=status)) == read(FLAT)


def test_three_words_for_the_same_money_name_the_same_order_and_amount() -> None:
    told = [read(CARD, (("event",), word)) for word in ("OrderApproved", "OrderPaid", "OrderPaidByPix")]

    assert {(event.kind, event.order_id, str(event.amount)) for event in told} == {
        (Kind.APPROVED, "48120077", "188.53")
    }
    assert len({event.occurred_at for event in told}) == 1


@pytest.mark.parametrize("word", [word for word, kind in EVENT_TYPES.items() if kind is Kind.IGNORED])
def test_news_of_no_use_is_ignored_whatever_it_holds(word: str) -> None:
    anything: list[Any] = [{}, [], None, "text", {"id": []}, {"order_id": 5, "total": "x"}]
    for contents in anything:
        assert parse({"event": word, "data": contents}) == GatewayEvent(Kind.IGNORED, word)


@pytest.mark.parametrize("word", ["subscription_charge_success", "subscription_charge_failed"])
def test_an_apps_charge_that_names_no_order_is_unknown_and_not_guessed(word: str) -> None:
    document = changed("legacy_subscription_delayed.json", (("event",), word))

    assert parse(document) == GatewayEvent(Kind.UNKNOWN, word)


# --- Content models ---


@pytest.mark.parametrize(
    "name",
    ["order_approved_default_response.json", "order_approved_meta.json", FLAT, "order_approved_custom_content.json"],
)
def test_each_model_tells_the_order_and_its_price_in_reais(name: str) -> None:
    event = read(name)

    assert (event.kind, event.currency, event.is_test) == (Kind.APPROVED, "BRL", False)
    assert event.order_id and event.order_id.isdecimal()
    assert event.amount and event.amount.as_tuple().exponent in (-1, -2)


@pytest.mark.parametrize("word", [*LEGACY, *(word for word, kind in EVENT_TYPES.items() if kind in SALES)])
def test_a_test_without_price_or_buyer_is_read_as_a_test(word: str) -> None:
    event = parse({"event": word, "event_type": "order", "data": {"order_id": 1, "customer_id": 1}})

    assert (event.vendor_event, event.is_test) == (word, True)
    assert (event.amount, event.refunded_amount, event.buyer.email) == (None, None, None)
    assert event.kind is EVENT_TYPES[LEGACY.get(word, word)]


@pytest.mark.parametrize("word", [word for word in LEGACY if word.startswith(("order_", "payment_"))])
@pytest.mark.parametrize(
    "extra", [{}, {"foo": "bar"}, {"total": 25990, "status": "aprovado"}, {"payment_total": 15900}]
)
def test_a_real_order_of_the_old_model_waits_for_its_amount(word: str, extra: dict[str, Any]) -> None:
    """The `total` of an app's message is in cents, so it is not the amount that is missing."""
    document = {"event": word, "event_type": "order", "data": {"order_id": 12_844_003, **extra}}

    assert path_of_error(document) == "data.order_total"


def test_custom_content_with_only_the_order_waits_for_its_amount() -> None:
    document = with_value(BARE_ORDER, ("data", "order_id"), 48_120_081)

    assert parse(BARE_ORDER).kind is Kind.APPROVED
    assert path_of_error(document) == "data.order_total"


def test_plain_and_prefixed_names_are_never_mixed() -> None:
    assert path_of_error(changed(CARD, *data(total=MISSING, order_total=188.53))) == "data.total"
    assert path_of_error(changed(FLAT, *data(order_total=MISSING, total=97.07))) == "data.order_total"
    assert read(CARD, *data(order_total=9_999, order_payment_type="Pix", order_installments=12)) == read(CARD)
    assert read(FLAT, *data(id=77, total=9_999, payment_type="CreditCard", installments=12)) == read(FLAT)


def test_an_order_without_its_id_names_both_places() -> None:
    for name in (CARD, FLAT):
        document = changed(name, *data(id=MISSING, order_id=MISSING))
        assert path_of_error(document) == "data.order_id or data.id"


def test_a_form_and_json_labelled_as_a_form_are_read_alike() -> None:
    document = changed(FLAT)
    as_form = {"event": document["event"], "data": document["data"]}

    (from_form,) = APPMAX.parse(request_of(encode_form(as_form), is_form=True))
    (mislabelled,) = APPMAX.parse(request_of(sample_named("appmax", FLAT).request.body, is_form=True))

    assert as_json(from_form) == as_json(mislabelled) == as_json(read(FLAT))


# --- Amounts ---


@pytest.mark.parametrize(
    ("written", "amount"), [(188.53, "188.53"), ("188.53", "188.53"), (1234.5, "1234.5"), (97, "97"), ("0.07", "0.07")]
)
def test_the_amount_is_the_total_in_reais_as_a_number_or_as_text(written: Any, amount: str) -> None:
    others = data(total_products=1, full_payment_amount="2", partner_total=3, freight_value=4, interest=5, discount=6)

    assert str(read(CARD, *others, *data(total=written)).amount) == amount
    assert str(read(FLAT, *data(order_total=written, order_total_products=1)).amount) == amount


@pytest.mark.parametrize("written", ["1.234,56", "R$ 10", "-0.01", -1, True, [], {}, [188.53], None, "", 10**12])
@pytest.mark.parametrize("name", [CARD, "order_refund.json", "order_pix_created.json", "order_approved_test.json"])
def test_an_order_without_a_readable_total_names_its_path(name: str, written: Any) -> None:
    assert path_of_error(changed(name, *data(total=written))) == "data.total"


def test_what_has_gone_back_so_far_is_told_apart_from_the_latest_part() -> None:
    event = read("order_partial_refund.json", *data(refund_amount=14.45, total_refunded="58.85"))

    assert (str(event.refunded_amount), str(event.amount)) == ("58.85", "188.53")


def test_a_partial_refund_of_nothing_does_not_say_how_much() -> None:
    assert read("order_partial_refund.json", *data(total_refunded=0)).refunded_amount is None


@pytest.mark.parametrize("written", [MISSING, None, "", "x", [], True])
def test_a_partial_refund_without_its_sum_names_the_path(written: Any) -> None:
    document = changed("order_partial_refund.json", *data(total_refunded=written))

    assert path_of_error(document) == "data.total_refunded"


@pytest.mark.parametrize("told", [0, 14.45, 188.53, None])
def test_a_refund_is_whole_whatever_sums_stand_beside_it(told: Any) -> None:
    event = read("order_refund.json", *data(total_refunded=told, refund_amount=told))

    assert (event.kind, event.refunded_amount) == (Kind.REFUNDED, None)


def test_shares_are_read_from_sales_only() -> None:
    sale, pending = read("order_approved_default_response.json"), read("order_billet_created_default_response.json")

    assert (str(sale.net_amount), str(sale.affiliate_commission)) == ("151.07", "39.60")
    assert (pending.net_amount, pending.affiliate_commission) == (None, None)


# --- Tests and customers ---


@pytest.mark.parametrize(
    ("order_id", "is_test"), [(1, True), ("1", True), (11, False), ("01", False), (3_173_109, False), (0, False)]
)
def test_order_one_is_a_test(order_id: Any, is_test: bool) -> None:
    assert read(CARD, *data(id=order_id)).is_test is is_test
    assert read(FLAT, *data(order_id=order_id)).is_test is is_test


@pytest.mark.parametrize("sample", [one for one in samples_of(APPMAX) if one.path.stem.endswith("_test")], ids=str)
def test_no_single_loss_turns_a_test_into_the_real_thing(sample: Sample) -> None:
    document = sample.document

    for place in places(document):
        for loss in (MISSING, None, [], {}, ""):
            try:
                (event,) = APPMAX.parse(sample.request_with(with_value(document, place, loss)))
            except PayloadError:
                continue
            assert event.is_test or event.kind is Kind.IGNORED


def test_the_id_in_a_customers_news_is_never_an_orders() -> None:
    cart, late = read("customer_interested.json"), read("subscription_delayed_event.json")

    assert cart.order_id == late.order_id == "customer-9310455"
    assert read(CARD, *data(id=9_310_455)).order_id == "9310455"
    assert (cart.amount, cart.currency, late.amount) == (None, None, None)


@pytest.mark.parametrize("name", ["canceled_subscription.json", "subscription_cancellation_event.json"])
def test_a_cancelled_subscription_touches_no_order(name: str) -> None:
    event = read(name)

    assert (event.kind, event.order_id, event.amount) == (Kind.SUBSCRIPTION_CANCELLED, None, None)
    assert event.buyer.email == "clarice.noronha@example.com"


# --- Who may send ---


def test_only_the_secret_address_stands_guard() -> None:
    request = sample_named("appmax", CARD).request

    assert APPMAX.verifier.strength is Strength.NONE
    APPMAX.verify(request, [], NOW)
    APPMAX.verify(request.with_query("token", "right"), ["older", "right"], NOW)
    for secrets in ([], [""], ["right"]):
        with pytest.raises(SignatureError):
            APPMAX.verify(request.with_query("token", "wrong"), secrets, NOW)

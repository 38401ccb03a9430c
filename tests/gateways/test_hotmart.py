"""What is peculiar to Hotmart."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.core.identity import hash_person, hash_phone
from apps.gateways.errors import PayloadError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.registry import ADAPTERS
from tests.gateways.samples import MISSING, Place, request_of, sample_named, with_value

HOTMART = ADAPTERS["hotmart"]
CARD = "purchase_approved_card.json"
BUYER = ("data", "buyer")
PURCHASE = ("data", "purchase")
_WORDS = (
    "approved_card approved_renewal billet_printed_pix canceled chargeback complete delayed expired protest refunded"
)
ORDERS = [f"purchase_{word}.json" for word in _WORDS.split()]


def read(name: str, *changes: tuple[Place, Any]) -> GatewayEvent:
    sample = sample_named("hotmart", name)
    document = sample.document
    for place, value in changes:
        document = with_value(document, place, value)
    (event,) = HOTMART.parse(sample.request_with(document))
    return event


def test_pending_approved_and_refunded_of_one_purchase_share_the_order() -> None:
    orders = {read(name).order_id for name in ("purchase_billet_printed_pix.json", "purchase_approved_pix.json")}
    later = {read(f"purchase_{word}.json").order_id for word in ("refunded", "chargeback", "protest", "complete")}

    assert orders == {"HP3120450002"}
    assert later == {read(CARD).order_id} == {"HP3120450001"}


@pytest.mark.parametrize(
    ("recurrence", "kind"),
    [
        (MISSING, Kind.APPROVED),
        (None, Kind.APPROVED),
        (0, Kind.APPROVED),
        (1, Kind.APPROVED),
        ("1", Kind.APPROVED),
        (2, Kind.RENEWED),
        ("12", Kind.RENEWED),
        (12.0, Kind.RENEWED),
    ],
)
def test_an_approval_is_a_renewal_from_the_second_charge_on(recurrence: Any, kind: Kind) -> None:
    assert read(CARD, ((*PURCHASE, "recurrence_number"), recurrence)).kind is kind


@pytest.mark.parametrize("recurrence", [-1, 2.5, "many", True, [1], 2**31])
def test_an_unreadable_recurrence_is_an_error_not_a_guess(recurrence: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read(CARD, ((*PURCHASE, "recurrence_number"), recurrence))

    assert error.value.path == "data.purchase.recurrence_number"


def test_the_end_of_the_guarantee_is_no_second_sale() -> None:
    assert read("purchase_complete.json").kind is Kind.COMPLETED
    assert read("version_1_completed.form").kind is Kind.COMPLETED


def test_the_amount_is_the_price_without_the_interest_of_instalments() -> None:
    event = read(CARD, ((*PURCHASE, "full_price", "value"), 9_999))

    assert str(event.amount) == "496.9"
    assert event.installments == 12


@pytest.mark.parametrize("value", ["1.234,56", "-0.01", "R$ 10", 10**12, None, "", True])
def test_a_sale_without_a_readable_price_names_its_path(value: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read(CARD, ((*PURCHASE, "price", "value"), value))

    assert error.value.path.split(" or ")[0] == "data.purchase.price.value"


@pytest.mark.parametrize("value", ["BRLL", "", None, "R$", 986])
def test_a_sale_without_a_readable_currency_names_its_path(value: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read(CARD, ((*PURCHASE, "price", "currency_value"), value))

    assert error.value.path.split(" or ")[0] == "data.purchase.price.currency_value"


def test_a_lower_case_currency_is_read() -> None:
    assert read(CARD, ((*PURCHASE, "price", "currency_value"), "brl")).currency == "BRL"


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("field", ["value", "currency_value"])
def test_whatever_happens_to_an_order_its_price_and_currency_are_stated(name: str, field: str) -> None:
    with pytest.raises(PayloadError) as error:
        read(name, ((*PURCHASE, "price", field), MISSING))

    assert error.value.path.split(" or ")[0] == f"data.purchase.price.{field}"
    assert error.value.found == "nothing"


@pytest.mark.parametrize("field", ["price", "currency"])
def test_version_1_states_them_too_and_no_other_field_stands_in(field: str) -> None:
    with pytest.raises(PayloadError) as error:
        read("version_1_refunded.form", ((field,), MISSING))

    assert error.value.path.split(" or ")[1] == field


def test_a_cart_and_a_cancelled_subscription_have_no_price() -> None:
    for name in ("purchase_out_of_shopping_cart.json", "subscription_cancellation.json"):
        event = read(name, (("data", "purchase"), {"price": {"value": 10, "currency_value": "BRL"}}))

        assert (event.amount, event.currency, event.gateway_fee) == (None, None, None)


def test_a_sale_happened_when_it_was_approved_and_a_refund_when_it_was_told() -> None:
    assert read(CARD).occurred_at == datetime(2026, 3, 2, 14, 12, 3, tzinfo=UTC)
    assert read("purchase_refunded.json").occurred_at == datetime(2026, 3, 8, 16, 45, 0, 333_000, tzinfo=UTC)
    assert read("purchase_chargeback.json").occurred_at == datetime(2026, 4, 20, 8, 8, 8, tzinfo=UTC)


@pytest.mark.parametrize("approved", [MISSING, None, "31/02/2026", -1, 253_402_300_799_000])
def test_a_sale_without_a_readable_time_takes_the_time_of_the_message(approved: Any) -> None:
    event = read(CARD, ((*PURCHASE, "approved_date"), approved))

    assert event.occurred_at == datetime(2026, 3, 2, 14, 12, 9, 512_000, tzinfo=UTC)


def test_a_sale_without_any_time_is_still_a_sale() -> None:
    event = read(CARD, ((*PURCHASE, "approved_date"), "soon"), (("creation_date",), "now"))

    assert (event.kind, event.occurred_at) == (Kind.APPROVED, None)


@pytest.mark.parametrize(
    ("code", "number", "whole"),
    [
        ("55", "996123344", "+5555996123344"),  # area code 55 is not the country's
        ("21", "999990002", "+5521999990002"),
        ("21", "21999990002", "+5521999990002"),  # repeated in the number
        ("55", "11999999999", "+5511999999999"),  # the country's code beside a whole number
        ("11", "5511999990001", "+5511999990001"),
        ("41", "33445566", "+554133445566"),  # a landline
        ("41", "4133445566", "+554133445566"),
        ("55", "1133445566", "+551133445566"),
        ("33", "33334444", "+553333334444"),  # one that begins like its area code
        (MISSING, "81987651234", "+5581987651234"),
        ("(21)", "99999-0002", "+5521999990002"),
        (21, 999990002, "+5521999990002"),
    ],
)
def test_a_brazilian_phone_is_whole_however_it_is_split(code: Any, number: Any, whole: str) -> None:
    buyer = read(CARD, ((*BUYER, "checkout_phone_code"), code), ((*BUYER, "checkout_phone"), number)).buyer

    assert hash_person(buyer)["ph"] == [hash_phone(whole)]


def test_a_foreign_phone_keeps_its_own_country_code() -> None:
    buyer = read("purchase_approved_abroad.json").buyer

    assert hash_person(buyer)["ph"] == [hash_phone("+351912345678")]


def test_a_phone_code_alone_is_no_phone() -> None:
    assert read(CARD, ((*BUYER, "checkout_phone"), None)).buyer.phone is None


def test_the_country_is_the_buyers_or_else_the_checkouts() -> None:
    without = read(
        CARD, ((*BUYER, "address"), []), ((*PURCHASE, "checkout_country"), {"iso": "PT", "name": "Portugal"})
    )
    neither = read(CARD, ((*BUYER, "address"), None), ((*PURCHASE, "checkout_country"), None))

    assert (without.buyer.country, without.buyer.phone_country) == ("PT", "PT")
    assert (neither.buyer.country, neither.buyer.phone_country) == (None, "BR")


def test_the_buyers_document_is_not_even_read() -> None:
    assert read(CARD).buyer.document is None


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("PIX", "pix"),
        ("BILLET", "boleto"),
        ("CREDIT_CARD", "card"),
        ("credit_card", "card"),
        ("GOOGLE_PAY", "other"),
        ("SOMETHING_NEW", "other"),
        (None, None),
        (MISSING, None),
    ],
)
def test_the_payment_method_is_one_of_four(method: Any, name: str | None) -> None:
    assert read(CARD, ((*PURCHASE, "payment", "type"), method)).payment_method == name


def test_tracking_is_whatever_the_origin_holds() -> None:
    origin = {"sck": "c1", "src": "", "utm_source": "fb", "email": "ana@example.com", "n": 7}

    assert read(CARD, ((*PURCHASE, "origin"), origin)).tracking == {"sck": "c1", "utm_source": "fb", "n": "7"}
    assert read(CARD, ((*PURCHASE, "origin"), [])).tracking == {}
    assert read(CARD, ((*PURCHASE, "origin"), MISSING)).tracking == {}


def test_the_token_in_a_body_never_ends_in_tracking() -> None:
    for name in ("purchase_approved_token_in_body.json", "version_1_approved.form"):
        assert "hottok-of-the-fixture" not in repr(read(name))


@pytest.mark.parametrize(
    ("product", "is_test"), [(0, True), ("0", True), (1439, False), (4410027, False), (None, False)]
)
def test_the_test_button_sells_product_zero(product: Any, is_test: bool) -> None:
    assert read(CARD, (("data", "product", "id"), product)).is_test is is_test


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("purchase_approved_test_button.json", ("data", "product")),
        ("purchase_approved_test_button.json", ("data", "product", "id")),
        ("purchase_out_of_shopping_cart_test_button.json", ("data", "product", "name")),
        ("purchase_out_of_shopping_cart_test_button.json", ("data", "buyer_ip")),
        ("subscription_cancellation_test_button.json", ("data", "product", "name")),
        ("version_1_test_button.form", ("prod",)),
        ("version_1_test_button.form", ("off",)),
    ],
)
def test_a_test_stays_a_test_without_one_of_its_signs(name: str, sign: Place) -> None:
    assert read(name, (sign, MISSING)).is_test


def test_a_test_is_known_by_its_transaction_alone() -> None:
    event = read(CARD, ((*PURCHASE, "transaction"), "HP16015479281022"))

    assert (event.kind, event.order_id, event.is_test) == (Kind.APPROVED, "HP16015479281022", True)


def test_a_cart_has_the_id_of_its_message_for_an_order() -> None:
    event = read("purchase_out_of_shopping_cart.json")

    assert event.order_id == event.delivery_id == "6f1d2c3b-0a41-4c5e-9d77-000000000017"
    assert event.buyer_ip == "203.0.113.40"


@pytest.mark.parametrize("place", [("data",), ("data", "product"), ("data", "product", "id")])
def test_a_cart_of_nothing_is_an_error(place: Place) -> None:
    with pytest.raises(PayloadError) as error:
        read("purchase_out_of_shopping_cart.json", (place, MISSING))

    assert error.value.path.split(" or ")[0] == "data.product.id"


@pytest.mark.parametrize("bump", [None, MISSING, [], {"is_order_bump": False}])
def test_an_order_that_is_no_bump_has_no_parent(bump: Any) -> None:
    assert read("purchase_approved_order_bump.json", ((*PURCHASE, "order_bump"), bump)).parent_order_id is None


def test_the_status_beside_the_event_decides_nothing() -> None:
    assert read(CARD, ((*PURCHASE, "status"), "REFUNDED")).kind is Kind.APPROVED
    assert read("purchase_refunded.json", ((*PURCHASE, "status"), "APPROVED")).kind is Kind.REFUNDED


def test_a_blocked_purchase_is_unknown_and_not_guessed() -> None:
    assert read("version_1_canceled.form", (("status",), "blocked")).kind is Kind.UNKNOWN


def test_version_1_is_read_from_json_as_well() -> None:
    sample = sample_named("hotmart", "version_1_approved.form")

    events = HOTMART.parse(request_of(json.dumps(sample.document).encode()))

    assert events == HOTMART.parse(sample.request)


def test_a_form_without_its_order_names_both_places() -> None:
    with pytest.raises(PayloadError) as error:
        read("version_1_approved.form", (("transaction",), MISSING))

    assert error.value.path == "data.purchase.transaction or transaction"

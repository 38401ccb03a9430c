"""What is peculiar to Eduzz's messages: one envelope, statuses that decide, slips of a boleto, buyers and clicks."""

import json
from typing import Any

import pytest

from apps.core.identity import hash_person, hash_phone
from apps.gateways.eduzz import tables
from apps.gateways.errors import PayloadError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.registry import ADAPTERS
from tests.gateways.samples import MISSING, Place, request_of, sample_named, with_value

EDUZZ = ADAPTERS["eduzz"]
OPENED = "invoice_opened.json"
PIX = "invoice_paid_pix.json"
CARD = "invoice_paid_card.json"
REFUND = "invoice_refunded.json"
FIRST_SLIP = "invoice_paid_first_slip.json"
LATER_SLIP = "invoice_paid_later_slip.json"
CANCELLED = "contract_updated_canceled.json"
CART = "cart_abandonment.json"
TEST = "invoice_paid_test_button.json"

SLIPS = ("data", "bankSlipInstallment")
HREF = ("data", "href")


def read(name: str, *changes: tuple[Place, Any]) -> GatewayEvent:
    sample = sample_named("eduzz", name)
    document = sample.document
    for place, value in changes:
        document = with_value(document, place, value)
    (event,) = EDUZZ.parse(sample.request_with(document))
    return event


# --- Which message is what ---


def test_the_messages_of_one_purchase_share_the_invoice() -> None:
    pix = {read(name).order_id for name in (OPENED, PIX, "invoice_waiting_refund.json", REFUND)}
    card = {read(name).order_id for name in (CARD, "invoice_chargeback.json")}
    boleto = {read(name).order_id for name in ("invoice_waiting_payment.json", FIRST_SLIP)}

    assert (pix, card, boleto) == ({"88000001"}, {"88000002"}, {"88000005"})


@pytest.mark.parametrize("word", sorted(tables.IGNORED))
def test_a_word_that_is_of_no_use_is_ignored_whatever_its_message_holds(word: str) -> None:
    name, _, status = word.partition(" ")
    data = {"contract": {"status": status}, "id": None, "price": "x"} if status else {}

    events = EDUZZ.parse(request_of(json.dumps({"id": "a", "event": name, "data": data}).encode()))

    assert events == [GatewayEvent(Kind.IGNORED, name, "a")]


@pytest.mark.parametrize(
    "word", ["myeduzz.invoice_refused", "myeduzz.invoice_overdue", "invoice_paid", "MYEDUZZ.INVOICE_PAID", "sale.paid"]
)
def test_a_word_that_no_source_explains_is_unknown(word: str) -> None:
    event = read(PIX, (("event",), word))

    assert event == GatewayEvent(Kind.UNKNOWN, word, "e0f1xtures000000000000002")


@pytest.mark.parametrize("status", ["partial_refund", "partialRefund", "Refunded", "paid", "waiting_refund"])
def test_a_refund_of_another_status_is_unknown_not_the_whole_price(status: str) -> None:
    assert read(REFUND, (("data", "status"), status)).kind is Kind.UNKNOWN


@pytest.mark.parametrize("name", [OPENED, PIX, "invoice_waiting_refund.json", "invoice_chargeback.json"])
def test_the_status_of_any_other_invoice_decides_nothing(name: str) -> None:
    assert read(name, (("data", "status"), "canceled")) == read(name)
    assert read(name, (("data", "status"), MISSING)) == read(name)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("canceled", Kind.SUBSCRIPTION_CANCELLED),
        ("late", Kind.SUBSCRIPTION_PAST_DUE),
        ("defaulter", Kind.SUBSCRIPTION_PAST_DUE),
        ("upToDate", Kind.IGNORED),
        ("finished", Kind.IGNORED),
        ("suspended", Kind.IGNORED),
        ("cancelled", Kind.UNKNOWN),
        ("uptodate", Kind.UNKNOWN),
    ],
)
def test_the_status_of_a_subscription_decides_not_the_reason_beside_it(status: str, kind: Kind) -> None:
    assert read(CANCELLED, (("data", "contract", "status"), status)).kind is kind


@pytest.mark.parametrize(("name", "place"), [(REFUND, ("data", "status")), (CANCELLED, ("data", "contract", "status"))])
@pytest.mark.parametrize("nothing", [MISSING, None, ""])
def test_a_message_that_lost_the_status_it_is_told_by_is_an_error(name: str, place: Place, nothing: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read(name, (place, nothing))

    assert error.value.path == ".".join(map(str, place))


# --- A boleto in instalments ---


def test_the_first_slip_is_the_sale_and_a_later_one_an_order_and_a_renewal_of_its_own() -> None:
    first, later = read(FIRST_SLIP), read(LATER_SLIP)

    assert (first.kind, first.order_id, first.recurrence) == (Kind.APPROVED, "88000005", 1)
    assert (later.kind, later.order_id, later.recurrence) == (Kind.RENEWED, "88000006", 2)
    assert first.amount == later.amount


@pytest.mark.parametrize("sign", [SLIPS, (*SLIPS, "installmentNumber")])
@pytest.mark.parametrize("nothing", [MISSING, None, "", {}])
def test_a_slip_without_its_number_is_an_error_not_a_first_sale(sign: Place, nothing: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read(LATER_SLIP, (sign, nothing))

    assert error.value.path == "data.bankSlipInstallment.installmentNumber"


@pytest.mark.parametrize("method", [MISSING, None, "boletoParcelado"])
def test_the_loss_of_the_method_does_not_make_a_later_slip_a_first_sale(method: Any) -> None:
    assert read(LATER_SLIP, (("data", "paymentMethod"), method)).kind is Kind.RENEWED


def test_a_slip_that_waits_for_its_payment_needs_no_number() -> None:
    assert read("invoice_waiting_payment.json").recurrence is None


# --- Buyers ---


def test_a_phone_in_three_parts_is_the_same_as_in_one() -> None:
    whole = read("invoice_paid_subscription.json").buyer
    parts = read(CANCELLED).buyer

    assert hash_person(whole) == hash_person(parts)
    assert hash_person(parts)["ph"] == [hash_phone("+5531991230074")]


@pytest.mark.parametrize("lost", ["number", "areaCode", "countryCode"])
def test_a_phone_that_lost_a_part_stops_nothing_and_no_codes_alone_make_a_phone(lost: str) -> None:
    event = read(CANCELLED, (("data", "customer", "phone", lost), MISSING))

    assert event.kind is Kind.SUBSCRIPTION_CANCELLED
    assert (event.buyer.phone is None) is (lost == "number")


@pytest.mark.parametrize(("first", "second"), [("cellphone", "phone"), ("phone", "phone2")])
def test_the_cell_phone_comes_before_the_others(first: str, second: str) -> None:
    numbers = {"cellphone": None, "phone": None, "phone2": None, first: "48991230071", second: "4832220071"}
    changes = [(("data", "buyer", name), value) for name, value in numbers.items()]

    assert read(PIX, *changes).buyer.phone == "48991230071"


@pytest.mark.parametrize(
    ("country", "code"),
    [("Brasil", "br"), ("BR", "br"), ("Portugal", "pt"), ("US", "us"), ("Atlântida", "BR"), (None, "BR")],
)
def test_a_country_may_be_a_name_but_a_phones_is_a_code(country: str | None, code: str) -> None:
    buyer = read(PIX, (("data", "buyer", "address", "country"), country)).buyer

    assert (buyer.country, buyer.phone_country) == (country, code)


def test_the_buyer_is_who_pays_not_who_studies() -> None:
    assert read(CARD).buyer.email == "rui.sa@example.com"


@pytest.mark.parametrize("name", [PIX, CARD, CART, CANCELLED, TEST])
def test_no_tax_number_is_read(name: str) -> None:
    event = read(name)

    assert event.buyer.document is None
    assert "00000000191" not in f"{event} {event.buyer.phone} {event.tracking}"


# --- Clicks ---


def test_the_click_id_comes_back_under_the_name_it_has_on_the_link() -> None:
    assert read(PIX).tracking[EDUZZ.click_id_field] == "htc0edzz1fy3abcdefghjkmnpqrs"
    assert read(CART).tracking[EDUZZ.click_id_field] == "htc0edzz4fy3abcdefghjkmnpqrs"


def test_a_cart_gives_away_nothing_else_that_stands_on_its_link() -> None:
    tracking = read(CART).tracking

    assert set(tracking) == {"trk", "utm_source", "utm_medium", "utm_content"}
    assert not [value for value in tracking.values() if "Davi" in value or "davi" in value or "00000000191" in value]


@pytest.mark.parametrize(
    "link",
    ["https://chk.example.com/4400101", "?", "", "trk=x", "http://[", "?trk=%00", "?trk=", "?=&&;", "?" + "x" * 3_000],
)
def test_a_link_that_carries_nothing_stops_no_cart(link: str) -> None:
    event = read(CART, (HREF, link))

    assert event.kind is Kind.ABANDONED_CHECKOUT
    assert event.tracking == {"utm_source": "ig", "utm_medium": "social", "utm_content": "bio link"}


def test_what_the_link_says_twice_is_taken_from_where_eduzz_says_it() -> None:
    event = read(CART, (HREF, "https://chk.example.com/4400101?utm_source=old&utm_term=violao"))

    assert event.tracking["utm_source"] == "ig"
    assert event.tracking["utm_term"] == "violao"


def test_an_e_mail_in_a_tracker_stays_out() -> None:
    event = read(
        PIX, (("data", "tracker", "code2"), "ana@example.com"), (("data", "utm", "content"), "bia@example.com")
    )

    assert set(event.tracking) == {"trk", "utm_source", "utm_campaign", "utm_medium", "utm_term"}


# --- Tests ---


@pytest.mark.parametrize(
    "place", [("id",), ("data", "buyer"), ("data", "buyer", "email"), ("data", "producer"), ("data", "producer", "id")]
)
def test_a_test_that_lost_one_of_its_signs_is_still_a_test(place: Place) -> None:
    assert read(TEST, (place, MISSING)).is_test


@pytest.mark.parametrize(("path", "signs"), tables.TEST_SIGNS)
def test_one_sign_alone_does_not_make_a_sale_a_test(path: str, signs: tuple[str, ...]) -> None:
    for sign in signs:
        assert not read(PIX, (tuple(path.split(".")), sign)).is_test


def test_the_older_documented_example_is_a_test_too() -> None:
    example = {"name": "Alice Johnson", "email": "alice.johnson@example.com"}

    event = read(OPENED, (("id",), "g90wu09uwge"), (("data", "id"), "12345678"), (("data", "buyer"), example))

    assert event.is_test

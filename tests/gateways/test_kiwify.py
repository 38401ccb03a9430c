"""What is peculiar to Kiwify's messages: renewals under the name of a sale, buyers, clicks and the test button."""

from dataclasses import astuple
from typing import Any

import pytest

from apps.core.identity import hash_person, hash_phone
from apps.gateways.errors import PayloadError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.registry import ADAPTERS
from tests.gateways.samples import MISSING, Place, Sample, places, sample_named, samples_of, with_value

KIWIFY = ADAPTERS["kiwify"]
PIX = "order_approved_pix.json"
CARD = "order_approved_card.json"
FIRST = "order_approved_subscription.json"
RENEWAL = "order_approved_renewal.json"
CART = "cart_abandoned.json"
TESTS = ("order_approved_test_button.json", "cart_abandoned_test_button.json")

COMPLETED = ("Subscription", "charges", "completed")
FLAT = [sample for sample in samples_of(KIWIFY) if not {"order", "cart"} & set(sample.document)]


def read(name: str, *changes: tuple[Place, Any]) -> GatewayEvent:
    return read_sample(sample_named("kiwify", name), *changes)


def read_sample(sample: Sample, *changes: tuple[Place, Any]) -> GatewayEvent:
    document = sample.document
    for place, value in changes:
        document = with_value(document, place, value)
    (event,) = KIWIFY.parse(sample.request_with(document))
    return event


def charged(*orders: str) -> tuple[Place, Any]:
    return COMPLETED, [{"order_id": order, "amount": 4291, "status": "paid"} for order in orders]


# --- Which message is what ---


def test_the_messages_of_one_purchase_share_the_order() -> None:
    pix = {read(name).order_id for name in ("pix_created.json", PIX, "order_refunded.json")}
    card = {read(name).order_id for name in (CARD, "chargeback.json")}

    assert pix == {"5a0c7d10-0001-4b7e-9c33-000000000001"}
    assert card == {"5a0c7d10-0003-4b7e-9c33-000000000003"}


def test_a_renewal_is_an_order_of_its_own_in_the_same_subscription() -> None:
    events = [read(name) for name in (FIRST, RENEWAL, "subscription_renewed.json")]

    assert len({event.order_id for event in events}) == 3
    assert {event.subscription_id for event in events} == {"77c0ffee-1000-4a5b-8c6d-000000000010"}


@pytest.mark.parametrize(
    ("orders", "kind", "recurrence"),
    [
        (["a"], Kind.APPROVED, 1),
        (["a", "a"], Kind.APPROVED, 1),  # one charge told twice is no second one
        (["a", "b"], Kind.RENEWED, 2),
        (["b", "a"], Kind.RENEWED, 2),
        (["a", "b", "c", "b"], Kind.RENEWED, 3),
    ],
)
def test_an_approved_order_is_a_renewal_from_the_second_charge_on(
    orders: list[str], kind: Kind, recurrence: int
) -> None:
    event = read(FIRST, charged(*orders))

    assert (event.kind, event.recurrence) == (kind, recurrence)


@pytest.mark.parametrize("place", [("Subscription",), ("Subscription", "charges"), COMPLETED])
@pytest.mark.parametrize("nothing", [MISSING, None, [], {}])
def test_an_approved_order_whose_charges_are_gone_is_an_error_not_a_first_sale(place: Place, nothing: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read(RENEWAL, (place, nothing))

    assert error.value.path == "Subscription.charges.completed.0.order_id"


def test_a_charge_without_its_order_is_an_error_not_a_guess() -> None:
    with pytest.raises(PayloadError) as error:
        read(RENEWAL, ((*COMPLETED, 1, "order_id"), MISSING))

    assert error.value.path == "Subscription.charges.completed.1.order_id"


def test_the_loss_of_the_subscriptions_id_does_not_make_a_renewal_a_first_sale() -> None:
    assert read(RENEWAL, (("subscription_id",), MISSING)).kind is Kind.RENEWED


def test_an_order_without_a_subscription_is_no_renewal() -> None:
    event = read(CARD, (("Subscription",), None), (("subscription_id",), None))

    assert (event.kind, event.subscription_id, event.recurrence) == (Kind.APPROVED, None, None)


def test_a_message_called_renewed_is_a_renewal_whatever_its_charges_say() -> None:
    event = read("subscription_renewed.json", charged("a"))
    without = read("subscription_renewed.json", (("Subscription",), MISSING))

    assert (event.kind, event.recurrence) == (Kind.RENEWED, 1)
    assert (without.kind, without.recurrence) == (Kind.RENEWED, None)


def test_a_pending_order_with_a_paid_charge_is_still_pending() -> None:
    subscription = sample_named("kiwify", RENEWAL).document["Subscription"]

    event = read("pix_created.json", (("Subscription",), subscription), (("subscription_id",), "s"))

    assert (event.kind, event.recurrence, event.subscription_id) == (Kind.PAYMENT_PENDING, None, "s")


def test_the_status_beside_the_event_decides_nothing() -> None:
    assert read(PIX, (("order_status",), "refunded")).kind is Kind.APPROVED
    assert read("order_refunded.json", (("order_status",), "paid")).kind is Kind.REFUNDED
    assert read("subscription_canceled.json").kind is Kind.SUBSCRIPTION_CANCELLED


@pytest.mark.parametrize("word", ["paid", "order_paid", "compra_aprovada", "Order_Approved", "order_expired"])
def test_a_word_that_only_sounds_like_one_is_unknown(word: str) -> None:
    assert read(PIX, (("webhook_event_type",), word)).kind is Kind.UNKNOWN


@pytest.mark.parametrize("word", ["recovered", "converted", "ABANDONED"])
def test_a_cart_that_is_not_abandoned_is_unknown(word: str) -> None:
    assert read(CART, (("status",), word)).kind is Kind.UNKNOWN


def test_a_cancelled_subscription_names_itself_and_no_order() -> None:
    event = read("subscription_canceled.json")

    assert (event.order_id, event.amount, event.subscription_id) == (None, None, "77c0ffee-1000-4a5b-8c6d-000000000010")
    with pytest.raises(PayloadError) as error:
        read("subscription_canceled.json", (("subscription_id",), None))
    assert error.value.path == "subscription_id or Subscription.id"


# --- The buyer and the click ---


@pytest.mark.parametrize(
    ("name", "place", "written", "whole"),
    [
        (CART, ("phone",), "(55) 99612-0188", "+5555996120188"),  # area code 55 is not the country's
        (CART, ("phone",), "(77) 7009-5638", "+557770095638"),
        (CART, ("phone",), "5511988887777", "+5511988887777"),
        (PIX, ("Customer", "mobile"), "+5555996120177", "+5555996120177"),
        (PIX, ("Customer", "mobile"), "55996120177", "+5555996120177"),
        (PIX, ("Customer", "mobile"), 5511988887777, "+5511988887777"),
        (PIX, ("Customer", "mobile"), "+351912345678", "+351912345678"),
    ],
)
def test_a_phone_is_whole_with_or_without_its_country(name: str, place: Place, written: Any, whole: str) -> None:
    assert hash_person(read(name, (place, written)).buyer)["ph"] == [hash_phone(whole)]


def test_a_cart_abroad_is_read_with_its_own_country() -> None:
    buyer = read(CART, (("country",), "pt"), (("phone",), "912 345 678")).buyer

    assert hash_person(buyer)["ph"] == [hash_phone("+351912345678")]


@pytest.mark.parametrize("sample", samples_of(KIWIFY), ids=str)
def test_the_buyers_tax_number_is_not_even_read(sample: Sample) -> None:
    event = read_sample(sample)

    assert event.buyer.document is None
    assert "00000000191" not in str(astuple(event))
    assert "00000000000191" not in str(astuple(event))


def test_tracking_is_whatever_came_back_whole_and_without_people() -> None:
    found = {"sck": "h" * 50, "src": None, "s1": "ana@example.com", "s2": 7, "s3": "", "fbclid": "IwAR0_new"}

    event = read(PIX, (("TrackingParameters",), found))

    assert event.tracking == {"sck": "h" * 50, "s2": "7", "fbclid": "IwAR0_new"}
    assert read(PIX, (("TrackingParameters",), [])).tracking == {}
    assert read(CART).tracking == {}


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("credit_card", "card"),
        ("CREDIT_CARD", "card"),
        ("pix", "pix"),
        ("boleto", "boleto"),
        ("paypal", "other"),
        ("", None),
    ],
)
def test_the_payment_method_is_one_of_four(method: str, name: str | None) -> None:
    assert read(PIX, (("payment_method",), method)).payment_method == name


# --- The test button ---


@pytest.mark.parametrize("name", TESTS)
def test_no_single_loss_makes_a_test_a_sale(name: str) -> None:
    document = sample_named("kiwify", name).document

    for place in places(document):
        for nothing in (MISSING, None, [], "", "x", {}):
            try:
                event = read(name, (place, nothing))
            except PayloadError:
                continue
            assert event.is_test or event.kind is Kind.UNKNOWN, place


@pytest.mark.parametrize("name", [PIX, CART])
def test_a_buyer_called_john_doe_is_no_test(name: str) -> None:
    place = ("Customer", "full_name") if name == PIX else ("name",)

    assert read(name, (place, "John Doe")).is_test is False

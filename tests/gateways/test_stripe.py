"""What is peculiar to Stripe."""

from typing import Any

import pytest

from apps.gateways.currencies import CURRENCIES
from apps.gateways.errors import PayloadError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.registry import ADAPTERS
from apps.gateways.stripe.tables import AMOUNT, DECIMALS, DETAILS, EVENT_TYPES, SUBSCRIPTION, USEFUL
from tests.gateways.samples import MISSING, sample_named, with_value

STRIPE = ADAPTERS["stripe"]
PAID = "checkout_session_completed_paid.json"
UNPAID = "checkout_session_completed_unpaid_boleto.json"
CYCLE = "invoice_paid_subscription_cycle.json"


def read(name: str, **changes: Any) -> GatewayEvent:
    """The event of a fixture, with fields of its object changed; `event_<name>` changes the envelope."""
    sample = sample_named("stripe", name)
    document = sample.document
    for key, value in changes.items():
        envelope = key.startswith("event_")
        place = (key.removeprefix("event_"),) if envelope else ("data", "object", key)
        document = with_value(document, place, value)
    (event,) = STRIPE.parse(sample.request_with(document))
    return event


def test_a_payment_told_four_times_is_one_sale() -> None:
    told = [
        "checkout.session.completed",
        "payment_intent.succeeded",
        "charge.succeeded",
        "invoice.payment_succeeded",
    ]

    kinds = [read(PAID, event_type=word).kind for word in told]

    assert kinds == [Kind.APPROVED, Kind.IGNORED, Kind.IGNORED, Kind.IGNORED]


@pytest.mark.parametrize(
    ("status", "mode", "kind"),
    [
        ("paid", "payment", Kind.APPROVED),
        ("paid", "subscription", Kind.APPROVED),
        ("unpaid", "payment", Kind.PAYMENT_PENDING),
        ("unpaid", "subscription", Kind.PAYMENT_PENDING),
        ("no_payment_required", "subscription", Kind.TRIAL_STARTED),
        ("no_payment_required", "payment", Kind.APPROVED),
        ("no_payment_required", "setup", Kind.IGNORED),
        ("no_payment_required", "a_new_mode", Kind.UNKNOWN),
        ("a_new_status", "payment", Kind.UNKNOWN),
        ("paid", "a_new_mode", Kind.UNKNOWN),
        ("unpaid", "setup", Kind.UNKNOWN),
    ],
)
def test_a_completed_session_means_what_its_payment_says(status: str, mode: str, kind: Kind) -> None:
    assert read(PAID, payment_status=status, mode=mode, invoice="in_1", subscription="sub_1").kind is kind


@pytest.mark.parametrize("field", ["payment_status", "mode"])
def test_a_completed_session_that_does_not_say_is_an_error_not_a_sale(field: str) -> None:
    with pytest.raises(PayloadError) as error:
        read(PAID, **{field: None})

    assert error.value.path == f"data.object.{field}"


def test_a_boleto_is_pending_until_it_is_paid_and_stays_one_order() -> None:
    pending, paid = read(UNPAID), read("checkout_session_async_payment_succeeded.json")

    assert (pending.kind, paid.kind) == (Kind.PAYMENT_PENDING, Kind.APPROVED)
    assert pending.order_id == paid.order_id == "pi_3HubIntent0000000000000002"
    assert pending.delivery_id != paid.delivery_id


def test_sale_refund_and_dispute_of_one_payment_share_the_order() -> None:
    names = [PAID, "charge_refunded_partial.json", "charge_refunded_full.json", "charge_dispute_created.json"]

    assert {read(name).order_id for name in names} == {"pi_3HubIntent0000000000000001"}


@pytest.mark.parametrize(
    ("currency", "units", "amount"),
    [
        ("brl", 19_760, "197.60"),
        ("BRL", 1, "0.01"),
        ("jpy", 4_980, "4980"),
        ("clp", 15_000, "15000"),
        ("kwd", 12_350, "12.350"),
        ("bhd", 10, "0.010"),
        ("ugx", 500, "5.00"),
        ("isk", 500, "5.00"),
        ("mga", 500, "500"),
        ("huf", 1_045, "10.45"),
        ("twd", 80_000, "800.00"),
        ("usd", 0, "0.00"),
        ("brl", "19760", "197.60"),
    ],
)
def test_amounts_are_exact_in_the_units_of_their_currency(currency: str, units: Any, amount: str) -> None:
    event = read(PAID, currency=currency, amount_total=units)

    assert (str(event.amount), event.currency) == (amount, currency.upper())


def test_every_currency_with_other_units_is_a_currency() -> None:
    assert set(DECIMALS) <= CURRENCIES
    assert set(DECIMALS.values()) == {0, 3}


@pytest.mark.parametrize("units", [197.6, "197.60", -1, None, True, 10**12])
def test_a_sale_without_a_whole_amount_is_an_error(units: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read(PAID, amount_total=units)

    assert error.value.path.startswith("data.object.amount_total")


@pytest.mark.parametrize("currency", ["", None, "br", "xxx", "brll", 986])
def test_a_sale_without_a_known_currency_is_an_error(currency: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read(PAID, currency=currency)

    assert error.value.path == "data.object.currency"


def test_refunds_are_cumulative_and_full_when_the_charge_says_so() -> None:
    partial, full = read("charge_refunded_partial.json"), read("charge_refunded_full.json")

    assert (partial.kind, str(partial.refunded_amount), str(partial.amount)) == (
        Kind.PARTIALLY_REFUNDED,
        "50.00",
        "197.60",
    )
    assert (full.kind, str(full.refunded_amount), str(full.amount)) == (Kind.REFUNDED, "197.60", "197.60")


@pytest.mark.parametrize("refunded", [None, MISSING, "yes", 2, [], {}])
def test_a_refund_that_does_not_say_whether_it_is_full_is_an_error(refunded: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read("charge_refunded_full.json", refunded=refunded)

    assert error.value.path == "data.object.refunded"


@pytest.mark.parametrize(
    ("word", "status", "kind"),
    [
        ("created", "needs_response", Kind.CHARGED_BACK),
        ("created", "under_review", Kind.CHARGED_BACK),
        ("created", "lost", Kind.CHARGED_BACK),
        ("created", "warning_needs_response", Kind.DISPUTED),
        ("created", "warning_under_review", Kind.DISPUTED),
        ("created", "won", Kind.UNKNOWN),
        ("created", "a_new_status", Kind.UNKNOWN),
        ("closed", "won", Kind.DISPUTE_WON),
        ("closed", "lost", Kind.CHARGED_BACK),
        ("closed", "warning_closed", Kind.DISPUTE_WON),
        ("closed", "charge_refunded", Kind.IGNORED),
        ("closed", "prevented", Kind.UNKNOWN),
    ],
)
def test_a_dispute_means_what_its_status_says(word: str, status: str, kind: Kind) -> None:
    assert read("charge_dispute_created.json", event_type=f"charge.dispute.{word}", status=status).kind is kind


@pytest.mark.parametrize("word", ["refund.failed", "refund.updated", "charge.refund.updated", "refund.created"])
def test_a_refund_object_changes_nothing_the_charge_does(word: str) -> None:
    event = read("refund_failed.json", event_type=word)

    assert (event.kind, event.order_id, event.refunded_amount) == (Kind.IGNORED, None, None)


@pytest.mark.parametrize(
    ("reason", "paid", "kind"),
    [
        ("subscription_cycle", 4_990, Kind.RENEWED),
        ("subscription_cycle", 0, Kind.IGNORED),
        ("subscription_create", 4_990, Kind.IGNORED),
        ("subscription_update", 4_990, Kind.IGNORED),
        ("subscription_threshold", 4_990, Kind.IGNORED),
        ("subscription", 4_990, Kind.IGNORED),
        ("manual", 4_990, Kind.IGNORED),
        ("quote_accept", 4_990, Kind.IGNORED),
        ("automatic_pending_invoice_item_invoice", 4_990, Kind.IGNORED),
        ("upcoming", 4_990, Kind.IGNORED),
        ("a_new_reason", 1, Kind.UNKNOWN),
    ],
)
def test_an_invoice_is_a_renewal_when_a_cycle_was_paid(reason: str, paid: int, kind: Kind) -> None:
    assert read(CYCLE, billing_reason=reason, amount_paid=paid).kind is kind


def test_a_renewal_is_read_from_both_shapes_of_an_invoice() -> None:
    new, old = read(CYCLE), read("invoice_paid_subscription_cycle_before_2025.json")

    assert (new.order_id, new.subscription_id) == ("in_1HubInvoice000000000013", "sub_1HubSub00000000000006")
    assert (old.order_id, old.subscription_id) == ("in_1HubInvoice000000000014", "sub_1HubSub00000000000014")
    assert (new.tracking, old.tracking) == ({"utm_source": "facebook"}, {"utm_source": "google"})


@pytest.mark.parametrize(("livemode", "is_test"), [(True, False), (False, True), ("true", False), ("false", True)])
def test_a_test_is_what_says_so(livemode: Any, is_test: bool) -> None:
    assert read(PAID, event_livemode=livemode).is_test is is_test


@pytest.mark.parametrize("livemode", [None, MISSING, "", "test", [], 2])
def test_what_does_not_say_whether_it_is_a_test_is_an_error(livemode: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read(PAID, event_livemode=livemode)

    assert error.value.path == "livemode"


def test_tracking_is_the_reference_and_the_metadata_without_people() -> None:
    event = read(
        PAID,
        metadata={
            "utm_source": "fb",
            "CPF": "00000000191",
            "note": "ana@example.com",
            "client_reference_id": "x",
        },
    )

    assert event.tracking == {"utm_source": "fb", "client_reference_id": "c5LmNoPqRsTuVwXyZaBcDeFgHi"}
    assert read(PAID, metadata=[], client_reference_id=None).tracking == {}


def test_the_product_is_what_the_metadata_names_if_it_fits() -> None:
    named, unfit = (
        {"product_id": "p-1", "product_name": "Pães"},
        {"product_id": "x" * 201, "product_name": "x" * 1_001},
    )

    first, second = read(PAID, metadata=named), read(PAID, metadata=unfit)

    assert (first.product_id, first.product_name) == ("p-1", "Pães")
    assert (second.kind, second.product_id, second.product_name) == (Kind.APPROVED, None, None)


@pytest.mark.parametrize("details", [None, [], MISSING])
def test_a_session_without_a_buyer_falls_back_to_the_prefilled_address(details: Any) -> None:
    event = read("checkout_session_expired.json", customer_details=details, customer_email="lia.barros@example.com")

    assert (event.buyer.email, event.buyer.phone) == ("lia.barros@example.com", None)


def test_what_the_buyer_typed_comes_before_what_was_prefilled() -> None:
    assert read(PAID, customer_email="old@example.com").buyer.email == "lia.barros@example.com"


@pytest.mark.parametrize(
    ("offered", "method"),
    [
        (["pix"], "pix"),
        (["boleto"], "boleto"),
        (["card"], "card"),
        (["link"], "other"),
        (["card", "pix"], None),
        ([], None),
    ],
)
def test_the_method_is_known_when_one_was_offered(offered: list[str], method: str | None) -> None:
    assert read(PAID, payment_method_types=offered).payment_method == method


def test_a_thin_event_is_unknown_and_not_an_error() -> None:
    event = read(PAID, event_object="v2.core.event", event_type="v1.billing.meter.no_meter_found", event_data=MISSING)

    assert (event.kind, event.order_id) == (Kind.UNKNOWN, None)


def test_every_row_names_a_value_for_each_detail_that_decides() -> None:
    for row in EVENT_TYPES:
        word, *details = row.split(" ")
        assert len(details) == len(DETAILS.get(word, ()))


def test_every_useful_row_leads_to_an_object_that_is_known() -> None:
    objects = {row.split(" ")[0].rpartition(".")[0] for row in USEFUL}

    assert objects == set(AMOUNT) | {"customer.subscription"}
    assert set(SUBSCRIPTION) <= objects

"""Which order a Stripe message belongs to, in every version of the API."""

from decimal import Decimal
from typing import Any

import pytest

from apps.gateways.errors import PayloadError
from apps.gateways.events import Item, Kind
from tests.gateways.samples import MISSING
from tests.gateways.test_stripe import CYCLE, PAID, UNPAID, read

FREE = "checkout_session_completed_free.json"
FIRST_CHARGE = "checkout_session_completed_subscription.json"
TRIAL = "checkout_session_completed_trial.json"
EXPIRED = "checkout_session_expired.json"
REFUND = "charge_refunded_full.json"
DISPUTE = "charge_dispute_created.json"
OLD_REFUND = "charge_refunded_subscription_before_2025.json"
OLD_CYCLE = "invoice_paid_subscription_cycle_before_2025.json"


# --- Which id ---


def test_a_session_is_known_by_its_payment_whatever_else_it_names() -> None:
    assert read(PAID, invoice="in_1", subscription="sub_1").order_id == "pi_3HubIntent0000000000000001"
    assert read(FIRST_CHARGE, payment_intent="pi_1").order_id == "in_1HubInvoice000000000006"


@pytest.mark.parametrize("word", ["completed", "async_payment_succeeded", "async_payment_failed"])
@pytest.mark.parametrize(("name", "path"), [(PAID, "payment_intent"), (FIRST_CHARGE, "invoice")])
@pytest.mark.parametrize("lost", [None, MISSING, "", [], {}])
def test_a_payment_never_takes_another_objects_id(word: str, name: str, path: str, lost: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read(name, event_type=f"checkout.session.{word}", **{path: lost})

    assert error.value.path == f"data.object.{path}"


@pytest.mark.parametrize("path", ["payment_intent", "invoice"])
def test_a_pending_payment_must_be_joined_to_the_sale_as_well(path: str) -> None:
    name = UNPAID if path == "payment_intent" else "checkout_session_completed_unpaid_subscription.json"

    with pytest.raises(PayloadError) as error:
        read(name, **{path: None})

    assert error.value.path == f"data.object.{path}"


def test_nothing_was_paid_for_a_free_purchase_so_the_session_is_the_order() -> None:
    assert read(FREE).order_id == "cs_live_a1HubSession0000000000000008"
    assert read(FREE, invoice="in_1", payment_status="paid").order_id == "cs_live_a1HubSession0000000000000008"


@pytest.mark.parametrize("invoice", [None, MISSING, "in_1HubInvoice000000000007"])
def test_a_trial_is_known_by_its_subscription_with_or_without_an_invoice(invoice: Any) -> None:
    event = read(TRIAL, invoice=invoice)

    assert (event.kind, event.order_id) == (Kind.TRIAL_STARTED, "sub_1HubSub00000000000007")


@pytest.mark.parametrize("intent", [None, MISSING, "pi_1"])
def test_an_abandoned_checkout_is_its_session_even_where_an_intent_was_made_beforehand(intent: Any) -> None:
    event = read(EXPIRED, payment_intent=intent)

    assert (event.kind, event.order_id) == (Kind.ABANDONED_CHECKOUT, "cs_live_a1HubSession0000000000000005")


@pytest.mark.parametrize(
    ("word", "mode", "kind"),
    [
        ("expired", "payment", Kind.ABANDONED_CHECKOUT),
        ("expired", "subscription", Kind.ABANDONED_CHECKOUT),
        ("expired", "setup", Kind.IGNORED),
        ("expired", "a_new_mode", Kind.UNKNOWN),
        ("async_payment_failed", "payment", Kind.EXPIRED),
        ("async_payment_failed", "a_new_mode", Kind.UNKNOWN),
        ("async_payment_succeeded", "payment", Kind.APPROVED),
        ("async_payment_succeeded", "setup", Kind.UNKNOWN),
    ],
)
def test_the_mode_decides_beside_the_word(word: str, mode: str, kind: Kind) -> None:
    assert read(PAID, event_type=f"checkout.session.{word}", mode=mode).kind is kind


@pytest.mark.parametrize("word", ["expired", "async_payment_failed", "async_payment_succeeded"])
def test_a_session_without_a_mode_is_an_error(word: str) -> None:
    with pytest.raises(PayloadError) as error:
        read(PAID, event_type=f"checkout.session.{word}", mode=None)

    assert error.value.path == "data.object.mode"


@pytest.mark.parametrize("name", [CYCLE, OLD_CYCLE])
def test_a_renewal_is_its_invoice_in_every_version(name: str) -> None:
    order_id = read(name).order_id

    assert order_id is not None
    assert order_id.startswith("in_")
    assert read(name, payment_intent="pi_1", charge="ch_1").order_id == order_id


# --- Refunds ---


def test_a_refund_joins_a_subscriptions_sale_as_long_as_charges_name_their_invoice() -> None:
    assert read(OLD_REFUND).order_id == read(OLD_CYCLE).order_id == "in_1HubInvoice000000000014"
    first = read(OLD_REFUND, invoice="in_1HubInvoice000000000006", description="Subscription creation")
    assert first.order_id == read(FIRST_CHARGE).order_id


@pytest.mark.parametrize("lost", ["description", "payment_intent", "customer"])
def test_such_a_refund_needs_nothing_but_the_invoice(lost: str) -> None:
    assert read(OLD_REFUND, **{lost: None}).order_id == "in_1HubInvoice000000000014"


@pytest.mark.parametrize("description", ["Subscription creation", "Subscription update"])
def test_a_subscriptions_charge_of_before_2025_without_an_invoice_is_an_error(description: str) -> None:
    with pytest.raises(PayloadError) as error:
        read(OLD_REFUND, invoice=None, description=description)

    assert error.value.path == "data.object.invoice"


def test_since_2025_a_subscriptions_refund_is_known_by_its_payment_only() -> None:
    event = read("charge_refunded_subscription.json")

    assert (event.kind, event.order_id) == (Kind.REFUNDED, "pi_3HubIntent0000000000000013")
    assert event.installments == 3


@pytest.mark.parametrize(
    ("version", "order_id"),
    [
        ("2025-03-31.basil", "pi_3HubIntent0000000000000013"),
        ("2026-10-28.endive", "pi_3HubIntent0000000000000013"),
        ("2025-02-24.acacia", None),
        ("2015-10-16", None),
    ],
)
def test_the_version_tells_whether_an_invoice_must_be_there(version: str, order_id: str | None) -> None:
    if order_id:
        assert read("charge_refunded_subscription.json", event_api_version=version).order_id == order_id
        return
    with pytest.raises(PayloadError) as error:
        read("charge_refunded_subscription.json", event_api_version=version)
    assert error.value.path == "data.object.invoice"


@pytest.mark.parametrize("version", [None, MISSING, "basil", "20250331", "2025", 2025, [], True])
def test_a_version_that_cannot_be_read_is_an_error(version: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read("charge_refunded_subscription.json", event_api_version=version)

    assert error.value.path == "api_version"


@pytest.mark.parametrize(("name", "charge"), [(REFUND, "id"), (DISPUTE, "charge")])
def test_only_versions_that_knew_no_intents_may_do_without_one(name: str, charge: str) -> None:
    with pytest.raises(PayloadError) as error:
        read(name, payment_intent=None)

    assert error.value.path == "data.object.payment_intent"
    assert read(name, payment_intent=None, event_api_version="2018-11-08", **{charge: "ch_9"}).order_id == "ch_9"


def test_an_intent_counts_in_old_versions_too() -> None:
    assert read(DISPUTE, event_api_version="2016-07-06").order_id == "pi_3HubIntent0000000000000001"


@pytest.mark.parametrize("field", ["amount", "amount_refunded", "currency", "refunded"])
def test_a_refund_states_what_it_is_of(field: str) -> None:
    with pytest.raises(PayloadError) as error:
        read("charge_refunded_partial.json", **{field: MISSING})

    assert error.value.path == f"data.object.{field}"


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (UNPAID, "amount_total"),
        (UNPAID, "currency"),
        (EXPIRED, "amount_total"),
        (EXPIRED, "currency"),
        (TRIAL, "amount_total"),
        (CYCLE, "amount_paid"),
        (CYCLE, "currency"),
        (DISPUTE, "amount"),
        (DISPUTE, "currency"),
    ],
)
def test_every_message_of_an_order_states_its_sum(name: str, field: str) -> None:
    with pytest.raises(PayloadError) as error:
        read(name, **{field: None})

    assert error.value.path == f"data.object.{field}"


def test_no_other_sum_stands_in_for_the_one_that_is_missing() -> None:
    with pytest.raises(PayloadError) as error:
        read(PAID, amount_total=None, amount_paid=1, amount=1)

    assert error.value.path == "data.object.amount_total"


def test_zero_decimal_refunds_count_in_whole_yen() -> None:
    event = read("charge_refunded_before_intents.json")

    assert (event.kind, str(event.amount), str(event.refunded_amount)) == (Kind.PARTIALLY_REFUNDED, "4980", "980")


# --- What was sold ---


def test_the_lines_of_a_session_are_its_items_at_what_each_costs_in_all() -> None:
    event = read("checkout_session_completed_with_lines.json")

    assert event.items == (
        Item("prod_HubPaes", "Curso de Pães", 1, Decimal("147.61")),
        Item("prod_HubCaderno", "Caderno de receitas", 3, Decimal("49.99")),
    )
    assert sum(item.price or 0 for item in event.items) == event.amount


def test_the_lines_of_an_invoice_name_products_in_both_places_and_no_price() -> None:
    assert read(CYCLE).items == (Item("prod_HubClube0006"),)
    assert read(OLD_CYCLE).items == (Item("prod_HubClube0014", quantity=2),)


def test_a_session_tells_no_lines_by_itself() -> None:
    assert read(PAID).items == ()
    assert (read(PAID).gateway_fee, read(PAID).net_amount) == (None, None)


def test_a_cancelled_subscription_has_no_order_no_sum_and_an_id() -> None:
    event = read("customer_subscription_deleted_legacy.json")

    assert (event.order_id, event.amount, event.currency) == (None, None, None)
    assert event.subscription_id == "sub_HubSub33"
    with pytest.raises(PayloadError) as error:
        read("customer_subscription_deleted.json", id=None)
    assert error.value.path == "data.object.id"

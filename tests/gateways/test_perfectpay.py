"""What is peculiar to PerfectPay."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from apps.conversions.facts import read_fact
from apps.conversions.transitions import OrderState, Status, fold, shapes_order
from apps.core.identity import hash_person, hash_phone
from apps.gateways.contract import contract_of
from apps.gateways.errors import PayloadError, SignatureError
from apps.gateways.events import SALES, GatewayEvent, Kind
from apps.gateways.registry import ADAPTERS
from tests.gateways.samples import MISSING, Place, request_of, sample_named, with_value

PERFECTPAY = ADAPTERS["perfectpay"]
CARD = "approved_card.json"
PIX = "approved_pix.json"
STARTED = "approved_subscription_started.json"
RENEWED = "approved_subscription_renewed.json"
CUSTOMER = ("customer",)
SUBSCRIPTION = ("subscription",)
NUMBER, KEY = ("sale_status_enum",), ("sale_status_enum_key",)
ARRIVAL = datetime(2026, 6, 1, 12, tzinfo=UTC)


def read(name: str, *changes: tuple[Place, Any]) -> GatewayEvent:
    sample = sample_named("perfectpay", name)
    document = sample.document
    for place, value in changes:
        document = with_value(document, place, value)
    (event,) = PERFECTPAY.parse(sample.request_with(document))
    return event


def error_of(name: str, *changes: tuple[Place, Any]) -> str:
    with pytest.raises(PayloadError) as error:
        read(name, *changes)
    return error.value.path


def state_after(events: list[GatewayEvent]) -> OrderState:
    """Arriving one hour apart, long after all of it happened."""
    facts = [read_fact(event, ARRIVAL + timedelta(hours=hour)) for hour, event in enumerate(events)]
    return fold(fact for fact in facts if shapes_order(fact.kind))


# --- What the number means ---


@pytest.mark.parametrize(
    ("number", "key", "kind"),
    [
        (1, "pending", Kind.PAYMENT_PENDING),
        (2, "approved", Kind.APPROVED),
        (3, "in_process", Kind.IGNORED),
        (4, "in_mediation", Kind.IGNORED),
        (5, "rejected", Kind.REFUSED),
        (6, "cancelled", Kind.CANCELLED),
        (7, "refunded", Kind.REFUNDED),
        (8, "authorized", Kind.IGNORED),
        (9, "charged_back", Kind.CHARGED_BACK),
        (10, "completed", Kind.COMPLETED),
        (11, "checkout_error", Kind.REFUSED),
        (12, "precheckout", Kind.ABANDONED_CHECKOUT),
        (13, "expired", Kind.EXPIRED),
        (15, "cancelled_regenerated", Kind.CANCELLED),
        (16, "in_review", Kind.IGNORED),
        (17, "pre_chargeback", Kind.DISPUTED),
        (18, "pre_refunded", Kind.DISPUTED),
        (19, "med", Kind.CHARGED_BACK),
        (20, "pre_med", Kind.DISPUTED),
    ],
)
def test_the_number_decides_as_text_or_number_with_or_without_its_key(number: int, key: str, kind: Kind) -> None:
    for value in (number, str(number)):
        assert read(CARD, (NUMBER, value), (KEY, key)).kind is kind
        assert read(CARD, (NUMBER, value), (KEY, MISSING)).kind is kind
        assert read(CARD, (NUMBER, value), (KEY, None)).kind is kind


@pytest.mark.parametrize("number", [0, 14, 21, 22, "02", "2 ", "2 subscription_renewed", "approved", 10**17])
def test_a_number_that_is_not_documented_is_unknown(number: Any) -> None:
    event = read(CARD, (NUMBER, number), (KEY, MISSING))

    assert event == GatewayEvent(Kind.UNKNOWN, str(number))


@pytest.mark.parametrize("number", [True, 2.5, 2.0, -2, [2], {"value": 2}])
def test_a_status_of_another_type_names_its_path(number: Any) -> None:
    assert error_of(CARD, (NUMBER, number)) == "sale_status_enum"


@pytest.mark.parametrize(
    ("number", "key"), [(2, "completed"), (2, "refunded"), (10, "approved"), (7, "approved"), (2, "Approved"), (2, 2)]
)
def test_a_number_and_a_key_that_contradict_each_other_are_unknown(number: int, key: Any) -> None:
    assert read(CARD, (NUMBER, number), (KEY, key)) == GatewayEvent(Kind.UNKNOWN, str(number))


def test_a_key_of_another_type_names_its_path() -> None:
    assert error_of(CARD, (KEY, ["approved"])) == "sale_status_enum_key"


def test_the_free_text_beside_the_status_decides_nothing() -> None:
    assert read(CARD, (("sale_status_detail",), "refunded")) == read(CARD)


def test_only_one_number_is_a_sale() -> None:
    sales = {number for number, kind in PERFECTPAY.event_types.items() if kind in SALES}

    assert {row.split(" ")[0] for row in sales} == {"2"}


# --- Renewals ---


@pytest.mark.parametrize(
    ("word", "charges", "kind"),
    [
        ("subscription_started", 1, Kind.APPROVED),
        ("subscription_started", 2, Kind.RENEWED),
        ("subscription_renewed", 2, Kind.RENEWED),
        ("subscription_renewed", 1, Kind.RENEWED),
        ("subscription_renewed", MISSING, Kind.RENEWED),
        (MISSING, "12", Kind.RENEWED),
        (MISSING, 1, Kind.APPROVED),
        (None, 0, Kind.APPROVED),
        ("", None, Kind.APPROVED),
        ("subscription_canceled", 3, Kind.UNKNOWN),
        ("subscription_trial", 1, Kind.UNKNOWN),
        ("a_word_from_the_future", 1, Kind.UNKNOWN),
    ],
)
def test_a_charge_after_the_first_is_a_renewal(word: Any, charges: Any, kind: Kind) -> None:
    event = read(STARTED, ((*SUBSCRIPTION, "status_event"), word), ((*SUBSCRIPTION, "charges_made"), charges))

    assert event.kind is kind


@pytest.mark.parametrize("charges", ["many", True, -1, 1.5, [2]])
def test_an_unreadable_number_of_charges_is_an_error_not_a_guess(charges: Any) -> None:
    assert error_of(STARTED, ((*SUBSCRIPTION, "charges_made"), charges)) == "subscription.charges_made"


def test_a_renewal_is_an_order_of_its_own_within_its_subscription() -> None:
    first, second = read(STARTED), read(RENEWED)

    assert first.order_id != second.order_id
    assert first.subscription_id == second.subscription_id == "PPSUBJ0001"
    assert (first.recurrence, second.recurrence) == (1, 2)


@pytest.mark.parametrize("nothing", [None, MISSING, [], {}])
def test_a_sale_without_a_subscription_is_no_renewal(nothing: Any) -> None:
    event = read(RENEWED, (SUBSCRIPTION, nothing))

    assert (event.kind, event.subscription_id, event.recurrence) == (Kind.APPROVED, None, None)


# --- One order, many messages ---


@pytest.mark.parametrize(
    ("names", "status"),
    [
        (("pending_pix", "approved_pix"), Status.APPROVED),
        (("pending_pix", "approved_pix", "pre_med", "med"), Status.CHARGED_BACK),
        (("authorized", "approved_card", "completed"), Status.APPROVED),
        (("approved_card", "completed", "pre_refunded", "refunded"), Status.REFUNDED),
        (("authorized", "approved_card", "pre_chargeback"), Status.DISPUTED),
        (("approved_card", "completed", "pre_chargeback", "charged_back"), Status.CHARGED_BACK),
    ],
)
def test_a_sale_ends_the_same_however_its_messages_arrive(names: tuple[str, ...], status: Status) -> None:
    events = [read(f"{name}.json") for name in names]
    (sale,) = [event for event in events if event.kind in SALES]

    for arrived in permutations(events):
        state = state_after(list(arrived))
        assert (state.status, state.approved_at, state.amount) == (status, sale.occurred_at, sale.amount)
        assert (state.currency, state.is_renewal, state.is_test) == ("BRL", False, False)
        assert set(state.milestones) & SALES == {Kind.APPROVED}
    assert {event.order_id for event in events} - {None} == {sale.order_id}


@pytest.mark.parametrize(
    ("names", "status"),
    [
        (("pending_boleto", "expired"), Status.EXPIRED),
        (("pending_boleto", "cancelled_regenerated", "expired"), Status.CANCELLED),
    ],
)
def test_an_unpaid_boleto_never_becomes_a_sale(names: tuple[str, ...], status: Status) -> None:
    events = [read(f"{name}.json") for name in names]

    for arrived in permutations(events):
        state = state_after(list(arrived))
        assert (state.status, state.approved_at, state.amount) == (status, None, Decimal("197.37"))
    assert {event.order_id for event in events} == {"PPCPMTB5J1003"}


def test_a_sale_that_is_told_again_as_approved_stays_one_sale() -> None:
    again = read(CARD, (("sale_status_detail",), "completed"))

    state = state_after([read(CARD), again, read("completed.json"), again])

    assert (state.status, state.amount) == (Status.APPROVED, Decimal("197.37"))
    assert state.approved_at == datetime(2026, 3, 2, 14, 12, 3, tzinfo=UTC)
    assert set(state.milestones) == {Kind.APPROVED}


def test_the_end_of_the_guarantee_alone_is_no_sale() -> None:
    assert not shapes_order(read("completed.json").kind)


# --- Money ---


@pytest.mark.parametrize(
    ("written", "amount"),
    [(5, "5"), (19.99, "19.99"), ("47.90", "47.90"), ("0", "0"), (0.07, "0.07"), (1234567.89, "1234567.89")],
)
def test_the_amount_is_decimal_units_to_the_cent(written: Any, amount: str) -> None:
    assert str(read(CARD, (("sale_amount",), written)).amount) == amount


@pytest.mark.parametrize("written", [None, MISSING, "", "1.234,56", "R$ 10", "-5", True, [], 10**12])
@pytest.mark.parametrize("name", [CARD, "pending_pix.json", "refunded.json", "precheckout.json", "expired.json"])
def test_no_message_goes_without_a_readable_amount(name: str, written: Any) -> None:
    assert error_of(name, (("sale_amount",), written)) == "sale_amount"


@pytest.mark.parametrize("code", [None, MISSING, "", [], True, {"code": "x"}])
@pytest.mark.parametrize("name", [CARD, "pending_pix.json", "refunded.json", "precheckout.json", "expired.json"])
def test_no_message_goes_without_its_code(name: str, code: Any) -> None:
    assert error_of(name, (("code",), code)) == "code"


def test_neither_instalments_nor_commissions_are_the_amount() -> None:
    event = read(CARD, (("installment_amount",), 999), (("commission", 0, "commission_amount"), 999))

    assert (event.amount, event.installments) == (Decimal("197.37"), 12)


@pytest.mark.parametrize(
    ("key", "number", "currency"),
    [
        ("BRL", 1, "BRL"),
        ("usd", 2, "USD"),
        ("EUR", MISSING, "EUR"),
        ("GBP", 99, "GBP"),
        (MISSING, 1, "BRL"),
        (None, "2", "USD"),
        ("", 3, "EUR"),
        (MISSING, "BRL", "BRL"),
    ],
)
def test_the_currency_is_a_code_or_the_number_for_it(key: Any, number: Any, currency: str) -> None:
    assert read(PIX, (("currency_enum_key",), key), (("currency_enum",), number)).currency == currency


@pytest.mark.parametrize(
    ("key", "number", "path"),
    [
        (MISSING, MISSING, "currency_enum_key or currency_enum"),
        (None, 7, "currency_enum"),
        ("R$", 1, "currency_enum_key"),
        (986, 1, "currency_enum_key"),
        (["BRL"], 1, "currency_enum_key"),
    ],
)
def test_an_unreadable_currency_names_its_path(key: Any, number: Any, path: str) -> None:
    assert error_of(PIX, (("currency_enum_key",), key), (("currency_enum",), number)) == path


@pytest.mark.parametrize(
    ("number", "method"),
    [
        (1, "card"),
        ("1", "card"),
        (2, "boleto"),
        (3, "other"),
        (4, "card"),
        (5, "other"),
        (6, "card"),
        (7, "pix"),
        (8, "boleto"),
        (9, "other"),
        (10, "other"),
        (16, "other"),
        (99, "other"),
        (0, None),
        (None, None),
        (MISSING, None),
    ],
)
def test_the_payment_method_is_one_of_four(number: Any, method: str | None) -> None:
    assert read(CARD, (("payment_type_enum",), number)).payment_method == method


# --- How the price is shared ---


def test_what_is_left_for_the_owner_of_the_webhook_need_not_be_the_producers_share() -> None:
    event = read("approved_without_keys.json")

    assert (event.net_amount, event.producer_commission) == (Decimal("80.55"), Decimal("120.00"))
    assert event.gateway_fee == Decimal("26.35")
    assert event.affiliate_commission is None


def test_shares_of_one_kind_add_up() -> None:
    sample = sample_named("perfectpay", CARD).document["commission"]
    partner = sample[0] | {"affiliation_code": "PPA70009", "commission_amount": 20.5}

    event = read(CARD, (("commission",), [*sample, partner]))

    assert (event.producer_commission, event.net_amount) == (Decimal("191.56"), Decimal("171.06"))


@pytest.mark.parametrize("commission", [MISSING, None, [], {}])
def test_a_sale_without_commissions_tells_no_share(commission: Any) -> None:
    event = read(CARD, (("commission",), commission))

    assert (event.kind, event.net_amount, event.gateway_fee) == (Kind.APPROVED, None, None)
    assert event.producer_commission is None


def test_without_the_owner_of_the_webhook_nothing_is_known_to_be_left() -> None:
    event = read(CARD, (("webhook_owner",), None))

    assert (event.net_amount, event.producer_commission) == (None, Decimal("171.06"))


def test_shares_in_another_currency_are_not_mixed_with_the_sales() -> None:
    event = read("approved_abroad.json")

    assert (event.amount, event.currency) == (Decimal("19.99"), "USD")
    assert (event.net_amount, event.gateway_fee, event.producer_commission) == (None, None, None)


@pytest.mark.parametrize("name", ["refunded.json", "completed.json", "pending_boleto.json"])
def test_only_a_sale_tells_its_shares(name: str) -> None:
    event = read(name, (("commission", 0, "commission_amount"), -171.06))

    assert (event.net_amount, event.gateway_fee, event.producer_commission) == (None, None, None)


def test_an_unreadable_share_names_its_path() -> None:
    assert error_of(CARD, (("commission", 0, "commission_amount"), "a lot")) == "commission.0.commission_amount"
    assert error_of(CARD, (("commission",), ["171.06"])) == "commission.0"
    assert error_of(CARD, (("commission",), "171.06")) == "commission"


# --- Times ---


def test_times_are_read_as_utc_so_that_none_lies_ahead() -> None:
    assert read(CARD).occurred_at == datetime(2026, 3, 2, 14, 12, 3, tzinfo=UTC)
    assert read("pending_boleto.json").occurred_at == datetime(2026, 3, 2, 14, 11, 40, tzinfo=UTC)
    assert read("precheckout.json").occurred_at == datetime(2026, 3, 5, 21, 35, 38, tzinfo=UTC)


@pytest.mark.parametrize("name", ["refunded", "charged_back", "completed", "pre_refunded", "pre_chargeback", "med"])
def test_what_follows_a_sale_never_takes_its_time(name: str) -> None:
    sample = sample_named("perfectpay", f"{name}.json")

    assert sample.document["date_approved"]
    assert read(f"{name}.json").occurred_at is None


@pytest.mark.parametrize("approved", [MISSING, None, "", "02/03/2026 14:12", 1772460723, "0000-00-00 00:00:00"])
def test_a_sale_without_a_readable_time_is_still_a_sale(approved: Any) -> None:
    event = read(CARD, (("date_approved",), approved))

    assert (event.kind, event.occurred_at, event.amount) == (Kind.APPROVED, None, Decimal("197.37"))


def test_a_time_that_names_its_zone_is_believed() -> None:
    event = read(CARD, (("date_approved",), "2026-03-02T11:12:03-03:00"))

    assert event.occurred_at == datetime(2026, 3, 2, 14, 12, 3, tzinfo=UTC)


# --- The buyer ---


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ("+55(43) 98888-0001", "+5543988880001"),
        ("55(31) 98888-0003", "+5531988880003"),
        ("+55(55) 99612-0001", "+5555996120001"),  # area code 55 is not the country's
        ("55(55) 99612-0001", "+5555996120001"),
        ("(55) 99612-0001", "+5555996120001"),  # should the country's be missing
        ("+351 912345678", "+351912345678"),
        ("351 912345678", "+351912345678"),
    ],
)
def test_a_phone_with_its_country_code_is_whole(written: str, whole: str) -> None:
    buyer = read(CARD, ((*CUSTOMER, "phone_formated_ddi"), written)).buyer

    assert hash_person(buyer)["ph"] == [hash_phone(whole)]


@pytest.mark.parametrize(
    ("extension", "area", "number", "whole"),
    [
        ("55", "55", "996120001", "+5555996120001"),
        (55, 55, 33334444, "+555533334444"),
        ("+55", "43", "988880001", "+5543988880001"),
        ("351", "91", "2345678", "+351912345678"),
    ],
)
def test_without_it_a_phone_is_put_together(extension: Any, area: Any, number: Any, whole: str) -> None:
    parts = (("phone_extension", extension), ("phone_area_code", area), ("phone_number", number))
    changes = [((*CUSTOMER, name), value) for name, value in (("phone_formated_ddi", None), *parts)]

    assert hash_person(read(CARD, *changes).buyer)["ph"] == [hash_phone(whole)]


@pytest.mark.parametrize("lost", ["phone_extension", "phone_area_code", "phone_number"])
def test_parts_that_are_not_complete_give_way_to_the_national_number(lost: str) -> None:
    buyer = read(CARD, ((*CUSTOMER, "phone_formated_ddi"), ""), ((*CUSTOMER, lost), "")).buyer

    assert buyer.phone == "(55) 99612-0001"
    assert hash_person(buyer)["ph"] == [hash_phone("+5555996120001")]


def test_a_short_body_has_the_national_number_only() -> None:
    buyer = read(PIX).buyer

    assert (buyer.phone, buyer.phone_country) == ("(16) 98888-0002", "BR")
    assert hash_person(buyer)["ph"] == [hash_phone("+5516988880002")]


@pytest.mark.parametrize(
    ("country", "phone_country"), [("BR", "BR"), ("Brasil", "BR"), ("Portugal", "PT"), ("Atlantis", "BR"), (None, "BR")]
)
def test_the_country_of_a_phone_is_the_buyers(country: Any, phone_country: str) -> None:
    buyer = read(CARD, ((*CUSTOMER, "country"), country)).buyer

    assert (buyer.country, buyer.phone_country) == (country, phone_country)


@pytest.mark.parametrize("customer", [None, MISSING, [], {}])
def test_a_sale_without_a_buyer_is_still_a_sale(customer: Any) -> None:
    event = read(CARD, (CUSTOMER, customer))

    assert (event.kind, event.amount) == (Kind.APPROVED, Decimal("197.37"))
    assert (event.buyer_ip, event.buyer_agent) == (None, None)
    assert hash_person(event.buyer) == {}


def test_of_the_buyers_browser_its_family_is_kept() -> None:
    event = read(CARD)

    fact = read_fact(event, ARRIVAL)

    assert (event.buyer_agent or "").startswith("Mozilla/5.0 (Linux; Android 15; ")
    assert fact.buyer_device == "chrome android"
    assert "Mozilla" not in repr(event) + repr(fact)


@pytest.mark.parametrize("agent", [MISSING, None, "", "curl/8.1", "x" * 9_000, {}, 7, ["x"]])
def test_an_unreadable_browser_costs_no_sale(agent: Any) -> None:
    event = read(CARD, ((*CUSTOMER, "user_agent"), agent))

    assert (event.kind, read_fact(event, ARRIVAL).buyer_device) == (Kind.APPROVED, "")


def test_the_buyers_document_is_not_even_read() -> None:
    assert read(CARD).buyer.document is None


# --- What was carried through, and what was sold ---


def test_metadata_is_whatever_the_link_held_but_nothing_about_a_person() -> None:
    metadata = {
        "src": "c1",
        "_fbp": "fb.1.2.3",
        "fbclid": "IwAR",
        "own": 7,
        "email": "ana@example.com",
        "deep": {"x": 1},
    }

    assert read(CARD, (("metadata",), metadata)).tracking == {
        "src": "c1",
        "_fbp": "fb.1.2.3",
        "fbclid": "IwAR",
        "own": "7",
    }


@pytest.mark.parametrize("metadata", [None, MISSING, [], {}, {"src": None}])
def test_a_body_without_metadata_carries_nothing(metadata: Any) -> None:
    assert read(CARD, (("metadata",), metadata)).tracking == {}


def test_the_sellers_own_metadata_is_no_drift() -> None:
    document = sample_named("perfectpay", CARD).document
    contract = contract_of(PERFECTPAY)

    assert contract.new_fields(document | {"metadata": {"a_key_of_the_sellers": "x"}}) == []
    assert contract.new_fields(document | {"a_new_field": "x"}) == ["a_new_field"]


@pytest.mark.parametrize(
    ("form", "original", "parent"),
    [
        ("orderbump", "PPCPMTB5J1001", "PPCPMTB5J1001"),
        ("upsell", "PPCPMTB5J1001", "PPCPMTB5J1001"),
        ("orderbump", None, None),
        ("orderbump", "PPCPMTB5J1010", None),  # its own code names no other sale
        ("regular", "PPCPMTB5J1001", None),  # as of a boleto that replaced another
        (MISSING, "PPCPMTB5J1001", None),
    ],
)
def test_only_a_bump_or_upsell_has_a_parent_and_only_if_it_is_named(form: Any, original: Any, parent: Any) -> None:
    event = read("approved_order_bump.json", (("payment_format_enum_key",), form), (("original_code",), original))

    assert (event.kind, event.order_id, event.parent_order_id) == (Kind.APPROVED, "PPCPMTB5J1010", parent)


@pytest.mark.parametrize(("written", "quantity"), [(3, 3), ("2", 2), (0, 1), (None, 1), (MISSING, 1)])
def test_the_item_is_the_product_without_a_price_of_its_own(written: Any, quantity: int) -> None:
    (item,) = read(CARD, (("quantity",), written)).items

    assert (item.product_id, item.name, item.quantity, item.price) == ("PPPB7001", "Horta em Casa", quantity, None)


def test_without_a_product_there_is_no_item() -> None:
    event = read(CARD, (("product",), []))

    assert (event.items, event.product_id, event.product_name) == ((), None, None)


# --- Bodies ---


def test_a_list_gives_each_sale_and_names_the_broken_one() -> None:
    first, second = json.loads(sample_named("perfectpay", "approved_list.json").path.read_text())

    events = PERFECTPAY.parse(request_of(json.dumps([first, second]).encode()))
    with pytest.raises(PayloadError) as error:
        PERFECTPAY.parse(request_of(json.dumps([first, second | {"code": None}]).encode()))

    assert [event.order_id for event in events] == ["PPCPMTB5J1001", "PPCPMTB5J1010"]
    assert error.value.path == "1.code"


def test_a_form_is_read_like_the_same_body_in_json() -> None:
    form = read("approved_form.form")

    assert (form.kind, form.amount, form.currency) == (Kind.APPROVED, Decimal("47.9"), "BRL")
    assert (form.net_amount, form.gateway_fee) == (Decimal("41.2"), Decimal("6.7"))
    assert form.tracking["src"] == "htc0a1b2c3d4e5f6g7h8i9jklmn"


def test_the_token_is_compared_whole_and_never_read_into_the_event() -> None:
    request = sample_named("perfectpay", CARD).request

    PERFECTPAY.verify(request, ["token-of-the-fixture"], ARRIVAL)
    for secret in ("token-of-the-fixtur", "TOKEN-OF-THE-FIXTURE", "token-of-the-fixture "):
        with pytest.raises(SignatureError):
            PERFECTPAY.verify(request, [secret], ARRIVAL)
    assert "token-of-the-fixture" not in repr(PERFECTPAY.parse(request))

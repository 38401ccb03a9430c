"""What a Hotmart order consists of, who shares its price, and how its messages fold into one order."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from apps.conversions.facts import read_fact
from apps.conversions.transitions import OrderState, Status, fold
from apps.gateways.errors import PayloadError
from apps.gateways.events import SALES, Item, Kind
from tests.gateways.samples import MISSING
from tests.gateways.test_hotmart import CARD, PURCHASE, read

BUNDLE = "purchase_approved_bundle_with_affiliate.json"
SHARES = ("data", "commissions")
RECEIVED = datetime(2026, 12, 1, tzinfo=UTC)


def share(source: Any, value: Any, currency: Any = "BRL") -> dict[str, Any]:
    return {"source": source, "value": value, "currency_value": currency}


# --- Who gets what ---


def test_each_source_has_its_share_and_a_co_producer_none_of_theirs() -> None:
    event = read(BUNDLE)

    assert event.amount == Decimal("297.77")
    assert event.gateway_fee == Decimal("30.48")
    assert event.producer_commission == Decimal("128.3")
    assert event.affiliate_commission == Decimal("106.91")
    assert event.net_amount is None


def test_several_shares_of_one_source_add_up_to_the_cent() -> None:
    shares = [share("AFFILIATE", "10.10"), share("PRODUCER", 100), share("AFFILIATE", 0.2)]

    event = read(BUNDLE, (SHARES, shares))

    assert str(event.affiliate_commission) == "10.30"
    assert (event.gateway_fee, event.producer_commission) == (None, Decimal(100))


def test_shares_in_another_currency_than_the_sales_are_left_out() -> None:
    event = read("purchase_approved_abroad.json")

    assert (event.currency, event.amount) == ("EUR", Decimal("89.5"))
    assert (event.gateway_fee, event.producer_commission, event.affiliate_commission) == (None, None, None)


def test_only_the_share_in_the_sales_currency_counts() -> None:
    event = read(CARD, (SHARES, [share("PRODUCER", 80, "USD"), share("PRODUCER", 30), share("MARKETPLACE", 5, "USD")]))

    assert (event.producer_commission, event.gateway_fee) == (Decimal(30), None)


@pytest.mark.parametrize("shares", [None, [], {}, MISSING, [{}], [share("ADDON", 5)], [share(None, 5)]])
def test_what_nobody_tells_of_shares_stays_unknown(shares: Any) -> None:
    event = read(CARD, (SHARES, shares))

    assert (event.kind, event.amount) == (Kind.APPROVED, Decimal("496.9"))
    assert (event.gateway_fee, event.producer_commission, event.affiliate_commission) == (None, None, None)


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        (share("PRODUCER", "R$ 10"), "data.commissions.0.value"),
        (share("PRODUCER", 10, "R$"), "data.commissions.0.currency_value"),
        (share({}, 10) | {"source": [1]}, "data.commissions.0.source"),
    ],
)
def test_a_share_that_cannot_be_read_names_its_path(broken: dict[str, Any], path: str) -> None:
    with pytest.raises(PayloadError) as error:
        read(CARD, (SHARES, [broken]))

    assert error.value.path == path


def test_a_commission_is_never_the_amount() -> None:
    with pytest.raises(PayloadError):
        read(CARD, ((*PURCHASE, "price"), MISSING))


def test_version_1_names_no_currency_of_its_shares() -> None:
    event = read("version_1_approved.form")

    assert (event.amount, event.gateway_fee, event.producer_commission) == (Decimal("496.90"), None, None)


# --- What was sold ---


def test_one_product_is_one_line_at_the_whole_price() -> None:
    assert read(CARD).items == (Item("4410027", "Violão do Zero", 1, Decimal("496.9")),)
    assert read("version_1_approved.form").items == (Item("4410027", "Violão do Zero", 1, Decimal("496.90")),)


def test_a_bundle_is_its_parts_which_have_no_price() -> None:
    event = read(BUNDLE)

    assert event.product_id == "4410040"
    assert event.items == (Item("4410027", "Violão do Zero"), Item("4410031", "Apostila de Acordes"))


@pytest.mark.parametrize("content", [None, [], {}, {"products": []}, {"products": [{"name": "no id"}]}])
def test_a_bundle_without_parts_is_its_product(content: Any) -> None:
    event = read(BUNDLE, (("data", "product", "content"), content))

    assert event.items == (Item("4410040", "Violão Completo", 1, Decimal("297.77")),)


def test_an_order_without_a_product_has_no_lines() -> None:
    event = read(CARD, (("data", "product"), MISSING))

    assert (event.kind, event.product_id, event.items) == (Kind.APPROVED, None, ())


def test_a_cart_names_its_product_and_no_price() -> None:
    assert read("purchase_out_of_shopping_cart.json").items == (Item("4410027", "Violão do Zero"),)


# --- Subscriptions ---


@pytest.mark.parametrize(
    ("recurrency", "kind"),
    [("", Kind.APPROVED), (MISSING, Kind.APPROVED), ("1", Kind.APPROVED), ("2", Kind.RENEWED), ("4", Kind.RENEWED)],
)
def test_version_1_counts_its_charges_too(recurrency: Any, kind: Kind) -> None:
    event = read("version_1_approved_renewal.form", (("recurrency",), recurrency))

    assert (event.kind, event.order_id, event.subscription_id) == (kind, "HP1700000444", "SUBS0101")


def test_a_subscription_is_also_found_inside_its_purchase() -> None:
    inside = {"status": "ACTIVE", "subscriber": {"code": "SUBS0009"}}

    assert read(CARD, ((*PURCHASE, "subscription"), inside)).subscription_id == "SUBS0009"


def test_a_cancelled_subscription_without_its_code_is_an_error() -> None:
    with pytest.raises(PayloadError) as error:
        read("subscription_cancellation.json", (("data", "subscriber", "code"), None))

    assert "data.subscriber.code" in error.value.path.split(" or ")


def test_the_buyers_address_is_found_where_orders_of_2022_have_it() -> None:
    assert read(BUNDLE).buyer_ip == "203.0.113.77"
    assert read(CARD).buyer_ip is None


# --- One order from many messages ---


def told(*names: str) -> list[str]:
    return [name if "." in name else f"purchase_{name}.json" for name in names]


def state_after(names: tuple[str, ...]) -> OrderState:
    return fold([read_fact(read(name), RECEIVED) for name in names])


@pytest.mark.parametrize(
    ("names", "status", "refunded"),
    [
        (told("billet_printed_pix", "approved_pix"), Status.APPROVED, "0"),
        (told("approved_card", "complete"), Status.APPROVED, "0"),
        (told("approved_card", "protest", "complete"), Status.DISPUTED, "0"),
        (told("approved_card", "protest", "refunded", "complete"), Status.REFUNDED, "496.9"),
        (told("approved_card", "complete", "chargeback"), Status.CHARGED_BACK, "0"),
        (told("version_1_approved.form", "version_1_completed.form"), Status.APPROVED, "0"),
        (
            told("version_1_approved.form", "version_1_dispute.form", "version_1_refunded.form"),
            Status.REFUNDED,
            "496.9",
        ),
    ],
)
def test_every_order_of_arrival_folds_into_one_state_and_one_sale(
    names: list[str], status: Status, refunded: str
) -> None:
    events = [read(name) for name in names]

    assert len({event.order_id for event in events}) == 1
    assert len([event for event in events if event.kind in SALES]) == 1
    for arrival in permutations(names):
        state = state_after((*arrival, arrival[0]))
        assert (state.status, state.refunded_amount) == (status, Decimal(refunded))
        assert (state.amount, state.is_test) == (Decimal("496.9"), False)
        assert state.approved_at is not None


def test_a_boleto_that_is_never_paid_is_no_sale() -> None:
    for arrival in permutations(told("billet_printed_boleto", "expired")):
        state = state_after(arrival)

        assert (state.status, state.approved_at) == (Status.EXPIRED, None)


def test_a_refusal_is_no_sale() -> None:
    state = state_after(("purchase_canceled.json",))

    assert (state.status, state.approved_at) == (Status.REFUSED, None)


def test_a_renewal_is_an_order_of_its_own() -> None:
    renewal, first = read("purchase_approved_renewal.json"), read(CARD)

    assert renewal.order_id != first.order_id
    assert fold([read_fact(renewal, RECEIVED)]).is_renewal

"""What Eduzz's invoices say of money: which of two amounts counts, items, order bumps and moments."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.gateways.errors import PayloadError
from apps.gateways.events import Item
from apps.gateways.registry import ADAPTERS
from tests.gateways.samples import MISSING, Place, samples_of
from tests.gateways.test_eduzz import CANCELLED, CARD, CART, OPENED, PIX, REFUND, read

BUMP = "invoice_paid_order_bump.json"
CHARGEBACK = "invoice_chargeback.json"
INVOICES = [sample for sample in samples_of(ADAPTERS["eduzz"]) if sample.path.stem.startswith("invoice_")]

PRICE = ("data", "price")
ORDER_BUMP = ("data", "orderBump")
ITEMS = ("data", "items")


def line(product: str, value: Any = 10, currency: str = "BRL", **more: Any) -> dict[str, Any]:
    return {"productId": product, "name": "", "price": {"currency": currency, "value": value}, **more}


# --- Amounts ---


def test_the_price_counts_not_what_instalments_made_of_it() -> None:
    event = read(CARD)

    assert (event.amount, event.currency, event.installments) == (Decimal("207.4"), "BRL", 12)


@pytest.mark.parametrize("paid", [MISSING, None, {"currency": "BRL", "value": 1}, "x"])
def test_what_came_in_never_stands_in_for_the_price(paid: Any) -> None:
    assert read(CARD, (("data", "paid"), paid)) == read(CARD)

    with pytest.raises(PayloadError) as error:
        read(CARD, (("data", "paid"), paid), (PRICE, MISSING))

    assert error.value.path == "data.price.currency"


@pytest.mark.parametrize(
    ("written", "amount"), [(297, "297"), (297.5, "297.5"), ("297.50", "297.50"), (0.01, "0.01"), (0, "0")]
)
def test_the_price_is_in_decimals(written: Any, amount: str) -> None:
    assert str(read(PIX, ((*PRICE, "value"), written)).amount) == amount


@pytest.mark.parametrize("written", ["R$ 297,50", "297,50", -1, True, [297.5], {"value": 297.5}])
def test_a_price_that_is_written_otherwise_is_an_error(written: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read(PIX, ((*PRICE, "value"), written))

    assert error.value.path == "data.price.value"


@pytest.mark.parametrize("sample", INVOICES, ids=str)
@pytest.mark.parametrize("name", ["value", "currency"])
def test_every_message_of_an_invoice_must_state_its_price(sample: Any, name: str) -> None:
    with pytest.raises(PayloadError) as error:
        read(sample.path.name, ((*PRICE, name), MISSING))

    assert error.value.path == f"data.price.{name}"


@pytest.mark.parametrize("name", [CART, CANCELLED, "contract_updated_late.json"])
def test_carts_and_subscriptions_state_no_amount(name: str) -> None:
    event = read(name)

    assert (event.amount, event.currency) == (None, None)
    assert [item.price for item in event.items] == [None]


def test_a_refund_does_not_say_how_much_went_back() -> None:
    event = read(REFUND)

    assert (event.amount, event.refunded_amount) == (Decimal("197.9"), None)


@pytest.mark.parametrize(
    ("word", "method"),
    [
        ("creditCard", "card"),
        ("creditcard", "card"),
        ("pix", "pix"),
        ("bankslip", "boleto"),
        ("combinedPayment", "other"),
        ("eduzzBalance", "other"),
        ("unknown", "other"),
        (None, None),
    ],
)
def test_the_method_is_one_of_ours(word: str | None, method: str | None) -> None:
    assert read(PIX, (("data", "paymentMethod"), word)).payment_method == method


# --- Items ---


def test_the_main_product_comes_before_what_was_added_to_it() -> None:
    event = read(CARD)

    assert [item.product_id for item in event.items] == ["4400101", "4400102"]
    assert (event.product_id, event.product_name) == ("4400101", "Violão do Zero")


def test_without_a_mark_the_order_of_the_items_stays() -> None:
    event = read(CARD, (ITEMS, [line("b"), line("a"), line("c", isBump=False)]))

    assert [item.product_id for item in event.items] == ["b", "a", "c"]


def test_an_item_in_another_currency_has_no_price_and_one_without_an_id_is_none() -> None:
    event = read(PIX, (ITEMS, [line("1", 5, "USD"), line("2", 7), {"name": "x"}, line("3", None)]))

    assert event.items == (Item("1"), Item("2", price=Decimal(7)), Item("3"))


@pytest.mark.parametrize("nothing", [MISSING, None, [], {}])
def test_an_invoice_without_items_is_still_a_sale(nothing: Any) -> None:
    event = read(PIX, (ITEMS, nothing))

    assert (event.amount, event.items, event.product_id, event.product_name) == (Decimal("197.9"), (), None, None)


def test_a_cart_lists_its_products_by_id() -> None:
    event = read(CART, (("data", "productId"), ["4400101", 4400102, "", None]))

    assert event.items == (Item("4400101"), Item("4400102"))


# --- Order bumps ---


def test_an_order_bump_names_the_sale_it_was_added_to() -> None:
    assert read(BUMP).parent_order_id == read(PIX).order_id


@pytest.mark.parametrize("flag", ["has", "isMainSale"])
@pytest.mark.parametrize("nothing", [MISSING, None])
def test_the_loss_of_one_flag_does_not_make_an_order_bump_a_sale_of_its_own(flag: str, nothing: Any) -> None:
    assert read(BUMP, ((*ORDER_BUMP, flag), nothing)).parent_order_id == "88000001"


@pytest.mark.parametrize(
    "told",
    [
        None,
        {"has": True, "isMainSale": True, "mainSaleId": 88000001},
        {"has": False, "isMainSale": False, "mainSaleId": 88000001},
        {"has": True, "isMainSale": False, "mainSaleId": None},
        {"has": True, "isMainSale": False, "mainSaleId": 88000003},  # itself
    ],
)
def test_what_is_no_order_bump_has_no_parent(told: Any) -> None:
    assert read(BUMP, (ORDER_BUMP, told)).parent_order_id is None


# --- Moments ---


@pytest.mark.parametrize(
    ("name", "place", "moment"),
    [
        (PIX, ("data", "paidAt"), datetime(2026, 3, 2, 14, 7, 43, tzinfo=UTC)),
        (REFUND, ("data", "refundedAt"), datetime(2026, 3, 7, 18, 20, 4, tzinfo=UTC)),
        (CHARGEBACK, ("data", "chargeback", "createdAt"), datetime(2026, 4, 10, 7, 59, 30, tzinfo=UTC)),
        (CANCELLED, ("data", "contract", "updatedAt"), datetime(2026, 5, 1, 12, 30, tzinfo=UTC)),
    ],
)
def test_a_message_happened_at_its_own_moment_or_else_when_it_was_sent(
    name: str, place: Place, moment: datetime
) -> None:
    sent = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
    sending = (("sentDate",), "2026-06-01T10:00:00.000Z")

    assert read(name, sending).occurred_at == moment
    for lost in (MISSING, None, "soon", "2026-03-02 14:07:43"):
        assert read(name, sending, (place, lost)).occurred_at == sent


def test_a_chargeback_is_not_dated_at_its_sale() -> None:
    event = read(CHARGEBACK, (("data", "chargeback"), None))

    assert event.occurred_at == datetime(2026, 4, 10, 8, 0, 2, tzinfo=UTC)


def test_a_pending_payment_is_dated_when_it_was_told_and_nothing_when_nothing_is() -> None:
    assert read(OPENED).occurred_at == datetime(2026, 3, 2, 14, 5, 12, 310_000, tzinfo=UTC)
    assert read(OPENED, (("sentDate",), MISSING)).occurred_at is None

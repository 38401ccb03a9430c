"""What Braip writes as cents, what was bought with them, and who gets them."""

from decimal import Decimal
from typing import Any

import pytest

from apps.gateways.events import Item, Kind
from tests.gateways.samples import MISSING
from tests.gateways.test_braip import CARD, PAID, PENDING, REFUND, TEST, core_of, document_of, error_of, read

# --- What it cost ---


@pytest.mark.parametrize(
    ("cents", "amount"),
    [(1, "0.01"), (7, "0.07"), (24871, "248.71"), ("24871", "248.71"), (0, "0.00"), ("9990", "99.90")],
)
def test_amounts_are_cents_as_number_or_text(cents: Any, amount: str) -> None:
    event = read(PAID, ("trans_value", cents))

    assert str(event.amount) == amount


@pytest.mark.parametrize("total", [24871, "31045", 1, None, MISSING])
def test_freight_and_the_interest_of_instalments_are_not_counted(total: Any) -> None:
    event = read(PAID, ("trans_total_value", total), ("trans_freight", 9999))

    assert core_of(event) == core_of(read(PAID))


@pytest.mark.parametrize("name", [PENDING, PAID, CARD, REFUND, TEST])
@pytest.mark.parametrize("value", [None, "", [], MISSING, "248,71", "248.71", -1, True, 10**12, 24871.5])
def test_no_sale_is_read_without_its_cents(name: str, value: Any) -> None:
    assert error_of(name, ("trans_value", value)) == "trans_value"


@pytest.mark.parametrize("name", [PENDING, PAID, "status_alterado_chargeback.json", TEST])
@pytest.mark.parametrize("value", [None, "", MISSING, "R$", "REAL", 986])
def test_no_sale_is_read_without_its_currency(name: str, value: Any) -> None:
    assert error_of(name, ("currency", value)) == "currency"


@pytest.mark.parametrize("value", [None, "", MISSING, True, [], {"key": "ven5t8w2kd"}])
def test_no_sale_is_read_without_its_transaction(value: Any) -> None:
    assert error_of(PAID, ("trans_key", value)) == "trans_key"
    assert error_of(REFUND, ("trans_key", value)) == "trans_key"


def test_a_refund_names_no_sum_so_the_whole_went_back() -> None:
    event = read(REFUND)

    assert (event.kind, event.amount, event.refunded_amount) == (Kind.REFUNDED, Decimal("248.71"), None)


def test_a_commission_is_never_the_amount() -> None:
    event = read("status_alterado_approved_affiliate.json")

    assert (event.amount, event.net_amount) == (Decimal("248.71"), Decimal("99.49"))


# --- What was bought, and who gets the money ---


def test_the_order_bump_is_inside_the_sale_and_a_plan_has_one_price_for_all_of_it() -> None:
    event = read(PAID)

    assert event.items == (
        Item("pro4hd9z", "Colágeno Vale Verde", 3, Decimal("198.81")),
        Item("prox6r2t", "Chá da Tarde", 1, Decimal("49.90")),
    )
    assert sum(item.price for item in event.items if item.price) == event.amount


@pytest.mark.parametrize("main", [1, 0, True, False, "1", "", None, MISSING])
def test_items_are_read_however_the_main_one_is_marked(main: Any) -> None:
    assert read(PAID, (("trans_items", 0, "main"), main)).items == read(PAID).items


@pytest.mark.parametrize("items", [[], {}, "", None, MISSING])
def test_a_sale_without_a_list_of_items_is_a_sale(items: Any) -> None:
    event = read(PAID, ("trans_items", items))

    assert event.items == ()
    assert core_of(event) == core_of(read(PAID))


@pytest.mark.parametrize(
    ("field", "value", "item"),
    [
        ("plan_amount", "3", Item("pro4hd9z", "Colágeno Vale Verde", 3, Decimal("198.81"))),
        ("plan_amount", "many", Item("pro4hd9z", "Colágeno Vale Verde", 1, Decimal("198.81"))),
        ("plan_value", "19881", Item("pro4hd9z", "Colágeno Vale Verde", 3, Decimal("198.81"))),
        ("plan_value", "R$ 198", Item("pro4hd9z", "Colágeno Vale Verde", 3, None)),
        ("product_name", None, Item("pro4hd9z", "", 3, Decimal("198.81"))),
        ("product_key", 4471, Item("4471", "Colágeno Vale Verde", 3, Decimal("198.81"))),
    ],
)
def test_an_unreadable_part_of_an_item_is_left_out(field: str, value: Any, item: Item) -> None:
    event = read(PAID, (("trans_items", 0, field), value))

    assert event.items[0] == item
    assert core_of(event) == core_of(read(PAID))


@pytest.mark.parametrize("key", [None, "", MISSING, ["x"]])
def test_an_item_without_a_product_is_left_out(key: Any) -> None:
    assert read(PAID, (("trans_items", 0, "product_key"), key)).items == read(PAID).items[1:]


def test_the_shares_add_up_to_the_price() -> None:
    event = read(PAID)

    assert (event.gateway_fee, event.affiliate_commission) == (Decimal("16.43"), Decimal("99.49"))
    assert (event.producer_commission, event.net_amount) == (Decimal("132.79"), Decimal("132.79"))
    assert event.amount == Decimal("16.43") + Decimal("99.49") + Decimal("132.79")


def test_several_affiliates_are_summed_and_none_of_them_is_the_accounts_own() -> None:
    commissions = [*document_of(PAID)["commissions"], {"type": "Afiliado", "value": "251"}]
    event = read(PAID, ("commissions", commissions), ("postback_type", "Afiliado"))

    assert (event.affiliate_commission, event.net_amount) == (Decimal("102.00"), None)
    assert event.producer_commission == Decimal("132.79")


@pytest.mark.parametrize("value", [None, "", MISSING, "muito", -1, True, []])
def test_a_share_that_cannot_be_read_is_not_told_in_part(value: Any) -> None:
    commissions = [*document_of(PAID)["commissions"], {"type": "Afiliado", "value": 251}]
    event = read(PAID, ("commissions", commissions), (("commissions", 1, "value"), value))

    assert (event.affiliate_commission, event.gateway_fee) == (None, Decimal("16.43"))
    assert core_of(event) == core_of(read(PAID))


@pytest.mark.parametrize("role", [None, "", MISSING, "Coprodutor"])
def test_what_is_left_for_an_account_of_no_known_role_is_not_guessed(role: Any) -> None:
    event = read(PAID, ("postback_type", role), (("commissions", 0, "type"), MISSING))

    assert (event.net_amount, event.gateway_fee, event.producer_commission) == (None, None, Decimal("132.79"))


@pytest.mark.parametrize("commissions", [[], {}, "", None, MISSING])
def test_a_sale_without_shares_is_a_sale(commissions: Any) -> None:
    event = read(PAID, ("commissions", commissions))

    assert (event.net_amount, event.gateway_fee) == (None, None)
    assert core_of(event) == core_of(read(PAID))


@pytest.mark.parametrize(
    ("code", "method"),
    [(1, "boleto"), ("3", "boleto"), (2, "card"), ("5", "pix"), (4, "other"), (6, "other"), (9, "other"), (None, None)],
)
def test_the_payment_method_is_one_of_four(code: Any, method: str | None) -> None:
    assert read(PAID, ("trans_payment", code)).payment_method == method


@pytest.mark.parametrize(
    ("flag", "parent"),
    [(1, "ven5t8w2kd"), ("1", "ven5t8w2kd"), (True, "ven5t8w2kd"), (0, None), ("0", None), (False, None), (None, None)],
)
def test_only_an_upsell_has_a_parent(flag: Any, parent: str | None) -> None:
    assert read("status_alterado_approved_upsell.json", ("is_upsell", flag)).parent_order_id == parent

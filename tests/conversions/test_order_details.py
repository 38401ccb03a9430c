"""Which of several facts about an order gives its amount, times, buyer, product and carried ids."""

from decimal import Decimal
from itertools import permutations

import pytest

from apps.conversions.transitions import OrderState, Status, fold
from apps.gateways.events import Kind
from tests.conversions.facts import CLICK, NOON, OTHER_CLICK, SESSION, fact

PENDING = fact(Kind.PAYMENT_PENDING, 0, "100", currency="BRL")
APPROVED = fact(Kind.APPROVED, 1, "100", currency="BRL")


def test_the_amount_is_the_latest_approved_one() -> None:
    story = [PENDING, fact(Kind.APPROVED, 1, "100"), fact(Kind.APPROVED, 3, "80"), fact(Kind.APPROVED, 2, "120")]

    for order in permutations(story):
        assert fold(order).amount == Decimal(80)


def test_before_the_sale_the_latest_named_amount_counts() -> None:
    assert fold([PENDING, fact(Kind.REFUSED, 2, "90")]).amount == Decimal(90)
    assert fold([PENDING, fact(Kind.REFUSED, 2)]).amount == Decimal(100)
    assert fold([fact(Kind.REFUNDED)]).amount is None


@pytest.mark.parametrize("kind", [Kind.DISPUTED, Kind.CHARGED_BACK, Kind.DISPUTE_WON])
def test_a_disputed_sum_never_becomes_the_orders(kind: Kind) -> None:
    disputed = fact(kind, 5, "30", currency="USD")

    assert fold([disputed]).amount is None
    assert fold([PENDING, disputed]).amount == Decimal(100)
    assert fold([APPROVED, disputed]).amount == Decimal(100)
    assert (fold([APPROVED, disputed]).currency, fold([disputed]).currency) == ("BRL", "USD")


def test_the_currency_is_that_of_the_amount() -> None:
    state = fold([fact(Kind.PAYMENT_PENDING, 0, "100", currency="BRL"), fact(Kind.APPROVED, 1, "20", currency="USD")])

    assert (state.amount, state.currency) == (Decimal(20), "USD")


def test_times_are_those_of_the_first_sale() -> None:
    state = fold([PENDING, fact(Kind.APPROVED, 3, "100"), fact(Kind.APPROVED, 1, "100"), fact(Kind.CHARGED_BACK, 9)])

    assert state.approved_at == state.occurred_at == fact(Kind.APPROVED, 1).occurred_at


def test_without_a_sale_the_order_is_as_old_as_its_latest_fact() -> None:
    state = fold([fact(Kind.ABANDONED_CHECKOUT, 0), fact(Kind.REFUSED, 2), fact(Kind.PAYMENT_PENDING, 1)])

    assert (state.occurred_at, state.approved_at) == (fact(Kind.REFUSED, 2).occurred_at, None)


def test_a_sales_own_details_come_first_and_others_fill_the_gaps() -> None:
    pending = fact(
        *(Kind.PAYMENT_PENDING, 9),
        identity={"em": ["1" * 64], "ph": ["3" * 64]},
        tracking={"src": "old", "sck": "kept"},
        product_name="Curso",
        payment_method="boleto",
    )
    sale = fact(
        *(Kind.APPROVED, 1, "100"),
        identity={"em": ["2" * 64]},
        tracking={"src": "new"},
        product_id="77",
        payment_method="pix",
    )

    state = fold([pending, sale])

    assert state.identity == {"em": ["2" * 64], "ph": ["3" * 64]}
    assert state.tracking == {"src": "new", "sck": "kept"}
    assert (state.product_id, state.product_name, state.payment_method) == ("77", "Curso", "pix")


@pytest.mark.parametrize("name", ["src", "sck", "xcod", "utm_source", "utm_content", "client_reference_id", "anything"])
@pytest.mark.parametrize("written", [CLICK, CLICK.upper(), f"fb-{CLICK}", f"{CLICK.title()}|ad 7"])
def test_a_carried_click_id_is_found_in_any_field_and_case(name: str, written: str) -> None:
    state = fold([fact(Kind.APPROVED, 1, "100", tracking={"other": "organic", name: written})])

    assert (state.click_ref, state.session_ref) == (CLICK, "")
    assert state.tracking[name] == written


def test_a_carried_session_id_is_found_too() -> None:
    state = fold([fact(Kind.APPROVED, tracking={"utm_term": f"x {SESSION}", "sck": CLICK})])

    assert (state.click_ref, state.session_ref) == (CLICK, SESSION)


def test_of_two_click_ids_the_sales_own_counts() -> None:
    state = fold(
        [fact(Kind.APPROVED, 1, tracking={"sck": CLICK}), fact(Kind.PAYMENT_PENDING, 9, tracking={"sck": OTHER_CLICK})]
    )

    assert state.click_ref == CLICK


@pytest.mark.parametrize("names", list(permutations(["sck", "src"])))
def test_of_two_click_ids_in_one_fact_the_same_one_counts_always(names: tuple[str, str]) -> None:
    tracking = {"sck": CLICK, "src": OTHER_CLICK}

    assert fold([fact(Kind.APPROVED, tracking={name: tracking[name] for name in names})]).click_ref == CLICK


def test_an_order_without_details() -> None:
    assert fold([fact(Kind.PAYMENT_PENDING)]) == OrderState(
        status=Status.PENDING,
        occurred_at=NOON,
        approved_at=None,
        amount=None,
        refunded_amount=Decimal(0),
        currency="",
        identity={},
        buyer_ip=None,
        buyer_device="",
        tracking={},
        click_ref="",
        session_ref="",
        product_id="",
        product_name="",
        offer_id="",
        payment_method="",
        installments=None,
        items=[],
        net_amount=None,
        gateway_fee=None,
        producer_commission=None,
        affiliate_commission=None,
        parent_order_id="",
        subscription_id="",
        milestones={"payment_pending": NOON.isoformat()},
        is_renewal=False,
        is_test=False,
    )


def test_the_money_is_told_as_far_as_any_fact_tells_it() -> None:
    shared = {"net_amount": Decimal("80"), "gateway_fee": Decimal("9.90"), "offer_id": "of1", "installments": 12}
    story = [fact(Kind.PAYMENT_PENDING, 0, "100", **shared), fact(Kind.APPROVED, 1, "100", net_amount=Decimal("81"))]

    for order in permutations(story):
        state = fold(order)
        assert (state.net_amount, state.gateway_fee, state.offer_id, state.installments) == (
            *(Decimal("81"), Decimal("9.90")),
            *("of1", 12),
        )


def test_the_items_are_those_of_the_sale() -> None:
    pending = fact(Kind.PAYMENT_PENDING, 2, items=[{"product_id": "1", "name": "", "quantity": 1, "price": None}])
    approved = fact(Kind.APPROVED, 1, "9", items=[{"product_id": "2", "name": "B", "quantity": 3, "price": "9.000"}])

    for order in permutations([pending, approved]):
        assert [item["product_id"] for item in fold(order).items] == ["2"]


def test_milestones_are_the_first_times() -> None:
    story = [fact(Kind.APPROVED, 3, "9"), fact(Kind.APPROVED, 1, "9"), fact(Kind.PAYMENT_PENDING, 2)]

    for order in permutations(story):
        assert fold(order).milestones == {
            "purchase_approved": fact(Kind.APPROVED, 1).occurred_at.isoformat(),
            "payment_pending": fact(Kind.PAYMENT_PENDING, 2).occurred_at.isoformat(),
        }


def test_a_real_sale_is_no_test_whatever_else_is_said_of_its_order() -> None:
    placeholder = fact(Kind.PAYMENT_PENDING, 0, is_test=True)

    for order in permutations([placeholder, fact(Kind.APPROVED, 1, "9")]):
        assert not fold(order).is_test
    for order in permutations([fact(Kind.PAYMENT_PENDING, 0), fact(Kind.APPROVED, 1, "9", is_test=True)]):
        assert fold(order).is_test
    assert fold([placeholder]).is_test

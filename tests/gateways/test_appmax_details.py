"""The extras of an Appmax order: times, buyers, the way they came, carts; and whole lives of orders."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from apps.conversions.facts import OrderFact, read_fact
from apps.conversions.transitions import OrderState, Status, fold, shapes_order
from apps.core.identity import hash_person, hash_phone
from apps.gateways.contract import contract_of
from apps.gateways.errors import PayloadError
from apps.gateways.events import Item
from apps.gateways.registry import ADAPTERS
from tests.gateways.samples import MISSING, Place
from tests.gateways.test_appmax import CARD, FLAT, changed, data, parse, path_of_error, read

CLICK = "htc0123456789abcdefghijklmn"
CUSTOMER = ("data", "customer")
FIRST_SENT = datetime(2026, 3, 2, 14, 55, tzinfo=UTC)


def customer(**members: Any) -> list[tuple[Place, Any]]:
    return [((*CUSTOMER, name), value) for name, value in members.items()]


# --- Times ---


def test_naive_times_are_brasilias() -> None:
    assert read(CARD).occurred_at == datetime(2026, 3, 2, 14, 53, 20, tzinfo=UTC)
    assert read(FLAT).occurred_at == datetime(2026, 3, 4, 11, 0, 5, tzinfo=UTC)
    assert read(CARD, *data(paid_at="2026-12-31 21:00:00")).occurred_at == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("paid_at", [None, MISSING, "", "31/02/2026", "07/01/2020 17h03", 0, []])
def test_a_sale_without_a_readable_time_of_payment_has_none(paid_at: Any) -> None:
    event = read(CARD, *data(paid_at=paid_at))

    assert (event.occurred_at, str(event.amount)) == (None, "188.53")


@pytest.mark.parametrize("name", ["order_refund.json", "order_partial_refund.json"])
def test_a_refund_never_has_the_time_of_its_sale(name: str) -> None:
    told, untold = read(name), read(name, *data(refunded_at=None))

    assert told.occurred_at and told.occurred_at > datetime(2026, 3, 6, tzinfo=UTC)
    assert untold.occurred_at is None


@pytest.mark.parametrize(
    "name",
    ["order_up_sold.json", "order_charge_back_in_treatment.json", "charge_failed.json", "order_pix_expired.json"],
)
def test_what_happened_later_does_not_take_the_orders_own_times(name: str) -> None:
    assert read(name, *data(paid_at="2026-03-02 11:53:20", refunded_at="2026-03-03 00:00:00")).occurred_at is None


def test_a_pix_code_is_as_old_as_the_code_or_else_as_its_order() -> None:
    made, ordered = datetime(2026, 3, 5, 23, 1, 30, tzinfo=UTC), datetime(2026, 3, 5, 23, 1, 12, tzinfo=UTC)

    assert read("order_pix_created.json").occurred_at == made
    assert read("order_pix_created.json", *data(pix_creation_date="soon")).occurred_at == ordered
    assert read("order_pix_created.json", *data(pix_creation_date=None)).occurred_at == ordered


# --- Buyers ---


@pytest.mark.parametrize(
    ("written", "complete"),
    [
        ("55999812034", "5555999812034"),
        ("(55) 99981-2034", "5555999812034"),
        ("5532212034", "555532212034"),
        ("5555999812034", "5555999812034"),
        ("+55 55 99981-2034", "5555999812034"),
        ("11955550123", "5511955550123"),
        (11955550123, "5511955550123"),
    ],
)
def test_a_national_number_gets_its_country_also_in_area_55(written: Any, complete: str) -> None:
    event = read(CARD, *customer(telephone=written))

    assert hash_person(event.buyer)["ph"] == [hash_phone(f"+{complete}")]


def test_a_phone_under_its_documented_name_is_read() -> None:
    renamed = read(CARD, *customer(telephone=MISSING, phone="55999812034"))
    flat = read(FLAT, *data(customer_phone="55999812034"))

    assert renamed.buyer.phone == flat.buyer.phone == "55999812034"


@pytest.mark.parametrize("missing", [MISSING, None, [], {}])
def test_a_sale_without_its_buyer_is_a_sale(missing: Any) -> None:
    event = read(CARD, (CUSTOMER, missing))

    assert (event.order_id, str(event.amount)) == ("48120077", "188.53")
    assert hash_person(event.buyer) == {}


def test_the_sellers_own_address_is_not_the_buyers() -> None:
    event = read(FLAT, *data(customer_email=None))

    assert event.buyer.email is None


# --- The way they came ---


@pytest.mark.parametrize("empty", [[], {}, None, MISSING, ""])
def test_an_empty_visit_leaves_the_page_that_the_customer_came_to(empty: Any) -> None:
    event = read(CARD, *data(visit=empty, meta=empty))

    assert event.tracking == {"utm_source": "meta", "utm_content": CLICK}


def test_the_orders_visit_counts_before_meta_the_latest_visit_and_the_first_page() -> None:
    page = customer(visited_url="https://x.example.com/?utm_content=page&utm_term=page&utm_medium=page&fbclid=page")
    latest = customer(last_visit={"utm_content": "latest", "utm_term": "latest", "utm_medium": "latest", "id": 5})
    own = data(meta={"utm_content": "meta", "utm_term": "meta"}, visit={"utm_content": "visit", "affiliate_id": None})

    event = read(CARD, *page, *latest, *own)

    assert event.tracking == {"utm_content": "visit", "utm_term": "meta", "utm_medium": "latest", "fbclid": "page"}


@pytest.mark.parametrize("meta", [["x"], [{"key": "pedido", "value": "7"}], "text", 7, True])
def test_a_meta_of_another_shape_costs_no_sale(meta: Any) -> None:
    assert read(CARD, *data(meta=meta)) == read(CARD)


@pytest.mark.parametrize(
    "url",
    ["", None, "x", "?", "https://[::1", "https://x.example.com/#?utm_content=no", "/?=1&&a", "?a=%00", 7, "x" * 3_000],
)
def test_an_address_without_a_usable_query_gives_nothing(url: Any) -> None:
    assert read(CARD, *customer(visited_url=url)).tracking == {}


def test_what_is_personal_stays_out_of_tracking() -> None:
    event = read(
        CARD, *data(meta={"cpf": "00000000434", "nome": "Clarice", "contato": "c@example.com", "pedido": "L-1"})
    )

    assert event.tracking == {"utm_source": "meta", "utm_content": CLICK, "pedido": "L-1"}


# --- Carts ---


def test_a_line_costs_its_piece_times_their_number() -> None:
    assert read(CARD).items == (
        Item("71001", "Horta em Casa", 1, Decimal("129.90")),
        Item("71002", "Sementes de manjericão", 3, Decimal("43.35")),
    )


def test_a_piece_whose_number_is_not_told_has_no_price_for_the_line() -> None:
    lines = [{"id": 5, "price": "10.00"}, {"id": 6, "quantity": 2}, {"name": "without an id"}, []]

    event = read(CARD, *data(bundles=[], products=lines))

    assert event.items == (Item("5"), Item("6", quantity=2))
    assert (event.product_id, event.product_name, event.offer_id) == ("5", None, None)


@pytest.mark.parametrize(
    "products", [{"id": 5}, "x", 7, ["x"], [{"id": 5, "price": "R$ 10"}], [{"id": 5, "quantity": -1}]]
)
def test_an_unreadable_cart_names_its_path(products: Any) -> None:
    assert path_of_error(changed(CARD, *data(bundles=[], products=products))).startswith("data.products")


@pytest.mark.parametrize(
    ("written", "method"),
    [
        ("CreditCard", "card"),
        ("Pix", "pix"),
        ("Boleto", "boleto"),
        ("Billet", "boleto"),
        ("NuPay", "other"),
        (None, None),
    ],
)
def test_how_it_was_paid(written: Any, method: str | None) -> None:
    assert read(CARD, *data(payment_type=written)).payment_method == method


def test_an_upsell_by_phone_is_an_order_of_its_own_and_one_by_click_is_not() -> None:
    by_phone, by_click = read("order_approved_telesales.json"), read("order_up_sold.json")

    assert (by_phone.order_id, by_phone.parent_order_id) == ("48120095", "48120077")
    assert (by_click.order_id, by_click.parent_order_id) == ("48120077", None)


def test_documented_members_that_nobody_reads_are_no_news() -> None:
    app = {
        "event": "order_paid",
        "site_id": "a",
        "app_id": "b",
        "client_key": None,
        "partner_merchant": {"merchant_phone": ""},
    }
    members = {
        "order_id": 7,
        "total": 25990,
        "merchant_total": 2,
        "payment_info": {"pix": {}},
        "notification_type": "x",
    }

    assert contract_of(ADAPTERS["appmax"]).new_fields({**app, "data": members}) == []
    assert contract_of(ADAPTERS["appmax"]).new_fields({**app, "data": {"novel": 1}}) == ["data.novel"]


# --- Whole lives ---


def facts_of(*names: str) -> list[OrderFact]:
    """Each message received an hour after the one before, if it names no time of its own."""
    sent = [(read(f"{name}.json"), FIRST_SENT + timedelta(hours=hour)) for hour, name in enumerate(names)]
    return [read_fact(event, received_at) for event, received_at in sent if shapes_order(event.kind)]


def every_outcome(facts: list[OrderFact]) -> list[OrderState]:
    """The distinct states that any order of arrival ends in, each message sent twice."""
    outcomes: list[OrderState] = []
    for arrival in permutations(facts):
        state = fold([*arrival, *arrival])
        if state not in outcomes:
            outcomes.append(state)
    return outcomes


PAID = ("order_authorized", "order_paid", "order_approved_card", "order_integrated")
BIGGER = (*PAID, "order_up_sold")


@pytest.mark.parametrize(
    ("names", "status", "amount", "refunded"),
    [
        (PAID, Status.APPROVED, "188.53", "0"),
        (BIGGER, Status.APPROVED, "238.03", "0"),
        ((*BIGGER, "order_partial_refund"), Status.PARTIALLY_REFUNDED, "238.03", "58.85"),
        ((*BIGGER, "order_partial_refund", "order_refund"), Status.REFUNDED, "238.03", "238.03"),
        ((*BIGGER, "order_charge_back_in_treatment"), Status.CHARGED_BACK, "238.03", "0"),
        (
            (*BIGGER, "order_charge_back_in_treatment", "order_charge_back_gain"),
            Status.APPROVED,
            "238.03",
            "0",
        ),
    ],
)
def test_an_order_paid_by_card(names: tuple[str, ...], status: Status, amount: str, refunded: str) -> None:
    (state,) = every_outcome(facts_of(*names))

    assert (state.status, state.amount, state.refunded_amount) == (status, Decimal(amount), Decimal(refunded))
    assert (state.approved_at, state.currency) == (datetime(2026, 3, 2, 14, 53, 20, tzinfo=UTC), "BRL")
    assert (state.click_ref, state.is_renewal, state.is_test) == (CLICK, False, False)


@pytest.mark.parametrize(
    ("names", "status"),
    [
        (["order_pix_created"], Status.PENDING),
        (["order_pix_created", "order_pix_expired"], Status.EXPIRED),
        (["order_pix_created", "order_paid_by_pix"], Status.APPROVED),
        (["order_pix_created", "order_pix_expired", "order_paid_by_pix"], Status.APPROVED),
    ],
)
def test_an_order_paid_by_pix(names: list[str], status: Status) -> None:
    (state,) = every_outcome(facts_of(*names))

    assert (state.status, state.amount, state.payment_method) == (status, Decimal("182.15"), "pix")
    assert bool(state.approved_at) is (status is Status.APPROVED)


def test_a_test_never_shares_an_order_with_a_sale() -> None:
    for name in ("order_approved_test.json", "customer_interested_test.json"):
        assert read(name).order_id in ("1", "customer-1")
        assert read(name).is_test
    with pytest.raises(PayloadError):
        parse({"event": "OrderApproved", "data": {"total": "10.00"}})

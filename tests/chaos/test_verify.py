"""The judge must be able to condemn: each way to lose, double or misplace a sale is named."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.chaos.sales import Message, Order, Story
from tests.chaos.verify import Copy, Entry, Judgement, Sale, judge, read_cents

PLACES = {0: ["900"], 1: ["901", "CTT1"]}
ONE = Order("HP1", "hotmart", 0, "BRL", 19_790, Story.PLAIN, False, (Message("PURCHASE_APPROVED", 0),))
TWO = replace(ONE, order_id="HP2", funnel=1, currency="USD", cents=101)
SALES = [Sale(ONE, is_refunded=False), Sale(TWO, is_refunded=False)]
COPIES = [
    Copy("900", "e1", "Purchase", "HP1", "BRL", 19_790, True),
    Copy("901", "e2", "Purchase", "HP2", "USD", 101, True),
    Copy("CTT1", "e2", "Purchase", "HP2", "USD", 101, True),
]
BOOKS = [
    Entry("900", "HP1", "BRL", 19_790, "accepted", "accepted"),
    Entry("901", "HP2", "USD", 101, "accepted", "accepted_on_resend"),
    Entry("CTT1", "HP2", "USD", 101, "duplicate", "known_to_the_platform"),
]


def problems(
    sales: Sequence[Sale] = SALES, copies: Sequence[Copy] = COPIES, books: Sequence[Entry] = BOOKS
) -> set[str]:
    return set(judge(sales, PLACES, copies, books).problems)


def refunded() -> list[Sale]:
    return [Sale(replace(ONE, story=Story.REFUNDED), is_refunded=True), SALES[1]]


def poisonous() -> list[Sale]:
    return [Sale(replace(ONE, story=Story.POISON), is_refunded=False), SALES[1]]


def test_all_in_its_place_is_no_problem() -> None:
    judgement = judge(SALES, PLACES, COPIES, BOOKS)

    assert judgement.problems == {}
    assert judgement.figures["accepted"] == judgement.figures["sales x destinations"] == 3
    assert judgement.money == {
        "BRL": {"told": 19_790, "books": 19_790, "accepted": 19_790},
        "USD": {"told": 202, "books": 202, "accepted": 202},
    }


def test_a_copy_that_the_platform_dropped_is_no_problem_and_counted() -> None:
    judgement = judge(SALES, PLACES, [*COPIES, replace(COPIES[0], is_first=False)], BOOKS)

    assert judgement.problems == {}
    assert judgement.figures["copies that the platform dropped"] == 1


def test_what_did_not_arrive_is_lost_whatever_the_books_say() -> None:
    assert problems(copies=COPIES[1:]) == {"lost", "the books and the platform disagree"}


def test_what_the_books_forgot_is_named() -> None:
    assert problems(books=BOOKS[1:]) == {"acknowledged and not in the books", "money"}


def test_one_event_accepted_twice() -> None:
    assert problems(copies=[*COPIES, COPIES[0]]) == {"accepted twice", "one order, two events accepted"}


def test_one_order_under_two_event_ids() -> None:
    assert problems(copies=[*COPIES, replace(COPIES[0], event_id="e9")]) == {"one order, two events accepted"}


def test_another_event_of_the_order_is_its_own() -> None:
    pending = replace(COPIES[0], event_id="e9", name="AddPaymentInfo")

    assert problems(copies=[*COPIES, pending]) == set()
    assert problems(copies=[*COPIES, pending, pending]) == {"accepted twice"}


def test_what_was_never_sold_is_a_phantom() -> None:
    phantom = replace(COPIES[0], event_id="e9", order_id="HP9")

    assert problems(copies=[*COPIES, phantom]) == {"accepted though never sold"}
    assert problems(books=[*BOOKS, replace(BOOKS[0], order_id="HP9")]) == {
        "in the books though never told",
        "money",
    }


@pytest.mark.parametrize("wrong", [{"cents": 19_789}, {"cents": -1}, {"currency": "USD"}])
def test_a_cent_or_a_currency_that_is_wrong_is_found(wrong: dict[str, object]) -> None:
    assert problems(copies=[replace(COPIES[0], **wrong), *COPIES[1:]]) == {"wrong money accepted"}  # type: ignore[arg-type]


def test_the_books_must_have_the_money_to_the_cent() -> None:
    assert problems(books=[replace(BOOKS[0], cents=19_791), *BOOKS[1:]]) == {"money"}


def test_an_order_in_two_buckets() -> None:
    assert problems(books=[*BOOKS, replace(BOOKS[0], status="dead")]) >= {"in two buckets", "money"}


@pytest.mark.parametrize("status", ["", "pending", "retrying", "sending", "parked"])
def test_what_is_still_on_its_way_is_in_no_final_bucket(status: str) -> None:
    books = [replace(BOOKS[0], status=status), *BOOKS[1:]]

    assert problems(books=books) == {"in no final bucket", "the books and the platform disagree"}
    assert problems(copies=COPIES[1:], books=books) == {"in no final bucket", "lost"}


@pytest.mark.parametrize("status", ["dead", "expired", "blocked", "excluded"])
def test_nothing_excuses_an_ordinary_sale_that_did_not_arrive(status: str) -> None:
    assert problems(copies=COPIES[1:], books=[replace(BOOKS[0], status=status), *BOOKS[1:]]) == {"lost"}


def test_a_refund_may_keep_a_sale_from_being_told() -> None:
    books = [replace(BOOKS[0], status="excluded", reason="refunded_before_send"), *BOOKS[1:]]

    assert problems(refunded(), COPIES[1:], books) == set()
    assert problems(refunded()) == set()
    assert problems(SALES, COPIES[1:], books) == {"lost"}


def test_excluded_and_accepted_at_once_is_a_contradiction() -> None:
    books = [replace(BOOKS[0], status="excluded", reason="refunded_before_send"), *BOOKS[1:]]

    assert problems(refunded(), COPIES, books) == {"the books and the platform disagree"}


def test_poison_may_be_dead_and_nothing_else() -> None:
    dead = [replace(BOOKS[0], status="dead"), *BOOKS[1:]]
    expired = [replace(BOOKS[0], status="expired"), *BOOKS[1:]]

    assert problems(poisonous(), COPIES[1:], dead) == set()
    assert problems(poisonous(), COPIES[1:], expired) == {"lost"}


def test_a_long_list_is_cut_when_it_is_told() -> None:
    judgement = Judgement()
    judgement.problems["lost"] += [f"HP{number}" for number in range(40)]

    (line,) = judgement.describe()

    assert line.startswith("lost: 40: HP0; HP1;")
    assert line.endswith("and 28 more")


@pytest.mark.parametrize(("value", "cents"), [(197.9, 19_790), ("1.01", 101), (0.1 + 0.2, -1), (12, 1200)])
def test_money_is_read_exactly(value: object, cents: int) -> None:
    assert read_cents(value) == cents

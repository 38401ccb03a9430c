"""The state of an order is a function of the set of its facts: neither their order nor their number matters."""

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.conversions.facts import OrderFact
from apps.conversions.transitions import RANK, REVERSED, STATUS_OF, Status, fold, shapes_order
from apps.gateways.events import Kind
from tests.conversions.facts import SHAPING, SILENT, fact, facts_of, steady

PENDING = fact(Kind.PAYMENT_PENDING, 0, "100", currency="BRL")
APPROVED = fact(Kind.APPROVED, 1, "100", currency="BRL")
REFUNDED = fact(Kind.REFUNDED, 2)
WHOLE_IN_PARTS = fact(Kind.PARTIALLY_REFUNDED, 2, refunded_amount="100")
FACTS = st.lists(facts_of(SHAPING), min_size=1, max_size=6)


def as_the_database_keeps_it(said: OrderFact) -> OrderFact:
    """Through JSON, with the keys of every object in another order."""
    members = msgspec.json.decode(msgspec.json.encode(said.to_json()))
    for name in ("identity", "tracking"):
        if name in members:
            members[name] = dict(sorted(members[name].items(), key=lambda item: (len(item[0]), item[0])))
    return OrderFact.from_json(members)


@steady
@given(facts=FACTS, data=st.data())
def test_any_order_and_any_repetition_end_in_the_same_state(facts: list[OrderFact], data: st.DataObject) -> None:
    repeats = data.draw(st.lists(st.sampled_from(facts), max_size=6))
    shuffled = data.draw(st.permutations([*facts, *repeats]))

    assert fold(shuffled) == fold(facts)


@steady
@given(FACTS)
def test_facts_read_back_from_the_database_give_the_same_state(facts: list[OrderFact]) -> None:
    assert fold(map(as_the_database_keeps_it, facts)) == fold(facts)


@steady
@given(facts=FACTS, more=facts_of(sorted(set(SHAPING) - {Kind.DISPUTE_WON})))
@example(facts=[APPROVED, WHOLE_IN_PARTS], more=fact(Kind.DISPUTED, 3))
@example(facts=[APPROVED, WHOLE_IN_PARTS], more=fact(Kind.APPROVED, 3, "150"))
@example(facts=[PENDING, WHOLE_IN_PARTS], more=fact(Kind.APPROVED, 3, "150"))
def test_a_further_fact_never_lowers_the_status(facts: list[OrderFact], more: OrderFact) -> None:
    before, after = fold(facts), fold([*facts, more])

    assert RANK[after.status] >= RANK[before.status]


@steady
@given(facts=FACTS, more=facts_of(SHAPING))
def test_money_once_confirmed_stays_confirmed(facts: list[OrderFact], more: OrderFact) -> None:
    before, after = fold(facts), fold([*facts, more])

    if before.approved_at:
        assert after.approved_at
        assert after.approved_at <= before.approved_at


@steady
@given(facts=FACTS, silent=st.lists(facts_of(SILENT), max_size=3))
def test_what_says_nothing_of_the_order_changes_nothing(facts: list[OrderFact], silent: list[OrderFact]) -> None:
    assert fold([*silent, *facts]) == fold(facts)


@pytest.mark.parametrize("order", list(permutations([PENDING, APPROVED, REFUNDED])))
def test_pending_approved_refunded_in_any_order(order: tuple[OrderFact, ...]) -> None:
    state = fold(order)

    assert state.status is Status.REFUNDED
    assert (state.amount, state.refunded_amount, state.currency) == (Decimal(100), Decimal(100), "BRL")
    assert state.approved_at == state.occurred_at == APPROVED.occurred_at


@pytest.mark.parametrize(
    ("known", "status", "is_approved"),
    [
        ([PENDING], Status.PENDING, False),
        ([APPROVED], Status.APPROVED, True),
        ([REFUNDED], Status.REFUNDED, False),
        ([PENDING, APPROVED], Status.APPROVED, True),
        ([PENDING, REFUNDED], Status.REFUNDED, False),
        ([APPROVED, REFUNDED], Status.REFUNDED, True),
    ],
)
def test_every_part_of_the_story(known: list[OrderFact], status: Status, is_approved: bool) -> None:
    for order in permutations(known):
        state = fold(order)

        assert (state.status, state.approved_at is not None) == (status, is_approved)


def test_a_late_pending_does_not_undo_a_payment() -> None:
    assert fold([APPROVED, replace(PENDING, occurred_at=REFUNDED.occurred_at)]).status is Status.APPROVED


@pytest.mark.parametrize("kind", SHAPING)
def test_one_fact_alone_says_its_own_status(kind: Kind) -> None:
    state = fold([fact(kind, 3, currency="USD", tracking={"src": "fb"})])

    assert state.status is STATUS_OF[kind]
    assert state.occurred_at == fact(kind, 3).occurred_at
    assert (state.approved_at is not None) is (kind in (Kind.APPROVED, Kind.RENEWED))
    assert (state.currency, state.tracking, state.is_renewal) == ("USD", {"src": "fb"}, kind is Kind.RENEWED)


@pytest.mark.parametrize("kind", list(Kind))
def test_only_kinds_with_a_status_shape_an_order(kind: Kind) -> None:
    assert shapes_order(kind) is (kind in STATUS_OF)


def test_the_ranks_are_the_statuses_in_their_order() -> None:
    assert list(RANK) == list(Status)
    assert list(RANK.values()) == list(range(10))
    assert {Status.REFUNDED, Status.CHARGED_BACK, Status.DISPUTED} == REVERSED


def refund_of(amount: str, hour: float = 2) -> OrderFact:
    return fact(Kind.PARTIALLY_REFUNDED, hour, refunded_amount=amount)


@pytest.mark.parametrize(
    ("refunds", "status", "refunded"),
    [
        (["30"], Status.PARTIALLY_REFUNDED, "30"),
        (["30", "60"], Status.PARTIALLY_REFUNDED, "60"),
        (["30", "99.999"], Status.PARTIALLY_REFUNDED, "99.999"),
        (["30", "100"], Status.REFUNDED, "100"),
        (["30", "100.001"], Status.REFUNDED, "100.001"),
    ],
)
def test_partial_refunds_add_up_to_the_whole(refunds: list[str], status: Status, refunded: str) -> None:
    parts = [refund_of(amount, hour) for hour, amount in enumerate(refunds, start=2)]

    for order in permutations([APPROVED, *parts]):
        state = fold(order)

        assert (state.status, state.refunded_amount) == (status, Decimal(refunded))


def test_a_part_is_a_part_until_the_price_is_known() -> None:
    assert fold([refund_of("100")]).status is Status.PARTIALLY_REFUNDED
    assert fold([refund_of("100"), APPROVED]).status is Status.REFUNDED


def test_nothing_refunded_of_a_free_order_is_no_refund() -> None:
    assert fold([fact(Kind.APPROVED, 1, "0"), refund_of("0")]).status is Status.PARTIALLY_REFUNDED


def test_a_dispute_of_what_went_back_in_parts_stays_refunded() -> None:
    assert fold([APPROVED, refund_of("100"), fact(Kind.DISPUTED, 3)]).status is Status.REFUNDED
    assert fold([APPROVED, refund_of("40"), fact(Kind.DISPUTED, 3)]).status is Status.DISPUTED


def test_a_larger_amount_told_later_takes_no_refund_back() -> None:
    state = fold([APPROVED, refund_of("100"), fact(Kind.APPROVED, 3, "150")])

    assert (state.status, state.amount, state.refunded_amount) == (Status.REFUNDED, Decimal(150), Decimal(100))


def test_a_refund_that_names_no_sum_is_of_everything() -> None:
    assert fold([APPROVED, REFUNDED]).refunded_amount == Decimal(100)
    assert fold([REFUNDED]).refunded_amount == Decimal(0)
    assert fold([APPROVED, fact(Kind.REFUNDED, 2, refunded_amount="97")]).refunded_amount == Decimal(97)


@pytest.mark.parametrize("opened", [Kind.DISPUTED, Kind.CHARGED_BACK])
def test_a_dispute_that_was_won_leaves_the_sale_standing(opened: Kind) -> None:
    for order in permutations([APPROVED, fact(opened, 2), fact(Kind.DISPUTE_WON, 3)]):
        assert fold(order).status is Status.APPROVED


def test_a_dispute_won_in_the_same_second_is_over() -> None:
    assert fold([APPROVED, fact(Kind.DISPUTED, 2), fact(Kind.DISPUTE_WON, 2)]).status is Status.APPROVED


def test_a_second_dispute_after_the_first_was_won_counts() -> None:
    story = [APPROVED, fact(Kind.DISPUTED, 2), fact(Kind.DISPUTE_WON, 3), fact(Kind.CHARGED_BACK, 4)]

    for order in permutations(story):
        assert fold(order).status is Status.CHARGED_BACK


def test_winning_a_dispute_undoes_no_refund() -> None:
    story = [APPROVED, refund_of("40"), fact(Kind.DISPUTED, 3), fact(Kind.DISPUTE_WON, 4)]

    assert fold(story).status is Status.PARTIALLY_REFUNDED
    assert fold([*story, REFUNDED]).status is Status.REFUNDED


def test_a_won_dispute_confirms_no_money_by_itself() -> None:
    state = fold([fact(Kind.DISPUTED, 2), fact(Kind.DISPUTE_WON, 3)])

    assert (state.status, state.approved_at) == (Status.APPROVED, None)

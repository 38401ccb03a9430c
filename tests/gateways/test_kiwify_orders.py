"""What becomes of one order: whatever the messages' order and number, and whatever is damaged in one of them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any
from urllib.parse import urlencode

import pytest

from apps.conversions.facts import OrderFact, read_fact
from apps.conversions.transitions import STATUS_OF, Status, fold
from apps.gateways.errors import PayloadError
from apps.gateways.events import SALES, GatewayEvent, Kind
from tests.gateways.samples import MISSING, Place, Sample, places, request_of, samples_of, value_at, with_value
from tests.gateways.test_kiwify import CARD, FIRST, FLAT, KIWIFY, PIX, RENEWAL, read

ARRIVAL = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)

each_sample = pytest.mark.parametrize("sample", samples_of(KIWIFY), ids=str)


def facts_of(*events: GatewayEvent) -> list[OrderFact]:
    """As they arrive, a minute apart, every one of them after it happened."""
    return [read_fact(event, ARRIVAL + timedelta(minutes=minute)) for minute, event in enumerate(events)]


# --- Lifecycles ---


@pytest.mark.parametrize(
    ("story", "status", "amount", "refunded"),
    [
        (("pix_created.json", PIX), Status.APPROVED, "197.530", "0"),
        (("pix_created.json", PIX, "order_refunded.json"), Status.REFUNDED, "197.530", "197.530"),
        (("pix_created.json", PIX, PIX, "order_refunded.json"), Status.REFUNDED, "197.530", "197.530"),
        ((CARD, "chargeback.json"), Status.CHARGED_BACK, "497.900", "0"),
        ((CARD, "chargeback.json", CARD, "chargeback.json"), Status.CHARGED_BACK, "497.900", "0"),
    ],
)
def test_every_order_of_arrival_ends_in_one_state_and_one_sale(
    story: tuple[str, ...], status: Status, amount: str, refunded: str
) -> None:
    events = [read(name) for name in story]
    sold_at = next(event.occurred_at for event in events if event.kind is Kind.APPROVED)

    assert len({event.order_id for event in events}) == 1
    assert len({event.occurred_at for event in events if event.kind in SALES}) == 1
    for order in permutations(events):
        state = fold(facts_of(*order))
        assert (state.status, state.amount, state.refunded_amount) == (status, Decimal(amount), Decimal(refunded))
        assert (state.approved_at, state.is_renewal, state.is_test) == (sold_at, False, False)


def test_a_card_that_is_refused_first_and_approved_then_is_one_sale() -> None:
    order = read(CARD).order_id
    refused = read("order_rejected.json", (("order_id",), order))

    for events in permutations([refused, read(CARD)]):
        state = fold(facts_of(*events))
        assert (state.status, state.amount) == (Status.APPROVED, Decimal("497.900"))


def test_a_boleto_that_is_paid_days_later_is_one_sale() -> None:
    pending = read("billet_created.json")
    paid = read(PIX, (("order_id",), pending.order_id), (("payment_method",), "boleto"))

    for events in permutations([pending, paid, paid]):
        state = fold(facts_of(*events))
        assert (state.status, state.approved_at, state.payment_method) == (Status.APPROVED, paid.occurred_at, "boleto")


def test_a_renewal_told_by_both_names_is_one_renewal() -> None:
    approved = read(RENEWAL)
    renewed = read("subscription_renewed.json", (("order_id",), approved.order_id))

    for events in permutations([approved, renewed]):
        state = fold(facts_of(*events))
        assert (state.status, state.is_renewal, state.amount) == (Status.APPROVED, True, Decimal("49.890"))


@pytest.mark.parametrize("news", ["subscription_late.json", "subscription_canceled.json"])
def test_news_of_the_subscription_leaves_its_orders_as_they_were(news: str) -> None:
    first, later = read(FIRST), read(news)

    assert later.kind not in STATUS_OF
    assert fold(facts_of(first, later)) == fold(facts_of(later, first)) == fold(facts_of(first))


# --- Damage ---


def core(event: GatewayEvent) -> tuple[Any, ...]:
    """What the hub does with an order depends on these."""
    status = STATUS_OF.get(event.kind)
    return status, event.order_id, event.amount, event.currency, event.refunded_amount, event.is_test


def damaged(document: Any, place: Place) -> Iterator[Any]:
    value = value_at(document, place)
    for other in (MISSING, None, [], {}, "", [value], {"x": value}, {str(place[-1]): value}, True, -1):
        yield with_value(document, place, other)
    if isinstance(value, int) and not isinstance(value, bool):
        yield with_value(document, place, str(value))
        yield with_value(document, place, float(value))
    if isinstance(place[-1], str):
        yield with_value(with_value(document, place, MISSING), (*place[:-1], f"{place[-1]}_renamed"), value)
    if isinstance(value, list) and value:
        yield with_value(document, place, [*value, value[0]])
        yield with_value(document, place, value[::-1])
    if isinstance(value, dict):
        yield with_value(document, place, dict(reversed(value.items())))


@each_sample
def test_no_single_damage_changes_what_becomes_of_an_order(sample: Sample) -> None:
    document = sample.document
    (genuine,) = KIWIFY.parse(sample.request)

    for place in places(document):
        for other in damaged(document, place):
            try:
                (event,) = KIWIFY.parse(sample.request_with(other))
            except PayloadError:
                continue
            assert event.kind is Kind.UNKNOWN or core(event) == core(genuine), place


def test_a_message_without_what_it_is_about_names_the_path() -> None:
    for sample in FLAT:
        identity = {"abandoned": "id", "subscription_canceled": "subscription_id"}.get(word_of(sample), "order_id")

        with pytest.raises(PayloadError) as error:
            KIWIFY.parse(sample.request_with(with_value(sample.document, (identity,), None)))

        assert error.value.path.split(" or ")[0] == identity


def word_of(sample: Sample) -> str:
    return str(sample.expected[0]["vendor_event"])


def in_brackets(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from in_brackets(inner, f"{name}[{key}]" if name else str(key))
    elif value is not None:
        yield name, str(value)


@each_sample
def test_a_form_of_the_same_fields_reads_the_same(sample: Sample) -> None:
    body = urlencode(list(in_brackets(sample.document, ""))).encode()

    assert KIWIFY.parse(request_of(body, is_form=True)) == KIWIFY.parse(sample.request)
    assert KIWIFY.parse(request_of(body)) == KIWIFY.parse(sample.request)
